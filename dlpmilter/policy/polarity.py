# SPDX-License-Identifier: Apache-2.0
"""Which way a condition moves when more is found in a mail: towards true, towards false, or both.

So that no policy can be written in which a hit lowers the action (design invariant 7). It reads the syntax
tree only and never knows a mail: where it cannot tell, it says both.
"""

from __future__ import annotations

import ast
from typing import NamedTuple

from dlpmilter.policy.terms import FactKind, FactType

_GROWING = frozenset({ast.Gt, ast.GtE})
_SHRINKING = frozenset({ast.Lt, ast.LtE})
_COUNTED = ("findings.", "drip.")


class Polarity(NamedTuple):
    """Whether a higher count can make the condition true (`grows`), or false (`shrinks`)."""

    grows: bool = False
    shrinks: bool = False

    def __or__(self, other: object) -> Polarity:
        if not isinstance(other, Polarity):
            return NotImplemented
        return Polarity(self.grows or other.grows, self.shrinks or other.shrinks)

    @property
    def negated(self) -> Polarity:
        """That of `not`."""
        return Polarity(self.shrinks, self.grows)


_NONE, _BOTH = Polarity(), Polarity(grows=True, shrinks=True)


def is_counted(name: str, fact: FactType) -> bool:
    """Whether the fact counts what was found: more of it must never weaken a verdict."""
    return fact.kind is FactKind.number and name.startswith(_COUNTED)


def polarity(node: ast.expr, counted: frozenset[str]) -> Polarity:
    """How the truth of this expression moves when any of the counted facts grows."""
    match node:
        case ast.BoolOp(values=values):
            found = _NONE
            for each in values:
                found |= polarity(each, counted)
            return found
        case ast.UnaryOp(op=ast.Not(), operand=operand):
            return polarity(operand, counted).negated
        case ast.Compare():
            return _comparison(node, counted)
    return _BOTH if _names(node, counted) else _NONE


def _comparison(node: ast.Compare, counted: frozenset[str]) -> Polarity:
    operands = [node.left, *node.comparators]
    found = _NONE
    for left, op, right in zip(operands, node.ops, operands[1:], strict=False):
        found |= _pair(left, op, right, counted)
    return found


def _pair(left: ast.expr, op: ast.cmpop, right: ast.expr, counted: frozenset[str]) -> Polarity:
    first, second = _names(left, counted), _names(right, counted)
    if not first and not second:
        return _NONE
    if first and second:
        return _BOTH
    other = right if first else left
    up, down = (_GROWING, _SHRINKING) if first else (_SHRINKING, _GROWING)
    if type(op) in up:
        return Polarity(grows=True)
    if type(op) in down:
        return Polarity(shrinks=True)
    if isinstance(other, ast.Constant) and other.value == 0 and isinstance(op, ast.Eq | ast.NotEq):
        return Polarity(shrinks=True) if isinstance(op, ast.Eq) else Polarity(grows=True)
    return _BOTH


def _names(node: ast.expr, counted: frozenset[str]) -> bool:
    return any(
        isinstance(each, ast.Attribute)
        and isinstance(each.value, ast.Name)
        and f"{each.value.id}.{each.attr}" in counted
        for each in ast.walk(node)
    )

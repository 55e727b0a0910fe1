# SPDX-License-Identifier: Apache-2.0
"""The condition language of the policy: a small typed subset of Python's expressions (design section 5).

A condition is parsed with `ast`, type checked against the table of facts, and compiled to closures.
Evaluation is three-valued: true, false, or `Needs` with the facts that are missing. Never uses `eval`,
never looks a fact up itself, never runs a pattern that can take more than linear time.
"""

from __future__ import annotations

import ast
import re
import warnings
from typing import TYPE_CHECKING

from dlpmilter.policy.grammar import CLASS_STAND_IN, Builder
from dlpmilter.policy.polarity import is_counted, polarity
from dlpmilter.policy.terms import UNKNOWN, Condition, ConditionError, FactKind, FactType, Needs, did_you_mean

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = [
    "MAX_DEPTH",
    "MAX_LENGTH",
    "UNKNOWN",
    "Condition",
    "ConditionError",
    "FactKind",
    "FactType",
    "Needs",
    "compile_condition",
    "did_you_mean",
    "parse",
]

MAX_LENGTH = 2000
"""Characters of one condition."""
MAX_DEPTH = 24
"""Nested operators of one condition."""

# Strings and comments are matched first so that only a name outside them is replaced.
_CLASS = re.compile(r"'(?:\\.|[^'\\])*'|\"(?:\\.|[^\"\\])*\"|#[^\n]*|(?<=\.)class\b")


def compile_condition(source: str, *, facts: Mapping[str, FactType]) -> Condition:
    """Parse, type check and compile one condition. Raises ConditionError with what to do about it."""
    tree = parse(source)
    builder = Builder(facts)
    run = builder.truth(tree)
    counted = frozenset(name for name in builder.read if is_counted(name, facts[name]))
    moves = polarity(tree, counted)
    return Condition(source.strip(), frozenset(builder.read), run, moves.grows, moves.shrinks)


def parse(source: str) -> ast.expr:
    """The syntax tree of a condition within the caps on length and depth. Raises ConditionError."""
    if len(source) > MAX_LENGTH:
        raise ConditionError(
            f"is {len(source)} characters long, {MAX_LENGTH} are allowed.", "Split it into several rules."
        )
    text = source.strip()
    if not text:
        raise ConditionError("is empty.", 'Write when = "True" for a rule that always matches.')
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            code = _CLASS.sub(lambda each: CLASS_STAND_IN if each.group() == "class" else each.group(), text)
            tree = ast.parse(f"(\n{code}\n)" if "\n" in code else code, mode="eval").body
    except (SyntaxError, ValueError, Warning) as error:
        raise ConditionError(f"is not a condition: {_reason(error)}.", _syntax_hint(text)) from None
    except (RecursionError, MemoryError):
        raise _too_deep() from None
    if _deeper_than(tree, MAX_DEPTH):
        raise _too_deep()
    return tree


def _too_deep() -> ConditionError:
    return ConditionError(f"is nested deeper than {MAX_DEPTH} levels.", "Split it into several rules.")


def _reason(error: BaseException) -> str:
    text = error.msg if isinstance(error, SyntaxError) else str(error)
    return text.rstrip(".")


def _syntax_hint(text: str) -> str:
    bare = re.sub(r"'[^']*'|\"[^\"]*\"", "''", text)
    if "&&" in bare or "||" in bare or re.search(r"!(?!=)", bare):
        return "Use the words and, or, not."
    if re.search(r"(?<![=!<>])=(?!=)", bare):
        return "Compare with two equal signs: a == b."
    return "policies/README.md shows the language with examples."


def _deeper_than(tree: ast.AST, limit: int) -> bool:
    level: list[ast.AST] = [tree]
    depth = 0
    while level:
        depth += 1
        if depth > limit:
            return True
        level = [child for node in level for child in ast.iter_child_nodes(node) if isinstance(child, ast.expr)]
    return False

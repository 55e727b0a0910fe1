# SPDX-License-Identifier: Apache-2.0
"""Conditions as trees of yes-or-no questions over finitely many cases, and the search for a case that fits.

Every mail that can exist is one of the cases (see `Space`), so "no case fits" is proof. Never judges a mail,
never warns of anything (reach.py does), never uses a clock: the search has a number of steps, so that one
policy gets one answer on every machine.
"""

from __future__ import annotations

import ast
import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dlpmilter.model.words import PRIVATE_CLASSES
from dlpmilter.policy.grammar import written
from dlpmilter.policy.match import MAX_LENGTH, compile_condition, parse
from dlpmilter.policy.schema import FACTS
from dlpmilter.policy.terms import FactKind

if TYPE_CHECKING:
    from dlpmilter.policy.terms import Condition

Value = bool | float | str
Case = dict[str, Value]
Tree = Callable[[Case], "bool | str"]
"""True, false, or the name of a variable that would help to tell."""

OTHER = "x" * (MAX_LENGTH + 1)
"""A text that is none of those written anywhere in the policy: no condition is long enough to hold it."""
_CLASS, _PRIVATE = "recipient.class", "recipient.private"
# What holds for every mail whatever the policy says: an attached mail is earlier mail.
_ALWAYS = ("not message.attached_mail or message.earlier_mail",)


class TooManyStepsError(Exception):
    """The search was given up: nothing is known about the question."""


@dataclass(frozen=True, slots=True)
class _Leaf:
    """One question that holds no and, or, not: its text, its facts, the fixed values it names."""

    text: str
    condition: Condition
    call: bool
    fixed: tuple[Value, ...]

    @property
    def fact(self) -> str:
        """The only fact it reads; "" when it reads none or compares two."""
        return next(iter(self.condition.facts)) if len(self.condition.facts) == 1 else ""

    def answer(self, value: Value) -> bool:
        """What it answers when its fact has this value."""
        return self.condition.evaluate(lambda _name: value) is True


class Space:
    """The finite cases of one rule set.

    Words and flags have their values; numbers (counts, so whole and not negative) the values next to each
    threshold; texts those written in the policy and "another one", for which each function is free to
    answer yes or no, and so is each comparison of two facts. `recipient.private` follows from the class.
    """

    def __init__(self, sources: Iterable[str]) -> None:
        self._leaves: dict[str, _Leaf] = {}
        sources = [*sources, *_ALWAYS]
        for source in sources:
            self._collect(parse(source))
        self._values = {name: tuple(self._values_of(name)) for name in self._facts()}
        self._laws = [self.tree(each) for each in _ALWAYS]

    def _collect(self, node: ast.expr) -> None:
        match node:
            case ast.BoolOp(values=values):
                for each in values:
                    self._collect(each)
            case ast.UnaryOp(op=ast.Not(), operand=operand):
                self._collect(operand)
            case _:
                text = written(node)
                if text not in self._leaves:
                    fixed = tuple(each.value for each in ast.walk(node) if isinstance(each, ast.Constant))
                    condition = compile_condition(text, facts=FACTS)
                    self._leaves[text] = _Leaf(text, condition, isinstance(node, ast.Call), tuple(_number(fixed, node)))

    def _facts(self) -> Iterator[str]:
        for leaf in self._leaves.values():
            if leaf.fact:
                yield _CLASS if leaf.fact == _PRIVATE else leaf.fact

    def _values_of(self, name: str) -> Iterator[Value]:
        """One value for each set of values between which no question of the policy tells a difference."""
        leaves = [each for each in self._leaves.values() if each.fact == name]
        seen = set()
        for value in _candidates(name, [fixed for each in leaves for fixed in each.fixed]):
            if value == OTHER:
                yield value
                continue
            answers = (*(each.answer(value) for each in leaves), name == _CLASS and value in PRIVATE_CLASSES)
            if answers not in seen:
                seen.add(answers)
                yield value

    def tree(self, source: str) -> Tree:
        """The condition as a function of a partly filled case."""
        return self._grow(parse(source))

    def _grow(self, node: ast.expr) -> Tree:
        match node:
            case ast.BoolOp(op=op, values=values):
                return _join([self._grow(each) for each in values], stop=isinstance(op, ast.Or))
            case ast.UnaryOp(op=ast.Not(), operand=operand):
                return _not(self._grow(operand))
        leaf = self._leaves[written(node)]
        if not leaf.condition.facts:
            answer = leaf.condition.evaluate(lambda _: None) is True
            return lambda _case: answer
        return self._ask(leaf) if leaf.fact else _free(leaf.text)

    @staticmethod
    def _ask(leaf: _Leaf) -> Tree:
        free = _free(leaf.text)
        name = _CLASS if leaf.fact == _PRIVATE else leaf.fact

        def ask(case: Case) -> bool | str:
            if name not in case:
                return name
            value = case[name]
            if value == OTHER and leaf.call:
                return free(case)
            return leaf.answer(value in PRIVATE_CLASSES if leaf.fact == _PRIVATE else value)

        return ask

    def find(self, wanted: Sequence[Tree], unwanted: Sequence[Tree], steps: int) -> Case | None:
        """A case in which all of `wanted` and none of `unwanted` holds; None proves that there is none.

        Raises TooManyStepsError.
        """
        goal = _join([*wanted, *self._laws, *(_not(each) for each in unwanted)], stop=False)
        stack: list[Case] = [{}]
        while stack:
            case = stack.pop()
            answer = goal(case)
            if answer is True:
                return case
            if isinstance(answer, str):
                stack.extend({**case, answer: value} for value in self._values.get(answer, (False, True)))
            steps -= 1
            if steps < 0:
                raise TooManyStepsError
        return None


def _number(fixed: Iterable[object], node: ast.expr) -> Iterator[Value]:
    negative = any(isinstance(each, ast.USub) for each in ast.walk(node))
    for each in fixed:
        if isinstance(each, bool | int | float | str):
            yield each
            if negative and isinstance(each, int | float):
                yield -each


def _candidates(name: str, fixed: list[Value]) -> Iterator[Value]:
    kind = FACTS[name].kind
    if kind is FactKind.flag:
        yield from (False, True)
    elif kind is FactKind.word:
        yield from FACTS[name].values
    elif kind is FactKind.number:
        near = {0}
        for each in fixed:
            if isinstance(each, int | float) and math.isfinite(each):
                near |= {math.floor(each) - 1, math.floor(each), math.floor(each) + 1, math.ceil(each)}
        yield from sorted(each for each in near if each >= 0)
    else:
        yield from sorted({each for each in fixed if isinstance(each, str)})
        yield OTHER


def _join(trees: list[Tree], *, stop: bool) -> Tree:
    """`or` when `stop` is true, else `and`; an open answer names the first open variable."""
    parts = tuple(trees)

    def join(case: Case) -> bool | str:
        is_open: str | None = None
        for part in parts:
            answer = part(case)
            if answer is stop:
                return stop
            if isinstance(answer, str) and is_open is None:
                is_open = answer
        return is_open if is_open is not None else not stop

    return join


def _not(tree: Tree) -> Tree:
    def negate(case: Case) -> bool | str:
        answer = tree(case)
        return answer if isinstance(answer, str) else not answer

    return negate


def _free(name: str) -> Tree:
    return lambda case: bool(case[name]) if name in case else name

# SPDX-License-Identifier: Apache-2.0
"""Type checks the syntax tree of a condition and turns it into closures.

Everything that is not named here is refused: a new kind of expression must be added on purpose.
Never reads a fact, never sees a mail.
"""

from __future__ import annotations

import ast
import operator
from dataclasses import dataclass
from typing import TYPE_CHECKING, NoReturn

from dlpmilter.policy import functions
from dlpmilter.policy.terms import UNKNOWN, ConditionError, FactKind, FactType, Needs, did_you_mean

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from dlpmilter.policy.terms import Lookup, Run, Truth

_COMPARE: dict[type[ast.cmpop], tuple[str, Callable[..., bool]]] = {
    ast.Eq: ("==", operator.eq),
    ast.NotEq: ("!=", operator.ne),
    ast.Lt: ("<", operator.lt),
    ast.LtE: ("<=", operator.le),
    ast.Gt: (">", operator.gt),
    ast.GtE: (">=", operator.ge),
}
_EMPTY: dict[FactKind, object] = {
    FactKind.text: "",
    FactKind.word: "",
    FactKind.number: 0,
    FactKind.flag: False,
}
_KIND_WORDS = {
    FactKind.text: "a text",
    FactKind.word: "a word",
    FactKind.number: "a number",
    FactKind.flag: "true or false",
}
_LOWER_CASE_NAMES = {"true": "True", "false": "False"}

Value = bool | int | float | str
CLASS_STAND_IN = "class_of_it_"
"""`class` is a keyword of Python, so match.py writes this instead before it parses."""


def written(node: ast.expr) -> str:
    """The expression as the author wrote it, more or less."""
    return ast.unparse(node).replace(CLASS_STAND_IN, "class")


@dataclass(frozen=True, slots=True)
class Fact:
    """A name in a condition, already found in the table."""

    name: str
    type: FactType


@dataclass(frozen=True, slots=True)
class Literal:
    """A value written in a condition."""

    value: Value

    @property
    def kind(self) -> FactKind:
        """The type of the value; a text may stand for a text or a word."""
        if isinstance(self.value, bool):
            return FactKind.flag
        return FactKind.text if isinstance(self.value, str) else FactKind.number


class Builder:
    """Compiles one condition; `read` collects the facts it names."""

    def __init__(self, facts: Mapping[str, FactType]) -> None:
        self._facts = facts
        self.read: set[str] = set()

    def truth(self, node: ast.expr) -> Run:
        """A closure for an expression that is true or false. Raises ConditionError."""
        match node:
            case ast.BoolOp(op=op, values=values):
                terms = [self.truth(each) for each in values]
                return _all(terms) if isinstance(op, ast.And) else _any(terms)
            case ast.UnaryOp(op=ast.Not(), operand=operand):
                return _negate(self.truth(operand))
            case ast.Compare():
                return self._comparison(node)
            case ast.Call():
                return self._call(node)
        atom = self._atom(node)
        if isinstance(atom, Literal):
            if atom.kind is not FactKind.flag:
                _not_true_or_false(node, atom.kind)
            return _constant(bool(atom.value))
        if atom.type.kind is not FactKind.flag:
            _not_true_or_false(node, atom.type.kind)
        return _flag(atom.name)

    def _comparison(self, node: ast.Compare) -> Run:
        operands = [node.left, *node.comparators]
        pairs = [self._pair(left, op, right) for left, op, right in zip(operands, node.ops, operands[1:], strict=False)]
        return pairs[0] if len(pairs) == 1 else _all(pairs)

    def _pair(self, left: ast.expr, op: ast.cmpop, right: ast.expr) -> Run:
        if isinstance(op, ast.In | ast.NotIn):
            inside = self._member(left, right)
            return inside if isinstance(op, ast.In) else _negate(inside)
        if type(op) not in _COMPARE:
            raise ConditionError("uses `is`, which this language does not have.", "Compare with == or !=.")
        sign, compare = _COMPARE[type(op)]
        first, second = self._atom(left), self._atom(right)
        if isinstance(first, Literal) and isinstance(second, Literal):
            raise ConditionError(
                f"compares two fixed values in `{written(left)} {sign} {written(right)}`.",
                "One side must be a fact.",
            )
        if isinstance(first, Fact) and isinstance(second, Fact):
            _check_facts(first, sign, second)
            return _compare_facts(first, second, compare)
        if isinstance(first, Literal):
            fact, literal = _as_fact(second), first
            check_literal(fact, literal, sign)
            return _compare_right(fact, literal.value, compare)
        literal = second if isinstance(second, Literal) else Literal(value=False)
        check_literal(first, literal, sign)
        return _compare_left(first, literal.value, compare)

    def _member(self, left: ast.expr, right: ast.expr) -> Run:
        fact = self._atom(left)
        if isinstance(fact, Literal):
            raise ConditionError(
                f"asks whether the fixed value {fact.value!r} is in something.",
                "The left side of `in` is a fact; for a part of a text use glob(text, '*part*').",
            )
        literals = self._list(right, f"`{fact.name} in ...`")
        for literal in literals:
            check_literal(fact, literal, "==")
        return _member(fact, frozenset(literal.value for literal in literals))

    def _call(self, node: ast.Call) -> Run:
        if not isinstance(node.func, ast.Name) or node.func.id not in functions.FUNCTIONS:
            name = written(node.func)
            raise ConditionError(f"calls {name!r}, which is not a function.", did_you_mean(name, functions.FUNCTIONS))
        function = functions.FUNCTIONS[node.func.id]
        if len(node.args) != 2 or node.keywords:
            raise ConditionError(f"{node.func.id} takes two values.", f"Write {function.usage}.")
        fact = self._atom(node.args[0])
        if isinstance(fact, Literal) or fact.type.kind not in {FactKind.text, FactKind.word}:
            raise ConditionError(
                f"the first value of {node.func.id} must be a text fact, not `{written(node.args[0])}`.",
                f"Write {function.usage}.",
            )
        argument: object
        if function.takes_list:
            argument = tuple(literal.value for literal in self._list(node.args[1], node.func.id))
        else:
            literal = self._atom(node.args[1])
            argument = literal.value if isinstance(literal, Literal) else None
        return _test(fact.name, function.prepare(argument))

    def _list(self, node: ast.expr, where: str) -> list[Literal]:
        if not isinstance(node, ast.List | ast.Tuple):
            raise ConditionError(f"{where} needs a list.", "Write it in brackets: ['one', 'two'].")
        atoms = [self._atom(each) for each in node.elts]
        literals = [each for each in atoms if isinstance(each, Literal)]
        if not literals or len(literals) != len(atoms):
            raise ConditionError(
                f"the list of {where} must hold fixed values and at least one.", "Write ['one', 'two']."
            )
        return literals

    def _atom(self, node: ast.expr) -> Fact | Literal:
        match node:
            case ast.Attribute(value=ast.Name(id=group), attr=attribute):
                return self._fact(f"{group}.{'class' if attribute == CLASS_STAND_IN else attribute}")
            case ast.Constant(value=bool() | int() | float() | str() as value):
                return Literal(value)
            case ast.UnaryOp(op=ast.USub(), operand=ast.Constant(value=int() | float() as value)) if not isinstance(
                value, bool
            ):
                return Literal(-value)
            case ast.Name(id=name):
                raise _bare_name(name)
        raise ConditionError(
            f"`{written(node)[:80]}` is not part of the language.",
            "Allowed are facts such as recipient.class, fixed values, comparisons, and, or, not, in, "
            f"and the functions {', '.join(sorted(functions.FUNCTIONS))}.",
        )

    def _fact(self, name: str) -> Fact:
        if name not in self._facts:
            raise ConditionError(f"names the fact {name!r}, which does not exist.", did_you_mean(name, self._facts))
        self.read.add(name)
        return Fact(name, self._facts[name])


def _as_fact(atom: Fact | Literal) -> Fact:
    assert isinstance(atom, Fact)  # noqa: S101  # two literals were refused before
    return atom


def _bare_name(name: str) -> ConditionError:
    if name in _LOWER_CASE_NAMES:
        return ConditionError(f"uses {name!r}.", f"Write {_LOWER_CASE_NAMES[name]} with a capital letter.")
    return ConditionError(
        f"uses the bare word {name!r}.",
        f"A fixed word stands in quotes ('{name}'), a fact has a dot (recipient.class).",
    )


def _not_true_or_false(node: ast.expr, kind: FactKind) -> NoReturn:
    raise ConditionError(
        f"`{written(node)[:80]}` is {_KIND_WORDS[kind]}, but true or false is needed here.",
        "Compare it with something, for example message.attachments > 0.",
    )


def check_literal(fact: Fact, literal: Literal, sign: str) -> None:
    """Whether this fixed value may be compared with this fact. Raises ConditionError."""
    kind = fact.type.kind
    wanted = FactKind.text if kind is FactKind.word else kind
    if literal.kind is not wanted:
        raise ConditionError(
            f"compares {fact.name}, which is {_KIND_WORDS[kind]}, with {literal.value!r}.", _example(fact)
        )
    if kind is not FactKind.number and sign not in {"==", "!="}:
        raise ConditionError(
            f"{fact.name} is {_KIND_WORDS[kind]} and has no order, but {sign} asks for one.", "Use == or !=."
        )
    if kind is FactKind.word and literal.value not in fact.type.values:
        raise ConditionError(
            f"compares {fact.name} with {literal.value!r}, which it can never be.",
            did_you_mean(str(literal.value), fact.type.values),
        )
    if kind is FactKind.text:
        functions.check_text(str(literal.value), domain=fact.type.domain)


def _check_facts(first: Fact, sign: str, second: Fact) -> None:
    one, two = first.type, second.type
    same_words = one.values == two.values
    if one.kind is not two.kind or not same_words:
        raise ConditionError(
            f"compares {first.name}, which is {_KIND_WORDS[one.kind]}, with {second.name}, "
            f"which is {_KIND_WORDS[two.kind]}{'' if same_words else ' out of another list'}.",
            "Only facts of one type can be compared.",
        )
    if one.kind is not FactKind.number and sign not in {"==", "!="}:
        raise ConditionError(f"{first.name} has no order, but {sign} asks for one.", "Use == or !=.")


def _example(fact: Fact) -> str:
    match fact.type.kind:
        case FactKind.flag:
            return f"Write {fact.name} or not {fact.name}."
        case FactKind.number:
            return f"Write a number: {fact.name} > 0."
        case FactKind.word:
            return f"Write one of its words in quotes: {fact.name} == '{fact.type.values[0]}'."
    return f"Write the text in quotes: {fact.name} == '...'."


# The closures. A missing value is answered with a Needs made once at compile time.


def _constant(value: bool) -> Run:  # noqa: FBT001
    return lambda _lookup: value


def _all(terms: list[Run]) -> Run:
    parts = tuple(terms)

    def run(lookup: Lookup) -> Truth:
        needs: Needs | None = None
        for part in parts:
            answer = part(lookup)
            if answer is False:
                return False
            if answer is not True:
                needs = answer if needs is None else needs | answer
        return True if needs is None else needs

    return run


def _any(terms: list[Run]) -> Run:
    parts = tuple(terms)

    def run(lookup: Lookup) -> Truth:
        needs: Needs | None = None
        for part in parts:
            answer = part(lookup)
            if answer is True:
                return True
            if answer is not False:
                needs = answer if needs is None else needs | answer
        return False if needs is None else needs

    return run


def _negate(term: Run) -> Run:
    def run(lookup: Lookup) -> Truth:
        answer = term(lookup)
        return answer if isinstance(answer, Needs) else not answer

    return run


def _flag(name: str) -> Run:
    return _test(name, bool)


def _test(name: str, test: Callable[..., bool], empty: object = "") -> Run:
    missing = Needs(frozenset({name}))

    def run(lookup: Lookup) -> Truth:
        value = lookup(name)
        if value is UNKNOWN:
            return missing
        return test(empty if value is None else value)

    return run


def _member(fact: Fact, values: frozenset[Value]) -> Run:
    return _test(fact.name, values.__contains__, _EMPTY[fact.type.kind])


def _compare_left(fact: Fact, fixed: Value, compare: Callable[..., bool]) -> Run:
    missing, name, empty = Needs(frozenset({fact.name})), fact.name, _EMPTY[fact.type.kind]

    def run(lookup: Lookup) -> Truth:
        value = lookup(name)
        if value is UNKNOWN:
            return missing
        return compare(empty if value is None else value, fixed)

    return run


def _compare_right(fact: Fact, fixed: Value, compare: Callable[..., bool]) -> Run:
    return _test(fact.name, lambda value: compare(fixed, value), _EMPTY[fact.type.kind])


def _compare_facts(first: Fact, second: Fact, compare: Callable[..., bool]) -> Run:
    one, two = Needs(frozenset({first.name})), Needs(frozenset({second.name}))
    empty = _EMPTY[first.type.kind]

    def run(lookup: Lookup) -> Truth:
        left, right = lookup(first.name), lookup(second.name)
        if left is UNKNOWN:
            return one | two if right is UNKNOWN else one
        if right is UNKNOWN:
            return two
        return compare(empty if left is None else left, empty if right is None else right)

    return run

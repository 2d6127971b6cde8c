"""`$filter` expressions: parsed into a predicate over Graph-shaped items.

Understands comparisons, `and`, `or`, `not`, `in`, parentheses, `startswith`, `endswith`, `contains`, `any`
and `all` with a lambda variable, and literals (strings, numbers, booleans, null, dates, GUIDs).
Source: Microsoft: Use the $filter query parameter.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

Predicate = Callable[[Mapping[str, Any]], bool]
Value = Callable[[Mapping[str, Any]], Any]

_TOKEN = re.compile(
    r"\s*(?:(?P<string>'(?:[^']|'')*')"
    r"|(?P<date>\d{4}-\d\d-\d\d(?:T\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?:Z|[+-]\d\d:\d\d)?)?)"
    r"|(?P<guid>[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12})"
    r"|(?P<number>-?\d+(?:\.\d+)?)"
    r"|(?P<word>[A-Za-z_@$][\w.@$-]*(?:/[A-Za-z_@$][\w.@$-]*)*)"
    r"|(?P<mark>[():,]))"
)
_COMPARISONS: dict[str, Callable[[Any, Any], bool]] = {
    "eq": operator.eq, "ne": operator.ne, "gt": operator.gt, "ge": operator.ge,
    "lt": operator.lt, "le": operator.le,
}  # fmt: skip
_TEXT_FUNCTIONS: dict[str, Callable[[str, str], bool]] = {
    "startswith": str.startswith, "endswith": str.endswith, "contains": lambda text, part: part in text,
}  # fmt: skip
_CONSTANTS = {"true": True, "false": False, "null": None}


class BadFilter(ValueError):
    """The expression cannot be read; the message says where."""


@dataclass(slots=True)
class Filter:
    """A parsed expression: the predicate and what it is made of, for rules about what a workload supports."""

    matches: Predicate
    properties: list[str] = field(default_factory=list)
    """Property paths in the order in which the expression names them."""
    operators: set[str] = field(default_factory=set)
    """Lower-case names of the operators and functions used."""


def parse_filter(text: str) -> Filter:
    """Parse a `$filter` value; raises BadFilter."""
    return _Parser(text).parse()


def property_at(item: Any, path: str) -> Any:
    """The value at a property path such as `from/emailAddress/address`; None when absent."""
    for name in path.split("/"):
        item = item.get(name) if isinstance(item, Mapping) else None
    return item


def comparable(value: Any) -> Any:
    """A form in which values of the same meaning compare: dates as moments, text without case."""
    if not isinstance(value, str):
        return value
    moment = _moment(value)
    return moment if moment is not None else value.casefold()


def _moment(text: str) -> datetime | None:
    if not re.match(r"\d{4}-\d\d-\d\d", text):
        return None
    try:
        moment = datetime.fromisoformat(re.sub(r"(\.\d{6})\d+", r"\1", text))
    except ValueError:
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _compare(name: str, left: Any, right: Any) -> bool:
    left, right = comparable(left), comparable(right)
    try:
        return _COMPARISONS[name](left, right)
    except TypeError:
        return False


class _Parser:
    """Recursive descent: or < and < not < comparison."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.tokens: list[tuple[str, str]] = []
        position = 0
        text = text.rstrip()
        while position < len(text):
            match = _TOKEN.match(text, position)
            if match is None:
                raise BadFilter(f"Syntax error at position {position} in '{text}'.")
            self.tokens.append((str(match.lastgroup), match[str(match.lastgroup)]))
            position = match.end()
        self.position = 0
        self.variables: dict[str, str] = {}
        self.result = Filter(matches=lambda item: True)

    def parse(self) -> Filter:
        self.result.matches = self._any_of()
        if self.position < len(self.tokens):
            raise BadFilter(f"Syntax error near '{self.tokens[self.position][1]}' in '{self.text}'.")
        return self.result

    def _peek(self) -> tuple[str, str]:
        return self.tokens[self.position] if self.position < len(self.tokens) else ("end", "")

    def _take(self, *wanted: str) -> str:
        kind, text = self._peek()
        if wanted and text.casefold() not in wanted and kind not in wanted:
            raise BadFilter(f"Expected {' or '.join(wanted)} but found '{text}' in '{self.text}'.")
        self.position += 1
        return text

    def _accepts(self, word: str) -> bool:
        kind, text = self._peek()
        if kind in ("word", "mark") and text.casefold() == word:
            self.position += 1
            return True
        return False

    def _any_of(self) -> Predicate:
        left = self._all_of()
        while self._accepts("or"):
            left = _either(left, self._all_of())
            self.result.operators.add("or")
        return left

    def _all_of(self) -> Predicate:
        left = self._negation()
        while self._accepts("and"):
            left = _both(left, self._negation())
            self.result.operators.add("and")
        return left

    def _negation(self) -> Predicate:
        if self._accepts("not"):
            self.result.operators.add("not")
            inner = self._negation()
            return lambda item: not inner(item)
        if self._accepts("("):
            inside = self._any_of()
            self._take(")")
            return inside
        return self._comparison()

    def _comparison(self) -> Predicate:
        left = self._operand()
        kind, text = self._peek()
        name = text.casefold()
        if kind == "word" and name in _COMPARISONS:
            self.position += 1
            self.result.operators.add(name)
            right = self._operand()
            return lambda item: _compare(name, left(item), right(item))
        if kind == "word" and name == "in":
            self.position += 1
            self.result.operators.add("in")
            choices = self._list()
            return lambda item: comparable(left(item)) in [comparable(choice(item)) for choice in choices]
        return lambda item: left(item) is True

    def _list(self) -> list[Value]:
        self._take("(")
        values = [self._operand()]
        while self._accepts(","):
            values.append(self._operand())
        self._take(")")
        return values

    def _operand(self) -> Value:
        kind, text = self._peek()
        self.position += 1
        if kind == "string":
            literal = text[1:-1].replace("''", "'")
            return lambda item: literal
        if kind in ("date", "guid"):
            return lambda item: text
        if kind == "number":
            number = float(text) if "." in text else int(text)
            return lambda item: number
        if kind != "word":
            raise BadFilter(f"Expected a value or a property but found '{text}' in '{self.text}'.")
        if text.casefold() in _CONSTANTS:
            constant = _CONSTANTS[text.casefold()]
            return lambda item: constant
        if self._peek() == ("mark", "("):
            return self._function(text)
        return self._property(text)

    def _property(self, path: str) -> Value:
        head, _, rest = path.partition("/")
        if head in self.variables:
            full_path = f"{self.variables[head]}/{rest}" if rest else self.variables[head]
            self.result.properties.append(full_path)
            return lambda item: property_at(item, path)
        self.result.properties.append(path)
        return lambda item: property_at(item, path)

    def _function(self, name: str) -> Value:
        self._take("(")
        owner, _, last = name.rpartition("/")
        if last in ("any", "all") and owner:
            return self._lambda(owner, last)
        test = _TEXT_FUNCTIONS.get(name.casefold())
        if test is None:
            raise BadFilter(f"Unknown function '{name}' in '{self.text}'.")
        self.result.operators.add(name.casefold())
        text = self._operand()
        self._take(",")
        part = self._operand()
        self._take(")")
        return lambda item: test(str(text(item) or "").casefold(), str(part(item)).casefold())

    def _lambda(self, owner: str, quantifier: str) -> Value:
        self.result.operators.add(quantifier)
        if self._accepts(")"):
            return lambda item: bool(property_at(item, owner))
        variable = self._take("word")
        self._take(":")
        self.variables[variable] = owner
        inner = self._any_of()
        self._take(")")
        del self.variables[variable]
        test = any if quantifier == "any" else all
        return lambda item: test(inner({variable: element}) for element in property_at(item, owner) or [])


def _either(left: Predicate, right: Predicate) -> Predicate:
    return lambda item: left(item) or right(item)


def _both(left: Predicate, right: Predicate) -> Predicate:
    return lambda item: left(item) and right(item)

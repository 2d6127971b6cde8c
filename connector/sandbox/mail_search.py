"""`$search` over messages: the part of the Keyword Query Language (KQL) that Outlook understands.

Words and "phrases", `property:value`, AND, OR, NOT, parentheses; terms side by side must all match.
Source: Microsoft: Use the $search query parameter.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime
from typing import Any

from .answers import GraphError
from .changelog import Item
from .outlook import plain_text

Test = Callable[[Item], bool]

_TOKEN = re.compile(
    r"\s*(?:(?P<mark>[()])|(?P<term>(?:(?P<name>[A-Za-z]+)(?P<operator>:|>=|<=|=|>|<))?"
    r'(?:"(?P<phrase>[^"]*)"?|(?P<word>[^\s()"]+))))'
)


def message_search(text: str) -> Test:
    """A predicate over messages for a `$search` value; raises 400 when it cannot be read."""
    return _Parser(_inside_quotes(text)).parse()


def _inside_quotes(text: str) -> str:
    """The query without the quotes around it, in which `\\"` and `\\\\` stand for the characters."""
    match = re.fullmatch(r'\s*"((?:[^"\\]|\\.)*)"\s*', text, re.DOTALL)
    return re.sub(r"\\(.)", r"\1", match[1]) if match else text


class _Parser:
    """Recursive descent: OR < AND < NOT < term."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.tokens = list(_TOKEN.finditer(text.rstrip()))
        self.position = 0

    def parse(self) -> Test:
        if not self.tokens:
            raise self._bad()
        test = self._any_of()
        if self.position < len(self.tokens):
            raise self._bad()
        return test

    def _bad(self) -> GraphError:
        return GraphError(400, "BadRequest", f"Syntax error: the search query '{self.text}' is not valid.")

    def _next(self) -> str:
        return self.tokens[self.position][0].strip() if self.position < len(self.tokens) else ""

    def _accepts(self, *words: str) -> bool:
        if self._next() not in words:
            return False
        self.position += 1
        return True

    def _any_of(self) -> Test:
        tests = [self._all_of()]
        while self._accepts("OR"):
            tests.append(self._all_of())
        return lambda item: any(test(item) for test in tests)

    def _all_of(self) -> Test:
        tests = [self._negation()]
        while self._accepts("AND") or self._next() not in ("", "OR", ")"):
            tests.append(self._negation())
        return lambda item: all(test(item) for test in tests)

    def _negation(self) -> Test:
        if self._accepts("NOT"):
            inner = self._negation()
            return lambda item: not inner(item)
        if self._accepts("("):
            inside = self._any_of()
            if not self._accepts(")"):
                raise self._bad()
            return inside
        return self._term()

    def _term(self) -> Test:
        if self.position >= len(self.tokens) or self._next() in ("AND", "OR", ")"):
            raise self._bad()
        match = self.tokens[self.position]
        self.position += 1
        value = match["phrase"] if match["phrase"] is not None else match["word"]
        name = (match["name"] or "").casefold()
        if not name:
            return _words(value, _DEFAULT)
        if name in _TEXTS:
            return _words(value, (name,))
        if name in _DATES:
            return _date(name, match["operator"], value)
        if name in _EXACT:
            return lambda item: str(_EXACT[name](item)).casefold() == value.casefold()
        return _words(match["term"], _DEFAULT)


def _people(*properties: str) -> Callable[[Item], str]:
    def text(item: Item) -> str:
        found: list[str] = []
        for name in properties:
            value: Any = item.get(name)
            for person in [value] if isinstance(value, dict) else value or []:
                found += [person["emailAddress"].get("name") or "", person["emailAddress"]["address"]]
        return " ".join(found)

    return text


_TEXTS: dict[str, Callable[[Item], str]] = {
    "subject": lambda item: str(item.get("subject") or ""),
    "body": lambda item: plain_text(item["body"]) if "body" in item else "",
    "from": _people("from"),
    "to": _people("toRecipients"),
    "cc": _people("ccRecipients"),
    "bcc": _people("bccRecipients"),
    "recipients": _people("toRecipients", "ccRecipients", "bccRecipients"),
    "participants": _people("from", "toRecipients", "ccRecipients", "bccRecipients"),
    "attachment": lambda item: " ".join(str(entry["name"]) for entry in item.get("_attachments", [])),
    "category": lambda item: " ".join(item.get("categories", [])),
}
_DEFAULT = ("subject", "body", "participants", "attachment")
_DATES = {"received": "receivedDateTime", "sent": "sentDateTime"}
_EXACT: dict[str, Callable[[Item], Any]] = {
    "hasattachments": lambda item: item["hasAttachments"],
    "hasattachment": lambda item: item["hasAttachments"],
    "importance": lambda item: item["importance"],
    "isread": lambda item: item["isRead"],
    "kind": lambda item: "meetings" if "@odata.type" in item else "email",
}


def _words(value: str, names: tuple[str, ...]) -> Test:
    wanted = value.strip("*").casefold()
    ending = "" if value.endswith("*") else r"(?!\w)"
    pattern = re.compile(rf"(?<!\w){re.escape(wanted)}{ending}")
    return lambda item: any(pattern.search(_TEXTS[name](item).casefold()) for name in names)


def _date(name: str, operator: str, value: str) -> Test:
    try:
        day = datetime.fromisoformat(value).date()
    except ValueError:
        raise GraphError(400, "BadRequest", f"Syntax error: '{value}' is not a date.") from None
    compare: dict[str, Test] = {
        ">=": lambda item: _day(item, name) >= day, "<=": lambda item: _day(item, name) <= day,
        ">": lambda item: _day(item, name) > day, "<": lambda item: _day(item, name) < day,
    }  # fmt: skip
    return compare.get(operator, lambda item: _day(item, name) == day)


def _day(item: Item, name: str) -> Any:
    return datetime.fromisoformat(item[_DATES[name]]).date()

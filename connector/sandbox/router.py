"""Graph paths: how their many spellings become one, and which handler answers which of them.

`/users('a@b.c')/mailFolders/inbox`, `/users/a%40b.c/mailFolders('inbox')` and `/me/mailFolders/inbox` reach
the same handler. Patterns of routes are made of

    literal            users, messages, $value, delta (also written delta(), microsoft.graph.delta())
    {name}             one segment, e.g. an id
    {:name}            a path between colons: root:/a/b.txt:/content is root, {:path}, content;
                       so is root%3A%2Fa%2Fb.txt%3A/content
    search({q})        a function with named arguments

Literals are compared without regard to case; ids keep theirs.
"""

from __future__ import annotations

import re
from bisect import insort
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Generic, TypeVar
from urllib.parse import unquote

Handler = TypeVar("Handler", bound=Callable[..., Any])

_CALL = re.compile(r"(?P<name>[\w.$]+)\((?P<arguments>.*)\)", re.DOTALL)
_ARGUMENT = re.compile(
    r"\s*(?:(?P<name>\w+)\s*=\s*)?(?:[\w.]*'(?P<text>(?:[^']|'')*)'|(?P<bare>[^,']*))\s*(?:,|$)"
)
"""A name, and a text in quotes, before which the type of an enumeration may stand, or a bare value."""
_ENCODED_COLON_PATH = re.compile(r"(?<=/)[^/(]*%3A%2F[^/]*", re.IGNORECASE)
_NAMESPACE = "microsoft.graph."


@dataclass(frozen=True, slots=True)
class ColonPath:
    """A path given between colons, decoded, with its leading slash: `/a/b.txt`."""

    path: str


@dataclass(frozen=True, slots=True)
class FunctionCall:
    """A function with named arguments."""

    name: str
    arguments: Mapping[str, str]


Segment = str | ColonPath | FunctionCall


def parse_path(raw_path: str) -> list[Segment]:
    """The segments of a still percent-encoded path without query, in the one spelling that routes use."""
    segments: list[Segment] = []
    colon_parts: list[str] | None = None
    for raw in _ENCODED_COLON_PATH.sub(_with_colons_and_slashes, raw_path).strip("/").split("/"):
        if colon_parts is not None:
            closes = raw.endswith(":")
            colon_parts.append(unquote(raw.removesuffix(":")))
            if closes:
                segments.append(ColonPath("/" + "/".join(colon_parts)))
                colon_parts = None
            continue
        if raw.endswith(":") and len(raw) > 1:
            segments += _segments_of(unquote(raw[:-1]))
            colon_parts = []
            continue
        segments += _segments_of(unquote(raw))
    if colon_parts:
        segments.append(ColonPath("/" + "/".join(colon_parts)))
    return segments


def _with_colons_and_slashes(encoded: re.Match[str]) -> str:
    """Microsoft's SDKs send `root:/a/b.txt:` as if it were one id: `root%3A%2Fa%2Fb.txt%3A`."""
    return re.sub("%3A", ":", re.sub("%2F", "/", encoded[0], flags=re.IGNORECASE), flags=re.IGNORECASE)


def _segments_of(text: str) -> list[Segment]:
    text = text.removeprefix(_NAMESPACE)
    match = _CALL.fullmatch(text)
    if match is None:
        return [text]
    name = match["name"]
    arguments = match["arguments"].strip()
    if not arguments:
        return [name]
    pairs = [
        (argument["name"], argument["bare"].strip() if argument["text"] is None else argument["text"])
        for argument in _ARGUMENT.finditer(arguments)
        if argument[0]
    ]
    unquoted = [(key, value.replace("''", "'")) for key, value in pairs]
    if len(unquoted) == 1 and unquoted[0][0] is None:
        return [name, unquoted[0][1]]
    return [FunctionCall(name, {key or "": value for key, value in unquoted})]


@dataclass(frozen=True, slots=True)
class Route(Generic[Handler]):
    """One handler with the pattern that leads to it and what a caller needs for it."""

    method: str
    pattern: str
    handler: Handler
    needs: Any

    @property
    def parts(self) -> tuple[str, ...]:
        """The segments of the pattern."""
        return tuple(self.pattern.strip("/").split("/"))

    @property
    def precedence(self) -> tuple[int, ...]:
        """Literals before functions, functions before parameters, from the left."""
        return tuple(2 if part.startswith("{") else int("(" in part) for part in self.parts)

    def match(self, segments: list[Segment]) -> dict[str, str] | None:
        """The parameters when the segments fit the pattern, else None."""
        if len(segments) != len(self.parts):
            return None
        parameters: dict[str, str] = {}
        for part, segment in zip(self.parts, segments, strict=True):
            found = _match_part(part, segment)
            if found is None:
                return None
            parameters |= found
        return parameters

    def context(self, parameters: Mapping[str, str]) -> str:
        """The resource path as `@odata.context` writes it: `users('…')/messages`."""
        text = ""
        for part in self.parts:
            if part.startswith("{"):
                text += f"('{parameters[part.strip('{:}')]}')"
            else:
                text += f"/{part.split('(')[0]}"
        return text.lstrip("/")


def _match_part(part: str, segment: Segment) -> dict[str, str] | None:
    if part.startswith("{:"):
        return {part[2:-1]: segment.path} if isinstance(segment, ColonPath) else None
    if part.startswith("{"):
        return {part[1:-1]: segment} if isinstance(segment, str) and segment else None
    if isinstance(segment, FunctionCall):
        name, _, arguments = part.partition("(")
        wanted = [argument.strip(" {}") for argument in arguments.rstrip(")").split(",")] if arguments else []
        if name.casefold() != segment.name.casefold() or set(wanted) != set(segment.arguments):
            return None
        return dict(segment.arguments)
    return {} if isinstance(segment, str) and part.casefold() == segment.casefold() else None


class NoRoute(Exception):
    """No route fits; `allowed` names the methods that the path has, if any."""

    def __init__(self, allowed: list[str]) -> None:
        super().__init__(allowed)
        self.allowed = allowed


class Router(Generic[Handler]):
    """A table of routes."""

    def __init__(self) -> None:
        self.routes: list[Route[Handler]] = []

    def route(self, method: str, pattern: str, needs: Any = None) -> Callable[[Handler], Handler]:
        """Decorator: this handler answers this method and pattern."""

        def register(handler: Handler) -> Handler:
            insort(self.routes, Route(method, pattern, handler, needs), key=lambda route: route.precedence)
            return handler

        return register

    def find(self, method: str, segments: list[Segment]) -> tuple[Route[Handler], dict[str, str]]:
        """The route and its parameters; raises NoRoute."""
        allowed: list[str] = []
        for route in self.routes:
            parameters = route.match(segments)
            if parameters is None:
                continue
            if route.method == method:
                return route, parameters
            allowed.append(route.method)
        raise NoRoute(allowed)

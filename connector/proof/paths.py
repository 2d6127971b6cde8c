"""What a path of Graph means in its metadata: segment by segment, and which verb is right at its end.

Paths come from templates (`/users/{user}/events`), from documentation (`/v1.0` taken off, blanks and
all) and from the permissions table. They may have keys, casts, functions with arguments, the colons
that address a file or a site by its path, `$value`, `$ref` and `$count`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import Literal
from urllib.parse import unquote

from connector.proof.csdl import Metadata, Operation, Property, TypeRef

Kind = Literal[
    "property", "key", "cast", "function", "action", "address", "$value", "$ref", "$count", "$batch"
]

_ADDRESSABLE = frozenset({"microsoft.graph.driveItem", "microsoft.graph.site"})
"""Microsoft: Addressing resources in a drive on OneDrive; Get a site resource by path."""
_PART = re.compile(r"(?:\((?:'(?:[^']|'')*'|\{[^}]*\}|[^()'])*\)|\{[^}]*\}|[^/])+")
_CALL = re.compile(r"([\w.$]+)\((.*)\)", re.S)
_ARGUMENT = re.compile(r"\s*(\w+)\s*=\s*('(?:[^']|'')*'|[^,]*)\s*(?:,|$)")


class PathError(Exception):
    """A path that means nothing; its text names the first part that does not."""


@dataclass(frozen=True, slots=True)
class Segment:
    """One step of a path. `name` is the metadata's; `text` what the path has for a key or an address."""

    kind: Kind
    name: str
    text: str = ""
    arguments: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Resolved:
    """A path that means something: what it leads to, and how.

    `type` is what a GET gives, None after `$ref`, an action without an answer and `$batch`; `holder`
    the type of what stands before the last segment.
    """

    segments: tuple[Segment, ...]
    type: TypeRef | None
    holder: TypeRef | None
    element: Property | None
    operation: Operation | None
    deprecated: tuple[str, ...]
    misspelt: tuple[tuple[str, str], ...]

    @property
    def signature(self) -> str:
        """The path with every key as `*` and without arguments: `users/*/messages/*`."""
        return "/".join(
            "*" if segment.kind == "key" else ":*" if segment.kind == "address" else segment.name
            for segment in self.segments
        )

    @property
    def last(self) -> Segment:
        """The step that it ends with."""
        return self.segments[-1]


def split(text: str) -> Iterator[tuple[Literal["name", "address"], str]]:
    """The parts of a path, percent-decoded; between colons one part: `root:/a/b.txt:/content`."""
    address: list[str] | None = None
    for part in _PART.findall(text.strip()):
        ends = part.endswith(":")
        part = unquote(part.removesuffix(":") if ends else part)
        if address is None:
            yield "name", part.strip()
            address = [] if ends else None
            continue
        address += [part] if part else []
        if ends:
            yield "address", "/".join(address)
            address = None
    if address:
        yield "address", "/".join(address)


def resolve(metadata: Metadata, path: str) -> Resolved:
    """What `path` (below the API version) means. Raises PathError with the first part that means nothing."""
    walk = _Walk(metadata)
    for kind, part in split(path):
        if kind == "address":
            walk.address(part)
        else:
            walk.step(part)
    return walk.resolved()


class _Walk:
    def __init__(self, metadata: Metadata) -> None:
        self._metadata = metadata
        self._segments: list[Segment] = []
        self._type: TypeRef | None = None
        self._holder: TypeRef | None = None
        self._element: Property | None = None
        self._operation: Operation | None = None
        self._deprecated: list[str] = []
        self._misspelt: list[tuple[str, str]] = []

    def resolved(self) -> Resolved:
        if not self._segments:
            raise PathError("the path is empty")
        return Resolved(
            tuple(self._segments),
            self._type,
            self._holder,
            self._element,
            self._operation,
            tuple(self._deprecated),
            tuple(self._misspelt),
        )

    def address(self, text: str) -> None:
        if self._type is None or self._type.collection or self._type.name not in _ADDRESSABLE:
            raise PathError(f"{self._before()} cannot be addressed by a path: only files and sites can")
        self._segments.append(Segment("address", ":", text))
        self._holder = self._type

    def step(self, part: str) -> None:
        if not self._segments:
            self._root(part)
        elif self._type is None or (self._operation and self._operation.kind == "action"):
            raise PathError(f"nothing can follow {self._segments[-1].name!r}, but {part!r} does")
        elif part.startswith("$"):
            self._system(part, self._type)
        else:
            self._named(part, self._type)

    def _root(self, part: str) -> None:
        if part.lower() == "$batch":
            self._segments.append(Segment("$batch", "$batch"))
            return
        name, key, arguments = _call(part)
        found = self._spelt(name, self._metadata.roots)
        if found is None or arguments:
            raise PathError(f"Graph has no {name!r} at its root{_hint(name, self._metadata.roots)}")
        self._enter(found)
        if key is not None:
            self._key(key)

    def _named(self, part: str, at: TypeRef) -> None:
        name, key, arguments = _call(part)
        plain = name.removeprefix("microsoft.graph.").removeprefix("graph.")
        if not at.collection and (found := self._spelt(plain, self._metadata.properties(at.name))):
            if arguments:
                raise PathError(f"{found.name!r} of {at} takes no arguments")
            self._enter(found)
            if key is not None:
                self._key(key)
        elif overloads := self._metadata.bound(plain, at):
            self._call(part, overloads, arguments, key)
        elif cast := self._cast(name, at):
            self._segments.append(Segment("cast", cast))
            self._holder, self._type = at, TypeRef(cast, at.collection, at.nullable)
            if key is not None:
                self._key(key)
        elif at.collection and key is None and not arguments:
            self._key(part)
        else:
            known = [*self._metadata.properties(at.name), *self._metadata.bound_names(at)]
            raise PathError(f"{at} has no {plain!r}{_hint(plain, known)}")

    def _enter(self, found: Property) -> None:
        self._segments.append(Segment("property", found.name))
        self._holder, self._type, self._element, self._operation = self._type, found.type, found, None
        self._note(found.name, found.facts.deprecated)
        self._note_type(found.type)

    def _key(self, text: str) -> None:
        at = self._type
        if at is None or not at.collection:
            raise PathError(f"{self._before()} is no collection, but {text!r} stands there as a key")
        if at.name not in self._metadata.structures or self._metadata.structures[at.name].kind != "entity":
            raise PathError(f"the elements of {self._before()} have no keys, but {text!r} stands there")
        self._segments.append(Segment("key", "*", text))
        self._holder, self._type, self._operation = at, at.one, None

    def _call(
        self, part: str, overloads: list[Operation], arguments: dict[str, str], key: str | None
    ) -> None:
        wanted = {name.lower() for name in arguments}
        for operation in overloads:
            names = {name.lower() for name in operation.parameters}
            required = {name.lower() for name in operation.parameters if name not in operation.optional}
            if operation.kind == "action" or (required <= wanted <= names and key is None):
                break
        else:
            forms = " or ".join(f"{one.name}({', '.join(one.parameters)})" for one in overloads)
            raise PathError(f"{part!r} has other arguments than the metadata's {forms}")
        self._spell(_call(part)[0].rpartition(".")[2], operation.name)
        self._segments.append(Segment(operation.kind, operation.name, part, arguments))
        self._holder, self._type = self._type, operation.returns
        self._element, self._operation = None, operation
        self._note(operation.name, operation.facts.deprecated)
        if operation.returns is not None:
            self._note_type(operation.returns)

    def _cast(self, name: str, at: TypeRef) -> str | None:
        """The type that a segment such as `microsoft.graph.room` names, if it is one of `at`."""
        if "." not in name:
            return None
        full = f"microsoft.{name}" if name.lower().startswith("graph.") else name
        for derived in (at.name, *self._metadata.derived(at.name)):
            if derived.lower() == full.lower():
                self._spell(full, derived)
                return derived
        return None

    def _system(self, part: str, at: TypeRef) -> None:
        name = part.lower()
        if name == "$count" and at.collection:
            after: TypeRef | None = TypeRef("Edm.Int32", nullable=False)
        elif name == "$value" and not at.collection:
            after = TypeRef("Edm.Stream")
        elif name == "$ref" and self._element is not None and self._element.navigation:
            after = None
        else:
            raise PathError(f"{part!r} cannot stand after {self._before()}, which is {at}")
        self._segments.append(Segment(name, name))  # type: ignore[arg-type]
        self._holder, self._type = at, after

    def _spelt(self, name: str, known: Mapping[str, Property]) -> Property | None:
        """The property of this name, or of this name in another letter case, which is noted."""
        if name in known:
            return known[name]
        found = next((one for one in known if one.lower() == name.lower()), None)
        if found is None:
            return None
        self._spell(name, found)
        return known[found]

    def _spell(self, written: str, right: str) -> None:
        if written != right:
            self._misspelt.append((written, right))

    def _note(self, name: str, deprecated: str | None) -> None:
        if deprecated:
            self._deprecated.append(f"{name!r} is deprecated {deprecated}")

    def _note_type(self, kind: TypeRef) -> None:
        structure = self._metadata.structures.get(kind.name)
        if structure is not None:
            self._note(str(kind.one), structure.facts.deprecated)

    def _before(self) -> str:
        return repr(self._segments[-1].text or self._segments[-1].name) if self._segments else "the path"


def _call(part: str) -> tuple[str, str | None, dict[str, str]]:
    """Name, key and arguments of `messages`, `messages('AAMk')`, `delta()` or `search(q='x')`."""
    match = _CALL.fullmatch(part)
    if match is None:
        return part, None, {}
    inner = match[2].strip()
    found = () if inner.startswith(("'", "{")) else _ARGUMENT.findall(inner)
    arguments = {name: _unquote(value) for name, value in found}
    if not inner or arguments:
        return match[1], None, arguments
    return match[1], _unquote(inner), {}


def _unquote(text: str) -> str:
    text = text.strip()
    if len(text) > 1 and text[0] == text[-1] == "'":
        return text[1:-1].replace("''", "'")
    return text


def _hint(name: str, known: Mapping[str, Property] | list[str]) -> str:
    close = get_close_matches(name, list(known), 2)
    return f"; did you mean {' or '.join(close)}?" if close else ""


def verb_problem(metadata: Metadata, path: Resolved, verb: str) -> str | None:
    """Why `verb` is wrong for what `path` leads to; None when it is right (OASIS: OData 4.01 protocol)."""
    right = _right_verbs(metadata, path)
    if verb in right:
        return None
    kind = path.last.kind
    what = kind if kind.startswith("$") else f"{path.last.name} ({_description(path)})"
    return f"{verb} is wrong for {what}; right is {' or '.join(right) or 'no verb'}"


def _description(path: Resolved) -> str:
    kind = path.last.kind
    return kind if kind in ("action", "function") or path.type is None else str(path.type)


def _right_verbs(metadata: Metadata, path: Resolved) -> list[str]:
    kind, type_, element, holder = path.last.kind, path.type, path.element, path.holder
    if kind in ("action", "$batch"):
        return ["POST"]
    if kind in ("function", "$count"):
        return ["GET"]
    if kind == "$value":
        if holder is not None and metadata.has_stream(holder.name):
            return ["GET", "PUT", "DELETE"]
        return ["GET"] if holder is not None and holder.primitive else []
    if kind == "$ref":
        if path.segments[-2].kind == "key":
            return ["GET", "DELETE"]
        return ["GET", "POST"] if holder is not None and holder.collection else ["GET", "PUT", "DELETE"]
    if path.operation is not None or type_ is None or element is None:
        return ["GET"]
    if type_.name == "Edm.Stream":
        return ["GET", "PUT"]
    if type_.collection:
        return ["GET", "POST"] if _is_insertable(element) else ["GET"]
    if not element.navigation:
        return ["GET"] if type_.primitive else ["GET", "PATCH"]
    right = ["GET"]
    if element.facts.updatable is not False:
        right.append("PATCH")
    is_root = len(path.segments) == 1
    addressed = any(segment.kind == "address" for segment in path.segments)
    if not is_root and (element.contained or addressed) and element.facts.deletable is not False:
        right.append("DELETE")
    return right


def _is_insertable(element: Property) -> bool:
    """A navigation that only refers takes new elements where the metadata says so, else `/$ref`."""
    if element.facts.insertable is not None:
        return element.facts.insertable
    return element.navigation and element.contained

"""Microsoft Graph's metadata (CSDL, the schema language of OData 4) as Python values.

Reads what the proof asks for: types with their properties, operations, the roots of paths, and those
annotations that say what can be written and what is on its way out. What a path means is the
business of `connector.proof.paths`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Literal
from xml.etree import ElementTree
from xml.etree.ElementTree import Element

from connector.proof.errors import InvalidReference

_EDM = "{http://docs.oasis-open.org/odata/ns/edm}"
_CORE = "Org.OData.Core.V1."
_CAPABILITIES = "Org.OData.Capabilities.V1."


@dataclass(frozen=True, slots=True)
class TypeRef:
    """A use of a type: `microsoft.graph.event`, `Edm.String`; or a collection of it."""

    name: str
    collection: bool = False
    nullable: bool = True

    @property
    def one(self) -> TypeRef:
        """The type of one element."""
        return TypeRef(self.name, False, self.nullable)

    @property
    def primitive(self) -> bool:
        """Whether it is one of OData's own types."""
        return self.name.startswith("Edm.")

    def __str__(self) -> str:
        short = self.name.removeprefix("microsoft.graph.")
        return f"a collection of {short}" if self.collection else short


@dataclass(frozen=True, slots=True)
class Facts:
    """What annotations say of an element; None where they say nothing."""

    read_only: bool = False
    deprecated: str | None = None
    insertable: bool | None = None
    updatable: bool | None = None
    deletable: bool | None = None
    required_query: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Property:
    """A structural or navigation property; `owner` is the type that declares it."""

    name: str
    type: TypeRef
    owner: str
    navigation: bool = False
    contained: bool = False
    facts: Facts = Facts()


@dataclass(frozen=True, slots=True)
class Structure:
    """An entity type or a complex type, without what it inherits."""

    name: str
    kind: Literal["entity", "complex"]
    parent: str | None
    open: bool
    has_stream: bool
    own: Mapping[str, Property]
    facts: Facts


@dataclass(frozen=True, slots=True)
class Operation:
    """An action or a function. `bound_to` is None where it stands at the root."""

    name: str
    kind: Literal["action", "function"]
    bound_to: TypeRef | None
    parameters: Mapping[str, TypeRef]
    optional: frozenset[str]
    returns: TypeRef | None
    facts: Facts


@dataclass(frozen=True)
class Metadata:
    """A whole service."""

    structures: Mapping[str, Structure]
    enumerations: Mapping[str, tuple[str, ...]]
    operations: Mapping[str, tuple[Operation, ...]]
    roots: Mapping[str, Property]
    _properties: dict[str, dict[str, Property]] = field(default_factory=dict, repr=False)

    @classmethod
    def open(cls, path: Path) -> Metadata:
        """The metadata in a file. Raises InvalidReference when it cannot be read or is no CSDL."""
        try:
            root = ElementTree.parse(path).getroot()  # noqa: S314 - a file that the caller chose
        except OSError as error:
            raise InvalidReference(path, f"cannot be read ({error.strerror})") from None
        except ElementTree.ParseError as error:
            raise InvalidReference(path, f"is not XML: {error}") from None
        schemas = list(root.iter(f"{_EDM}Schema"))
        if not schemas:
            raise InvalidReference(path, "has no <Schema> of OData 4; the metadata of Graph v1.0 is meant")
        return _Reader(schemas).metadata()

    def lineage(self, name: str) -> Iterator[Structure]:
        """The type, its parent, its parent's parent."""
        known = self.structures.get(name)
        while known is not None:
            yield known
            known = self.structures.get(known.parent) if known.parent else None

    def properties(self, name: str) -> Mapping[str, Property]:
        """All properties of a type, inherited ones first."""
        if name not in self._properties:
            found: dict[str, Property] = {}
            for structure in reversed(list(self.lineage(name))):
                found.update(structure.own)
            self._properties[name] = found
        return self._properties[name]

    def is_a(self, name: str, other: str) -> bool:
        """Whether a type is another one, or derived from it."""
        return name == other or any(structure.name == other for structure in self.lineage(name))

    def is_open(self, name: str) -> bool:
        """Whether values of the type can have properties that are not declared."""
        return any(structure.open for structure in self.lineage(name))

    def has_stream(self, name: str) -> bool:
        """Whether the type, or one derived from it, has bytes of its own (`$value`)."""
        family = (*self.lineage(name), *(self.structures[one] for one in self.derived(name)))
        return any(structure.has_stream for structure in family)

    def derived(self, name: str) -> Iterator[str]:
        """Every type below this one."""
        for child in self._children.get(name, ()):
            yield child
            yield from self.derived(child)

    @cached_property
    def _children(self) -> Mapping[str, list[str]]:
        children: dict[str, list[str]] = {}
        for structure in self.structures.values():
            if structure.parent:
                children.setdefault(structure.parent, []).append(structure.name)
        return children

    def bound(self, name: str, to: TypeRef) -> list[Operation]:
        """The operations of this name, without regard to letter case, that can be called on `to`."""
        return [
            operation
            for operation in self.operations.get(name.lower(), ())
            if operation.bound_to is not None
            and operation.bound_to.collection == to.collection
            and self.is_a(to.name, operation.bound_to.name)
        ]

    def bound_names(self, to: TypeRef) -> list[str]:
        """What can be called on `to`."""
        return sorted({found.name for name in self.operations for found in self.bound(name, to)})


class _Reader:
    """Turns the elements of the schemas into a `Metadata`."""

    def __init__(self, schemas: list[Element]) -> None:
        self._schemas = schemas
        self._aliases = {
            schema.get("Alias", ""): schema.get("Namespace", "") for schema in schemas if schema.get("Alias")
        }
        self._annotations: dict[str, list[Element]] = {}
        for schema in schemas:
            for block in schema.iter(f"{_EDM}Annotations"):
                target = block.get("Target", "").replace(" ", "")
                self._annotations.setdefault(target, []).extend(block.iter(f"{_EDM}Annotation"))

    def metadata(self) -> Metadata:
        structures: dict[str, Structure] = {}
        enumerations: dict[str, tuple[str, ...]] = {}
        operations: dict[str, list[Operation]] = {}
        roots: dict[str, Property] = {}
        for schema in self._schemas:
            namespace = schema.get("Namespace", "")
            for element in schema:
                tag, name = element.tag.removeprefix(_EDM), f"{namespace}.{element.get('Name')}"
                if tag in ("EntityType", "ComplexType"):
                    structures[name] = self._structure(element, name)
                elif tag == "EnumType":
                    enumerations[name] = tuple(
                        member.get("Name", "") for member in _children(element, "Member")
                    )
                elif tag in ("Action", "Function"):
                    operation = self._operation(element, namespace)
                    operations.setdefault(operation.name.lower(), []).append(operation)
                elif tag == "EntityContainer":
                    roots |= self._roots(element)
        joined = {name: tuple(overloads) for name, overloads in operations.items()}
        return Metadata(structures, enumerations, joined, roots)

    def _structure(self, element: Element, name: str) -> Structure:
        parent = element.get("BaseType")
        return Structure(
            name,
            "entity" if element.tag.endswith("EntityType") else "complex",
            self._qualified(parent) if parent else None,
            element.get("OpenType") == "true",
            element.get("HasStream") == "true",
            {
                made.name: made
                for child in element
                if child.tag in (f"{_EDM}Property", f"{_EDM}NavigationProperty")
                for made in (self._property(child, name),)
            },
            self._facts(name, element),
        )

    def _property(self, element: Element, owner: str) -> Property:
        name = element.get("Name", "")
        return Property(
            name,
            self._type(element),
            owner,
            element.tag == f"{_EDM}NavigationProperty",
            element.get("ContainsTarget") == "true",
            self._facts(f"{owner}/{name}", element),
        )

    def _operation(self, element: Element, namespace: str) -> Operation:
        parameters = {child.get("Name", ""): child for child in _children(element, "Parameter")}
        types = {name: self._type(child) for name, child in parameters.items()}
        signature = ",".join(_written(kind) for kind in types.values())
        bound_to = types.pop(next(iter(types))) if element.get("IsBound") == "true" and types else None
        optional = {
            name
            for name, child in parameters.items()
            if any(note.get("Term") == f"{_CORE}OptionalParameter" for note in _children(child, "Annotation"))
        }
        returns = element.find(f"{_EDM}ReturnType")
        return Operation(
            element.get("Name", ""),
            "action" if element.tag == f"{_EDM}Action" else "function",
            bound_to,
            types,
            frozenset(optional),
            self._type(returns) if returns is not None else None,
            self._facts(f"{namespace}.{element.get('Name')}({signature})", element),
        )

    def _roots(self, container: Element) -> dict[str, Property]:
        roots = {}
        for element in container:
            name = element.get("Name", "")
            if element.tag == f"{_EDM}EntitySet":
                kind = TypeRef(self._qualified(element.get("EntityType", "")), collection=True)
            elif element.tag == f"{_EDM}Singleton":
                kind = TypeRef(self._qualified(element.get("Type", "")))
            else:
                continue
            roots[name] = Property(name, kind, "", True, True, _read_facts(_children(element, "Annotation")))
        return roots

    def _type(self, element: Element) -> TypeRef:
        text = element.get("Type", "Edm.String")
        inner = text.removeprefix("Collection(").removesuffix(")")
        return TypeRef(self._qualified(inner), inner != text, element.get("Nullable") != "false")

    def _qualified(self, name: str) -> str:
        alias, _, rest = name.rpartition(".")
        return f"{self._aliases.get(alias, alias)}.{rest}"

    def _facts(self, target: str, element: Element) -> Facts:
        notes = [*_children(element, "Annotation"), *self._annotations.get(target, ())]
        return _read_facts(notes) if notes else Facts()


def _children(element: Element, tag: str) -> list[Element]:
    return element.findall(f"{_EDM}{tag}")


def _written(kind: TypeRef) -> str:
    return f"Collection({kind.name})" if kind.collection else kind.name


def _read_facts(notes: Iterable[Element]) -> Facts:
    """Microsoft and OASIS: OData Core vocabulary, OData Capabilities vocabulary."""
    said = {note.get("Term", ""): note for note in notes}
    computed = said.get(f"{_CORE}Computed")
    permissions = said.get(f"{_CORE}Permissions")
    return Facts(
        read_only=(computed is not None and computed.get("Bool") != "false")
        or (permissions is not None and _members(permissions) == [f"{_CORE}Permission/Read"]),
        deprecated=_deprecation(said.get(f"{_CORE}Revisions")),
        insertable=_allows(said.get(f"{_CAPABILITIES}InsertRestrictions"), "Insertable"),
        updatable=_allows(said.get(f"{_CAPABILITIES}UpdateRestrictions"), "Updatable"),
        deletable=_allows(said.get(f"{_CAPABILITIES}DeleteRestrictions"), "Deletable"),
        required_query=_required_query(said.get(f"{_CAPABILITIES}ReadRestrictions")),
    )


def _members(note: Element) -> list[str]:
    return [(member.text or "").strip() for member in note.iter(f"{_EDM}EnumMember")]


def _values(record: Element) -> dict[str, Element]:
    return {value.get("Property", ""): value for value in _children(record, "PropertyValue")}


def _deprecation(note: Element | None) -> str | None:
    """`since 2025-11-13, to be removed on 2027-11-01`."""
    for record in note.iter(f"{_EDM}Record") if note is not None else ():
        values = _values(record)
        kind = values.get("Kind")
        if kind is None or not (kind.get("EnumMember") or "".join(_members(kind))).endswith("/Deprecated"):
            continue
        dates = {name: values[name].get("Date") for name in ("Date", "RemovalDate") if name in values}
        removal = dates.get("RemovalDate")
        return f"since {dates.get('Date', 'an unknown date')}" + (
            f", to be removed on {removal}" if removal else ""
        )
    return None


def _allows(note: Element | None, name: str) -> bool | None:
    record = note.find(f"{_EDM}Record") if note is not None else None
    value = _values(record).get(name) if record is not None else None
    return None if value is None else value.get("Bool") != "false"


def _required_query(note: Element | None) -> tuple[str, ...]:
    record = note.find(f"{_EDM}Record") if note is not None else None
    options = _values(record).get("CustomQueryOptions") if record is not None else None
    found = []
    for option in options.iter(f"{_EDM}Record") if options is not None else ():
        values = _values(option)
        if "Required" in values and values["Required"].get("Bool") == "true":
            found.append(values["Name"].get("String", ""))
    return tuple(found)

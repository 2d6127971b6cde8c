"""A JSON Schema against a type of the metadata: every property exists, with a type that fits."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

from connector.proof.csdl import Facts, Metadata, Property, TypeRef
from connector.proof.findings import Finding

_STRING = frozenset({"string"})
_INTEGER = frozenset({"integer"})
_NUMBER = frozenset({"number", "integer"})
_JSON_TYPES: Mapping[str, frozenset[str]] = {
    "Edm.Boolean": frozenset({"boolean"}),
    "Edm.Byte": _INTEGER,
    "Edm.SByte": _INTEGER,
    "Edm.Int16": _INTEGER,
    "Edm.Int32": _INTEGER,
    "Edm.Int64": _INTEGER,
    "Edm.Decimal": _NUMBER,
    "Edm.Double": _NUMBER,
    "Edm.Single": _NUMBER,
}
"""OASIS: OData JSON Format 4.01, on primitive values; all others are strings."""
_FORMATS: Mapping[str, frozenset[str]] = {
    "Edm.DateTimeOffset": frozenset({"date-time"}),
    "Edm.Date": frozenset({"date"}),
    "Edm.TimeOfDay": frozenset({"time"}),
    "Edm.Duration": frozenset({"duration"}),
    "Edm.Guid": frozenset({"uuid"}),
}
_ANY = frozenset({"Edm.Untyped", "Edm.PrimitiveType", "Edm.ComplexType"})


@dataclass(frozen=True)
class Comparison:
    """Compares schemas with types; `writing` what is sent, else what comes back."""

    metadata: Metadata
    writing: bool

    def schema(self, schema: Any, kind: TypeRef, where: str) -> Iterator[Finding]:
        """Where a schema does not fit a type."""
        if not isinstance(schema, Mapping) or kind.name in _ANY:
            return
        for keyword in ("allOf", "anyOf", "oneOf"):
            for member in schema.get(keyword, ()):
                yield from self.schema(member, kind, where)
        yield from self._type(schema, kind, where)
        yield from self._values(schema, kind, where)
        if kind.collection:
            yield from self.schema(schema.get("items"), kind.one, where)
            return
        declared = schema.get("properties", {})
        if declared and kind.name in self.metadata.structures:
            for name, inner in declared.items():
                found, problem = self.find(name, kind.name, declared)
                if problem:
                    yield problem
                if found is not None:
                    yield from self.schema(inner, found.type, _dotted(found))
        if self.writing and "patternProperties" in schema and not self.metadata.is_open(kind.name):
            yield _finding(where, f"takes properties by pattern, but {kind} is not open")

    def value(self, value: Any, kind: TypeRef, where: str) -> Iterator[Finding]:
        """Where a value that is written in a template does not fit a type."""
        if kind.name in _ANY or value is None:
            return
        if isinstance(value, list) != kind.collection:
            yield _finding(where, f"is {_json_type(value)}, but the metadata has {kind}")
        elif kind.collection:
            for item in value:
                yield from self.value(item, kind.one, where)
        elif _json_type(value) not in self._allowed(kind):
            yield _finding(where, f"is {_json_type(value)}, but the metadata has {kind}")
        elif isinstance(value, str):
            yield from self._values({"const": value}, kind, where)

    def find(self, name: str, owner: str, beside: Iterable[str]) -> tuple[Property | None, Finding | None]:
        """The property of a type, or of one derived from it, and what is wrong with naming it here."""
        own, at, annotation = name.partition("@")
        if at and not own:
            return None, None
        short = owner.removeprefix("microsoft.graph.")
        known = self.metadata.properties(owner)
        if own in known:
            found = known[own]
            return (None if annotation else found), self._use(found, annotation)
        for derived in self.metadata.derived(owner):
            if own in (of_derived := self.metadata.properties(derived)):
                found = of_derived[own]
                if self.writing and "@odata.type" not in beside:
                    text = f"belongs to {found.owner}; say so with @odata.type"
                    return found, _finding(f"{short}.{own}", text)
                return found, self._use(found, annotation)
        close = get_close_matches(own, list(known), 2)
        hint = f"; did you mean {' or '.join(close)}?" if close else ""
        return None, _finding(f"{short}.{own}", f"is not in the metadata{hint}")

    def _use(self, found: Property, annotation: str) -> Finding | None:
        facts: Facts = found.facts
        if facts.deprecated:
            return _finding(_dotted(found), f"is deprecated {facts.deprecated}")
        if self.writing and facts.read_only:
            return _finding(_dotted(found), "is read-only by the metadata, but can be written here")
        if self.writing and found.navigation and not found.contained and not annotation:
            return _finding(_dotted(found), f"is a reference; write {found.name}@odata.bind")
        return None

    def _allowed(self, kind: TypeRef) -> frozenset[str]:
        if kind.collection:
            return frozenset({"array"})
        if kind.name in self.metadata.structures:
            return frozenset({"object"})
        return _JSON_TYPES.get(kind.name, _STRING)

    def _type(self, schema: Mapping[str, Any], kind: TypeRef, where: str) -> Iterator[Finding]:
        said = schema.get("type", ())
        types = {said} if isinstance(said, str) else set(said)
        allowed = self._allowed(kind)
        if wrong := sorted(types - allowed - {"null"}):
            yield _finding(where, f"has the type {' or '.join(wrong)}, but the metadata has {kind}")
        plain = kind.primitive or kind.name in self.metadata.enumerations
        if self.writing and "null" in types and plain and not kind.nullable and not kind.collection:
            yield _finding(where, "takes null, but the metadata says Nullable=false")
        expected = _FORMATS.get(kind.name)
        form = schema.get("format")
        if form and expected and form not in expected and not kind.collection:
            yield _finding(where, f"has the format {form}, but the metadata has {kind}")

    def _values(self, schema: Mapping[str, Any], kind: TypeRef, where: str) -> Iterator[Finding]:
        if kind.collection or not ({"enum", "const"} & schema.keys()):
            return
        values = [value for value in schema.get("enum", [schema.get("const")]) if value is not None]
        members = self.metadata.enumerations.get(kind.name)
        if members is None:
            wrong = [value for value in values if _json_type(value) not in self._allowed(kind)]
            if wrong:
                yield _finding(where, f"has the value {wrong[0]!r}, but the metadata has {kind}")
            return
        named = {str(value).lower() for value in values}
        if unknown := sorted(named - {member.lower() for member in members}):
            yield _finding(where, f"has the value {unknown[0]!r}, which {kind} does not have")
        missing = [member for member in members if member not in values and member != "unknownFutureValue"]
        if "enum" in schema and missing and (not self.writing or missing[0].lower() in named):
            yield _finding(where, f"lacks {', '.join(missing)} of {kind}")


def _finding(where: str, text: str) -> Finding:
    return Finding("schema", f"{where} {text}", {"property": where})


def _dotted(found: Property) -> str:
    return f"{found.owner.removeprefix('microsoft.graph.')}.{found.name}"


def _json_type(value: Any) -> str:
    kinds = ((bool, "boolean"), (str, "string"), (int, "integer"), (float, "number"), (list, "array"))
    return next((name for kind, name in kinds if isinstance(value, kind)), "object")

"""Templates read backwards: from a request to the inputs that would make it.

The counterpart of `connector.runtime.template`. What a documented request says in other letters than
our schemas (`HTML` for `html`, a property in another case) is put into theirs on the way, for Graph
reads both alike.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterator, Mapping
from typing import Any

from connector.proof.csdl import Metadata, TypeRef
from connector.proof.documented import is_placeholder
from connector.spec.model import Method
from connector.spec.template import Place, parse

SAMPLE_BYTES = b"A sample.\n"
_SAMPLES = {
    "date-time": "2026-05-04T09:00:00Z",
    "date": "2026-05-04",
    "time": "09:00:00",
    "duration": "PT1H",
    "uuid": "0f8fad5b-d9cb-469f-a165-70867728950e",
    "email": "ann@contoso.com",
    "uri": "https://contoso.com/",
}
_CONTROL_NAMES = frozenset({"@odata.context", "@odata.etag", "@odata.editlink", "@odata.readlink"})


class Mismatch(Exception):
    """A request that a method cannot make. `other_use`: as it stands for another use of the same path."""

    def __init__(self, text: str, *, other_use: bool = False) -> None:
        super().__init__(text)
        self.other_use = other_use


class Inversion:
    """Collects the inputs of one method from the parts of one request."""

    def __init__(self, method: Method, metadata: Metadata) -> None:
        self._method = method
        self._metadata = metadata
        self.values: dict[str, Any] = {}
        self.content_size: int | None = None

    @property
    def content_inputs(self) -> frozenset[str]:
        """The inputs that take the bytes of a file."""
        return self._method.content_inputs

    def text(self, template: str, text: str) -> None:
        """Takes the inputs of a template out of a text. Raises Mismatch when it has another form."""
        match = re.fullmatch(_pattern(template), text, re.S)
        if match is None:
            raise Mismatch(f"{text!r} does not have the form {template!r}")
        for place, found in _groups(template, match):
            schema = self.schema(place)
            self.bind(place, sample(schema) if is_placeholder(found) else _typed(found, schema))

    def body(
        self, template: Any, document: Any, kind: TypeRef | None, parameters: Mapping[str, TypeRef]
    ) -> Any:
        """Takes the inputs of a body's template out of a document; returns the document in our spelling."""
        if isinstance(template, str) and any(isinstance(part, Place) for part in parse(template)):
            return self._place(template, document, kind)
        if isinstance(template, Mapping) and isinstance(document, Mapping):
            return self._members(template, document, kind, parameters)
        if isinstance(template, list) and isinstance(document, list) and len(template) == len(document):
            one = kind.one if kind else None
            return [self.body(inner, item, one, {}) for inner, item in zip(template, document, strict=True)]
        if _same_literal(template, document):
            return template
        raise Mismatch(
            f"the body has {document!r} where the method always sends {template!r}", other_use=True
        )

    def _members(
        self,
        template: Mapping[str, Any],
        document: Mapping[str, Any],
        kind: TypeRef | None,
        parameters: Mapping[str, TypeRef],
    ) -> dict[str, Any]:
        names = {name.lower(): name for name in template}
        types = {name.lower(): found for name, found in (parameters or self._types(kind)).items()}
        found = {}
        for name, value in document.items():
            ours = names.get(name.lower())
            if ours is not None:
                found[ours] = self.body(template[ours], value, types.get(ours.lower()), {})
            elif not self._is_redundant(name, value, kind):
                raise Mismatch(f"the method has no input for {name!r} of the body", other_use=True)
        for name in template:
            if name not in found and not _has_places(template[name]):
                raise Mismatch(f"the method always sends {name!r}, the example does not", other_use=True)
        return found

    def _place(self, template: str, document: Any, kind: TypeRef | None) -> Any:
        parts = parse(template)
        if len(parts) > 1:
            self.text(template, str(document))
            return document
        place = parts[0]
        assert isinstance(place, Place)
        if place.name == "content_size" and isinstance(document, int):
            self.content_size = document
            return document
        value = self.in_our_letters(document, self.schema(place), kind)
        if place.name in self._method.content_inputs:
            value = _valid_base64(value)
        self.bind(place, value)
        return value

    def bind(self, place: Place, value: Any) -> None:
        """Notes the value of an input. Raises Mismatch when it has another one already."""
        at = self.values
        for key in place.keys[:-1]:
            at = at.setdefault(key, {})
        if at.setdefault(place.keys[-1], value) != value:
            raise Mismatch(
                f"{'.'.join(place.keys)} would have to be both {at[place.keys[-1]]!r} and {value!r}"
            )

    def schema(self, place: Place) -> Mapping[str, Any]:
        """The schema of the input, or of the property of an input, that fills a place."""
        schema: Any = self._method.properties.get(place.name, {})
        for key in place.keys[1:]:
            schema = property_schema(schema, key)[1]
        return schema if isinstance(schema, Mapping) else {}

    def in_our_letters(self, value: Any, schema: Any, kind: TypeRef | None) -> Any:
        """A value with property names and enumeration members as `schema` spells them."""
        if isinstance(value, list):
            one = kind.one if kind else None
            items = _items_of(schema)
            return [self.in_our_letters(item, items, one) for item in value]
        if isinstance(value, str):
            return _member(value, schema)
        if not isinstance(value, Mapping):
            return value
        types = {name.lower(): found for name, found in self._types(kind).items()}
        spelt = {}
        for name, inner in value.items():
            ours, below = property_schema(schema, name)
            if ours is None and self._is_redundant(name, inner, kind):
                continue
            spelt[ours or name] = self.in_our_letters(inner, below, types.get(name.lower()))
        return spelt

    def _types(self, kind: TypeRef | None) -> dict[str, TypeRef]:
        properties = self._metadata.properties(kind.name) if kind else {}
        return {name: found.type for name, found in properties.items()}

    def _is_redundant(self, name: str, value: Any, kind: TypeRef | None) -> bool:
        """Control information that says nothing new, such as the type that is declared anyway."""
        if name.lower() == "@odata.type":
            said = str(value).removeprefix("#").lower()
            return kind is not None and said in (kind.name.lower(), f"collection({kind.name})".lower())
        return name.lower() in _CONTROL_NAMES


def sample(schema: Any) -> Any:
    """A value that a schema accepts, in place of one that a page does not print."""
    if not isinstance(schema, Mapping):
        return "sample"
    if values := [value for value in schema.get("enum", ()) if value is not None]:
        return values[0]
    said = schema.get("type", "string")
    types = [said] if isinstance(said, str) else said
    if "integer" in types or "number" in types:
        return schema.get("minimum", 1)
    if "boolean" in types:
        return True
    if "array" in types:
        return [sample(schema.get("items", {}))]
    return _SAMPLES.get(schema.get("format", ""), "sample")


def property_schema(schema: Any, name: str) -> tuple[str | None, Any]:
    """The name, as a schema spells it, and the schema of a property; `(None, {})` where it has none."""
    if not isinstance(schema, Mapping):
        return None, {}
    for known, inner in schema.get("properties", {}).items():
        if known.lower() == name.lower():
            return known, inner
    for member in _members_of(schema):
        found = property_schema(member, name)
        if found[0] is not None:
            return found
    return None, {}


def _members_of(schema: Mapping[str, Any]) -> Iterator[Any]:
    for keyword in ("allOf", "anyOf", "oneOf"):
        yield from schema.get(keyword, ())


def _items_of(schema: Any) -> Any:
    if not isinstance(schema, Mapping):
        return {}
    if "items" in schema:
        return schema["items"]
    return next(filter(None, map(_items_of, _members_of(schema))), {})


def _member(value: str, schema: Any) -> str:
    """The member of the schema's enumeration that `value` is in other letters, else `value`."""
    if not isinstance(schema, Mapping):
        return value
    known = [*schema.get("enum", ()), *([schema["const"]] if "const" in schema else [])]
    if value in known:
        return value
    wanted = value.lower().removeprefix("#")
    for member in known:
        if isinstance(member, str) and member.lower().removeprefix("#") == wanted:
            return member
    for inner in _members_of(schema):
        if (found := _member(value, inner)) != value:
            return found
    return value


def _typed(text: str, schema: Mapping[str, Any]) -> Any:
    """A text as the type that the input has."""
    said = schema.get("type", "string")
    types = [said] if isinstance(said, str) else said
    if "array" in types:
        return [item.strip() for item in _split_list(text)]
    if "integer" in types and re.fullmatch(r"-?\d+", text):
        return int(text)
    if "boolean" in types and text.lower() in ("true", "false"):
        return text.lower() == "true"
    return _member(text, schema)


def _split_list(text: str) -> list[str]:
    """Parts between the commas that stand in no brackets and no quotes."""
    return re.findall(r"(?:\((?:[^()]|\([^()]*\))*\)|'[^']*'|[^,])+", text)


def _pattern(template: str) -> str:
    """A regular expression for the texts that a template can make; a place that comes twice is the same."""
    pattern = ""
    for part in parse(template):
        if isinstance(part, str):
            pattern += re.escape(part)
        elif f"(?P<{_group(part)}>" in pattern:
            pattern += f"(?P={_group(part)})"
        else:
            pattern += f"(?P<{_group(part)}>.+?)"
    return f"(?i:{pattern})"


def _group(place: Place) -> str:
    return "__".join(place.keys)


def _groups(template: str, match: re.Match[str]) -> Iterator[tuple[Place, str]]:
    before = ""
    seen = set()
    for part in parse(template):
        if isinstance(part, str):
            before += part
        elif part.keys not in seen:
            seen.add(part.keys)
            yield part, _unescape(match[_group(part)], before)


def _unescape(text: str, before: str) -> str:
    """What was escaped because it stands in quotes (`connector.runtime.template`)."""
    if before.count('"') % 2:
        return re.sub(r"\\(.)", r"\1", text)
    return text.replace("''", "'") if before.count("'") % 2 else text


def _valid_base64(value: Any) -> str:
    """Bytes that a page only hints at become a sample."""
    try:
        base64.b64decode(str(value), validate=True)
    except (ValueError, binascii.Error):
        return base64.b64encode(SAMPLE_BYTES).decode("ascii")
    return str(value)


def _has_places(template: Any) -> bool:
    if isinstance(template, Mapping):
        return any(map(_has_places, template.values()))
    if isinstance(template, list):
        return any(map(_has_places, template))
    return isinstance(template, str) and any(isinstance(part, Place) for part in parse(template))


def _same_literal(template: Any, document: Any) -> bool:
    if isinstance(template, str) and isinstance(document, str):
        return template.lower().removeprefix("#") == document.lower().removeprefix("#")
    return bool(template == document)

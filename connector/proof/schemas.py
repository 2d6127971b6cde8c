"""What a method sends and gives out, against the types of the metadata at its paths."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from connector.proof.csdl import Metadata, Operation, TypeRef
from connector.proof.documented import SYSTEM_OPTIONS
from connector.proof.findings import Finding
from connector.proof.requests import Variant
from connector.proof.types import Comparison
from connector.spec.model import Method
from connector.spec.template import Place, parse

_NAMING_OPTIONS = ("$select", "$expand", "$orderby")
_SIZE = {"type": "integer"}


def check_schemas(method: Method, variants: Iterable[Variant], metadata: Metadata) -> Iterator[Finding]:
    """Every fault of the method's bodies, query options and output; each once."""
    seen = set()
    known = [variant for variant in variants if variant.resolved is not None]
    for finding in _findings(method, known, metadata):
        if finding.text not in seen:
            seen.add(finding.text)
            yield finding


def _findings(method: Method, variants: list[Variant], metadata: Metadata) -> Iterator[Finding]:
    for variant in variants:
        if variant.role in ("main", "small"):
            yield from _presence(variant)
        if variant.role in ("main", "small") and variant.spec.body is not None:
            yield from _Body(method, metadata).check(variant)
        yield from _query(method, variant, metadata)
    yield from _output(method, variants, metadata)


def _presence(variant: Variant) -> Iterator[Finding]:
    """A request that writes properties says which; one that reads or deletes has no body."""
    resolved, has_body = variant.resolved, variant.spec.body is not None
    assert resolved is not None
    creates = variant.verb == "POST" and resolved.last.kind in ("property", "cast")
    request = f"{variant.verb} {variant.path.text}"
    if (variant.verb == "PATCH" or creates) and not has_body:
        yield Finding("schema", f"{request} must have a body", {"path": variant.path.text})
    if variant.verb in ("GET", "DELETE") and has_body:
        yield Finding("schema", f"{request} must not have a body", {"path": variant.path.text})


class _Body:
    """Compares the template of a body, and the schemas of the inputs in it, with what Graph takes."""

    def __init__(self, method: Method, metadata: Metadata) -> None:
        self._method = method
        self._metadata = metadata
        self._compare = Comparison(metadata, writing=True)

    def check(self, variant: Variant) -> Iterator[Finding]:
        resolved = variant.resolved
        assert resolved is not None
        body = variant.spec.body
        if resolved.operation is not None and resolved.last.kind == "action":
            yield from self._parameters(body, resolved.operation)
        elif resolved.type is not None and variant.verb in ("POST", "PATCH") and not resolved.type.primitive:
            kind = resolved.type.one
            said = str(body.get("@odata.type", "")) if isinstance(body, Mapping) else ""
            name = said.removeprefix("#") or kind.name
            if name != kind.name and name not in set(self._metadata.derived(kind.name)):
                yield Finding("schema", f"{said} is no type of {kind}", {"property": "@odata.type"})
            else:
                yield from self._template(body, TypeRef(name), str(TypeRef(name)))

    def _parameters(self, body: Any, operation: Operation) -> Iterator[Finding]:
        """Graph reads the names of parameters without regard to letter case."""
        known = {name.lower(): (name, kind) for name, kind in operation.parameters.items()}
        for name, template in self._entries(body):
            where = f"{operation.name}.{name}"
            if name.startswith("@"):
                continue
            if name.lower() not in known:
                known_names = ", ".join(operation.parameters) or "none"
                text = f"{where} is no parameter; {operation.name} has {known_names}"
                yield Finding("schema", text, {"property": where})
            else:
                yield from self._template(template, known[name.lower()][1], where)

    def _entries(self, body: Any) -> Iterator[tuple[str, Any]]:
        """The members of a body: of its template, or of the input that is the whole body."""
        if isinstance(body, Mapping):
            yield from body.items()
        elif (schema := self._input(body)) is not None:
            yield from ((name, _Schema(inner)) for name, inner in schema.get("properties", {}).items())

    def _template(self, template: Any, kind: TypeRef, where: str) -> Iterator[Finding]:
        if isinstance(template, _Schema):
            yield from self._compare.schema(template.schema, kind, where)
        elif isinstance(template, str) and (schema := self._input(template)) is not None:
            yield from self._compare.schema(schema, kind, where)
        elif isinstance(template, Mapping) and not kind.collection and kind.name in self._metadata.structures:
            for name, inner in template.items():
                found, problem = self._compare.find(name, kind.name, template)
                if problem:
                    yield problem
                if found is not None:
                    yield from self._template(inner, found.type, f"{where}.{found.name}")
        elif isinstance(template, list) and kind.collection:
            for item in template:
                yield from self._template(item, kind.one, where)
        elif not (isinstance(template, str) and any(isinstance(part, Place) for part in parse(template))):
            yield from self._compare.value(template, kind, where)

    def _input(self, template: Any) -> Mapping[str, Any] | None:
        """The schema of the input that stands alone in a template."""
        parts = parse(template) if isinstance(template, str) else ()
        if len(parts) != 1 or not isinstance(parts[0], Place):
            return None
        place = parts[0]
        if place.name == "content_size":
            return _SIZE
        schema: Any = self._method.properties.get(place.name, {})
        for key in place.keys[1:]:
            schema = schema.get("properties", {}).get(key, {})
        return schema if isinstance(schema, Mapping) else {}


class _Schema:
    """A member of an input's schema, where otherwise a template stands."""

    def __init__(self, schema: Any) -> None:
        self.schema = schema


def _query(method: Method, variant: Variant, metadata: Metadata) -> Iterator[Finding]:
    """Names in `$select`, `$expand` and `$orderby`, and options that Graph demands."""
    resolved, query = variant.resolved, variant.spec.query
    assert resolved is not None
    given = query if isinstance(query, Mapping) else {}
    if resolved.element is not None and isinstance(query, Mapping | None):
        for name in resolved.element.facts.required_query:
            if name not in given:
                where = f"{resolved.element.name}?{name}"
                text = f"{variant.verb} {variant.path.text} must have the query option {name}"
                yield Finding("schema", text, {"property": where})
    for name in given:
        if name.startswith("$") and name[1:] not in SYSTEM_OPTIONS:
            text = f"{variant.path.text}: {name} is no query option of OData"
            yield Finding("schema", text, {"property": name})
    kind = _answer(variant)
    if kind is None or kind.primitive:
        return
    compare = Comparison(metadata, writing=False)
    for option in _NAMING_OPTIONS:
        for name in _names(given.get(option), method):
            _, problem = compare.find(name, kind.name, ())
            if problem:
                yield Finding("schema", f"{option} of {variant.path.text}: {problem.text}", problem.about)


def _names(template: Any, method: Method) -> Iterator[str]:
    """The properties that an option names: in the template, in defaults and in examples."""
    parts = parse(template) if isinstance(template, str) else ()
    if len(parts) == 1 and isinstance(parts[0], Place):
        name = parts[0].name
        schema = method.properties.get(name, {})
        said = [schema.get("default"), method.example.get(name), *schema.get("examples", ())]
    else:
        said = [template] if all(isinstance(part, str) for part in parts) else []
    for value in said:
        items = value.split(",") if isinstance(value, str) else value or ()
        for item in items:
            yield str(item).split("(")[0].split("/")[0].split()[0]


def _answer(variant: Variant) -> TypeRef | None:
    """What Graph answers with: one thing, or a collection; None for nothing."""
    resolved, verb = variant.resolved, variant.verb
    assert resolved is not None
    if verb == "DELETE" or resolved.last.kind in ("$ref", "$batch"):
        return None
    if resolved.last.kind == "action":
        return resolved.type
    if resolved.type is None:
        return None
    if verb == "PUT":
        return resolved.holder
    return resolved.type.one if verb == "POST" else resolved.type


def _output(method: Method, variants: list[Variant], metadata: Metadata) -> Iterator[Finding]:
    role = _giving_role(method, variants)
    compare = Comparison(metadata, writing=False)
    flow = method.flow.type
    for variant in variants:
        if variant.role != role:
            continue
        kind = _answer(variant)
        request = f"{variant.verb} {variant.path.text}"
        if flow == "upload" and role == "main" and variant.resolved and variant.resolved.operation:
            bound_to = variant.resolved.operation.bound_to
            kind = bound_to.one if bound_to else None
        if method.output is None:
            if variant.verb == "GET":
                yield Finding("schema", f"{request}: its answer is given out nowhere; declare an output")
        elif kind is None:
            if flow not in ("operation", "upload"):
                yield Finding("schema", f"{request}: an output is declared, but Graph answers with nothing")
        elif flow == "download":
            if kind.name not in ("Edm.Stream", "Edm.Binary"):
                yield Finding("schema", f"{request}: a download, but {kind} has no bytes")
            if method.output.get("contentEncoding") != "base64":
                yield Finding("schema", f"{request}: the output of a download is a string in base64")
        elif flow in ("paged", "delta"):
            if kind.collection:
                yield from compare.schema(method.output, kind.one, str(kind.one))
            else:
                yield Finding("schema", f"{request}: a listing, but the path leads to one {kind}")
        elif kind.collection:
            listed = method.output.get("properties", {}).get("value", {})
            yield from compare.schema(listed, kind, str(kind.one))
        else:
            yield from compare.schema(method.output, kind, str(kind))


def _giving_role(method: Method, variants: list[Variant]) -> str:
    """The request whose answer the method gives out."""
    roles = {variant.role for variant in variants}
    if "result" in roles:
        return "result"
    return "small" if method.flow.type == "upload" and "small" in roles else "main"

"""Checks across the files of a bundle: what no meta-schema can see.

Each problem is one line: `file:line: what is wrong; what to do`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from connector import bundle
from connector.bundle import Address, Document
from connector.errors import ConnectorError, SpecError
from connector.runtime.call import Call
from connector.runtime.engine import prepare
from connector.spec import schemas
from connector.spec.load import Catalogue, form_problems, merge_manifests, method_file, read_checked
from connector.spec.model import Method, PickerSpec, RequestSpec
from connector.spec.template import Place, places

_SETTLE_VALUES = frozenset({"call_id", "mark_id", "started_at"})
_UPLOAD_VALUES = frozenset({"content_size"})
_SHAPES = ("type", "anyOf", "oneOf", "allOf", "enum", "const", "properties")


def lint(folder: Path | None = None) -> list[str]:
    """Every problem of the connector's own bundle, or of a further one in `folder`.

    A further bundle is read together with ours: it may use our schemas, targets and methods.
    """
    own = bundle.root()
    try:
        documents = bundle.read_all(own)
        if folder is None or folder.resolve() == own.resolve():
            checked = documents
        else:
            beside = {name: document.data for name, document in documents.items()}
            checked = read_checked(folder, beside=beside)
    except SpecError as error:
        return list(error.problems)
    files = {name: document.data for name, document in {**documents, **checked}.items()}
    if problems := [problem for document in checked.values() for problem in form_problems(document, files)]:
        return problems
    if checked is not documents:
        added = checked.get("manifest.yaml")
        ours = documents["manifest.yaml"].data
        files["manifest.yaml"] = merge_manifests(ours, added.data) if added else ours
    return sorted(_Lint(checked, files).problems())


class _Lint:
    """The checks of one bundle; `files` holds what it may refer to."""

    def __init__(self, documents: Mapping[str, Document], files: Mapping[str, Any]) -> None:
        self._documents = documents
        self._catalogue = Catalogue(files)

    def problems(self) -> Iterator[str]:
        yield from self._menu()
        if "manifest.yaml" in self._documents:
            yield from self._manifest(self._documents["manifest.yaml"])
        for name in self._catalogue:
            document = self._documents.get(method_file(name))
            if document is None:
                continue
            try:
                method = self._catalogue[name]
            except SpecError as error:
                yield from error.problems
                continue
            yield from self._method(method, document)

    def _menu(self) -> Iterator[str]:
        """Every method has a file and stands in one menu; its file is named as it is."""
        listed: dict[str, str] = {}
        manifest = self._documents.get("manifest.yaml")
        for service, entry in (manifest.data["services"] if manifest else {}).items():
            for position, name in enumerate(entry["methods"]):
                where = manifest.at(("services", service, "methods", position)) if manifest else ""
                if method_file(name) not in self._documents:
                    yield f"{where}: the method {name} has no file; write {method_file(name)}"
                if name in listed:
                    yield f"{where}: the method {name} is in the menu {listed[name]} already"
                listed[name] = service
        for file, document in self._documents.items():
            if not file.startswith("methods/"):
                continue
            name = document.data["name"]
            if method_file(name) != file:
                yield f"{document.at(('name',))}: the method {name} belongs into {method_file(name)}"
            elif name not in self._catalogue:
                yield f"{document.at(('name',))}: no service of the manifest lists the method {name}"

    def _manifest(self, document: Document) -> Iterator[str]:
        manifest = self._catalogue.manifest
        for name, cloud in manifest.clouds.items():
            for part, url in (("authority", cloud.authority), ("graph", cloud.graph)):
                loopback = re.match(r"http://(127\.0\.0\.1|localhost)(:\d+)?$", url)
                if not url.startswith("https://") and not loopback:
                    yield f"{document.at(('clouds', name, part))}: {url} must be https: tokens go there"
        for name, permission in manifest.permissions.items():
            for other in (*permission.covered_by, *permission.variants.values()):
                if other not in manifest.permissions:
                    where = document.at(("permissions", name))
                    yield f"{where}: {name} refers to {other}, which is not listed"
        variants = {variant for entry in manifest.permissions.values() for variant in entry.variants}
        for name, target in manifest.targets.items():
            where = document.at(("targets", name))
            inputs = {place.name for prefix in target.prefixes for place in places(prefix.path)}
            for missing in sorted(inputs ^ set(target.input)):
                yield f"{where}: {missing} must be both an input of the target and in one of its prefixes"
            for prefix in target.prefixes:
                if prefix.variant and prefix.variant not in variants:
                    yield f"{where}: no permission has the variant {prefix.variant}"

    def _method(self, method: Method, document: Document) -> Iterator[str]:
        problems = [
            problem
            for check in (
                self._inputs, self._scopes, self._places, self._fallback, self._pickers, self._targets,
                self._schemas,
            )
            for problem in check(method, document)
        ]  # fmt: skip
        yield from problems or self._example(method, document)

    def _inputs(self, method: Method, document: Document) -> Iterator[str]:
        if method.input.get("additionalProperties") is not False:
            where = document.at(("input",))
            yield f"{where}: must say additionalProperties: false, or a misspelt input passes"
        for name, schema in method.properties.items():
            where = document.at(("input", "properties", name))
            if not re.fullmatch(r"[a-z][a-z0-9_]*", name):
                yield f"{where}: the input {name} must be snake_case"
            for key in ("title", "description"):
                if not schema.get(key):
                    yield f"{where}: the input {name} has no {key}; a person reads it in a form"
            if not any(key in schema for key in _SHAPES):
                yield f"{where}: the input {name} does not say what type it has"
        for name in method.input.get("required", ()):
            if name not in method.properties:
                yield f"{document.at(('input', 'required'))}: the required input {name} is not declared"

    def _scopes(self, method: Method, document: Document) -> Iterator[str]:
        known = self._catalogue.manifest.permissions
        for mode, scopes in method.scopes.items():
            for position, scope in enumerate(scopes):
                where = document.at(("scopes", mode, position))
                if scope not in known:
                    yield f"{where}: the permission {scope} is not in the manifest"
                elif (known[scope].id if mode == "delegated" else known[scope].application_id) is None:
                    yield f"{where}: {scope} is no {mode} permission"

    def _places(self, method: Method, document: Document) -> Iterator[str]:
        """Every place is an input, and every input is in some place."""
        used: set[str] = set(method.target_inputs)
        for address, request, extra in _requests(method):
            for place in _request_places(request):
                used.add(place.name)
                if place.name not in method.properties and place.name not in extra:
                    yield f"{document.at(address)}: {{{place.name}}} is no input of {method.name}"
                if place.form == "!" and method.visibility == "normal":
                    yield f"{document.at(address)}: {{!{place.name}}} is for methods of visibility advanced"
        if method.settle:
            used |= {place.name for place in places(dict(method.settle.match))}
        content = method.flow.options.get("content")
        if content is not None:
            used.add(content)
            if content not in method.content_inputs:
                where = document.at(("flow", "content"))
                yield f"{where}: {content} must be an input with contentEncoding: base64"
        for name in method.properties:
            if name not in used:
                yield f"{document.at(('input', 'properties', name))}: the input {name} is never used"

    def _fallback(self, method: Method, document: Document) -> Iterator[str]:
        """The last path must do with what is required, or valid input has nowhere to go."""
        required = {*method.input.get("required", ()), *method.defaults}
        for place in places(method.request.paths[-1].text):
            if place.name not in required:
                where = document.at(("request", "path"))
                yield f"{where}: {{{place.name}}} is in the last path, so the input must be required"

    def _pickers(self, method: Method, document: Document) -> Iterator[str]:
        for name, schema in method.properties.items():
            where = document.at(("input", "properties", name, "x-picker"))
            try:
                picker = PickerSpec.of(schema)
            except TypeError:
                yield f"{where}: the picker of {name} has unknown keys, or lacks method, value or label"
                continue
            for problem in self._picker(picker, method) if picker else ():
                yield f"{where}: the picker of {name}: {problem}"

    def _picker(self, picker: PickerSpec, method: Method) -> Iterator[str]:
        if picker.method not in self._catalogue:
            yield f"there is no method {picker.method}"
            return
        source = self._catalogue[picker.method]
        if source.kind != "read":
            yield f"{source.name} does more than read"
        outputs = set(schemas.property_names(source.output or {}))
        for part in (picker.value, picker.label):
            if part.split(".")[0] not in outputs:
                yield f"{source.name} gives out no {part}"
        for name in (*picker.params, *filter(None, [picker.search])):
            if name not in source.properties:
                yield f"{source.name} has no input {name}"
        for place in places(dict(picker.params)):
            if place.name not in method.properties:
                yield f"{{{place.name}}} is no input of {method.name}"

    def _targets(self, method: Method, document: Document) -> Iterator[str]:
        family = document.data.get("target")
        if family is not None and method.target is None:
            yield f"{document.at(('target',))}: the manifest has no target {family}"
            return
        if method.target and not any(path.prefix for path in method.request.paths):
            yield f"{document.at(('request', 'path'))}: no path starts with {{{method.target.name}}}"
        known = {prefix.name for prefix in method.target.prefixes} if method.target else set()
        for position, exclusion in enumerate(method.not_for):
            where = document.at(("not_for", position))
            if exclusion.target not in known:
                yield f"{where}: {exclusion.target} is no target of this method"
            if exclusion.input and exclusion.input not in method.properties:
                yield f"{where}: {exclusion.input} is no input of this method"

    def _schemas(self, method: Method, document: Document) -> Iterator[str]:
        for part in ("input", "output"):
            if problem := _schema_problem(getattr(method, part)):
                yield f"{document.at((part,))}: the {part} is no usable JSON Schema: {problem}"

    def _example(self, method: Method, document: Document) -> Iterator[str]:
        try:
            prepare(Call(method, method.example))
        except ConnectorError as error:
            text = " ".join(error.message.split())
            yield f"{document.at(('example',))}: the example does not work: {text}"


def _requests(method: Method) -> Iterator[tuple[Address, RequestSpec, frozenset[str]]]:
    """Every request that a method declares: where, what, and the names that it may use beside inputs."""
    options = method.flow.options
    flow_values = _UPLOAD_VALUES if method.flow.type == "upload" else frozenset[str]()
    yield ("request",), method.request, flow_values
    if "small" in options:
        yield ("flow", "small", "request"), options["small"]["request"], flow_values
    if "result" in options:
        result = options["result"]
        yield ("flow", "result"), result, frozenset(place.name for place in _request_places(result))
    if method.settle:
        yield ("settle", "request"), method.settle.request, flow_values | _SETTLE_VALUES


def _request_places(request: RequestSpec) -> Iterator[Place]:
    for path in request.paths:
        yield from places(path.text)
    for part in (request.verb, request.query, request.headers, request.body):
        yield from places(part)


def _schema_problem(schema: Any) -> str | None:
    from jsonschema import Draft202012Validator
    from jsonschema.exceptions import SchemaError

    if schema is None:
        return None
    try:
        Draft202012Validator.check_schema(schema)
        schemas.compile_check(schema, formats=True)
    except SchemaError as error:
        return f"{'.'.join(map(str, error.absolute_path))}: {error.message}"
    except ValueError as error:
        return str(error)
    return None

"""Files to model: reads a bundle, holds it against the meta-schemas, and gives out methods by name.

What one file says of another (a placeholder that is no input, a picker without a method) is the
business of `connector.proof.lint`.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from difflib import get_close_matches
from functools import cached_property
from pathlib import Path
from typing import Any

import orjson

from connector import bundle
from connector.bundle import Document
from connector.errors import SpecError, UnknownMethod
from connector.spec import schemas
from connector.spec.build_model import make_manifest, make_method
from connector.spec.model import Manifest, Method

META_SCHEMAS = {"manifest": "schemas/spec/manifest.json", "method": "schemas/spec/method.json"}
_COMPILED = "catalogue.json"


class Catalogue(Mapping[str, Method]):
    """The methods by name, in the order of the menus. A method is made when it is first asked for."""

    def __init__(self, files: Mapping[str, Any]) -> None:
        self._files = files
        self._methods: dict[str, Method] = {}

    @cached_property
    def manifest(self) -> Manifest:
        """The manifest as a model."""
        return make_manifest(self._files["manifest.yaml"])

    @cached_property
    def _places(self) -> dict[str, tuple[str, str]]:
        """For each method its service and its file; not those that are listed without a file."""
        return {
            name: (service.name, file)
            for service in self.manifest.services.values()
            for name in service.methods
            if (file := method_file(name)) in self._files
        }

    def __getitem__(self, name: str) -> Method:
        if name not in self._methods:
            service, file = self._places[name]
            self._methods[name] = make_method(
                self._files[file], file, self._files, self.manifest, self.manifest.services[service]
            )
        return self._methods[name]

    def __contains__(self, name: object) -> bool:
        return name in self._places

    def __iter__(self) -> Iterator[str]:
        return iter(self._places)

    def __len__(self) -> int:
        return len(self._places)

    def method(self, name: str) -> Method:
        """The method of this name. Raises UnknownMethod with the nearest names."""
        try:
            return self[name]
        except KeyError:
            verb = [known for known in self if known.rpartition(".")[2] == name.rpartition(".")[2]]
            close = get_close_matches(name, list(self), 3, 0.6) or get_close_matches(name, verb, 3, 0.3)
            raise UnknownMethod(name, close) from None


def method_file(name: str) -> str:
    """Where the method `users.list` is written: `methods/users/list.yaml`."""
    return f"methods/{name.replace('.', '/')}.yaml"


def load_catalogue(bundles: Sequence[str | Path] = ()) -> Catalogue:
    """The connector's own methods, and those of further bundle folders.

    Raises SpecError with every problem of every file, each with its line.
    """
    files = _own_files()
    for folder in bundles:
        files = _join(files, read_checked(Path(folder), beside=files), str(folder))
    return Catalogue(files)


def read_checked(folder: Path, beside: Mapping[str, Any] | None = None) -> dict[str, Document]:
    """The files of one bundle, each held against its meta-schema (ours, where the bundle has none).

    Raises SpecError.
    """
    if not folder.is_dir():
        raise SpecError([f"{folder}: there is no such folder"])
    documents = bundle.read_all(folder)
    files = {**(beside or {}), **{name: document.data for name, document in documents.items()}}
    if problems := [problem for document in documents.values() for problem in form_problems(document, files)]:
        raise SpecError(problems)
    if beside is None and "manifest.yaml" not in documents:
        raise SpecError([f"{folder}: there is no manifest.yaml"])
    return documents


def form_problems(document: Document, files: Mapping[str, Any]) -> Iterator[str]:
    """What the meta-schema of a method or of the manifest finds wrong in one document."""
    kind = "manifest" if document.file == "manifest.yaml" else "method"
    if kind == "method" and not document.file.startswith("methods/"):
        return
    check = schemas.compile_check(files[META_SCHEMAS[kind]], formats=False)
    for address, text in check(document.data):
        yield f"{document.at(address)}: {'.'.join(map(str, address)) or '(file)'} {text}"


def compile_bundle(folder: Path) -> bytes:
    """The bundle in `folder` as one JSON document, for the package. Raises SpecError."""
    return orjson.dumps({name: document.data for name, document in read_checked(folder).items()})


def _own_files() -> dict[str, Any]:
    folder = bundle.root()
    compiled = folder / _COMPILED
    if not compiled.is_file():
        compiled = _compile_cached(folder)
    files: dict[str, Any] = orjson.loads(compiled.read_bytes())
    return files


def _compile_cached(folder: Path) -> Path:
    """A checkout's bundle, compiled once for each state of its files."""
    state = hashlib.sha256()
    for path in bundle.declarative_files(folder):
        facts = path.stat()
        state.update(f"{path}:{facts.st_mtime_ns}:{facts.st_size};".encode())
    compiled = folder / "build" / f"catalogue-{state.hexdigest()[:16]}.json"
    if not compiled.is_file():
        data = compile_bundle(folder)
        compiled.parent.mkdir(exist_ok=True)
        for old in compiled.parent.glob("catalogue-*.json"):
            old.unlink(missing_ok=True)
        partial = compiled.with_suffix(f".{os.getpid()}")
        partial.write_bytes(data)
        partial.replace(compiled)
    return compiled


def _join(files: dict[str, Any], added: Mapping[str, Document], folder: str) -> dict[str, Any]:
    """Both bundles as one. A file that both have is refused, but for the manifest: it is merged."""
    if taken := [name for name in added if name in files and name != "manifest.yaml"]:
        raise SpecError([f"{folder}/{name}: the connector has a file of this name already" for name in taken])
    joined = {**{name: document.data for name, document in added.items()}, **files}
    if "manifest.yaml" in added:
        joined["manifest.yaml"] = merge_manifests(files["manifest.yaml"], added["manifest.yaml"].data)
    return joined


def merge_manifests(own: dict[str, Any], other: dict[str, Any]) -> dict[str, Any]:
    """Our manifest with the permissions, targets and menus that another bundle adds."""
    merged: dict[str, Any] = json.loads(json.dumps(own))
    for part in ("permissions", "targets"):
        merged[part] = {**other.get(part, {}), **merged[part]}
    for name, service in other["services"].items():
        known = merged["services"].setdefault(name, {**service, "methods": []})
        known["methods"] += service["methods"]
    return merged

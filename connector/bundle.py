"""Where the declarative files are, and how they are read.

A bundle is a folder with `methods/`, `schemas/` and, in ours, `manifest.yaml`. In a checkout it is the
repository itself; in an installed package it lies in `connector/_bundle`, beside `catalogue.json`, in
which the build has put the same files as one JSON document: reading hundreds of YAML files takes a
second and more, the JSON a few milliseconds.

The reader of YAML is strict: a key that stands twice is an error, and `no`, `on` or `2025-01-01` stay
the text that they are. It remembers the line of every key, so that a fault can be shown where it is.
"""

from __future__ import annotations

import json
import re
from collections.abc import Hashable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from connector.errors import SpecError

Address = tuple[Hashable, ...]
"""Where a value stands in a document: keys and positions from the root."""


@dataclass(frozen=True, slots=True)
class Document:
    """One file, read. `file` is relative to its bundle; `lines` has the line (from 1) of each address."""

    file: str
    data: Any
    lines: dict[Address, int] = field(default_factory=dict)

    def at(self, address: Address = ()) -> str:
        """`file:line` of an address, or of the nearest thing above it."""
        while address and address not in self.lines:
            address = address[:-1]
        return f"{self.file}:{self.lines.get(address, 1)}"


def root() -> Path:
    """The folder of the connector's own bundle."""
    packaged = Path(__file__).parent / "_bundle"
    return packaged if packaged.is_dir() else Path(__file__).parents[1]


def read_all(folder: Path) -> dict[str, Document]:
    """Every declarative file of a bundle by its path relative to `folder`, with `/` between the parts.

    Raises SpecError with one problem for each file that cannot be read.
    """
    documents: dict[str, Document] = {}
    problems: list[str] = []
    for path in declarative_files(folder):
        name = path.relative_to(folder).as_posix()
        try:
            documents[name] = read(path, name)
        except SpecError as error:
            problems += error.problems
    if problems:
        raise SpecError(problems)
    return documents


def declarative_files(folder: Path) -> Iterator[Path]:
    """The files that make up the bundle in `folder`, in a fixed order."""
    if (manifest := folder / "manifest.yaml").is_file():
        yield manifest
    for part, pattern in (("methods", "*.yaml"), ("schemas", "*.json")):
        yield from sorted((folder / part).rglob(pattern))


def read(path: Path, name: str) -> Document:
    """One YAML or JSON file. Raises SpecError with file and line."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise SpecError([f"{name}: cannot be read ({type(error).__name__})"]) from None
    return parse_json(text, name) if path.suffix == ".json" else parse_yaml(text, name)


def parse_json(text: str, name: str) -> Document:
    """Strict JSON: keys stand once, numbers are finite."""

    def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for key, value in pairs:
            if key in found:
                raise SpecError([f"{name}: the key {key!r} stands twice in one object"])
            found[key] = value
        return found

    try:
        return Document(name, json.loads(text, object_pairs_hook=unique, parse_constant=_not_finite))
    except ValueError as error:
        line = getattr(error, "lineno", 1)
        raise SpecError([f"{name}:{line}: is not JSON: {error}"]) from None


def _not_finite(word: str) -> float:
    raise ValueError(f"{word} is no JSON number")


def parse_yaml(text: str, name: str) -> Document:
    """Strict YAML: JSON's types, text stays text, keys stand once, no anchors and no tags."""
    import yaml

    class Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]
        yaml_implicit_resolvers: dict[str, list[Any]] = {}

    lines: dict[Address, int] = {}

    def fail(node: yaml.Node, text: str) -> SpecError:
        return SpecError([f"{name}:{node.start_mark.line + 1}: {text}"])

    def value(node: yaml.Node, address: Address) -> Any:
        if address in lines and node.start_mark.line + 1 < lines[address]:
            raise fail(node, "anchors and aliases are not allowed; write it out")
        lines.setdefault(address, node.start_mark.line + 1)
        if isinstance(node, yaml.MappingNode):
            return mapping(node, address)
        if isinstance(node, yaml.SequenceNode):
            return [value(item, (*address, index)) for index, item in enumerate(node.value)]
        text: str = node.value
        return text if getattr(node, "style", None) in _QUOTED else _scalar(text)

    def mapping(node: yaml.MappingNode, address: Address) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for key_node, value_node in node.value:
            if not isinstance(key_node, yaml.ScalarNode):
                raise fail(key_node, "a key must be text")
            key = key_node.value
            if key in found:
                raise fail(
                    key_node, f"the key {key!r} stands twice; the first is on line {lines[*address, key]}"
                )
            lines[*address, key] = key_node.start_mark.line + 1
            found[key] = value(value_node, (*address, key))
        return found

    try:
        node = yaml.compose(text, Loader=Loader)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        reason = getattr(error, "problem", None) or "cannot be parsed"
        raise SpecError([f"{name}:{mark.line + 1 if mark else 1}: is not YAML: {reason}"]) from None
    if node is None:
        raise SpecError([f"{name}:1: the file is empty"])
    return Document(name, value(node, ()), lines)


_QUOTED = frozenset("'\"|>")
_WORDS = {"": None, "null": None, "~": None, "true": True, "false": False}
_NUMBER = re.compile(r"-?(0|[1-9][0-9]*)(\.[0-9]+)?")


def _scalar(text: str) -> Any:
    if text in _WORDS:
        return _WORDS[text]
    number = _NUMBER.fullmatch(text)
    if number is None:
        return text
    return float(text) if number[2] else int(text)

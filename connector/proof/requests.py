"""The requests that a method can make, as far as its declaration says, each resolved in the metadata."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import product
from typing import Any, Literal

from connector.proof.csdl import Metadata
from connector.proof.paths import PathError, Resolved, resolve
from connector.spec.model import Method, PathSpec, RequestSpec
from connector.spec.template import Place, parse

Role = Literal["main", "small", "result", "settle"]


@dataclass(frozen=True, slots=True)
class Variant:
    """One path of one request. `fixed` has the inputs whose value chooses it: `{response: accept}`.

    `resolved` is None where the path means nothing, and `fault` says why.
    """

    role: Role
    spec: RequestSpec
    path: PathSpec
    fixed: Mapping[str, Any] = field(default_factory=dict)
    resolved: Resolved | None = None
    fault: str | None = None

    @property
    def verb(self) -> str:
        """The verb, in capitals."""
        return self.spec.verb.upper()


def is_raw(method: Method) -> bool:
    """Whether the method is a call whose whole path the caller writes: there is nothing to prove."""
    return all(_is_lone_verbatim_place(path.text) for path in method.request.paths)


def _is_lone_verbatim_place(path: str) -> bool:
    parts = parse(path.strip("/"))
    return len(parts) == 1 and isinstance(parts[0], Place) and parts[0].form == "!"


def variants(method: Method, metadata: Metadata) -> tuple[Variant, ...]:
    """Every path of every request of the method."""
    return tuple(
        variant
        for role, spec in _specs(method)
        for path in spec.paths
        for variant in _resolved(role, spec, path, method, metadata)
    )


def _specs(method: Method) -> Iterator[tuple[Role, RequestSpec]]:
    yield "main", method.request
    options = method.flow.options
    if "small" in options:
        yield "small", options["small"]["request"]
    if "result" in options:
        yield "result", options["result"]
    if method.settle:
        yield "settle", method.settle.request


def _resolved(
    role: Role, spec: RequestSpec, path: PathSpec, method: Method, metadata: Metadata
) -> Iterator[Variant]:
    """The path as it is; where it means nothing so, with the values that an enumerated input can take."""
    try:
        yield Variant(role, spec, path, {}, resolve(metadata, path.text))
        return
    except PathError as error:
        fault = str(error)
    choices = _choices(path.text, method)
    if not choices:
        yield Variant(role, spec, path, fault=fault)
        return
    for values in product(*choices.values()):
        fixed = dict(zip(choices, values, strict=True))
        text = path.text
        for name, value in fixed.items():
            text = text.replace(f"{{{name}}}", str(value))
        try:
            yield Variant(role, spec, path, fixed, resolve(metadata, text))
        except PathError as error:
            yield Variant(role, spec, path, fixed, fault=str(error))


def _choices(path: str, method: Method) -> dict[str, Sequence[Any]]:
    """The inputs with an enumeration that fill a whole segment of the path."""
    names = [part.name for part in parse(path) if isinstance(part, Place) and f"/{{{part.name}}}" in path]
    return {
        name: [value for value in method.properties[name]["enum"] if value is not None]
        for name in names
        if "enum" in method.properties.get(name, {})
    }

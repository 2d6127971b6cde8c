"""What the declarative files say, as types. Made by `connector.spec.load`, read by everything else."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal

from connector.spec.template import places

Kind = Literal["read", "write", "send", "delete"]
Visibility = Literal["normal", "advanced", "internal"]
Mode = Literal["delegated", "application"]
Schema = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Cloud:
    """One national cloud: its hosts, and those on which Graph may place uploads and downloads."""

    name: str
    title: str
    authority: str
    graph: str
    content_hosts: tuple[str, ...]
    personal_accounts: bool = False


@dataclass(frozen=True, slots=True)
class Retry:
    """When a failed request is sent again. Times in seconds."""

    attempts: int
    max_wait_seconds: float
    budget_seconds: float
    statuses: frozenset[int]
    statuses_of_unrepeatable: frozenset[int]
    settle_after_seconds: tuple[float, ...] = (2, 8, 20)


@dataclass(frozen=True, slots=True)
class Limits:
    """What no call exceeds."""

    connect_timeout_seconds: float = 10
    read_timeout_seconds: float = 100
    total_timeout_seconds: float = 300
    answer_bytes: int = 268_435_456
    pages: int = 100_000
    redirects: int = 5


@dataclass(frozen=True, slots=True)
class Permission:
    """One scope as Entra ID knows it; the GUIDs are None where it does not exist in that form."""

    name: str
    title: str
    admin: bool
    id: str | None
    application_id: str | None
    covered_by: tuple[str, ...]
    variants: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Prefix:
    """One way to address a target: `user` is `/users/{user}`, `me` is `/me`."""

    name: str
    path: str
    variant: str | None = None
    signed_in: bool = False


@dataclass(frozen=True, slots=True)
class Target:
    """A family of prefixes that a path can start with, and the inputs that choose among them."""

    name: str
    title: str
    prefixes: tuple[Prefix, ...]
    input: Mapping[str, Schema]


@dataclass(frozen=True, slots=True)
class Service:
    """A category of the menu, and what all requests of its methods share."""

    name: str
    title: str
    description: str
    batch_size: int
    headers: Mapping[str, str]
    methods: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class PathSpec:
    """One path of a request, target prefix included; `prefix` is None where the method has no target."""

    text: str
    prefix: Prefix | None = None


@dataclass(frozen=True, slots=True)
class RequestSpec:
    """A request with placeholders. The first path whose places can all be filled is used."""

    verb: str
    paths: tuple[PathSpec, ...]
    query: Any = None
    headers: Any = None
    body: Any = None


@dataclass(frozen=True, slots=True)
class FlowSpec:
    """How the conversation goes: a type of `connector.runtime.flows`, and its options."""

    type: str
    options: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Settle:
    """How to find out whether a write happened when its answer was lost."""

    request: RequestSpec
    match: Mapping[str, Any]
    since: str | None
    mark: str | None
    unless: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Exclusion:
    """A target that Graph refuses; with `input`, only when that input is given."""

    target: str
    input: str | None
    reason: str


@dataclass(frozen=True)
class Method:
    """One thing that the connector can do."""

    name: str
    service: Service
    title: str
    description: str
    docs: str
    kind: Kind
    scopes: Mapping[Mode, tuple[str, ...]]
    target: Target | None
    not_for: tuple[Exclusion, ...]
    input: Schema
    output: Schema | None
    request: RequestSpec
    flow: FlowSpec
    repeat: Literal["safe", "never"] | None
    idempotency: str | None
    settle: Settle | None
    visibility: Visibility
    example: Mapping[str, Any]
    source: str = ""

    @cached_property
    def properties(self) -> Mapping[str, Schema]:
        """The inputs by name."""
        found: Mapping[str, Schema] = self.input.get("properties", {})
        return found

    @cached_property
    def content_inputs(self) -> frozenset[str]:
        """The inputs that take the bytes of a file."""
        return frozenset(
            name for name, schema in self.properties.items() if schema.get("contentEncoding") == "base64"
        )

    @cached_property
    def defaults(self) -> Mapping[str, Any]:
        """The values of inputs that are left out."""
        return {name: schema["default"] for name, schema in self.properties.items() if "default" in schema}

    @cached_property
    def target_inputs(self) -> Mapping[str, str]:
        """Which input chooses which target: `{"user": "user", "drive": "drive"}`."""
        prefixes = self.target.prefixes if self.target else ()
        return {place.name: prefix.name for prefix in prefixes for place in places(prefix.path)}


@dataclass(frozen=True)
class Manifest:
    """The connector: identity, clouds, OAuth, permissions, targets and the menu of methods."""

    name: str
    title: str
    version: str
    description: str
    api: str
    clouds: Mapping[str, Cloud]
    auth: Mapping[str, Any]
    app: Schema
    install: Schema
    limits: Limits
    retry: Retry
    permissions: Mapping[str, Permission]
    targets: Mapping[str, Target]
    services: Mapping[str, Service]


@dataclass(frozen=True)
class PickerSpec:
    """Where the choices of an input come from: a method, and which of its properties to take."""

    method: str
    value: str
    label: str
    search: str | None = None
    params: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def of(cls, schema: Schema) -> PickerSpec | None:
        """The picker of an input's schema, or None."""
        picker = schema.get("x-picker")
        return cls(**picker) if isinstance(picker, Mapping) else None


def names(values: Sequence[str]) -> str:
    """`a, b or c`."""
    return " or ".join(filter(None, [", ".join(values[:-1]), *values[-1:]]))

"""Documents to model: one function for each thing that a file declares."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from connector.spec import schemas
from connector.spec.model import (
    Cloud,
    Exclusion,
    FlowSpec,
    Limits,
    Manifest,
    Method,
    PathSpec,
    Permission,
    Prefix,
    RequestSpec,
    Retry,
    Service,
    Settle,
    Target,
)


def make_manifest(data: Mapping[str, Any]) -> Manifest:
    """The manifest's document as a model."""
    retry = data["retry"]
    return Manifest(
        name=data["name"],
        title=data["title"],
        version=data["version"],
        description=data["description"],
        api=data["api"],
        clouds={name: _cloud(name, cloud) for name, cloud in data["clouds"].items()},
        auth=data["auth"],
        app=data["app"],
        install=data["install"],
        limits=Limits(**data.get("limits", {})),
        retry=Retry(
            attempts=retry["attempts"],
            max_wait_seconds=retry["max_wait_seconds"],
            budget_seconds=retry["budget_seconds"],
            statuses=frozenset(retry["statuses"]),
            statuses_of_unrepeatable=frozenset(retry["statuses_of_unrepeatable"]),
            settle_after_seconds=tuple(retry.get("settle_after_seconds", (2, 8, 20))),
        ),
        permissions={name: _permission(name, entry) for name, entry in data.get("permissions", {}).items()},
        targets={name: _target(name, entry) for name, entry in data.get("targets", {}).items()},
        services={name: _service(name, entry) for name, entry in data["services"].items()},
    )


def _cloud(name: str, data: Mapping[str, Any]) -> Cloud:
    return Cloud(name=name, **{**data, "content_hosts": tuple(data["content_hosts"])})


def _permission(name: str, data: Mapping[str, Any]) -> Permission:
    return Permission(
        name=name,
        title=data["title"],
        admin=data["admin"],
        id=data.get("id"),
        application_id=data.get("application_id"),
        covered_by=tuple(data.get("covered_by", ())),
        variants=data.get("variants", {}),
    )


def _target(name: str, data: Mapping[str, Any]) -> Target:
    prefixes = tuple(Prefix(**prefix) for prefix in data["prefixes"])
    return Target(name=name, title=data["title"], prefixes=prefixes, input=data.get("input", {}))


def _service(name: str, data: Mapping[str, Any]) -> Service:
    return Service(
        name=name,
        title=data["title"],
        description=data.get("description", ""),
        batch_size=data.get("batch_size", 20),
        headers=data.get("headers", {}),
        methods=tuple(data["methods"]),
    )


def make_method(
    data: Mapping[str, Any], file: str, files: Mapping[str, Any], manifest: Manifest, service: Service
) -> Method:
    """A method's document as a model, its schemas resolved. Raises SpecError where a `$ref` leads nowhere."""
    target = manifest.targets.get(data["target"]) if "target" in data else None
    given = schemas.resolve(data["input"], file, files)
    added = schemas.resolve(dict(target.input), "manifest.yaml", files) if target else {}
    flow = dict(data["flow"])
    return Method(
        name=data["name"],
        service=service,
        title=data["title"],
        description=data["description"],
        docs=data["docs"],
        kind=data["kind"],
        scopes={mode: tuple(scopes) for mode, scopes in data["scopes"].items()},
        target=target,
        not_for=tuple(
            Exclusion(entry["target"], entry.get("input"), entry["reason"])
            for entry in data.get("not_for", ())
        ),
        input={**given, "properties": {**given.get("properties", {}), **added}},
        output=schemas.resolve(data["output"], file, files) if "output" in data else None,
        request=make_request(data["request"], target),
        flow=FlowSpec(
            type=flow.pop("type"),
            options={name: _flow_option(name, value, target) for name, value in flow.items()},
        ),
        repeat=data.get("repeat"),
        idempotency=data.get("idempotency"),
        settle=_settle(data["settle"], target) if "settle" in data else None,
        visibility=data.get("visibility", "normal"),
        example=data["example"],
        source=file,
    )


def make_request(data: Mapping[str, Any], target: Target | None) -> RequestSpec:
    """A request's document as a model; each path stands once for every prefix of the target, in order."""
    entries = data["path"] if isinstance(data["path"], list) else [data["path"]]
    paths = tuple(path for entry in entries for path in _paths(entry, target))
    return RequestSpec(
        verb=data.get("verb", "GET"),
        paths=paths,
        query=data.get("query"),
        headers=data.get("headers"),
        body=data.get("body"),
    )


def _paths(entry: str | Mapping[str, Any], target: Target | None) -> list[PathSpec]:
    text = entry if isinstance(entry, str) else entry["path"]
    family = f"{{{target.name}}}" if target else None
    if target is None or not text.startswith(str(family)):
        return [PathSpec(text)]
    wanted = None if isinstance(entry, str) else entry["targets"]
    return [
        PathSpec(prefix.path + text.removeprefix(str(family)), prefix)
        for prefix in target.prefixes
        if wanted is None or prefix.name in wanted
    ]


def _flow_option(name: str, value: Any, target: Target | None) -> Any:
    if name == "result":
        return make_request(value, target)
    if name == "small":
        return {**value, "request": make_request(value["request"], target)}
    return value


def _settle(data: Mapping[str, Any], target: Target | None) -> Settle:
    return Settle(
        request=make_request(data["request"], target),
        match=data.get("match", {}),
        since=data.get("since"),
        mark=data.get("mark"),
        unless=data.get("unless", {}),
    )

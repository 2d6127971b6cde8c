"""The catalogue as plain JSON, for hosts that are not Python and for everything that lists methods."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict
from typing import Any

from connector.spec.model import Manifest, Method


def method_entry(method: Method) -> dict[str, Any]:
    """One method: every `$ref` of its schemas resolved, every path with its target's prefix."""
    return {
        "name": method.name,
        "category": method.service.title,
        "title": method.title,
        "description": method.description,
        "kind": method.kind,
        "verb": method.request.verb,
        "paths": [path.text for path in method.request.paths],
        "target": method.target.name if method.target else None,
        "scopes": {mode: list(method.scopes.get(mode, ())) for mode in ("delegated", "application")},
        "flow": method.flow.type,
        "input_schema": method.input,
        "output_schema": method.output,
        "example": method.example,
        "docs": method.docs,
    }


def export(manifest: Manifest, methods: Iterable[Method]) -> dict[str, Any]:
    """The whole connector: what a host needs to draw forms, ask for permissions and call it over HTTP."""
    return {
        "name": manifest.name,
        "title": manifest.title,
        "version": manifest.version,
        "description": manifest.description,
        "app": manifest.app,
        "install": manifest.install,
        "clouds": {name: cloud.title for name, cloud in manifest.clouds.items()},
        "permissions": {name: asdict(entry) for name, entry in manifest.permissions.items()},
        "services": [
            {"name": service.name, "title": service.title, "description": service.description}
            for service in manifest.services.values()
        ],
        "methods": [method_entry(method) for method in methods],
    }

"""Stand-ins for HTTP and for the bundle, so that flows and the engine are tested without a socket."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

import yaml

from connector.errors import ConnectorError
from connector.graph.faults import error_of
from connector.graph.retry import RetryRule
from connector.runtime.engine import Policy
from connector.spec.build_model import make_manifest, make_method
from connector.spec.model import Manifest, Method, Retry
from connector.wire import Headers, Request, Response

GRAPH = "https://graph.microsoft.com/v1.0"
RETRY = Retry(5, 60, 600, frozenset({429, 500, 502, 503, 504, 509}), frozenset({429, 503}), (1, 2))

MANIFEST = yaml.safe_load(
    """
format: 1
name: test
title: Test
version: 1.0.0
description: For tests.
api: v1.0
clouds:
  global:
    title: Global
    authority: https://login.microsoftonline.com
    graph: https://graph.microsoft.com
    content_hosts: ["*.sharepoint.com", content.example]
auth: {scopes: [openid]}
app: {}
install: {}
retry: {attempts: 5, max_wait_seconds: 60, budget_seconds: 600, statuses: [429, 503], statuses_of_unrepeatable: [429]}
permissions:
  Mail.Read: {id: 570282fd-fa5c-430d-a7fd-fc8dc98a9dca, title: Read mail, admin: false, variants: {shared: Mail.Read.Shared}}
  Mail.Read.Shared: {id: 7b9103a5-4610-446b-9670-80643382c1fa, title: Read shared mail, admin: false}
targets:
  mailbox:
    title: Mailbox
    prefixes:
      - {name: user, path: "/users/{user}", variant: shared}
      - {name: me, path: /me, signed_in: true}
    input:
      user: {type: string, title: Mailbox of, description: Whose.}
services:
  mail: {title: Mail, batch_size: 4, headers: {Prefer: 'IdType="ImmutableId"'}, methods: []}
  files: {title: Files, methods: []}
"""
)


def manifest() -> Manifest:
    """A small manifest."""
    return make_manifest(MANIFEST)


def method(text: str, service: str = "files") -> Method:
    """A method from the YAML of its interesting keys; the others get plain values."""
    data = {
        "name": "things.act",
        "title": "Act",
        "description": "Acts.",
        "docs": "https://learn.microsoft.com/graph/api/act",
        "kind": "read",
        "scopes": {"delegated": ["Mail.Read"]},
        "input": {"type": "object"},
        "flow": {"type": "single"},
        "example": {},
        **yaml.safe_load(text),
    }
    model = manifest()
    return make_method(data, "methods/things/act.yaml", {}, model, model.services[service])


def answer(status: int = 200, json: Any = None, url: str = f"{GRAPH}/things", **headers: str) -> Response:
    """An answer of Graph; header names are written with underscores."""
    return Response(status, Headers({k.replace("_", "-"): v for k, v in headers.items()}), url, json=json)


class ScriptedSender:
    """Answers each request with the next of the script: a Response, an error to raise, or a function."""

    def __init__(self, *script: Response | Exception | Callable[[Request], Response]) -> None:
        self.script = list(script)
        self.requests: list[Request] = []
        self.rule = RetryRule(RETRY, jitter=lambda low, high: high)

    def send(self, request: Request) -> Response:
        self.requests.append(request)
        assert self.script, f"nothing was expected after {len(self.requests) - 1} requests, got {request}"
        entry = self.script.pop(0)
        if isinstance(entry, Exception):
            raise entry
        response = entry if isinstance(entry, Response) else entry(request)
        self.check(request, response)
        return response

    def check(self, request: Request, response: Response) -> None:
        if not 200 <= response.status < 300 and response.status not in request.expected:
            raise error_of(request, response, datetime.now(UTC))

    def retry_wait_seconds(self, request: Request, error: Exception, attempt: int) -> float | None:
        return self.rule.wait_seconds(request, error, attempt)


class Naps:
    """A sleep that only remembers."""

    def __init__(self) -> None:
        self.seconds: list[float] = []

    def __call__(self, seconds: float) -> None:
        self.seconds.append(seconds)


def policy(sleep: Callable[[float], None] | None = None, max_steps: int = 1000) -> Policy:
    """A policy that waits nowhere unless told to."""
    return Policy(RETRY.settle_after_seconds, max_steps, sleep or Naps())


def no_drift(call: Any, problems: list[tuple[str, str]]) -> None:
    """Output that does not fit fails the test."""
    raise AssertionError(f"{call.method.name}: {problems}")


def error_fields(error: ConnectorError) -> Mapping[str, Any]:
    """The public facts of an error."""
    return error.as_dict()

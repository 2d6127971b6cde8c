"""What a call would send, without sending it: no token, no network, no install.

The command line's `--dry-run` prints a plan, and a builder's test step can show one. The request is the
very one that the engine sends first; what only the sending adds is listed by name. What a listing, an
upload or an operation asks for afterwards depends on Graph's answers and is not guessed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from connector.auth.scopes import at_target
from connector.content import Content
from connector.runtime.build import choose_path, mark_call
from connector.runtime.call import Call
from connector.runtime.check import check_mode
from connector.runtime.engine import prepare
from connector.spec.load import Catalogue
from connector.spec.model import Cloud, Manifest, Method, Mode
from connector.wire import Request

DEFAULT_CLOUD = "global"
_SHOWN_BYTES = 4096


@dataclass(frozen=True, slots=True)
class Plan:
    """What a call would do. Both parts are ready for JSON."""

    method: Method
    mode: Mode
    requests: tuple[Mapping[str, Any], ...]
    """Each with `method`, `url`, `headers` and `body` (None where there is none)."""
    scopes: tuple[str, ...]
    added_when_sent: tuple[str, ...]
    retries: Mapping[str, Any]

    def as_json(self) -> dict[str, Any]:
        """The plan as a document."""
        return {
            "requests": list(self.requests),
            "scopes": list(self.scopes),
            "mode": self.mode,
            "kind": self.method.kind,
            "added_when_sent": list(self.added_when_sent),
            "retries": dict(self.retries),
        }


def plan(
    catalogue: Catalogue,
    name: str,
    params: Mapping[str, Any],
    cloud: Cloud | None = None,
    mode: Mode = "delegated",
) -> Plan:
    """The plan of a call in a cloud (the worldwide one when left out) and in a mode.

    Raises UnknownMethod, InvalidInput with every problem of the input, and ConsentRequired for a method
    that does not exist in this mode.
    """
    method, manifest = catalogue.method(name), catalogue.manifest
    call, _, request = prepare(Call(method, params))
    prefix = choose_path(method.request, method, call.params).prefix
    check_mode(method, prefix, mode)
    return Plan(
        method=method,
        mode=mode,
        requests=(_written_out(request, cloud or manifest.clouds[DEFAULT_CLOUD], manifest.api),),
        scopes=at_target(method, prefix, mode, manifest.permissions),
        added_when_sent=_added(request, call),
        retries=_retries(request, method, manifest),
    )


def _written_out(request: Request, cloud: Cloud, api: str) -> dict[str, Any]:
    body = request.json if request.content is None else _bytes_shown(request.content)
    return {
        "method": request.verb,
        "url": f"{cloud.graph}/{api}{request.url}",
        "headers": request.content_headers(),
        "body": body,
    }


def _bytes_shown(content: Content) -> Any:
    """The bytes of a file as a text where they are a short one, else what is known of them."""
    if content.size is not None and content.size <= _SHOWN_BYTES:
        try:
            return content.read().decode("utf-8")
        except UnicodeDecodeError:
            pass
    return {"file": content.name, "size_bytes": content.size}


def _added(request: Request, call: Call) -> tuple[str, ...]:
    """What the sending adds to the request, by name."""
    marked = mark_call(request, call).json
    added = [
        "Authorization",
        "User-Agent",
        "client-request-id",
        "return-client-request-id",
        "Accept-Encoding",
    ]
    if call.method.idempotency and marked != request.json:
        added.append(f"body.{call.method.idempotency}")
    if call.method.settle and call.method.settle.mark:
        added.append(f"body.{call.method.settle.mark}")
    return tuple(added)


def _retries(request: Request, method: Method, manifest: Manifest) -> dict[str, Any]:
    """When the request would be sent again, and what happens when its answer is lost."""
    policy = manifest.retry
    statuses = policy.statuses if request.repeatable else policy.statuses_of_unrepeatable
    if method.kind == "read":
        lost = "sent again"
    elif request.repeatable:
        lost = "sent again: a second time does no harm"
    elif method.settle is not None and method.idempotency:
        lost = "looked for, and sent once more where it is not found: Graph drops duplicates"
    elif method.settle is not None:
        other = "unknown" if method.kind == "send" else "not done"
        lost = f"looked for, then reported as done or {other}, never sent twice"
    else:
        lost = "reported as unknown, never sent twice"
    return {
        "attempts": policy.attempts,
        "statuses": sorted(statuses),
        "repeatable": request.repeatable,
        "after_lost_answer": lost,
    }

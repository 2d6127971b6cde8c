"""Faults that tests arm: which requests they strike, and when in the life of a request.

    refused    the request is not executed: status, html, empty, truncated, redirect, challenge, reset
    spoilt     executed, but the answer is lost or bad: status_after, reset_after, truncated_after, cut_after
    slowed     slow (before executing), drip (while answering)
    bent       executed, the answer altered: gzip_bomb, next_link, next_link_repeats, empty_page, repeat_items
    deaf       ignore_filter: $filter is dropped silently

How refusals and envelopes look is in `fault_answers`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, fields, replace
from typing import TYPE_CHECKING, Any, get_args
from typing import Literal as _Literal

from .answers import Answer
from .state import World
from .wsgi import ConnectionCut

if TYPE_CHECKING:
    from .graph_request import GraphRequest

Kind = _Literal[
    "status", "html", "empty", "truncated", "redirect", "challenge", "reset",
    "status_after", "reset_after", "truncated_after", "cut_after",
    "slow", "drip", "gzip_bomb", "next_link", "next_link_repeats", "empty_page", "repeat_items",
    "ignore_filter",
]  # fmt: skip
Run = Callable[["GraphRequest"], Answer]


class BadFault(ValueError):
    """A fault cannot be armed; the message names the field."""


@dataclass(slots=True)
class Fault:
    """One armed fault. Empty matchers fit all; `times` 0 never wears off; `skip` spares the first ones."""

    kind: Kind
    method: str = ""
    path: str = ""
    """Regular expression, searched in the still encoded path."""
    user: str = ""
    """Object id or principal name of the signed-in user."""
    tenant: str = ""
    """GUID or domain of the token's company."""
    times: int = 1
    skip: int = 0
    status: int = 503
    code: str = "serviceNotAvailable"
    message: str = "The service is temporarily unavailable."
    envelope: str = "standard"
    """Shape of the error: see `fault_answers.ENVELOPES`."""
    retry_after: str | None = None
    """As sent; `date+30` becomes the HTTP date 30 seconds from now."""
    headers: dict[str, str] = field(default_factory=dict)
    url: str = ""
    """Target of `redirect` and of `next_link`."""
    seconds: float = 0
    """How long `slow` waits; the pause between pieces of `drip`."""
    size_bytes: int = 64 << 20
    """What the body of `gzip_bomb` unpacks to."""
    challenge: str = "padded"
    """Form of a claims challenge: see `fault_answers.claims_challenge`."""
    struck: int = 0
    """How often it has struck."""
    id: int = 0
    _last_item: Any = None

    def as_json(self) -> dict[str, Any]:
        """The fault as the control endpoint shows it."""
        return {one.name: getattr(self, one.name) for one in fields(self) if not one.name.startswith("_")}


@dataclass(slots=True)
class Faults:
    """All armed faults, in the order in which they are tried."""

    armed: list[Fault] = field(default_factory=list)
    count: int = 0

    def arm(self, wanted: dict[str, Any]) -> Fault:
        """Arm a fault described in JSON; raises BadFault."""
        known = {one.name for one in fields(Fault) if not one.name.startswith("_")} - {"id", "struck"}
        unknown = sorted(set(wanted) - known)
        if unknown:
            raise BadFault(f"A fault has no field {unknown[0]!r}. Known: {', '.join(sorted(known))}.")
        if wanted.get("kind") not in get_args(Kind):
            raise BadFault(f"'kind' must be one of: {', '.join(get_args(Kind))}.")
        try:
            re.compile(wanted.get("path", ""))
        except re.error as error:
            raise BadFault(f"'path' is no regular expression: {error}.") from None
        self.count += 1
        fault = replace(Fault(**wanted), id=self.count)
        self.armed.append(fault)
        return fault

    def strike(self, world: World, request: GraphRequest) -> Fault | None:
        """The first fault that fits this request, counted down."""
        for fault in self.armed:
            if not _fits(world, fault, request):
                continue
            if fault.skip > 0:
                fault.skip -= 1
                continue
            fault.struck += 1
            if fault.times and fault.struck >= fault.times:
                self.armed.remove(fault)
            return fault
        return None


def faults_of(world: World) -> Faults:
    """The faults of this world."""
    return world.part("faults", Faults)


def _fits(world: World, fault: Fault, request: GraphRequest) -> bool:
    if fault.method and fault.method.upper() != request.method:
        return False
    if fault.path and not re.search(fault.path, request.raw_path):
        return False
    if not fault.user and not fault.tenant:
        return True
    token = world.access_tokens.get(request.headers.get("Authorization", "").partition(" ")[2])
    if token is None:
        return False
    tenant = world.tenants[token.tenant_id]
    if fault.tenant and world.tenant(fault.tenant) is not tenant:
        return False
    user = tenant.find_user(fault.user) if fault.user else None
    return not fault.user or (user is not None and user["id"] == token.user_id)


def around(world: World, request: GraphRequest, request_id: str, run: Run) -> Answer:
    """Run a request with the fault that strikes it, if any; raises ConnectionCut for resets."""
    from . import fault_answers

    with world.lock:
        fault = faults_of(world).strike(world, request)
    if fault is None:
        return run(request)
    if request.entry is not None:
        request.entry.fault = fault.kind
    if fault.kind in fault_answers.REFUSALS:
        return fault_answers.REFUSALS[fault.kind](world, fault, request_id)
    if fault.kind == "reset":
        raise ConnectionCut
    if fault.kind == "slow":
        world.clock.sleep(fault.seconds)
    if fault.kind == "ignore_filter":
        kept = {name: value for name, value in request.query.items() if name != "$filter"}
        request = replace(request, query=kept)
    result = run(request)
    if fault.kind == "reset_after":
        raise ConnectionCut
    if fault.kind == "status_after":
        return fault_answers.REFUSALS["status"](world, fault, request_id)
    if isinstance(result.body, dict) and "value" in result.body:
        _bend_page(fault, request, result.body)
    if fault.kind in ("truncated_after", "cut_after", "drip", "gzip_bomb"):
        return _as_bytes(world, fault, result)
    return result


def _bend_page(fault: Fault, request: GraphRequest, page: dict[str, Any]) -> None:
    here = request.url_with_query
    if fault.kind == "next_link" and "@odata.nextLink" in page:
        page["@odata.nextLink"] = fault.url
    elif fault.kind == "next_link_repeats":
        page["@odata.nextLink"] = here
        page.pop("@odata.deltaLink", None)
    elif fault.kind == "empty_page":
        page["value"], page["@odata.nextLink"] = [], here
        page.pop("@odata.deltaLink", None)
    elif fault.kind == "repeat_items" and page["value"]:
        items = page["value"]
        page["value"] = [fault._last_item, *items] if fault._last_item is not None else items
        fault._last_item = items[-1]


def _as_bytes(world: World, fault: Fault, result: Answer) -> Answer:
    from . import fault_answers

    data = fault_answers.body_bytes(result)
    headers = {"Content-Type": "application/json"} | result.headers
    if fault.kind == "gzip_bomb":
        headers["Content-Encoding"] = "gzip"
        return Answer(result.status, content=fault_answers.gzip_bomb(fault.size_bytes), headers=headers)
    if fault.kind == "truncated_after":
        return Answer(result.status, content=data[: len(data) // 2], headers=headers)
    headers["Content-Length"] = str(len(data))
    return Answer(result.status, content=_pieces(world, fault, data), headers=headers)


def _pieces(world: World, fault: Fault, data: bytes) -> Iterator[bytes]:
    if fault.kind == "cut_after":
        yield data[: len(data) // 2]
        raise ConnectionCut
    size = max(1, len(data) // 8)
    for start in range(0, len(data), size):
        world.clock.sleep(fault.seconds)
        yield data[start : start + size]

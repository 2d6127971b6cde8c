"""The content host: pre-authorised URLs for uploads, downloads and monitors, on another host than Graph.

A token or a cookie has no business here; a request that bears one is refused with 401 and shows in the
journal. Route modules register a handler per kind of ticket; `Call.content_url` makes the URLs.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import TypeVar

from .answers import Answer, GraphError
from .call import Call
from .graph import guarded
from .graph_request import GraphRequest
from .state import Ticket, World

Handler = Callable[[Call, Ticket], Answer]
AnyHandler = TypeVar("AnyHandler", bound=Handler)

HOST = "localhost"
_handlers: dict[tuple[str, str], Handler] = {}


def content(method: str, kind: str) -> Callable[[AnyHandler], AnyHandler]:
    """Decorator: this handler answers this method on URLs of this kind."""

    def register(handler: AnyHandler) -> AnyHandler:
        _handlers[method, kind] = handler
        return handler

    return register


def answer(world: World, request: GraphRequest) -> Answer:
    """Answer one request to `/content/{kind}/{token}`."""

    def run(asked: GraphRequest) -> Answer:
        with world.lock:
            return _dispatched(world, asked)

    return guarded(world, request, str(uuid.uuid4()), run)


def _dispatched(world: World, request: GraphRequest) -> Answer:
    if request.headers.get("Authorization") or request.headers.get("Cookie"):
        raise GraphError(401, "unauthenticated", "This URL is pre-authorised and refuses credentials.")
    if request.url.partition("://")[2].partition("/")[0].partition(":")[0] != HOST:
        raise GraphError(404, "itemNotFound", "The content host is another one.")
    kind, _, token = request.raw_path.removeprefix("/content/").partition("/")
    ticket = world.tickets.get(token)
    now = world.clock.now()
    if ticket is None or ticket.kind != kind or (ticket.expires_at is not None and ticket.expires_at <= now):
        raise GraphError(404, "itemNotFound", "The resource could not be found.")
    handler = _handlers.get((request.method, kind))
    if handler is None:
        raise GraphError(405, "notAllowed", "Method not allowed.")
    tenant = world.tenants[ticket.tenant_id]
    call = Call(
        world=world, tenant=tenant, user=tenant.users.get(ticket.user_id) if ticket.user_id else None,
        app_id=ticket.app_id, scopes=frozenset(), method=request.method, url=request.url,
        query=request.query, headers=request.headers, stream=request.stream,
        stream_bytes=request.stream_bytes, now=now,
    )  # fmt: skip
    return handler(call, ticket)

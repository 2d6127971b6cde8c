"""Graph: takes an HTTP request to `/v1.0`, finds out who asks, lets the route answer, writes the answer.

Order: faults that hide the service, token, route, permissions, throttling, handler, faults that spoil the
answer. Handlers live in the route modules listed in `ROUTE_MODULES`.
"""

from __future__ import annotations

import importlib
import json
import uuid
from collections.abc import Callable

from . import faults
from .answers import Answer, GraphError
from .batch import run_batch
from .call import Call
from .changelog import Item
from .fault_answers import claims_challenge
from .graph_request import GraphRequest
from .permissions import GRAPH_APP_ID
from .router import NoRoute, Route, Router, parse_path
from .scopes import Scopes
from .state import AccessToken, Tenant, World
from .throttle import Caller, admitted

ROUTE_MODULES = (
    "directory",
    "groups",
    "group_members",
    "group_conversations",
    "memberships",
    "licences",
    "deleted_items",
    "invitations",
    "presence",
    "photos",
    "exchange_ids",
    "trending",
    "mail_folders",
    "mail",
    "sending",
    "attachments",
    "attachment_sessions",
    "categories",
    "extensions",
    "focused_inbox",
    "mail_rules",
    "mail_tips",
    "calendars",
    "calendar_sharing",
    "free_busy",
    "places",
    "online_meetings",
    "meeting_artifacts",
    "events",
    "event_changes",
    "event_extensions",
    "reminders",
    "outlook_seed",
    "drives",
    "drive_checkout",
    "drive_content",
    "drive_insights",
    "drive_items",
    "drive_operations",
    "drive_previews",
    "drive_seed",
    "drive_special",
    "drive_uploads",
    "drive_versions",
    "sharing",
    "sites",
    "lists",
    "list_items",
    "list_columns",
    "content_types",
    "subscriptions",
    "search",
    "contact_folders",
    "contacts",
    "todo_lists",
    "todo_tasks",
    "todo_parts",
    "todo_attachments",
    "people",
    "mailbox_settings",
)
"""Modules with Graph routes. A new module adds its name here, nothing else."""

JSON_TYPE = (
    "application/json;odata.metadata=minimal;odata.streaming=true;IEEE754Compatible=false;charset=utf-8"
)
_PREFIX = "/v1.0"

router: Router[Callable[..., Answer]] = Router()
route = router.route


def load_routes() -> None:
    """Import every route module, which fills the router."""
    for name in ROUTE_MODULES:
        importlib.import_module(f"{__package__}.{name}")


def answer(world: World, request: GraphRequest) -> Answer:
    """Answer one request; errors come back as Graph's envelope. Raises ConnectionCut when a fault says so."""
    request_id = str(uuid.uuid4())
    if request.raw_path.casefold() == f"{_PREFIX}/$batch":
        return guarded(world, request, request_id, lambda asked: _batch(world, asked))
    return guarded(world, request, request_id, lambda asked: _dispatched(world, asked))


def guarded(world: World, request: GraphRequest, request_id: str, run: faults.Run) -> Answer:
    """Run a request with faults around it and its errors as Graph's envelope."""

    def run_safely(asked: GraphRequest) -> Answer:
        try:
            return run(asked)
        except GraphError as error:
            return Answer(error.status, error_body(world, error, asked, request_id), headers=error.headers)

    return finished(faults.around(world, request, request_id, run_safely), request, request_id)


def _batch(world: World, request: GraphRequest) -> Answer:
    if request.method != "POST":
        raise GraphError(405, "Request_BadRequest", "A batch is sent with POST.", {"Allow": "POST"})
    with world.lock:
        _caller(world, request)
    return run_batch(world, request, lambda item: answer(world, item))


def finished(result: Answer, request: GraphRequest, request_id: str) -> Answer:
    """The answer with the headers that every answer of Graph has."""
    result.headers.setdefault("request-id", request_id)
    result.headers.setdefault("client-request-id", request.headers.get("client-request-id", request_id))
    result.headers.setdefault(
        "x-ms-ags-diagnostic",
        json.dumps({"ServerInfo": {"DataCenter": "Sandbox", "Slice": "E", "Ring": "1", "ScaleUnit": "001"}}),
    )
    if result.body is not None:
        result.headers.setdefault("Content-Type", JSON_TYPE)
    return result


def error_body(world: World, error: GraphError, request: GraphRequest, request_id: str) -> Item:
    """The error envelope. Source: Microsoft Graph error responses and resource types."""
    return {
        "error": {
            "code": error.code,
            "message": error.message,
            "innerError": ({"code": error.inner_code} if error.inner_code else {})
            | {
                "date": world.clock.now().strftime("%Y-%m-%dT%H:%M:%S"),
                "request-id": request_id,
                "client-request-id": request.headers.get("client-request-id", request_id),
            },
        }
    }


def _dispatched(world: World, request: GraphRequest) -> Answer:
    with world.lock:
        token, tenant = _caller(world, request)
        found, parameters, is_me = _found_route(request, token)
        call = _call(world, request, token, tenant)
        call.is_me, call.parameters, call.context = is_me, parameters, found.context(parameters)
        needs: Scopes | None = found.needs
        if needs is not None:
            call.require(needs, own="user" not in parameters or call.is_own(parameters["user"]))
    owner = tenant.find_user(parameters.get("user", ""))
    caller = Caller(
        tenant.id, token.app_id, found.pattern, owner["id"] if owner else "",
        has_token=bool({"token", "$deltatoken", "$skiptoken"} & set(request.query)),
    )  # fmt: skip
    with admitted(world, caller, request.method) as headers:
        if world.switches.answer_delay_seconds:
            world.clock.sleep(world.switches.answer_delay_seconds)
        with world.lock:
            result = found.handler(call, **parameters)
    result.headers |= headers
    return result


def _caller(world: World, request: GraphRequest) -> tuple[AccessToken, Tenant]:
    scheme, _, value = request.headers.get("Authorization", "").partition(" ")
    if scheme.casefold() != "bearer" or not value:
        raise _unauthorized("Access token is empty.")
    token = world.access_tokens.get(value.strip())
    if token is None:
        raise _unauthorized("CompactToken validation failed with reason code: 80049228.")
    if token.expires_at <= world.clock.now():
        raise _unauthorized("Lifetime validation failed, the token is expired.")
    tenant = world.tenants[token.tenant_id]
    if token.user_id is not None:
        if token.user_id not in tenant.users:
            raise _unauthorized("The user of this token does not exist any more.")
        since = tenant.accounts[token.user_id].challenged_since
        if since is not None and token.declares_cp1 and not token.answers_challenge:
            challenge = claims_challenge(int(since.timestamp()))
            raise _unauthorized("Continuous access evaluation resulted in challenge.", challenge)
    return token, tenant


def _unauthorized(message: str, challenge: str = "") -> GraphError:
    challenge = challenge or (
        'Bearer realm="", authorization_uri="https://login.microsoftonline.com/common/oauth2/authorize", '
        f'client_id="{GRAPH_APP_ID}"'
    )
    return GraphError(401, "InvalidAuthenticationToken", message, {"WWW-Authenticate": challenge})


def _found_route(
    request: GraphRequest, token: AccessToken
) -> tuple[Route[Callable[..., Answer]], dict[str, str], bool]:
    if not request.raw_path.startswith(f"{_PREFIX}/"):
        raise GraphError(400, "BadRequest", "Invalid version.")
    segments = parse_path(request.raw_path.removeprefix(_PREFIX))
    is_me = isinstance(segments[0], str) and segments[0].casefold() == "me"
    if is_me:
        if token.user_id is None:
            raise GraphError(
                400, "BadRequest", "/me request is only valid with delegated authentication flow."
            )
        segments[:1] = ["users", token.user_id]
    try:
        found, parameters = router.find(request.method, segments)
    except NoRoute as error:
        if error.allowed:
            message = "Specified HTTP method is not allowed for the request target."
            raise GraphError(
                405, "Request_BadRequest", message, {"Allow": ", ".join(error.allowed)}
            ) from None
        last = segments[-1]
        shown = last if isinstance(last, str) else request.raw_path
        raise GraphError(400, "BadRequest", f"Resource not found for the segment '{shown}'.") from None
    return found, parameters, is_me


def _call(world: World, request: GraphRequest, token: AccessToken, tenant: Tenant) -> Call:
    return Call(
        world=world, tenant=tenant, user=tenant.users.get(token.user_id) if token.user_id else None,
        app_id=token.app_id, scopes=token.permissions, method=request.method, url=request.url,
        query=request.query, headers=request.headers, stream=request.stream,
        stream_bytes=request.stream_bytes, now=world.clock.now(),
    )  # fmt: skip

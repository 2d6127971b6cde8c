"""Delta queries over a `Collection`: tokens, rounds, removed entries, 410.

A round walks the latest changes in order up to the moment it began; a change during the round belongs to the
next one. Tokens are opaque, bound to tenant, user, app and stream, and carry the query options of the first
request. Source: Microsoft: Use delta query to track changes in Microsoft Graph data.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from . import odata
from .answers import GraphError
from .changelog import Change, Collection, Item

if TYPE_CHECKING:
    from .call import Call

Shape = Callable[[Item], Item | list[Item] | None]


def removed_entry(item_id: str, reason: str) -> Item:
    """How Outlook and the directory report an item that is gone."""
    return {"id": item_id, "@removed": {"reason": reason}}


def option(query: Mapping[str, str], name: str) -> str | None:
    """A query option from the request itself or from the token it carries; raises GraphError (400)."""
    token = query.get("$skiptoken") or query.get("$deltatoken")
    if name in query or not token or token == "latest":
        return query.get(name)
    found: str | None = _unpacked(token)["options"].get(name)
    return found


def delta_page(
    call: Call,
    collection: Collection,
    *,
    stream: str,
    default_page: int,
    shape: Shape,
    removed: Callable[[str, str], Item],
    baked: Sequence[str],
    default_select: Sequence[str],
    start_token: str | None,
) -> Item:
    """The body of one page; see `Call.changes` for the arguments. Raises GraphError (400, 410)."""
    owner = "/".join((call.tenant.id, call.user["id"] if call.user else "", call.app_id, stream))
    delay = call.world.switches.read_after_write_delay_seconds
    settled = collection.settled_sequence(call.now, delay)
    token = call.query.get("$skiptoken") or call.query.get("$deltatoken") or start_token
    if token is None or token == "latest":
        options = {name: call.query[name] for name in baked if name in call.query}
        state: dict[str, Any] = {
            "owner": owner, "generation": _generation(call, collection), "initial": token is None,
            "after": 0 if token is None else settled, "until": settled, "options": options,
        }  # fmt: skip
    else:
        state = _state_of(call, token, owner, collection)
        if "until" not in state:
            state["until"] = settled
    return _page(call, collection, state, default_page, shape, removed, default_select)


def _page(
    call: Call,
    collection: Collection,
    state: dict[str, Any],
    default_page: int,
    shape: Shape,
    removed: Callable[[str, str], Item],
    default_select: Sequence[str],
) -> Item:
    options: dict[str, str] = state["options"]
    preferred = call.prefer.get("odata.maxpagesize", "") or options.get("$top", "")
    size = int(preferred) if preferred.isdigit() and int(preferred) else default_page
    changes = collection.changes_between(state["after"], state["until"])
    entries: list[Item] = []
    for change in changes[:size]:
        entries += _entries(collection, change, state["initial"], shape, removed, options, default_select)
    if call.world.switches.delta_replays and entries:
        entries.append(entries[0])
    body: Item = {"@odata.context": call.context_url(call.context.removesuffix("/delta"))}
    if len(changes) > size:
        following = state | {"after": changes[size - 1].sequence}
        body["@odata.nextLink"] = odata.link(call.url, {"$skiptoken": odata.packed(following)})
    else:
        following = {key: value for key, value in state.items() if key != "until"}
        following |= {"after": state["until"], "initial": False, "at": call.now.isoformat()}
        body["@odata.deltaLink"] = odata.link(call.url, {"$deltatoken": odata.packed(following)})
    return body | {"value": entries}


def _entries(
    collection: Collection,
    change: Change,
    initial: bool,
    shape: Shape,
    removed: Callable[[str, str], Item],
    options: dict[str, str],
    default_select: Sequence[str],
) -> list[Item]:
    item = collection.get(change.item_id)
    shown = shape(item) if item is not None else None
    if shown is None or shown == []:
        return [] if initial else [removed(change.item_id, change.removed or "deleted")]
    listed = shown if isinstance(shown, list) else [shown]
    return [odata.shaped(entry, options, default_select, ("id", "@odata.type"), {}) for entry in listed]


def _state_of(call: Call, token: str, owner: str, collection: Collection) -> dict[str, Any]:
    switches = call.world.switches
    state = _unpacked(token)
    if state["owner"] != owner:
        raise GraphError(400, "BadRequest", "Badly formed token. The delta token belongs to another query.")
    issued = datetime.fromisoformat(state["at"]) if "at" in state else call.now
    too_old = (call.now - issued).days >= switches.delta_token_days
    if state["generation"] != _generation(call, collection) or too_old:
        fresh_start = odata.link(call.url, state["options"] | {"$deltatoken": ""})
        headers = {"Location": fresh_start} if switches.delta_410_location else {}
        raise GraphError(
            410, switches.delta_410_code,
            f"The sync state generation is not found; generation={state['generation']};"
            f"[highest={_generation(call, collection)}].", headers,
        )  # fmt: skip
    return state


def _generation(call: Call, collection: Collection) -> int:
    return collection.generation + call.world.delta_epoch


def _unpacked(token: str) -> dict[str, Any]:
    try:
        state = odata.unpacked(token)
    except ValueError:
        state = None
    if not isinstance(state, dict) or "owner" not in state:
        raise GraphError(400, "BadRequest", "Badly formed token. The delta token is not valid.")
    return state

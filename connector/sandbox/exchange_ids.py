"""IDs of mailbox items in their several forms. Source: Microsoft Graph reference: user: translateExchangeIds.

Here the forms of other clients are spellings of the two that this sandbox has: `ewsId` has other letters in
place of `/` and `+`, `entryId` is the base64 of the whole.
"""

from __future__ import annotations

import base64
from typing import Any

from .answers import Answer, GraphError
from .calendar_store import store_of
from .call import Call
from .changelog import Item
from .contact_store import contacts_of
from .graph import route
from .mailbox import mailbox_of
from .outlook import Ids
from .scopes import IDS_TRANSLATE

_FORMATS = ("entryId", "ewsId", "immutableEntryId", "restId", "restImmutableEntryId")
_LASTING = ("immutableEntryId", "restImmutableEntryId")
_BINARY = ("entryId", "immutableEntryId")
_MOST_IDS = 1000
_TO_EWS, _FROM_EWS = str.maketrans("/+", "-_"), str.maketrans("-_", "/+")


@route("POST", "/users/{user}/translateExchangeIds", IDS_TRANSLATE)
def translate_ids(call: Call, user: str) -> Answer:
    """Every id in another form; one that means nothing here comes back with an error."""
    owner = call.mailbox_owner(user)
    body = {name.casefold(): value for name, value in call.json_body().items()}
    ids = body.get("inputids")
    if not isinstance(ids, list) or not ids or len(ids) > _MOST_IDS:
        raise GraphError(400, "ErrorInvalidArgument", f"Give at least one id and at most {_MOST_IDS}.")
    source, target = _format(body.get("sourceidtype")), _format(body.get("targetidtype"))
    stores = [
        mailbox_of(call.world, call.tenant, owner).ids,
        store_of(call.world, call.tenant, owner).ids,
        contacts_of(call.world, call.tenant, owner).ids,
    ]
    context = call.context_url("Collection(microsoft.graph.convertIdResult)")
    shown = [_translated(str(given), source, target, stores) for given in ids]
    return Answer(body={"@odata.context": context, "value": shown})


def _format(name: Any) -> str:
    if name not in _FORMATS:
        raise GraphError(400, "ErrorInvalidArgument", f"The format must be one of: {', '.join(_FORMATS)}.")
    return str(name)


def _translated(given: str, source: str, target: str, stores: list[Ids]) -> Item:
    known = [pair for ids in stores for pair in ids.pairs() if _decoded(given, source) in pair]
    if not known:
        return {
            "sourceId": given, "targetId": None,
            "errorDetails": {"code": "ErrorInvalidIdMalformed", "message": "Id is malformed."},
        }  # fmt: skip
    changing, lasting = known[-1]
    return {"sourceId": given, "targetId": _encoded(lasting if target in _LASTING else changing, target)}


def _decoded(text: str, form: str) -> str:
    if form == "ewsId":
        return text.translate(_FROM_EWS)
    if form not in _BINARY:
        return text
    try:
        return base64.b64decode(text, validate=True).decode("ascii")
    except ValueError:
        return ""


def _encoded(text: str, form: str) -> str:
    if form == "ewsId":
        return text.translate(_TO_EWS)
    return base64.b64encode(text.encode()).decode() if form in _BINARY else text

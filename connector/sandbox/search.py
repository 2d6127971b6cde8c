"""Search over everything that the caller can read: what `POST /search/query` answers.

Files are found by `drive_search`; sites, lists, list items and libraries here, by the words that they show.
Mail, events, people and messages of chats are not searched. Source: Microsoft: searchEntity: query.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from .answers import Answer, GraphError
from .call import Call
from .changelog import Item
from .drive_search import conditions, files_found
from .drives import default_drive, drives_of, role_of
from .graph import route
from .scopes import FILES_READ_ALL, SITES_READ, Scopes
from .site_store import SharePointList, store_of

DEFAULT_SIZE, LARGEST_SIZE = 25, 500

Found = tuple[str, Item]
"""The id of a hit, and the resource."""


@route("POST", "/search/query")
def query(call: Call) -> Answer:
    """One page of what was found, of all kinds asked for."""
    requests = call.json_body().get("requests")
    if not isinstance(requests, list) or len(requests) != 1 or not isinstance(requests[0], dict):
        raise _invalid("The search takes one request.")
    asked: Item = requests[0]
    kinds = asked.get("entityTypes")
    if not isinstance(kinds, list) or not kinds or not set(kinds) <= KINDS.keys():
        raise _invalid(f"This sandbox searches entities of the types {', '.join(KINDS)} only.")
    for kind in kinds:
        call.require(KINDS[kind][0], own=True)
    if call.user is None and not asked.get("region"):
        raise _invalid("The region is required when a search runs with application permissions.")
    text = asked.get("query", {}).get("queryString")
    if not isinstance(text, str) or not text.strip():
        raise _invalid("The query needs a queryString.")
    start, size = asked.get("from", 0), asked.get("size", DEFAULT_SIZE)
    if not isinstance(start, int) or not isinstance(size, int) or start < 0 or not 0 < size <= LARGEST_SIZE:
        raise _invalid(f"from must be at least 0, and size between 1 and {LARGEST_SIZE}.")
    found = [each for kind in dict.fromkeys(kinds) for each in KINDS[kind][1](call, text, asked)]
    hits = [
        {"hitId": hit_id, "rank": start + number, "summary": "", "resource": resource}
        for number, (hit_id, resource) in enumerate(found[start : start + size], 1)
    ]
    container: Item = {"total": len(found), "moreResultsAvailable": start + size < len(found)}
    if hits:
        container["hits"] = hits
    words = [value for name, _, value in conditions(text) if not name and value != "*"]
    answer = {"searchTerms": words, "hitsContainers": [container]}
    context = call.context_url("Collection(microsoft.graph.searchResponse)")
    return Answer(body={"@odata.context": context, "value": [answer]})


def _sites(call: Call) -> Iterator[Item]:
    for site in call.tenant.sites:
        drive = default_drive(call, "site", site["id"])
        if role_of(call, drive, drive.root) is not None:
            yield site


def _lists(call: Call) -> Iterator[SharePointList]:
    for site in _sites(call):
        for each in store_of(call.world, call.tenant, site).lists.values():
            if not each.item["list"]["hidden"]:
                yield each


def _has_words(text: str, *shown: object) -> bool:
    """Whether all words of a query are in what is shown; raises 400 for conditions on properties."""
    for name, _, value in conditions(text):
        if name:
            raise _invalid(f"This sandbox does not know the property {name} in a query of these entities.")
        word = value.casefold().strip("*")
        if not any(word in str(each).casefold() for each in shown):
            return False
    return True


def _sites_found(call: Call, text: str, asked: Item) -> Iterator[Found]:
    for site in _sites(call):
        if _has_words(text, site["displayName"], site["webUrl"]):
            yield site["id"], _resource("site", site)


def _lists_found(call: Call, text: str, asked: Item) -> Iterator[Found]:
    for each in _lists(call):
        if _has_words(text, each.item["displayName"], each.item["description"]):
            yield each.item["id"], _resource("list", each.item)


def _items_found(call: Call, text: str, asked: Item) -> Iterator[Found]:
    for each in _lists(call):
        for item in each.items:
            if _has_words(text, *item["fields"].values()):
                wanted = {name.casefold() for name in asked.get("fields") or ()}
                fields = {key: value for key, value in item["fields"].items() if key.casefold() in wanted}
                yield item["_guid"], _resource("listItem", item | {"fields": fields})


def _drives_found(call: Call, text: str, asked: Item) -> Iterator[Found]:
    for drive in drives_of(call.tenant).by_id.values():
        if role_of(call, drive, drive.root) is not None and _has_words(text, drive.name, drive.web_url):
            yield drive.id, _resource("drive", drive.as_json())


def _resource(kind: str, item: Item) -> Item:
    shown = {key: value for key, value in item.items() if not key.startswith(("_", "@"))}
    return {"@odata.type": f"#microsoft.graph.{kind}"} | shown


KINDS: dict[str, tuple[Scopes, Callable[[Call, str, Item], Iterator[Found]]]] = {
    "driveItem": (FILES_READ_ALL, files_found), "drive": (SITES_READ, _drives_found),
    "site": (SITES_READ, _sites_found), "list": (SITES_READ, _lists_found),
    "listItem": (SITES_READ, _items_found),
}  # fmt: skip
"""What can be searched: the permissions that it needs, and how it is found."""


def _invalid(message: str) -> GraphError:
    return GraphError(400, "BadRequest", message)

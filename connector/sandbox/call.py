"""One request as a route handler sees it, and the answers it can give.

The handler finds whose data is asked for (`user_of`, `mailbox_owner`), reads `query` and `body`, and returns
`collection`, `entity`, `changes` or an `Answer` of its own. Authorisation, faults, throttling and the journal
are the dispatcher's.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cached_property
from typing import IO, Any

from werkzeug.datastructures import Headers

from . import delta, odata
from .answers import Answer, GraphError
from .changelog import Collection, Item
from .scopes import Scopes
from .state import Account, Tenant, Ticket, World

_OUTLOOK_DENIAL = ("ErrorAccessDenied", "Access is denied. Check credentials and try again.")
_DRIVE_DENIAL = ("accessDenied", "Access denied")
_DIRECTORY_DENIAL = ("Authorization_RequestDenied", "Insufficient privileges to complete the operation.")
_DENIALS = {
    **dict.fromkeys(("Mail", "Calendars", "Contacts", "Tasks", "People", "MailboxSettings"), _OUTLOOK_DENIAL),
    **dict.fromkeys(("Files", "Sites"), _DRIVE_DENIAL),
}
"""How each workload words a lack of permission, by the first word of its scopes."""
_ETAG = re.compile(r'(?:W/)?"[^"]*"')
"""An entity tag; those of drives have commas inside."""


@dataclass
class Call:
    """One Graph request, authenticated and parsed."""

    world: World
    tenant: Tenant
    user: Item | None
    """The signed-in user; None for an app without user."""
    app_id: str
    scopes: frozenset[str]
    """Delegated permissions of the token, or roles when there is no user."""
    method: str
    url: str
    """The URL asked for, without query, as the caller wrote it."""
    query: dict[str, str]
    """Query parameters, OData ones with their `$`."""
    headers: Headers
    stream: IO[bytes]
    """The raw body, already received; seek and read at will."""
    stream_bytes: int
    """Length of the raw body."""
    now: datetime
    is_me: bool = False
    context: str = ""
    """Resource path for `@odata.context`."""
    parameters: Mapping[str, str] = field(default_factory=dict)

    @property
    def origin(self) -> str:
        """Scheme, host and port that this request came to."""
        scheme, _, rest = self.url.partition("://")
        return f"{scheme}://{rest.partition('/')[0]}"

    @property
    def prefer(self) -> dict[str, str]:
        """The preferences of all Prefer headers, by lower-case name, values without quotes."""
        return odata.parse_prefer(self.headers.get("Prefer", ""))

    # Whose data

    def user_of(self, key: str) -> Item:
        """The user with this object id or principal name; raises 404 Request_ResourceNotFound."""
        user = self.tenant.find_user(key)
        if user is None:
            raise GraphError(
                404, "Request_ResourceNotFound",
                f"Resource '{key}' does not exist or one of its queried reference-property objects "
                "are not present.",
            )  # fmt: skip
        return user

    def is_own(self, key: str) -> bool:
        """Whether this user key means the signed-in user."""
        user = self.tenant.find_user(key)
        return self.user is not None and user is not None and user["id"] == self.user["id"]

    def mailbox_owner(self, key: str) -> Item:
        """The user whose mailbox is meant.

        Raises 404 when there is no such user or no cloud mailbox, 403 when the caller may not open it.
        """
        user = self.tenant.find_user(key)
        if user is None:
            raise GraphError(404, "ErrorInvalidUser", f"The requested user '{key}' is invalid.")
        account = self.tenant.accounts[user["id"]]
        if account.mailbox in ("none", "on_premises"):
            raise GraphError(
                404, "MailboxNotEnabledForRESTAPI",
                "The mailbox is either inactive, soft-deleted, or is hosted on-premise.",
            )  # fmt: skip
        self._require_access(user, account, *_OUTLOOK_DENIAL)
        return user

    def drive_owner(self, key: str) -> Item:
        """The user whose drive is meant; raises 404 or 403 as `mailbox_owner` does."""
        user = self.user_of(key)
        account = self.tenant.accounts[user["id"]]
        self._require_access(user, account, *_DRIVE_DENIAL)
        return user

    def _require_access(self, user: Item, account: Account, code: str, message: str) -> None:
        if self.user is None or self.user["id"] == user["id"] or self.user["id"] in account.delegates:
            return
        raise GraphError(403, code, message)

    def require(self, needs: Scopes, *, own: bool) -> None:
        """Check permissions where the path does not tell whose data it is (drives by id); raises 403."""
        accepted = needs.accepted(app_only=self.user is None, own=own)
        held = {scope.casefold() for scope in self.scopes}
        if held.isdisjoint(name.casefold() for name in accepted):
            family = (needs.delegated or accepted)[0].partition(".")[0]
            code, message = _DENIALS.get(family, _DIRECTORY_DENIAL)
            raise GraphError(403, code, message)

    # Input

    @cached_property
    def body(self) -> Any:
        """The parsed JSON body, None where there is none; raises 400 when it is malformed."""
        if not self.stream_bytes or "json" not in self.headers.get("Content-Type", "").casefold():
            return None
        try:
            return json.load(self.stream)
        except ValueError:
            message = "Unable to read JSON request payload. Please ensure that it is valid JSON."
            raise GraphError(400, "UnableToDeserializePostBody", message) from None
        finally:
            self.stream.seek(0)

    def json_body(self) -> Item:
        """The body as a JSON object; raises 400 when it is none."""
        if not isinstance(self.body, dict):
            raise GraphError(
                400, "BadRequest",
                "Unable to read JSON request payload. Please ensure Content-Type header is set and payload "
                "is of valid JSON format.",
            )  # fmt: skip
        return self.body

    def check_if_match(self, etag: str) -> None:
        """Raise 412 when the request names another version of the item than this one."""
        wanted = self.headers.get("If-Match")
        if wanted and wanted != "*" and etag not in _ETAG.findall(wanted):
            raise GraphError(
                412, "ErrorIrresolvableConflict",
                "The change key passed in the request does not match the current change key of the item.",
            )  # fmt: skip

    # Answers

    def collection(
        self,
        items: Iterable[Item],
        *,
        default_page: int = 10,
        max_page: int = 1000,
        default_select: Sequence[str] = (),
        always: Sequence[str] = ("id", "@odata.etag"),
        search: Callable[[Item, str], bool] | None = None,
        expand: Mapping[str, Callable[[Item], Any]] | None = None,
        paging: str = "$skiptoken",
        extra: Mapping[str, Any] | None = None,
    ) -> Answer:
        """A page of items after $filter, $search, $orderby, $skip, $top, $count, $select and $expand.

        `default_select`: properties returned without $select (all when empty); `always`: returned with any
        $select; `search(item, text)`: what $search means here; `expand`: navigation properties by name;
        `paging`: the query option that nextLink carries, `$skiptoken` or `$skip`.
        """
        try:
            page = odata.page_of(
                items, self.query,
                default_page=default_page, max_page=max_page, search=search, paging=paging,
                page_preference=self.prefer.get("odata.maxpagesize"),
                ignore_filter=self.world.switches.ignored_filters,
            )  # fmt: skip
            shown = [
                odata.shaped(item, self.query, default_select, always, expand or {}) for item in page.items
            ]
        except odata.BadQuery as error:
            raise GraphError(400, error.code, str(error)) from None
        body: Item = {"@odata.context": self.context_url(self.context)}
        if page.total is not None:
            body["@odata.count"] = page.total
        if page.next_query is not None:
            body["@odata.nextLink"] = odata.link(self.url, page.next_query)
        return Answer(body=body | dict(extra or {}) | {"value": shown})

    def entity(
        self,
        item: Item,
        *,
        status: int = 200,
        default_select: Sequence[str] = (),
        always: Sequence[str] = ("id", "@odata.etag"),
        expand: Mapping[str, Callable[[Item], Any]] | None = None,
        context: str | None = None,
    ) -> Answer:
        """One item after $select and $expand; `context` replaces the derived resource path."""
        try:
            shown = odata.shaped(item, self.query, default_select, always, expand or {})
        except odata.BadQuery as error:
            raise GraphError(400, error.code, str(error)) from None
        context = context or f"{self.context.rpartition('(')[0] or self.context}/$entity"
        return Answer(status=status, body={"@odata.context": self.context_url(context)} | shown)

    def changes(
        self,
        collection: Collection,
        *,
        stream: str,
        default_page: int = 10,
        shape: Callable[[Item], Item | list[Item] | None] = lambda item: item,
        removed: Callable[[str, str], Item] = delta.removed_entry,
        baked: Sequence[str] = ("$select", "$top", "$filter", "$expand"),
        default_select: Sequence[str] = (),
        start_token: str | None = None,
    ) -> Answer:
        """A page of a delta query over one collection.

        `stream` names what the tokens are bound to (a folder, a window); `shape` maps an item to what the
        stream shows of it: an item, several (occurrences), or None when it is outside; `removed` makes the
        entry of a removed id; `baked` are the query options that tokens keep; `start_token` is a token given
        in another way than `$deltatoken` (`latest` starts without the present items).
        """
        return Answer(body=delta.delta_page(
            self, collection, stream=stream, default_page=default_page, shape=shape, removed=removed,
            baked=baked, default_select=default_select, start_token=start_token,
        ))  # fmt: skip

    def delta_option(self, name: str) -> str | None:
        """A query option of the delta query that this request starts or, by its token, goes on with.

        Raises 400 on a token that is none.
        """
        return delta.option(self.query, name)

    def context_url(self, context: str) -> str:
        """`@odata.context` for a resource path."""
        return f"{self.origin}/v1.0/$metadata#{context}"

    def content_url(self, kind: str, *, lifetime_seconds: float | None = None, **data: Any) -> str:
        """A pre-authorised URL on the content host, answered by the `content` route of this kind.

        The data stays in the sandbox and reaches that handler in its ticket.
        """
        expires_at = None if lifetime_seconds is None else self.now + timedelta(seconds=lifetime_seconds)
        user_id = self.user["id"] if self.user else None
        token = self.world.add_ticket(Ticket(kind, self.tenant.id, user_id, self.app_id, data, expires_at))
        scheme, _, host = self.origin.partition("://")
        _, colon, port = host.partition(":")
        return f"{scheme}://localhost{colon}{port}/content/{kind}/{token}"

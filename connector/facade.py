"""Connector: what a host, the command line, the web and the worker call.

It finds the method, the install and the connection, checks permissions before anything is sent, and
runs the engine. It holds no method's name.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from connector.auth.scopes import at_target, missing
from connector.errors import (
    ConnectorError,
    ConsentRequired,
    Forbidden,
    InvalidInput,
    NotConnected,
    ProtocolError,
    UsageError,
)
from connector.exports import export
from connector.runtime.batch import drive_batch
from connector.runtime.build import choose_path
from connector.runtime.call import Call, Page, Step
from connector.runtime.check import check_mode
from connector.runtime.engine import Policy, drive
from connector.runtime.template import MISSING, fill
from connector.spec.load import Catalogue
from connector.spec.model import Cloud, Manifest, Method, Mode, PickerSpec, names
from connector.store import Store
from connector.tenancy import Connection, Status
from connector.wire import Request, Sender

log = logging.getLogger(__name__)


class TokenSource(Protocol):
    """Where access tokens come from."""

    def token(
        self, install_id: str, connection_id: str, *, renew: bool = False, claims: str | None = None
    ) -> str:
        """A valid access token. Raises an AuthError."""


class Seal(Protocol):
    """Keeps what leaves the connector and comes back from being changed or used elsewhere."""

    def seal(self, binding: str, data: bytes) -> str: ...
    def open(self, binding: str, token: str) -> bytes: ...


Senders = Callable[[Cloud, Callable[..., str]], Sender]
"""Makes the HTTP side for one cloud and one token."""


@dataclass(frozen=True, slots=True)
class Identity:
    """As whom a call runs."""

    install_id: str
    connection_id: str
    cloud: Cloud
    mode: Mode
    granted: tuple[str, ...] | None = None
    """None where the host keeps the tokens: Graph itself will say what is lacking."""


class Connector:
    """The connector, loaded. `connector.load()` makes one."""

    def __init__(
        self,
        catalogue: Catalogue,
        *,
        tokens: Callable[[], TokenSource],
        senders: Senders,
        seal: Callable[[], Seal],
        store: Callable[[], Store] | None = None,
        clouds: Mapping[str, Cloud] | None = None,
        default_cloud: str = "global",
        strict_output: bool = False,
        policy: Policy | None = None,
    ) -> None:
        self.catalogue = catalogue
        self._tokens = tokens
        self._senders = senders
        self._seal = seal
        self._store = store
        self._clouds = clouds or self.manifest.clouds
        self._default_cloud = default_cloud
        self._strict_output = strict_output
        self._policy = policy or Policy.of(self.manifest.retry, self.manifest.limits)

    @property
    def manifest(self) -> Manifest:
        """Identity, clouds, permissions, targets and menus."""
        return self.catalogue.manifest

    @property
    def clouds(self) -> Mapping[str, Cloud]:
        """The clouds by name, as configured here."""
        return self._clouds

    @property
    def store(self) -> Store:
        """Apps, installs and connections. Raises UsageError where the host keeps them."""
        if self._store is None:
            raise UsageError("This connector was loaded without a store: the host keeps the installs.")
        return self._store()

    def methods(self, service: str | None = None) -> list[Method]:
        """The methods in the order of the menus, of one service or of all; internal ones left out."""
        if service is not None and service not in self.manifest.services:
            known = names(list(self.manifest.services))
            raise UsageError(f"There is no service {service!r}; there are {known}.")
        return [
            method
            for method in self.catalogue.values()
            if method.visibility != "internal" and service in (None, method.service.name)
        ]

    def method(self, name: str) -> Method:
        """One method. Raises UnknownMethod with the nearest names."""
        return self.catalogue.method(name)

    def export(self) -> dict[str, Any]:
        """The catalogue as one JSON document, its schemas resolved: what a host in another language reads."""
        return export(self.manifest, self.methods())

    def execute(
        self,
        install: str,
        name: str,
        params: Mapping[str, Any] | None = None,
        *,
        as_: str | None = None,
        limit: int | None = None,
        cursor: str | None = None,
        on_progress: Callable[[Step], None] = lambda step: None,
    ) -> Page:
        """Runs a method and gives its items.

        Of a listing it gives one page, or as many as `limit` items take; `Page.cursor` continues it, here
        or in another process. `as_` names the connection (its ID, user name or user ID); the install's
        first when left out. Raises a ConnectorError.
        """
        items: list[Any] = []
        page = Page(())
        for page in self.iterate(
            install, name, params, as_=as_, limit=limit, cursor=cursor, on_progress=on_progress
        ):
            items += page.items
            if limit is None:
                break
        return page.with_items(tuple(items))

    def iterate(
        self,
        install: str,
        name: str,
        params: Mapping[str, Any] | None = None,
        *,
        as_: str | None = None,
        limit: int | None = None,
        cursor: str | None = None,
        on_progress: Callable[[Step], None] = lambda step: None,
    ) -> Iterator[Page]:
        """As `execute`, page by page to the end, or to `limit` items; one page is in memory at a time."""
        method = self.method(name)
        identity = self.identify(install, as_)
        given = self._sized(method, dict(params or {}), limit)
        binding = _binding(identity, method)
        start, skip = self._open_cursor(binding, cursor)
        call = Call(method, given, cursor=start)
        self._authorize(call, identity)
        left = limit
        for step in drive(call, self._sender(identity), self._policy, self._on_drift):
            on_progress(step)
            listing = step.here is not None
            if step.next is not None and not listing:
                continue
            items, skip = step.items[skip:], max(0, skip - len(step.items))
            if left is not None and len(items) > left:
                used = len(step.items) - len(items) + left
                yield Page(items[:left], self._close_cursor(binding, step.here, used), complete=False)
                return
            yield Page(items, self._close_cursor(binding, step.cursor, 0), step.complete)
            left = None if left is None else left - len(items)
            if left == 0:
                return

    def batch(
        self,
        install: str,
        calls: Sequence[tuple[str, Mapping[str, Any]]],
        *,
        as_: str | None = None,
    ) -> list[Page | ConnectorError]:
        """Runs many calls in few requests; for each its items, all pages of a listing, or its error."""
        identity = self.identify(install, as_)
        prepared = [Call(self.method(name), dict(params)) for name, params in calls]
        refused: dict[int, ConnectorError] = {}
        for index, call in enumerate(prepared):
            try:
                self._authorize(call, identity)
            except ConnectorError as error:
                refused[index] = error
        allowed = [index for index in range(len(prepared)) if index not in refused]
        outcomes = drive_batch(
            [prepared[index] for index in allowed], self._sender(identity), self._policy, self._on_drift
        )
        results: dict[int, Page | ConnectorError] = dict(refused)
        for index, outcome in zip(allowed, outcomes, strict=True):
            if isinstance(outcome, ConnectorError):
                results[index] = outcome
            else:
                last = outcome[-1].cursor if outcome else None
                items = tuple(item for step in outcome for item in step.items)
                binding = _binding(identity, prepared[index].method)
                results[index] = Page(items, self._close_cursor(binding, last, 0))
        return [results[index] for index in range(len(prepared))]

    def options(
        self,
        install: str,
        name: str,
        field: str,
        given: Mapping[str, Any] | None = None,
        *,
        search: str | None = None,
        cursor: str | None = None,
        as_: str | None = None,
    ) -> dict[str, Any]:
        """The choices for an input: `{"options": [{"value", "label"}], "cursor"}`, one page of them.

        `given` are the inputs chosen so far; a picker may depend on them. Raises InvalidInput for an input
        that has no picker.
        """
        schema = self.method(name).properties.get(field)
        picker = PickerSpec.of(schema) if schema is not None else None
        if picker is None:
            raise InvalidInput(name, [(field, "has no choices to pick from; type the value")])
        source = self.method(picker.method)
        params = {key: value for key, template in picker.params.items()
                  if (value := fill(template, given or {})) is not MISSING}  # fmt: skip
        for key in source.target_inputs.keys() & (given or {}).keys():
            params.setdefault(key, (given or {})[key])
        if search and picker.search:
            params[picker.search] = search
        if "select" in source.properties:
            params.setdefault("select", sorted({picker.value.split(".")[0], picker.label.split(".")[0]}))
        page = self.execute(install, picker.method, params, as_=as_, cursor=cursor)
        options = [
            {"value": _get(item, picker.value), "label": _get(item, picker.label)} for item in page.items
        ]
        if search and not picker.search:
            options = [option for option in options if search.lower() in str(option["label"]).lower()]
        return {"options": options, "cursor": page.cursor}

    def check(self, install: str, *, as_: str | None = None) -> dict[str, Any]:
        """How a connection stands: `signed_in`, `status`, `missing` permissions, and `error` if there is one.

        Asks Graph for something that every token may read, so it tests the whole way.
        """
        facts: dict[str, Any] = {"install": install, "signed_in": False, "missing": [], "error": None}
        try:
            identity = self.identify(install, as_)
            facts["connection"] = identity.connection_id
            if self._store is not None:
                connection = self.store.connection(install, identity.connection_id)
                facts["status"] = connection.status.value if connection else None
                facts["missing"] = list(connection.missing) if connection else []
            probe = "/me?$select=id" if identity.mode == "delegated" else "/organization?$select=id"
            self._sender(identity).send(Request("GET", probe))
            facts["signed_in"] = True
        except Forbidden:
            facts["signed_in"] = True  # the token was taken; it is good for other things
        except ConnectorError as error:
            facts["error"] = error.as_dict()
        return facts

    def identify(self, install: str, as_: str | None = None) -> Identity:
        """As whom a call of this install runs. Raises UsageError or NotConnected."""
        if self._store is None:
            return Identity(install, as_ or "", self._clouds[self._default_cloud], "delegated")
        found = self.store.install(install)
        if found is None:
            raise UsageError(f"There is no install {install!r}; see `m365-connector installs list`.")
        app = self.store.app(found.app_id)
        if app is None:
            raise UsageError(f"The install {install!r} has lost its app; register it again.")
        connection = _choose(self.store.connections(install), install, as_)
        return Identity(install, connection.id, self._clouds[app.cloud], connection.mode, connection.granted)

    def _authorize(self, call: Call, identity: Identity) -> None:
        """Refuses before any request what the permissions, or their kind, cannot do."""
        method, mode = call.method, identity.mode
        values = {**method.defaults, **call.params}
        try:
            prefix = choose_path(method.request, method, values).prefix
        except InvalidInput:
            return  # the engine will say so, together with everything else that is wrong
        check_mode(method, prefix, mode)
        if identity.granted is None:
            return
        permissions = self.manifest.permissions
        lacking = missing(identity.granted, at_target(method, prefix, mode, permissions), permissions)
        if lacking:
            raise ConsentRequired(
                f"{method.name} needs {', '.join(lacking)}, which was not granted. "
                f"Ask for it with `m365-connector connect {identity.install_id}`.",
                missing_scopes=lacking,
            )

    def _sender(self, identity: Identity) -> Sender:
        def token(*, renew: bool = False, claims: str | None = None) -> str:
            return self._tokens().token(
                identity.install_id, identity.connection_id, renew=renew, claims=claims
            )

        return self._senders(identity.cloud, token)

    def _on_drift(self, call: Call, problems: list[tuple[str, str]]) -> None:
        faults = "; ".join(f"{path}: {text}" for path, text in problems[:5])
        if self._strict_output:
            raise ProtocolError(f"The answer to {call.method.name} does not fit its output schema: {faults}")
        log.warning("schema_drift method=%s call=%s: %s", call.method.name, call.id, faults)

    def _sized(self, method: Method, params: dict[str, Any], limit: int | None) -> dict[str, Any]:
        """Smaller pages where fewer items are wanted than a page brings."""
        page_size = method.defaults.get("page_size")
        if limit is not None and page_size is not None and "page_size" not in params and limit < page_size:
            params["page_size"] = max(1, limit)
        return params

    def _close_cursor(self, binding: str, path: str | None, skip: int) -> Callable[[], str] | None:
        if path is None:
            return None
        return lambda: self._seal().seal(binding, f"{skip} {path}".encode())

    def _open_cursor(self, binding: str, cursor: str | None) -> tuple[str | None, int]:
        if cursor is None:
            return None, 0
        try:
            skip, _, path = self._seal().open(binding, cursor).decode().partition(" ")
        except ConnectorError:
            text = "belongs to another method, install or connection, or was changed; start without it"
            raise InvalidInput("the call", [("cursor", text)]) from None
        return path, int(skip)


def _binding(identity: Identity, method: Method) -> str:
    """What a cursor is good for: one method, as one connection."""
    return f"cursor:{identity.install_id}:{identity.connection_id}:{method.name}"


def _choose(connections: Sequence[Connection], install: str, as_: str | None) -> Connection:
    """The connection that `as_` names, or the first that is not disconnected."""
    known = [entry for entry in connections if entry.status is not Status.DISCONNECTED]
    if as_ is not None:
        wanted = as_.casefold()
        known = [
            entry for entry in known
            if wanted in (entry.id.casefold(), (entry.username or "").casefold(), entry.user_id)
        ]  # fmt: skip
    if not known:
        who = f"{as_} is not connected" if as_ else "Nobody is connected"
        raise NotConnected(
            f"{who} in the install {install!r}. Run `m365-connector connect {install}`.", who="user"
        )
    return known[0]


def _get(item: Any, path: str) -> Any:
    for key in path.split("."):
        item = item.get(key) if isinstance(item, Mapping) else None
    return item

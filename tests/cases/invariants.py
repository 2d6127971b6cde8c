"""What holds after every case, by what the sandbox saw and not by what the connector says.

INV1  no token or secret where it does not belong, and no other host contacted
INV2  no secret in a log line at DEBUG, an error, a file or the output
INV3  nothing of another tenant read or changed
INV4  a bounded number of calls
INV5  no effect twice
"""

from __future__ import annotations

import io
import json
import logging
import socket
import tempfile
import traceback
from collections import Counter
from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import pytest

from connector.errors import ConnectorError
from connector.log import configure
from connector.sandbox.changelog import Collection
from connector.sandbox.grants import entra_of
from connector.sandbox.journal import Entry, journal_of
from connector.sandbox.seed import DEMO_CLIENT_SECRET, DEMO_PASSWORD
from connector.sandbox.state import Tenant
from tests.http_host import Host
from tests.live_sandbox import Live

_SECRET_FIELDS = (
    "code",
    "code_verifier",
    "client_secret",
    "client_assertion",
    "refresh_token",
    "device_code",
)
_LOOPBACK = ("127.0.0.1", "localhost", "::1")


class Watch:
    """Looks on during one test."""

    def __init__(
        self,
        live: Live,
        foreign: Host,
        folder: Path,
        monkeypatch: pytest.MonkeyPatch,
        capfd: pytest.CaptureFixture[str],
    ) -> None:
        self._live, self._foreign, self._folder, self._capfd = live, foreign, folder, capfd
        self._monkeypatch = monkeypatch
        self._logged = io.StringIO()
        self._errors: list[ConnectorError] = []
        self._names_asked: list[str] = []

    def __enter__(self) -> Watch:
        tenants = self._live.server.world.tenants.values()
        self._changes = {tenant.id: changes(tenant) for tenant in tenants}
        self._effects = {tenant.id: effects(tenant) for tenant in tenants}
        self._listen()
        self._collect_errors()
        self._guard_names()
        scratch = self._folder / "scratch"
        scratch.mkdir()
        self._monkeypatch.setattr(tempfile, "tempdir", str(scratch))
        return self

    def __exit__(self, *ignored: object) -> None:
        root = logging.getLogger()
        root.removeHandler(self._handler)
        root.setLevel(self._level)
        for handler, filters in self._filters.items():
            handler.filters[:] = filters
        logging.getLogger("connector").removeHandler(self._own_handler)

    def check(self) -> None:
        """Holds the invariants against what was seen. Fails the test."""
        world = self._live.server.world
        with world.lock:
            entries = [entry for entry in journal_of(world).entries if "X-Asked-By" not in entry.headers]
        secrets = self._secrets(entries)
        self._tokens_stay_where_they_belong(entries)
        self._no_secret_gets_out(secrets)
        self._tenants_stay_apart(entries)
        self._calls_are_bounded(entries)
        self._nothing_happened_twice(entries)

    # INV1

    def _tokens_stay_where_they_belong(self, entries: list[Entry]) -> None:
        world = self._live.server.world
        login_secrets = {*entra_of(world).refresh_tokens, *entra_of(world).codes, DEMO_CLIENT_SECRET}
        access_tokens = set(world.access_tokens)
        for entry in entries:
            text = f"{entry.path}?{entry.query}\n{entry.headers}\n{entry.body}"
            if entry.host.startswith("localhost"):
                assert not entry.bears_authorization, f"INV1: a token at the content host: {entry.path}"
                assert not entry.bears_cookie, f"INV1: a cookie at the content host: {entry.path}"
                assert not _found(text, access_tokens), f"INV1: a token at the content host: {entry.path}"
            if entry.path.startswith("/v1.0/"):
                assert not entry.bears_cookie, f"INV1: a cookie at Graph: {entry.path}"
                bare = f"{entry.path}?{entry.query}\n{entry.body}"
                assert not _found(bare, access_tokens), f"INV1: a token in the request itself: {entry.path}"
            if not entry.path.endswith("/token"):
                assert not _found(text, login_secrets), f"INV1: a secret of the sign-in at {entry.path}"
        strangers = [name for name in self._names_asked if name not in _LOOPBACK]
        assert not strangers, f"INV1: other hosts were to be contacted: {strangers}"
        if not self._live.foreign_calls_wanted:
            assert not self._foreign.seen, f"INV1: another server was contacted: {self._foreign.seen}"
        for seen in self._foreign.seen:
            assert "authorization" not in seen.headers, "INV1: a token at another server"
            assert "cookie" not in seen.headers, "INV1: a cookie at another server"
            sent = f"{seen.path}\n{seen.headers}\n{seen.body!r}"
            assert not _found(sent, access_tokens | login_secrets), "INV1: a secret at another server"

    def _guard_names(self) -> None:
        """No name but this machine's is ever resolved; who asks for another is noted."""
        resolve = socket.getaddrinfo

        def guarded(host: Any, *more: Any, **options: Any) -> Any:
            name = host.decode() if isinstance(host, bytes) else str(host)
            self._names_asked.append(name)
            if name not in _LOOPBACK:
                raise socket.gaierror(socket.EAI_NONAME, "only loopback here")
            return resolve(host, *more, **options)

        self._monkeypatch.setattr(socket, "getaddrinfo", guarded)

    # INV2

    def _secrets(self, entries: list[Entry]) -> set[str]:
        """Every secret that was in play: what the sandbox issued, and what was sent to it."""
        world = self._live.server.world
        entra = entra_of(world)
        found = {DEMO_CLIENT_SECRET, DEMO_PASSWORD, *world.access_tokens, *world.tickets}
        found |= {*entra.refresh_tokens, *entra.codes}
        found |= {device.device_code for device in entra.devices.values()}
        for entry in entries:
            if entry.path.endswith("/token"):
                form = dict(parse_qsl(entry.body))
                found |= {form[name] for name in _SECRET_FIELDS if form.get(name)}
            if entry.path.startswith("/content/"):
                found.add(entry.path.rpartition("/")[2])
        return found

    def _no_secret_gets_out(self, secrets: set[str]) -> None:
        assert not _found(self._logged.getvalue(), secrets), "INV2: a secret in the log"
        assert not _found(self._own_logged.getvalue(), secrets), "INV2: a secret in a record of our own"
        written = self._capfd.readouterr()
        assert not _found(written.out + written.err, secrets), "INV2: a secret in the output"
        for error in self._errors:
            told = f"{error}\n{error!r}\n{json.dumps(error.as_dict(), default=str)}\n"
            told += "".join(traceback.format_exception(error))
            assert not _found(told, secrets), f"INV2: a secret in an error: {type(error).__name__}"
        for file in self._folder.rglob("*"):
            if file.is_file():
                data = file.read_bytes()
                leaked = [secret for secret in secrets if secret.encode() in data]
                assert not leaked, f"INV2: a secret in the file {file.name}"

    def _listen(self) -> None:
        """The whole log at DEBUG as the connector writes it, and our own records before redaction."""
        root = logging.getLogger()
        self._level, self._filters = root.level, {each: list(each.filters) for each in root.handlers}
        self._handler = configure("DEBUG", self._logged)
        self._own_logged = io.StringIO()
        self._own_handler = logging.StreamHandler(self._own_logged)
        logging.getLogger("connector").addHandler(self._own_handler)

    def _collect_errors(self) -> None:
        """Every error of the connector that is made, caught inside or not."""
        made, start = self._errors, ConnectorError.__init__

        def noting(error: ConnectorError, *arguments: Any, **facts: Any) -> None:
            made.append(error)
            start(error, *arguments, **facts)

        self._monkeypatch.setattr(ConnectorError, "__init__", noting)

    # INV3

    def _tenants_stay_apart(self, entries: list[Entry]) -> None:
        world, store = self._live.server.world, self._live.platform.store
        installs = {install.tenant_id: install for install in store.installs()}
        for entry in entries:
            token = world.access_tokens.get(entry.headers.get("Authorization", "").removeprefix("Bearer "))
            if token is not None:
                assert token.tenant_id in installs, f"INV3: a token of another tenant at {entry.path}"
        for tenant in world.tenants.values():
            if tenant.id not in installs and tenant.id in self._changes:
                assert changes(tenant) == self._changes[tenant.id], f"INV3: {tenant.name} was changed"
        for install in installs.values():
            for connection in store.connections(install.id):
                grant = store.grant(install.id, connection.id)
                issued = world.access_tokens.get(grant.access_token) if grant else None
                if issued is not None:
                    whose = (issued.tenant_id, issued.user_id)
                    assert whose == (install.tenant_id, connection.user_id), (
                        "INV3: a token of somebody else is kept"
                    )

    # INV4

    def _calls_are_bounded(self, entries: list[Entry]) -> None:
        calls = [entry for entry in entries if entry.path.startswith(("/v1.0/", "/content/"))]
        tokens = [entry for entry in entries if entry.path.endswith("/token")]
        assert len(calls) <= self._live.most_calls, f"INV4: {len(calls)} calls of Graph"
        assert len(tokens) <= self._live.most_token_calls, f"INV4: {len(tokens)} calls of the token endpoint"

    # INV5

    def _nothing_happened_twice(self, entries: list[Entry]) -> None:
        """What is new in the sandbox's state is there once."""
        if not any(entry.method == "POST" and entry.path.startswith("/v1.0/") for entry in entries):
            return
        for tenant in self._live.server.world.tenants.values():
            if tenant.id in self._effects:
                new = effects(tenant)
                new.subtract(self._effects[tenant.id])
                wanted = self._live.repeats_wanted
                twice = [
                    (place, name) for (place, name), count in new.items() if count > 1 and name not in wanted
                ]
                assert not twice, f"INV5: more than once in {tenant.name}: {twice}"


def _found(text: str, secrets: set[str]) -> list[str]:
    return [secret for secret in secrets if secret in text]


def effects(tenant: Tenant) -> Counter[tuple[str, str]]:
    """Everything in a tenant that a call may have written: in which collection and folder, and its name."""
    found: Counter[tuple[str, str]] = Counter()
    for place, collection in _collections("", tenant):
        for item in collection:
            folder = item.get("_parent") or ""
            found[
                f"{place}/{folder}", str(item.get("subject") or item.get("name") or item.get("displayName"))
            ] += 1
    return found


def changes(tenant: Tenant) -> dict[str, int]:
    """How often each collection of a tenant was changed."""
    return {place: collection.sequence for place, collection in _collections("", tenant)}


def _collections(place: str, value: Any) -> Iterator[tuple[str, Collection]]:
    if isinstance(value, Collection):
        yield place, value
    elif isinstance(value, dict):
        for key, inner in value.items():
            yield from _collections(f"{place}/{key}", inner)
    elif is_dataclass(value):
        for each in fields(value):
            yield from _collections(f"{place}.{each.name}", getattr(value, each.name))

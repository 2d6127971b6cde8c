"""The connector against a running sandbox: over HTTP, with real sign-ins, on a clock that tests move.

Waiting costs no time: whoever sleeps moves the clock of the sandbox, which is the connector's clock too.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cache, cached_property
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import pytest
import requests

from connector.auth.authority import new_session
from connector.auth.clock import ServerClock
from connector.auth.connect import LoginStart
from connector.auth.entra import Entra
from connector.auth.grants import Grants
from connector.facade import Connector, TokenSource
from connector.graph.retry import RetryRule
from connector.graph.transport import Http, Transport
from connector.loading import Platform
from connector.runtime.call import Page
from connector.runtime.engine import Policy
from connector.sandbox import Server
from connector.sandbox.browser import Browser
from connector.sandbox.seed import (
    DEMO_CLIENT_ID,
    DEMO_CLIENT_SECRET,
    DEMO_PASSWORD,
    DEMO_REDIRECT_URIS,
    FABRIKOAST_ID,
    NORTHLEAF_ID,
)
from connector.settings import Settings
from connector.spec.load import Catalogue, load_catalogue
from connector.spec.model import Cloud
from connector.store.crypto import Sealer
from connector.store.sql import SqlStore
from connector.tenancy import Account, App, Connection, Credential, Grant, Install
from connector.wire import Sender

DOMAINS = {"fabrikoast": "fabrikoast.example", "northleaf": "northleaf.example"}
TENANT_IDS = {"fabrikoast": FABRIKOAST_ID, "northleaf": NORTHLEAF_ID}
REDIRECT_URI = DEMO_REDIRECT_URIS[0]
BASE_SCOPES = ("openid", "profile", "offline_access", "User.Read")
SCOPES = ("User.ReadBasic.All", "Mail.ReadWrite", "Mail.Send", "Calendars.ReadWrite", "Files.ReadWrite.All")
DATABASE = "connector.sqlite3"
APP = App(
    "demo", DEMO_CLIENT_ID, cloud="sandbox", credentials=(Credential("first", secret=DEMO_CLIENT_SECRET),)
)


@cache
def catalogue() -> Catalogue:
    """The bundle, read once."""
    return load_catalogue()


@cache
def empty_database() -> bytes:
    """The store's file with its tables and nothing in them: making it once saves time."""
    with tempfile.TemporaryDirectory() as folder:
        settings = Settings.from_environment({"M365_HOME": folder})
        SqlStore.open(settings.database_url, Sealer(settings.keys())).close()
        return (Path(folder) / DATABASE).read_bytes()


class Timeline:
    """The time of the sandbox, lived by the connector too. Sleeping moves it."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self.skew_seconds = 0.0
        """How far the connector's own clock is off."""
        self.naps: list[float] = []

    def seconds(self) -> float:
        """Seconds since 1970 by the connector's own clock."""
        return self.elapsed() + self.skew_seconds

    def elapsed(self) -> float:
        """Seconds that only grow."""
        return self._server.world.clock.now().timestamp()

    def sleep(self, seconds: float) -> None:
        """Remembered, and over at once."""
        self.naps.append(seconds)
        self.travel(seconds)

    def travel(self, seconds: float) -> None:
        """That much time goes by."""
        world = self._server.world
        with world.lock:
            world.clock.advance(seconds)


class LivePlatform(Platform):
    """The platform's parts on that clock. `limits` may be made smaller before the first call."""

    def __init__(self, settings: Settings, timeline: Timeline) -> None:
        super().__init__(catalogue(), settings)
        self.timeline = timeline
        self.limits = self.catalogue.manifest.limits
        ca_bundle = str(settings.ca_bundle) if settings.ca_bundle else None
        self.http = Http(ca_bundle=ca_bundle)
        self.session = new_session(ca_bundle)

    @cached_property
    def entra(self) -> Entra:
        return Entra(
            self.session,
            self.clouds,
            self.catalogue.manifest.auth,
            clock=ServerClock(self.timeline.seconds),
            sleep=self.timeline.sleep,
            monotonic=self.timeline.elapsed,
        )

    @cached_property
    def grants(self) -> Grants:
        permissions = self.catalogue.manifest.permissions
        return Grants(self.store, self.entra, permissions, monotonic=self.timeline.elapsed)

    def sender(self, cloud: Cloud, token: Callable[..., str]) -> Sender:
        manifest = self.catalogue.manifest
        return Transport(
            cloud, manifest.api, token, RetryRule(manifest.retry), self.limits, self.http,
            user_agent="NONISV|test|test/1", sleep=self.timeline.sleep, clock=self.timeline.elapsed,
        )  # fmt: skip

    def connector(
        self, tokens: TokenSource | None = None, *, cloud: str = "sandbox", strict_output: bool = True
    ) -> Connector:
        manifest = self.catalogue.manifest
        return Connector(
            self.catalogue,
            tokens=lambda: tokens or self.grants,
            senders=self.sender,
            seal=lambda: self.sealer,
            store=None if tokens is not None else lambda: self.store,
            clouds=self.clouds,
            default_cloud=cloud,
            strict_output=strict_output,
            policy=Policy.of(manifest.retry, self.limits, self.timeline.sleep),
        )

    def close(self) -> None:
        """Frees sockets and files."""
        self.http.close()
        self.session.close()
        if "store" in self.__dict__:
            self.store.close()  # type: ignore[attr-defined]


class Live:
    """One test's sandbox, as it was seeded, with a platform whose home is empty."""

    def __init__(self, server: Server, home: Path) -> None:
        self.server = server
        self.home = home
        self.url = server.base_url
        self.timeline = Timeline(server)
        self._control = requests.Session()
        self._control.trust_env = False
        self._platforms: list[LivePlatform] = []
        self.most_calls, self.most_token_calls = 40, 8
        """How many requests this test may cost at most."""
        self.foreign_calls_wanted = False
        """Whether this test sends something to the other server on purpose."""
        self.repeats_wanted: set[str] = set()
        """Subjects that this test writes more than once on purpose."""
        self.control("POST", "/reset")
        home.mkdir(mode=0o700)
        (home / DATABASE).write_bytes(empty_database())
        self.platform = self.worker()

    # The connector

    def worker(self) -> LivePlatform:
        """Another platform on the same database, as another process has it."""
        found = LivePlatform(self.settings, self.timeline)
        self._platforms.append(found)
        return found

    @cached_property
    def settings(self) -> Settings:
        return Settings.from_environment(self.environment)

    @property
    def environment(self) -> dict[str, str]:
        """What another process needs to be on the same database and the same sandbox."""
        return {"M365_HOME": str(self.home), "M365_SANDBOX_URL": self.url}

    @cached_property
    def m365(self) -> Connector:
        """The connector; an answer that does not fit its schema is an error."""
        return self.platform.connector()

    def execute(self, method: str, install: str = "fabrikoast", **params: Any) -> Page:
        """Runs a method of the connector."""
        return self.m365.execute(install, method, params)

    def items(self, method: str, install: str = "fabrikoast", **params: Any) -> list[Any]:
        """All items of a listing, or those of one call."""
        pages = self.m365.iterate(install, method, params)
        return [item for page in pages for item in page.items]

    def install(self, name: str = "fabrikoast", app: App = APP) -> Install:
        """Puts the app into one of the companies: name them by the first part of their domain."""
        store = self.platform.store
        store.save_app(app)
        store.save_account(Account(name, enabled=True))
        found = Install(name, name, app.id, TENANT_IDS[name])
        store.save_install(found)
        return found

    # Sign-ins

    def begin(
        self, scopes: Sequence[str] = SCOPES, install: str = "fabrikoast", **options: Any
    ) -> LoginStart:
        """Starts a sign-in in an install that may not be there yet."""
        if self.platform.store.install(install) is None:
            self.install(install)
        return self.platform.connect.begin(install, scopes, REDIRECT_URI, **options)

    def visit(
        self, start: LoginStart | str, user: str = "avery.stone@fabrikoast.example", **answers: Any
    ) -> str:
        """A person at the pages of Entra ID; gives the address at the app to which they lead back."""
        url = start if isinstance(start, str) else start.url
        return Browser().visit(url, **{"account": user, "password": DEMO_PASSWORD, **answers})

    def called_back(
        self, start: LoginStart, user: str = "avery.stone@fabrikoast.example", **answers: Any
    ) -> dict[str, str]:
        """The query with which the person comes back."""
        return query_of(self.visit(start, user, **answers))

    def sign_in(
        self,
        scopes: Sequence[str] = SCOPES,
        install: str = "fabrikoast",
        user: str = "avery.stone",
        **options: Any,
    ) -> Connection:
        """A whole sign-in; gives the connection."""
        start = self.begin(scopes, install, **options)
        address = user if "@" in user else f"{user}@{DOMAINS[install]}"
        connection = self.platform.connect.complete(self.called_back(start, address))
        assert isinstance(connection, Connection)
        return connection

    def connection(self, connection: Connection) -> Connection:
        """How a connection stands now."""
        found = self.platform.store.connection(connection.install_id, connection.id)
        assert found is not None
        return found

    def grant(self, connection: Connection) -> Grant:
        """The tokens that are kept of a connection."""
        found = self.platform.store.grant(connection.install_id, connection.id)
        assert found is not None
        return found

    def expire_token(self, connection: Connection) -> None:
        """Time goes by until the access token is due for renewal."""
        left = self.grant(connection).refresh_at.timestamp() - self.timeline.elapsed()
        self.timeline.travel(left + 1)

    # The sandbox

    def control(self, verb: str, path: str, body: Any = None) -> Any:
        """A request to the control endpoints."""
        answer = self._control.request(verb, f"{self.url}/_sandbox{path}", json=body)
        assert answer.ok, answer.text
        return answer.json()

    def switch(self, **values: Any) -> None:
        """Sets switches."""
        self.control("PUT", "/switches", values)

    def fault(self, kind: str, **fields: Any) -> None:
        """Arms a fault of Graph."""
        self.control("POST", "/faults", {"kind": kind, **fields})

    def entra_error(self, code: int, place: str = "token", **fields: Any) -> None:
        """Arms an error of Entra ID."""
        self.control("POST", "/entra-errors", {"place": place, "code": code, **fields})

    def graph(
        self, verb: str, path: str, body: Any = None, *, user: str | None = "avery.stone", install: str = "fabrikoast",
        permissions: Sequence[str] = (*SCOPES, "User.ReadWrite.All"), headers: Mapping[str, str] | None = None,
    ) -> Any:  # fmt: skip
        """What Graph itself says, asked without the connector; the journal shows it like any request."""
        domain = DOMAINS[install]
        wanted = {"company": domain, "permissions": list(permissions)}
        token = self.control("POST", "/tokens", wanted | ({"user": f"{user}@{domain}"} if user else {}))
        answer = self._control.request(
            verb,
            path if "://" in path else f"{self.server.graph_url}{path}",
            json=body,
            headers={
                "Authorization": f"Bearer {token['access_token']}",
                "X-Asked-By": "test",
                **(headers or {}),
            },
        )
        assert answer.ok, answer.text
        return answer.json() if answer.content else None

    @property
    def journal(self) -> list[dict[str, Any]]:
        """Every request that the sandbox saw, but those of this class and of the person at the browser."""
        seen = self.control("GET", "/journal")["requests"]
        return [entry for entry in seen if "X-Asked-By" not in entry["headers"]]

    @property
    def graph_calls(self) -> list[dict[str, Any]]:
        """The journal's requests to Graph."""
        return [entry for entry in self.journal if entry["path"].startswith("/v1.0/")]

    @property
    def token_calls(self) -> list[dict[str, Any]]:
        """The journal's requests to the token endpoint; each with its `form`."""
        found = [entry for entry in self.journal if entry["path"].endswith("/token")]
        return [{**entry, "form": dict(parse_qsl(entry["body"]))} for entry in found]

    def forget_journal(self) -> None:
        """What was asked until now no longer shows, nor counts."""
        self.control("DELETE", "/journal")

    def close(self) -> None:
        """Frees sockets and files."""
        for platform in self._platforms:
            platform.close()
        self._control.close()


def query_of(url: str) -> dict[str, str]:
    """The parameters of an address."""
    return dict(parse_qsl(urlsplit(url).query, keep_blank_values=True))


def with_query(url: str, **changes: str | None) -> str:
    """The address with other parameters; None takes one away."""
    wanted = {**query_of(url), **changes}
    query = urlencode({name: value for name, value in wanted.items() if value is not None})
    return urlsplit(url)._replace(query=query).geturl()


def body_of(entry: Mapping[str, Any]) -> Any:
    """The JSON that a request in the journal carried."""
    return json.loads(entry["body"])


def smaller(platform: LivePlatform, **limits: float) -> None:
    """Sets limits of answers, for tests that reach them."""
    platform.limits = replace(platform.limits, **limits)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    """The sandbox on a free port, for all tests of a module."""
    with Server() as running:
        yield running

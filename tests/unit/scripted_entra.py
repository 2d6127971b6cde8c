"""A scripted Entra ID: answers token requests as told, publishes keys, and writes down what it was asked."""

from __future__ import annotations

import io
import json
import threading
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from email.utils import format_datetime
from functools import cache
from typing import Any
from urllib.parse import urlsplit

import jwt
import requests
from cryptography.hazmat.primitives.asymmetric import rsa

from connector.auth.clock import ServerClock
from connector.auth.connect import Connect
from connector.auth.entra import Entra
from connector.auth.grants import Grants
from connector.spec.model import Cloud, Permission
from connector.store import Store
from connector.store.memory import MemoryStore
from connector.tenancy import Account, App, Credential, Install

TENANT = "11111111-1111-1111-1111-111111111111"
OTHER_TENANT = "22222222-2222-2222-2222-222222222222"
USER = "aaaaaaaa-0000-0000-0000-000000000001"
CLIENT = "cccccccc-0000-0000-0000-000000000001"
LOGIN = "https://login.example.com"
GRAPH = "https://graph.example.com"
CALLBACK = "https://platform.example.com/connector/callback"
CLOUDS = {"global": Cloud("global", "Global", LOGIN, GRAPH, ())}
ENDPOINTS = {
    "authorize": "{authority}/{tenant_id}/oauth2/v2.0/authorize",
    "token": "{authority}/{tenant_id}/oauth2/v2.0/token",
    "device_code": "{authority}/{tenant_id}/oauth2/v2.0/devicecode",
    "admin_consent": "{authority}/{tenant_id}/v2.0/adminconsent",
    "discovery": "{authority}/{tenant_id}/v2.0/.well-known/openid-configuration",
}
BASE_SCOPES = ("openid", "profile", "offline_access", "User.Read")


def permission(name: str, *covered_by: str, admin: bool = False, **variants: str) -> Permission:
    return Permission(name, name, admin, f"id-of-{name}", f"app-id-of-{name}", covered_by, variants)


PERMISSIONS = {
    entry.name: entry
    for entry in (
        permission("User.Read", "User.Read.All"),
        permission("User.Read.All", admin=True),
        permission("Mail.Read", "Mail.ReadWrite", shared="Mail.Read.Shared"),
        permission("Mail.Read.Shared", "Mail.ReadWrite.Shared"),
        permission("Mail.ReadWrite"),
        permission("Mail.ReadWrite.Shared"),
        permission("Mail.Send"),
        permission("Files.Read", "Files.ReadWrite"),
        permission("Files.ReadWrite"),
    )
}


@cache
def signing_key(name: str = "key-1") -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


class Timer:
    """A clock that is moved by hand; sleeping moves it."""

    def __init__(self) -> None:
        self.local = 1_780_000_000.0
        self.server_ahead = 0.0
        self.slept: list[float] = []

    def seconds(self) -> float:
        return self.local

    def server(self) -> float:
        return self.local + self.server_ahead

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.local += seconds


class ScriptedEntra:
    """What Entra's HTTP session is in tests.

    `script` holds what the token endpoint answers, in order: a dict is JSON (status 400 with `error`,
    else 200), a tuple (status, headers, body), an exception is raised, a function gets the form.
    Without a script it issues tokens.
    """

    def __init__(self, timer: Timer) -> None:
        self.timer = timer
        self.script: list[Any] = []
        self.forms: list[dict[str, str]] = []
        self.urls: list[str] = []
        self.published_keys = ["key-1"]
        self.key_issuer: str | None = None
        self.discovery: dict[str, Any] = {}
        self.scope = "User.Read Mail.Read openid profile"
        self.lifetime: Any = 3600
        self.claims: dict[str, Any] = {}
        self.signed_with = "key-1"
        self.rotates = True
        self.delay_seconds = 0.0
        self._lock = threading.Lock()

    def request(
        self,
        method: str,
        url: str,
        *,
        data: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        timeout: tuple[float, float] | None = None,
        allow_redirects: bool = True,
        stream: bool | None = None,
    ) -> requests.Response:
        assert not allow_redirects
        assert timeout is not None
        self.urls.append(url)
        path = urlsplit(url).path
        if path.endswith("openid-configuration"):
            return self._answer(url, 200, {}, self._discovery(path.split("/")[1]))
        if path.endswith("keys"):
            return self._answer(url, 200, {}, {"keys": [self._jwk(name) for name in self.published_keys]})
        with self._lock:
            self.forms.append(dict(data or {}))
            told = self.script.pop(0) if self.script else None
        if self.delay_seconds:
            time.sleep(self.delay_seconds)
        if callable(told):
            told = told(dict(data or {}))
        if isinstance(told, Exception):
            raise told
        if told is None:
            told = self.tokens()
        if isinstance(told, dict):
            told = (400 if "error" in told else 200, {}, told)
        return self._answer(url, *told)

    def tokens(self, **changes: Any) -> dict[str, Any]:
        number = len(self.forms)
        form = self.forms[-1]
        answer = {
            "token_type": "Bearer",
            "access_token": f"access-{number}",
            "expires_in": self.lifetime,
        }
        if form.get("grant_type") != "client_credentials":
            answer["scope"] = self.scope
            if self.rotates:
                answer["refresh_token"] = f"refresh-{number}"
            answer["id_token"] = self.id_token(**self.claims)
        return {name: value for name, value in {**answer, **changes}.items() if value is not None}

    def id_token(self, **changes: Any) -> str:
        now = int(self.timer.server())
        claims = {
            "iss": f"{LOGIN}/{TENANT}/v2.0",
            "aud": CLIENT,
            "exp": now + 3600,
            "nbf": now,
            "iat": now,
            "tid": TENANT,
            "oid": USER,
            "ver": "2.0",
            "preferred_username": "ann@contoso.com",
            "name": "Ann",
            "nonce": self.nonce,
            **changes,
        }
        claims = {name: value for name, value in claims.items() if value is not None}
        return jwt.encode(claims, signing_key(self.signed_with), "RS256", headers={"kid": self.signed_with})

    nonce: str | None = None

    def _discovery(self, tenant: str) -> dict[str, Any]:
        guid = TENANT if "." in tenant else tenant
        return {
            "issuer": f"{LOGIN}/{guid}/v2.0",
            "jwks_uri": f"{LOGIN}/{guid}/discovery/v2.0/keys",
            **self.discovery,
        }

    def _jwk(self, name: str) -> dict[str, Any]:
        key = json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(signing_key(name).public_key()))
        issuer = {"issuer": self.key_issuer} if self.key_issuer else {}
        return {**key, "kid": name, "use": "sig", **issuer}

    def _answer(self, url: str, status: int, headers: Mapping[str, str], body: Any) -> requests.Response:
        response = requests.Response()
        response.status_code = status
        response.url = url
        response.request = requests.Request("POST", url).prepare()
        response.headers.update(
            {"Date": format_datetime(datetime.fromtimestamp(self.timer.server(), UTC), True)}
        )
        response.headers.update(headers)
        text = body if isinstance(body, str | bytes) else json.dumps(body)
        response.raw = io.BytesIO(text.encode() if isinstance(text, str) else text)
        return response


def refusal(error: str, number: int | None = None, **more: Any) -> dict[str, Any]:
    """An error answer as Entra ID makes it."""
    codes = {"error_codes": [number]} if number else {}
    prefix = f"AADSTS{number}: " if number else ""
    description = f"{prefix}User ann@contoso.com from 10.0.0.1.\r\nTrace ID: 0-1"
    return {"error": error, "error_description": description, "trace_id": "trace-1", **codes, **more}


class Platform:
    """A store with one app, account and install; Entra ID, the token source and the connect service."""

    def __init__(self, *credentials: Credential, mode: Any = "delegated", store: Store | None = None) -> None:
        self.timer = Timer()
        self.http = ScriptedEntra(self.timer)
        self.store: Store = store or MemoryStore()
        app = App("app", CLIENT, mode=mode, label="Ours", redirect_uri=CALLBACK)
        self.app = App(
            app.id,
            app.client_id,
            mode=mode,
            label=app.label,
            redirect_uri=CALLBACK,
            credentials=credentials or (Credential("first", secret="canary-secret"),),
        )
        self.store.save_app(self.app)
        self.store.save_account(Account("customer", enabled=True))
        self.store.save_install(Install("acme", "customer", "app", TENANT))
        self.entra, self.grants, self.connect = self.worker()

    def worker(self) -> tuple[Entra, Grants, Connect]:
        """Another process on the same store."""
        entra = Entra(
            self.http,
            CLOUDS,
            ENDPOINTS,
            clock=ServerClock(self.timer.seconds),
            sleep=self.timer.sleep,
            monotonic=self.timer.seconds,
        )
        grants = Grants(self.store, entra, PERMISSIONS, monotonic=self.timer.seconds)
        connect = Connect(self.store, entra, grants, PERMISSIONS, base_scopes=BASE_SCOPES)
        return entra, grants, connect

    def sign_in(self, *scopes: str, after: Callable[[], None] = lambda: None, **options: Any) -> Any:
        """A whole sign-in, as a browser would do it."""
        from urllib.parse import parse_qs

        start = self.connect.begin("acme", scopes or ("Mail.Read",), **options)
        query = parse_qs(urlsplit(start.url).query)
        self.http.nonce = query["nonce"][0]
        after()
        browser = options.get("browser")
        return self.connect.complete({"code": "canary-code", "state": start.state}, browser=browser)

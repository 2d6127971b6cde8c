"""The sandbox on a real port, reset before every test, and small ways to use it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import urlencode

import pytest
import requests

from connector.sandbox import Server
from connector.sandbox.seed import DEMO_CLIENT_ID, DEMO_CLIENT_SECRET

COMPANY = "fabrikoast.example"
OTHER_COMPANY = "northleaf.example"
ADMIN = f"avery.stone@{COMPANY}"
USER = f"mina.okafor@{COMPANY}"
CALLBACK = "http://localhost:8400/callback"


class Sandbox:
    """A running sandbox with a session of requests."""

    def __init__(self, server: Server, session: requests.Session) -> None:
        self.server, self.session = server, session
        self.url, self.graph_url = server.base_url, server.graph_url

    def control(self, method: str, path: str, body: Any = None, status: int | None = None) -> Any:
        answer = self.session.request(method, f"{self.url}/_sandbox{path}", json=body)
        assert status is None or answer.status_code == status, answer.text
        assert status is not None or answer.ok, answer.text
        return answer.json()

    def switch(self, **values: Any) -> None:
        self.control("PUT", "/switches", values)

    def fault(self, kind: str, **values: Any) -> None:
        self.control("POST", "/faults", {"kind": kind, **values})

    def token(self, *permissions: str, user: str | None = USER, company: str = COMPANY, **more: Any) -> str:
        body = {"company": company, "user": user, "permissions": list(permissions), **more}
        token: str = self.control("POST", "/tokens", body)["access_token"]
        return token

    def get(self, path: str, token: str | None = None, **headers: str) -> requests.Response:
        return self.graph("GET", path, token, headers=headers)

    def graph(self, method: str, path: str, token: str | None = None, **more: Any) -> requests.Response:
        token = token or self.token("User.Read", "User.ReadBasic.All")
        headers = {"Authorization": f"Bearer {token}", **more.pop("headers", {})}
        url = path if "://" in path else f"{self.graph_url}{path}"
        return self.session.request(method, url, headers=headers, **more)

    def authorize_url(self, segment: str = COMPANY, **parameters: str | None) -> str:
        wanted: dict[str, str | None] = {
            "client_id": DEMO_CLIENT_ID, "response_type": "code", "redirect_uri": CALLBACK, "state": "state-1",
            "scope": "openid profile offline_access User.Read",
        }  # fmt: skip
        wanted |= parameters
        return f"{self.url}/{segment}/oauth2/v2.0/authorize?" + urlencode(
            {name: value for name, value in wanted.items() if value is not None}
        )

    def sign_in(self, url: str | None = None, **body: Any) -> Any:
        return self.control("POST", "/sign-in", {"url": url or self.authorize_url(), "user": USER} | body)

    def code(self, segment: str = COMPANY, **parameters: str | None) -> str:
        code: str = self.sign_in(self.authorize_url(segment, **parameters))["parameters"]["code"]
        return code

    def redeem(self, segment: str = COMPANY, headers: Any = None, **form: str | None) -> requests.Response:
        wanted: dict[str, str | None] = {"client_id": DEMO_CLIENT_ID, "client_secret": DEMO_CLIENT_SECRET}
        wanted |= form
        sent = {name: value for name, value in wanted.items() if value is not None}
        return self.session.post(f"{self.url}/{segment}/oauth2/v2.0/token", data=sent, headers=headers)

    def by_code(self, code: str, segment: str = COMPANY, **form: str | None) -> requests.Response:
        return self.redeem(
            segment, **{"grant_type": "authorization_code", "code": code, "redirect_uri": CALLBACK, **form}
        )

    def tokens(self, **parameters: str | None) -> Any:
        answer = self.by_code(self.code(**parameters))
        assert answer.status_code == 200, answer.text
        return answer.json()

    def refresh(self, refresh_token: str, segment: str = COMPANY, **form: str | None) -> requests.Response:
        return self.redeem(segment, grant_type="refresh_token", refresh_token=refresh_token, **form)


@pytest.fixture(scope="session")
def server() -> Iterator[Server]:
    with Server() as running:
        yield running


@pytest.fixture
def sandbox(server: Server) -> Iterator[Sandbox]:
    with requests.Session() as session:
        session.trust_env = False
        session.post(f"{server.base_url}/_sandbox/reset")
        yield Sandbox(server, session)


@pytest.fixture
def refused() -> Callable[[requests.Response], tuple[int, str, int]]:
    """Status, OAuth error and AADSTS number of a refusal of the token endpoint."""

    def read(answer: requests.Response) -> tuple[int, str, int]:
        body = answer.json()
        assert body["error_description"].startswith(f"AADSTS{body['error_codes'][0]}: ")
        return answer.status_code, body["error"], body["error_codes"][0]

    return read

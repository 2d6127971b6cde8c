"""The sandbox over TLS for clients that others wrote: what they cannot do with it, the sandbox has wrong.

They are large packages, so these tests run by `make test-peers` and not with the others. Every test starts
from a fresh sandbox; looking for any other machine than this one fails the test.
"""

from __future__ import annotations

import socket
import ssl
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import httpx
import pytest
import requests
from azure.core.credentials import AccessToken, TokenCredential
from msgraph import GraphRequestAdapter, GraphServiceClient
from msgraph.graph_request_adapter import options as sdk_options
from msgraph_core import GraphClientFactory
from msgraph_core.authentication import AzureIdentityAuthenticationProvider

from connector.sandbox import Server
from connector.sandbox.browser import Browser
from connector.sandbox.seed import DEMO_PASSWORD

COMPANY = "fabrikoast.example"
OTHER_COMPANY = "northleaf.example"
ADMIN = f"avery.stone@{COMPANY}"
USER = f"mina.okafor@{COMPANY}"
COLLEAGUE = f"luis.brandt@{COMPANY}"
REDIRECT_URI = "http://localhost:8400/callback"
PERMISSIONS = (
    "User.ReadWrite.All",
    "User.DeleteRestore.All",
    "Mail.ReadWrite",
    "Mail.Send",
    "Calendars.ReadWrite",
    "Files.ReadWrite.All",
)
_ENVIRONMENT = (
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "ALL_PROXY",
    "REQUESTS_CA_BUNDLE",
    "CURL_CA_BUNDLE",
    "SSL_CERT_FILE",
)
"""What `requests` obeys before what it was told."""


def pytest_configure(config: pytest.Config) -> None:
    """Warnings are errors, except those that the peers cause among themselves while they are imported."""
    for message in ("GetQueryParameters is deprecated", "This class is deprecated. Please use the generic"):
        config.addinivalue_line("filterwarnings", f"ignore:{message}:DeprecationWarning")


class Sandbox:
    """The running sandbox, what a client needs to trust it, and its control endpoints."""

    def __init__(self, server: Server, ca_file: Path) -> None:
        self.url, self.ca_file = server.base_url, str(ca_file)

    @property
    def tls(self) -> ssl.SSLContext:
        """What clients that want a context trust: the sandbox's authority and nothing else."""
        return ssl.create_default_context(cafile=self.ca_file)

    def authority(self, company: str = COMPANY) -> str:
        """The authority of a company, as clients are configured with it."""
        return f"{self.url}/{company}"

    def control(self, method: str, path: str, body: Any = None) -> Any:
        """One request to a control endpoint; its JSON answer."""
        answer = requests.request(
            method, f"{self.url}/_sandbox{path}", json=body, verify=self.ca_file, timeout=30
        )
        assert answer.ok, answer.text
        return answer.json()

    def switch(self, **values: Any) -> None:
        """Set switches."""
        self.control("PUT", "/switches", values)

    def token(self, *permissions: str, user: str | None = USER) -> str:
        """An access token without a sign-in; with `user=None` for the application itself."""
        wanted = {"company": COMPANY, "user": user, "permissions": list(permissions)}
        token: str = self.control("POST", "/tokens", wanted)["access_token"]
        return token

    def browse(self, url: str, account: str = USER, **choices: Any) -> str:
        """A person signs in at `url` by filling in the pages; the address to which they lead back."""
        return Browser(self.ca_file).visit(url, account=account, password=DEMO_PASSWORD, **choices)

    def requests_to(self, path: str) -> list[dict[str, Any]]:
        """The journal's requests whose path matches this regular expression, oldest first."""
        found: list[dict[str, Any]] = self.control("GET", f"/journal?{urlencode({'path': path})}")["requests"]
        return found


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with Server(tls_folder=tmp_path_factory.mktemp("tls")) as running:
        yield running


@pytest.fixture
def sandbox(server: Server, this_machine_only: None) -> Sandbox:
    assert server.ca_file is not None
    sandbox = Sandbox(server, server.ca_file)
    sandbox.control("POST", "/reset")
    return sandbox


@pytest.fixture(autouse=True)
def this_machine_only(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Peers know Microsoft's hosts by heart; a test that lets one of them call there has to fail."""
    find_address = socket.getaddrinfo
    strangers: list[Any] = []

    def find_address_here(host: Any, *arguments: Any, **options: Any) -> Any:
        if host not in ("127.0.0.1", "localhost", b"localhost"):
            strangers.append(host)
            raise OSError(f"{host} is not this machine")
        return find_address(host, *arguments, **options)

    monkeypatch.setattr(socket, "getaddrinfo", find_address_here)
    for name in _ENVIRONMENT:
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)
    yield
    assert strangers == []


class GivenToken(TokenCredential):
    """A credential of azure-core that has its token already."""

    def __init__(self, token: str) -> None:
        self._token = token

    def get_token(self, *scopes: str, **ignored: Any) -> AccessToken:
        return AccessToken(self._token, int(time.time()) + 3600)


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
async def graph(sandbox: Sandbox) -> AsyncIterator[GraphServiceClient]:
    """Microsoft's client for a user with wide permissions, as configured for a Graph of another address."""
    credential = GivenToken(sandbox.token(*PERMISSIONS))
    provider = AzureIdentityAuthenticationProvider(
        credential, scopes=["https://graph.microsoft.com/.default"], allowed_hosts=["127.0.0.1"]
    )
    # The SDK wraps the transport and never closes what it wrapped.
    async with httpx.AsyncHTTPTransport(verify=sandbox.tls) as transport:
        http = httpx.AsyncClient(transport=transport, timeout=30)
        http = GraphClientFactory.create_with_default_middleware(client=http, options=sdk_options)
        adapter = GraphRequestAdapter(provider, http)
        adapter.base_url = f"{sandbox.url}/v1.0"
        yield GraphServiceClient(request_adapter=adapter)

"""HTTP to the login servers: only to the authority of one cloud, never redirected, never without end."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from http.cookiejar import DefaultCookiePolicy
from ipaddress import ip_address
from typing import Any, Protocol
from urllib.parse import urlsplit
from uuid import uuid4

import requests

from connector.auth.clock import ServerClock
from connector.errors import NoAnswer, ProtocolError, SettingsError

_BODY_BYTES = 1024 * 1024
_TOTAL_SECONDS = 60.0


class Http(Protocol):
    """What is needed of a `requests.Session`."""

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
    ) -> requests.Response: ...


def new_session(ca_bundle: str | None = None, proxy: str | None = None) -> requests.Session:
    """A session for the login servers: nothing from the environment or `.netrc`, and no cookies.

    Entra ID sets cookies; kept, they would mix the requests of one tenant with those of the next.
    """
    session = requests.Session()
    session.trust_env = False
    session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
    if ca_bundle:
        session.verify = ca_bundle
    if proxy:
        session.proxies = {"http": proxy, "https": proxy}
    return session


class Authority:
    """The login server of one cloud, such as `https://login.microsoftonline.com`."""

    def __init__(
        self, address: str, http: Http, clock: ServerClock, timeout_seconds: tuple[float, float]
    ) -> None:
        """`timeout_seconds`: to connect, to read. Raises SettingsError for plain http beyond loopback."""
        self.address = address.rstrip("/")
        self._origin = origin(self.address)
        if self._origin[0] != "https" and not self.is_loopback:
            raise SettingsError(f"The authority {self.address} is not https. Correct the cloud's addresses.")
        self._http = http
        self._clock = clock
        self._timeout = timeout_seconds

    @property
    def is_loopback(self) -> bool:
        """Whether it is this machine: the only place for plain http."""
        host = self._origin[1]
        try:
            return host == "localhost" or ip_address(host).is_loopback
        except ValueError:
            return False

    def owns(self, url: str) -> bool:
        """Whether `url` is on this server."""
        return origin(url) == self._origin

    def send(self, method: str, url: str, form: Mapping[str, str] | None = None) -> requests.Response:
        """One exchange; the answer's body is read, whatever its status.

        Raises NoAnswer for a lost connection or a time-out, ProtocolError for a redirect or an endless body.
        """
        if not self.owns(url):
            raise ProtocolError(
                "Entra ID named an address on another server; nothing was sent there. "
                "Report this to whoever runs the platform."
            )
        headers = {
            "Accept": "application/json",
            "client-request-id": str(uuid4()),
            "return-client-request-id": "true",
        }
        deadline = time.monotonic() + _TOTAL_SECONDS
        try:
            response = self._http.request(
                method,
                url,
                data=form,
                headers=headers,
                timeout=self._timeout,
                allow_redirects=False,
                stream=True,
            )
            with response:
                self._clock.observe(response.headers.get("Date"))
                response._content = _read(response, deadline)
        except requests.RequestException as error:
            raise NoAnswer(
                f"Entra ID at {self._origin[1]} gave no answer ({type(error).__name__}). "
                "Check the network and the proxy, then try again."
            ) from None
        if response.is_redirect:
            raise ProtocolError("Entra ID answered with a redirect, which was not followed. Try again later.")
        return response

    def get_json(self, url: str) -> Any:
        """The JSON object that is published at `url`. Raises as `send` does, and UnexpectedAnswer."""
        response = self.send("GET", url)
        try:
            found = json.loads(response.content) if response.status_code == 200 else None
        except ValueError:
            found = None
        if not isinstance(found, dict):
            raise UnexpectedAnswer(response)
        return found


class UnexpectedAnswer(Exception):
    """The answer is not the JSON object that was asked for."""

    def __init__(self, response: requests.Response) -> None:
        super().__init__(f"status {response.status_code}")
        self.response = response


def origin(url: str) -> tuple[str, str, int | None]:
    """Scheme, host and port, in the one form in which they compare."""
    parts = urlsplit(url)
    scheme = parts.scheme.lower()
    return scheme, (parts.hostname or "").lower(), parts.port or {"https": 443, "http": 80}.get(scheme)


def _read(response: requests.Response, deadline: float) -> bytes:
    body = bytearray()
    for chunk in response.iter_content(65536):
        body += chunk
        if len(body) > _BODY_BYTES or time.monotonic() > deadline:
            raise ProtocolError("Entra ID sent an answer without end; it was cut off. Try again later.")
    return bytes(body)

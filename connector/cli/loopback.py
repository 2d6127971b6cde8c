"""The end of a sign-in on this machine: a web server on a loopback port that hears one callback.

Microsoft: Redirect URI restrictions. A registered `http://localhost/...` is good for every port.
"""

from __future__ import annotations

import html
import time
from collections.abc import Callable
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any, Generic, TypeVar
from urllib.parse import parse_qsl, urlsplit

from connector.errors import ConnectorError, SignInRefused

Result = TypeVar("Result")

_NOT_OURS = frozenset({"state_unknown", "state_missing"})
_REQUEST_SECONDS = 10


class Loopback(Generic[Result]):
    """Waits at `redirect_uri`. `complete` makes the result of a callback's query, or raises an error."""

    def __init__(self, path: str, port: int, complete: Callable[[dict[str, str]], Result]) -> None:
        """Port 0 picks a free one. Raises OSError when the port is taken."""
        self._path = path
        self._complete = complete
        self._outcome: Result | ConnectorError | None = None
        self._server = HTTPServer(("127.0.0.1", port), self._handler())
        self.redirect_uri = f"http://localhost:{self._server.server_port}{path}"

    def wait(self, timeout_seconds: float) -> Result:
        """The result of the first callback that is ours. Raises its error, or SignInRefused for none."""
        give_up = time.monotonic() + timeout_seconds
        while self._outcome is None:
            left = give_up - time.monotonic()
            if left <= 0:
                raise SignInRefused(
                    f"Nobody came back from Microsoft within {timeout_seconds:.0f} seconds. If its page "
                    "spoke of approval, have an administrator approve (`connect --admin-consent`); if it "
                    f"spoke of the redirect URI, register http://localhost{self._path}. Then start again.",
                    reason="timeout",
                    who="user",
                )
            self._server.timeout = left
            self._server.handle_request()
        if isinstance(self._outcome, ConnectorError):
            raise self._outcome
        return self._outcome

    def close(self) -> None:
        """Frees the port."""
        self._server.server_close()

    def _heard(self, params: dict[str, str]) -> tuple[HTTPStatus, str]:
        """What to show in the browser. A callback with a state that is not ours does not end the wait."""
        try:
            self._outcome = self._complete(params)
        except SignInRefused as error:
            if error.reason not in _NOT_OURS:
                self._outcome = error
            return HTTPStatus.BAD_REQUEST, error.message
        except ConnectorError as error:
            self._outcome = error
            return HTTPStatus.BAD_REQUEST, error.message
        return HTTPStatus.OK, "You are signed in. You can close this window."

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        loopback = self

        class Handler(BaseHTTPRequestHandler):
            timeout = _REQUEST_SECONDS

            def do_GET(self) -> None:
                parts = urlsplit(self.path)
                if parts.path != loopback._path:
                    self._answer(HTTPStatus.NOT_FOUND, "There is nothing here.")
                    return
                self._answer(*loopback._heard(dict(parse_qsl(parts.query))))

            def _answer(self, status: HTTPStatus, text: str) -> None:
                page = (
                    f"<!doctype html><meta charset=utf-8><title>m365-connector</title><p>{html.escape(text)}"
                )
                data = page.encode()
                self.send_response(status)
                self.send_header("Content-Type", "text/html; charset=utf-8")
                self.send_header("Content-Length", str(len(data)))
                self.send_header("Referrer-Policy", "no-referrer")
                self.send_header("Cache-Control", "no-store")
                self.send_header("Connection", "close")
                self.end_headers()
                self.wfile.write(data)

            def log_message(self, *arguments: Any) -> None:
                """Nothing: the address holds the code."""

        return Handler

"""A small threaded WSGI server that keeps connections alive and can break them on purpose.

Ready-made development servers close every connection, which would hide how a client behaves with a pool, and
none lets an application reset its connection. The application must read every request body to its end.
"""

from __future__ import annotations

import socket
import ssl
import struct
import sys
import traceback
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import BytesIO
from typing import IO, TYPE_CHECKING, Any, cast
from urllib.parse import unquote

from werkzeug.serving import DechunkedInput

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication, WSGIEnvironment

_RESET_ON_CLOSE = struct.pack("ii", 1, 0)
_BODYLESS_STATUSES = (204, 304)


class ConnectionCut(Exception):
    """Raised by the application: end this connection with a reset, now and without an answer."""


class WsgiServer(ThreadingHTTPServer):
    """Serves one WSGI application, each connection in a thread of its own."""

    daemon_threads = True
    block_on_close = False
    request_queue_size = 128

    def __init__(
        self, address: tuple[str, int], application: WSGIApplication, tls: ssl.SSLContext | None = None
    ) -> None:
        super().__init__(address, _Handler)
        self.application = application
        self.scheme = "https" if tls else "http"
        if tls is not None:
            self.socket = tls.wrap_socket(self.socket, server_side=True, do_handshake_on_connect=False)

    @property
    def port(self) -> int:
        """The port that is served."""
        return int(self.server_address[1])

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Clients that hang up or refuse the certificate are no news; anything else is shown."""
        if not isinstance(sys.exception(), ConnectionError | ssl.SSLError | TimeoutError):
            super().handle_error(request, client_address)


class _Handler(BaseHTTPRequestHandler):
    server: WsgiServer
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1
    timeout = 120

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the name is the standard library's
        """Say nothing: the journal knows more, and lines of a log would show tokens."""

    def version_string(self) -> str:
        return "Microsoft-IIS/10.0 (sandbox)"

    def __getattr__(self, name: str) -> Any:
        if name.startswith("do_"):
            return self._answer
        raise AttributeError(name)

    def _answer(self) -> None:
        try:
            self._run()
        except ConnectionCut:
            self.close_connection = True
            self._reset()
        except OSError:
            raise
        except Exception:
            self.close_connection = True
            traceback.print_exc()
            self.send_error(500)

    def _run(self) -> None:
        started: list[tuple[str, list[tuple[str, str]]]] = []

        def start_response(status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Any:
            started[:] = [(status, headers)]
            return None

        body = self.server.application(self._environ(), start_response)
        try:
            status, headers = started[0]
            self._send(status, headers, body)
        finally:
            if hasattr(body, "close"):
                body.close()

    def _send(self, status: str, headers: list[tuple[str, str]], body: Any) -> None:
        code, _, reason = status.partition(" ")
        names = {name.casefold() for name, _ in headers}
        self.send_response_only(int(code), reason)
        self.send_header("Server", self.version_string())
        if "date" not in names:
            self.send_header("Date", self.date_time_string())
        for name, value in headers:
            self.send_header(name, value)
        bodyless = self.command == "HEAD" or int(code) in _BODYLESS_STATUSES
        chunked = "content-length" not in names and not bodyless
        if chunked:
            self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        for data in () if bodyless else body:
            if data:
                self.wfile.write(b"%x\r\n%b\r\n" % (len(data), data) if chunked else data)
                self.wfile.flush()
        if chunked:
            self.wfile.write(b"0\r\n\r\n")
        self.wfile.flush()

    def _environ(self) -> WSGIEnvironment:
        path, _, query = self.path.partition("?")
        length = self.headers.get("Content-Length")
        chunked = self.headers.get("Transfer-Encoding", "").casefold() == "chunked"
        environ: WSGIEnvironment = {
            "REQUEST_METHOD": self.command, "SCRIPT_NAME": "", "QUERY_STRING": query, "RAW_URI": self.path,
            "PATH_INFO": _decoded(path), "SERVER_PROTOCOL": self.request_version,
            "SERVER_NAME": str(self.server.server_address[0]), "SERVER_PORT": str(self.server.port),
            "REMOTE_ADDR": self.client_address[0], "wsgi.version": (1, 0),
            "wsgi.url_scheme": self.server.scheme,
            "wsgi.errors": sys.stderr, "wsgi.multithread": True, "wsgi.multiprocess": False,
            "wsgi.run_once": False,
        }  # fmt: skip
        for name, value in self.headers.items():
            key = name.upper().replace("-", "_")
            if key not in ("CONTENT_TYPE", "CONTENT_LENGTH"):
                key = f"HTTP_{key}"
            environ[key] = f"{environ[key]},{value}" if key in environ else value
        if chunked:
            environ["wsgi.input"] = DechunkedInput(cast(IO[bytes], self.rfile))
            environ["wsgi.input_terminated"] = True
        else:
            environ["wsgi.input"] = self.rfile if length else BytesIO()
        return environ

    def _reset(self) -> None:
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
        self.wfile = BytesIO()
        self.connection.close()


def _decoded(path: str) -> str:
    """A percent-encoded path as WSGI wants it: bytes shown as Latin-1."""
    return unquote(path, "latin-1")

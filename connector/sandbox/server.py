"""Runs the sandbox on a local port, over http or https."""

from __future__ import annotations

import ssl
import threading
from pathlib import Path
from types import TracebackType

from .app import create_app
from .certificates import make_certificates
from .state import World
from .switches import Switches
from .wsgi import WsgiServer

GRAPH_HOST = "127.0.0.1"


class Server:
    """A running sandbox; also a context manager.

    `port=0` picks a free port. With `tls_folder`, a new certificate authority and a server certificate for
    127.0.0.1 and localhost are written there and `ca_file` is what clients have to trust.
    """

    def __init__(
        self, port: int = 0, switches: Switches | None = None, tls_folder: Path | None = None
    ) -> None:
        self.app = create_app(switches)
        tls = None if tls_folder is None else make_certificates(tls_folder)
        self.ca_file = tls.ca_file if tls else None
        context = None
        if tls is not None:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(tls.certificate_file, tls.key_file)
        self._server = WsgiServer((GRAPH_HOST, port), self.app, context)
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(0.05,), name="sandbox", daemon=True
        )

    @property
    def world(self) -> World:
        """The state, for tests in the same process."""
        world: World = self.app.extensions["sandbox"]
        return world

    @property
    def base_url(self) -> str:
        """Where Entra and Graph answer, without trailing slash."""
        return f"{self._server.scheme}://{GRAPH_HOST}:{self._server.port}"

    @property
    def graph_url(self) -> str:
        """Root of Graph v1.0."""
        return f"{self.base_url}/v1.0"

    def start(self) -> Server:
        """Serve in a thread of its own."""
        self._thread.start()
        return self

    def serve_forever(self) -> None:
        """Serve in this thread until interrupted."""
        self._server.serve_forever()

    def stop(self) -> None:
        """Stop serving and free the port."""
        if self._thread.is_alive():
            self._server.shutdown()
            self._thread.join()
        self._server.server_close()

    def __enter__(self) -> Server:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

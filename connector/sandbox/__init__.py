"""A local Entra ID and Microsoft Graph with state, for trying and testing without a tenant.

An island: it imports Flask, cryptography, PyJWT and the standard library, nothing of the connector, so that
it can contradict the connector. `create_app` gives a WSGI application, `Server` runs it.
"""

from __future__ import annotations

from .app import create_app
from .server import Server
from .switches import Switches

__all__ = ["Server", "Switches", "create_app"]

"""m365-connector: a declarative Microsoft 365 connector for integration platforms.

    import connector

    m365 = connector.load()
    page = m365.execute("acme", "users.list", {"page_size": 50}, limit=200)

`load` says what can be chosen; `Connector` what can be called; `errors` what can go wrong.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from connector.content import Content
    from connector.facade import Connector
    from connector.loading import load
    from connector.runtime.call import Page

__all__ = ["Connector", "Content", "Page", "load"]

_HOMES = {
    "Connector": "connector.facade",
    "Content": "connector.content",
    "Page": "connector.runtime.call",
    "load": "connector.loading",
}


def __getattr__(name: str) -> Any:
    """The public names are imported when they are first used, so that `import connector` costs nothing."""
    from importlib import import_module

    if name in _HOMES:
        return getattr(import_module(_HOMES[name]), name)
    raise AttributeError(f"module 'connector' has no attribute {name!r}")

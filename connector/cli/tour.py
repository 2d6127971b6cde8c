"""`tour`: the sandbox, two tenants, and ten calls, as they run.

What a platform does over weeks happens here in seconds: the app is registered, the connector is installed
in two companies, their administrators consent, a user of each signs in, and methods run as them. Nothing is
simulated but Microsoft: sign-in, consent and calls go over HTTP.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from connector.content import Content
from connector.errors import ConnectorError, SettingsError, UsageError

if TYPE_CHECKING:
    from connector.facade import Connector
    from connector.loading import Platform
    from connector.runtime.call import Page

DEFAULT_PORT = 8365
FOLDER = ".run"


@dataclass(frozen=True)
class Stop:
    """One call of the tour. `{name}` in its input stands for a value that an earlier one kept."""

    install: str
    method: str
    params: Mapping[str, Any]
    show: str
    keep: str | None = None


STOPS = (
    Stop("fabrikoast", "users.get_me", {}, "{displayName} <{userPrincipalName}>"),
    Stop("northleaf", "users.get_me", {}, "{displayName} <{userPrincipalName}>"),
    Stop("fabrikoast", "users.list", {"page_size": 5}, "{displayName}"),
    Stop("fabrikoast", "calendars.list", {}, "{name}", keep="calendar"),
    Stop(
        "fabrikoast",
        "events.create",
        {
            "calendar_id": "{calendar}",
            "event": {
                "subject": "Planning",
                "start": {"dateTime": "2027-03-01T09:00:00", "timeZone": "Europe/Berlin"},
                "end": {"dateTime": "2027-03-01T09:30:00", "timeZone": "Europe/Berlin"},
            },
        },
        "{subject}, {start[dateTime]} {start[timeZone]}",
        keep="event",
    ),
    Stop(
        "fabrikoast",
        "messages.send",
        {
            "message": {
                "subject": "The plan",
                "body": {"contentType": "text", "content": "Attached is nothing yet."},
                "toRecipients": [{"emailAddress": {"address": "avery.stone@fabrikoast.example"}}],
            }
        },
        "accepted",
    ),
    Stop("fabrikoast", "messages.list", {"folder_id": "inbox", "page_size": 3}, "{subject}"),
    Stop(
        "fabrikoast",
        "drive_items.upload",
        {"path": "Plans/plan.txt", "content": b"One. Two. Three.\n" * 500_000, "if_exists": "replace"},
        "{name}, {size} bytes",
        keep="file",
    ),
    Stop("fabrikoast", "drive_items.download", {"item_id": "{file}"}, "{size} bytes, the same as sent"),
    Stop("fabrikoast", "drive_items.share", {"item_id": "{file}", "type": "view"}, "{link[webUrl]}"),
)
TENANTS = {"fabrikoast": "fabrikoast.example", "northleaf": "northleaf.example"}
ACCOUNT = "avery.stone"


@click.command()
@click.option("--stay", is_flag=True, help="Leave the sandbox running afterwards, until Ctrl-C.")
@click.option(
    "--port", default=None, type=int, help=f"Port of the sandbox; {DEFAULT_PORT} with --stay, else any."
)
def tour(stay: bool, port: int | None) -> None:
    """Start the sandbox, connect two tenants, and run ten calls.

    With --stay the sandbox keeps running, and the file .run/env has the settings for another terminal.
    """
    with _home(stay) as home:
        server = _start(DEFAULT_PORT if port is None and stay else port or 0)
        try:
            platform = _platform(home, server.base_url)
            _connect_all(platform)
            _walk(platform.connector(strict_output=True))
            if stay:
                _remain(home, server.base_url)
            else:
                _farewell()
        finally:
            server.stop()


@contextmanager
def _home(stay: bool) -> Iterator[Path]:
    """A new folder for database and key: the tour never touches what the platform has stored."""
    if not stay:
        with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
            yield Path(folder)
        return
    home = Path(FOLDER).absolute() / "home"
    shutil.rmtree(home, ignore_errors=True)
    home.mkdir(parents=True)
    yield home


def _start(port: int) -> Any:
    try:
        from connector.sandbox import Server
    except ImportError:
        raise UsageError("The sandbox needs Flask: pip install 'm365-connector[sandbox]'.") from None
    try:
        server = Server(port=port).start()
    except OSError as error:
        raise SettingsError(
            f"Port {port} cannot be used ({error.strerror}). Choose another by --port."
        ) from None
    _say(f"The sandbox, a local Entra ID and Microsoft Graph, is at {server.base_url}")
    return server


def _platform(home: Path, url: str) -> Platform:
    from connector.loading import Platform
    from connector.settings import Settings
    from connector.spec.load import load_catalogue

    settings = Settings.from_environment({"M365_HOME": str(home), "M365_SANDBOX_URL": url})
    return Platform(load_catalogue(), settings)


def _connect_all(platform: Platform) -> None:
    """Registers the app, installs it in both companies, gets consent, and signs a user of each in."""
    from connector.auth.scopes import needed
    from connector.sandbox.browser import Browser
    from connector.sandbox.seed import DEMO_CLIENT_ID, DEMO_CLIENT_SECRET, DEMO_PASSWORD, DEMO_REDIRECT_URIS
    from connector.tenancy import Account, App, Credential, Install

    redirect_uri = DEMO_REDIRECT_URIS[0]
    secret = Credential("demo", secret=DEMO_CLIENT_SECRET)
    platform.store.save_app(App("demo", DEMO_CLIENT_ID, cloud="sandbox", credentials=(secret,), label="Demo"))
    _say(f"App registered: client ID {DEMO_CLIENT_ID}")
    methods = [platform.catalogue.method(stop.method) for stop in STOPS]
    scopes = needed(methods, "delegated", platform.catalogue.manifest.permissions)
    for name, domain in TENANTS.items():
        tenant_id = platform.connect.resolve_tenant("sandbox", domain)
        platform.store.save_account(Account(name, enabled=True))
        platform.store.save_install(Install(name, name, "demo", tenant_id))
        _say(f"Installed in {domain}: tenant {tenant_id}")
        user = f"{ACCOUNT}@{domain}"
        for start in (platform.connect.begin_admin_consent, platform.connect.begin):
            arrived = Browser().visit(
                start(name, scopes, redirect_uri).url, account=user, password=DEMO_PASSWORD
            )
            platform.connect.complete(_query(arrived))
        _say(f"  {user} consented and signed in, for {', '.join(scopes)}")


def _walk(m365: Connector) -> None:
    kept: dict[str, Any] = {}
    for number, stop in enumerate(STOPS, 1):
        params = _filled(stop.params, kept)
        _say(f"\n{number:2}. {stop.method}  [{stop.install}]  {_brief(params)}")
        started = time.perf_counter()
        page = m365.execute(stop.install, stop.method, params)
        lines = _lines(stop, page, params)
        milliseconds = (time.perf_counter() - started) * 1000
        for line in lines:
            click.echo(f"    {line}")
        _say(f"    {milliseconds:.0f} ms")
        if stop.keep:
            kept[stop.keep] = page.items[0]["id"]


def _lines(stop: Stop, page: Page, params: Mapping[str, Any]) -> list[str]:
    if not page.items:
        return [stop.show]
    if isinstance(page.items[0], Content):
        data = page.items[0].read()
        sent = next(other.params["content"] for other in STOPS if "content" in other.params)
        if data != sent:
            raise ConnectorError("The file that came back is not the one that was sent.")
        return [stop.show.format(size=len(data))]
    return [stop.show.format(**item) for item in page.items[:5]]


def _filled(value: Any, kept: Mapping[str, Any]) -> Any:
    if isinstance(value, Mapping):
        return {key: _filled(inner, kept) for key, inner in value.items()}
    if isinstance(value, str) and value.startswith("{") and value.endswith("}"):
        return kept[value[1:-1]]
    return value


def _brief(params: Mapping[str, Any]) -> str:
    """The input on one line, without the bytes of files."""
    import json

    shown = {
        key: f"<{len(value)} bytes>" if isinstance(value, bytes) else value for key, value in params.items()
    }
    text = json.dumps(shown, ensure_ascii=False)
    return text if len(text) <= 90 else text[:89] + "…"


def _query(url: str) -> dict[str, str]:
    from urllib.parse import parse_qsl, urlsplit

    return dict(parse_qsl(urlsplit(url).query))


def _remain(home: Path, url: str) -> None:
    env = home.parent / "env"
    env.write_text(
        f"export M365_HOME='{home}' M365_SANDBOX_URL='{url}' PATH='{Path(sys.executable).parent}':\"$PATH\"\n"
    )
    _say(f"\nThe sandbox stays at {url}. In another terminal:\n\n    . {FOLDER}/env")
    _say(_NEXT)
    _say("Ctrl-C ends it.")
    try:
        while True:
            time.sleep(3600)
    except KeyboardInterrupt:
        _say("")


def _farewell() -> None:
    _say("\nThat was the tour. `make up` does it again and leaves the sandbox running; then try:")
    _say(_NEXT)


_NEXT = """
    m365-connector methods
    m365-connector show events.create
    m365-connector call users.list --install fabrikoast --output table
    m365-connector call events.list_view --install fabrikoast --param start=2027-03-01T00:00:00Z \\
                                         --param end=2027-03-02T00:00:00Z
    m365-connector call messages.list --install fabrikoast --param folder_id=inbox --dry-run
    m365-connector doctor --install fabrikoast
"""


def _say(text: str) -> None:
    click.echo(text, err=True)

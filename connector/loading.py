"""load(): the one place that picks implementations and puts a Connector together."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from connector.facade import Connector, TokenSource
from connector.settings import Settings
from connector.spec.load import Catalogue, load_catalogue
from connector.spec.model import Cloud
from connector.store import Store
from connector.wire import Sender

if TYPE_CHECKING:
    from connector.auth.connect import Connect
    from connector.auth.entra import Entra
    from connector.auth.grants import Grants
    from connector.store.crypto import Sealer


def load(
    *,
    bundles: Sequence[str | Path] = (),
    store: Store | None = None,
    tokens: TokenSource | None = None,
    settings: Settings | None = None,
    cloud: str = "global",
    strict_output: bool = False,
) -> Connector:
    """The connector, ready for calls.

    `bundles` are folders with more methods. `store` keeps installs and tokens; by default the database of
    the settings. With `tokens` the host keeps them itself, installs are names of its own, and `cloud`
    says where they are. `strict_output` makes an answer that does not fit its schema an error.
    Raises SpecError and SettingsError.
    """
    platform = Platform(load_catalogue(bundles), settings or Settings.from_environment(), store)
    return platform.connector(tokens, cloud=cloud, strict_output=strict_output)


class Platform:
    """The parts that stand behind a Connector, each made when it is first needed.

    Edges that manage apps, installs and sign-ins use them directly.
    """

    def __init__(self, catalogue: Catalogue, settings: Settings, store: Store | None = None) -> None:
        self.catalogue = catalogue
        self.settings = settings
        self._given_store = store

    def connector(
        self, tokens: TokenSource | None = None, *, cloud: str = "global", strict_output: bool = False
    ) -> Connector:
        """The Connector on these parts; with `tokens` it needs no store."""
        return Connector(
            self.catalogue,
            tokens=lambda: tokens or self.grants,
            senders=self.sender,
            seal=lambda: self.sealer,
            store=None if tokens is not None else lambda: self.store,
            clouds=self.clouds,
            default_cloud=cloud,
            strict_output=strict_output,
        )

    @cached_property
    def clouds(self) -> Mapping[str, Cloud]:
        """The manifest's clouds; the sandbox where the settings say that it is."""
        clouds = dict(self.catalogue.manifest.clouds)
        url = self.settings.sandbox_url
        if url is not None and "sandbox" in clouds:
            clouds["sandbox"] = replace(clouds["sandbox"], authority=url, graph=url)
        return clouds

    @cached_property
    def sealer(self) -> Sealer:
        """Encrypts what is stored, and cursors that leave the process."""
        from connector.store.crypto import Sealer

        return Sealer(self.settings.keys())

    @cached_property
    def store(self) -> Store:
        """Apps, accounts, installs, connections and tokens."""
        if self._given_store is not None:
            return self._given_store
        from connector.store.sql import SqlStore

        self.settings.home.mkdir(parents=True, exist_ok=True, mode=0o700)
        return SqlStore.open(self.settings.database_url, self.sealer)

    @cached_property
    def entra(self) -> Entra:
        """Entra ID in all clouds."""
        from connector.auth.authority import new_session
        from connector.auth.entra import Entra

        settings = self.settings
        return Entra(
            new_session(_text(settings.ca_bundle), settings.proxy),
            self.clouds,
            self.catalogue.manifest.auth,
            timeout_seconds=(settings.connect_timeout_seconds, settings.read_timeout_seconds),
        )

    @cached_property
    def grants(self) -> Grants:
        """Tokens for calls."""
        from connector.auth.grants import Grants

        return Grants(self.store, self.entra, self.catalogue.manifest.permissions)

    @cached_property
    def connect(self) -> Connect:
        """Sign-ins, from the address to send a browser to until the connection is kept."""
        from connector.auth.connect import Connect

        manifest = self.catalogue.manifest
        return Connect(
            self.store, self.entra, self.grants, manifest.permissions, base_scopes=manifest.auth["scopes"]
        )

    @cached_property
    def _transport(self) -> Callable[[Cloud, Callable[..., str]], Sender]:
        from connector.graph.retry import RetryRule
        from connector.graph.transport import Http, Transport

        manifest = self.catalogue.manifest
        http = Http(ca_bundle=_text(self.settings.ca_bundle), proxy=self.settings.proxy)
        rule = RetryRule(manifest.retry)

        def make(cloud: Cloud, token: Callable[..., str]) -> Sender:
            return Transport(
                cloud, manifest.api, token, rule, manifest.limits, http,
                user_agent=f"NONISV|{manifest.name}|connector/{manifest.version}",
            )  # fmt: skip

        return make

    def sender(self, cloud: Cloud, token: Callable[..., str]) -> Sender:
        """The HTTP side of calls to one cloud with one token."""
        return self._transport(cloud, token)


def _text(path: Path | None) -> str | None:
    return None if path is None else str(path)

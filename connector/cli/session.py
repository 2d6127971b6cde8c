"""What the commands of one run share: the connector, loaded when it is first needed, and how errors are told.

Errors go to standard error: a message for people, or one JSON document where the command's output is JSON.
"""

from __future__ import annotations

import logging
import sys
from functools import cached_property
from typing import TYPE_CHECKING

import click

from connector.errors import ConnectorError, UsageError

if TYPE_CHECKING:
    from connector.facade import Connector
    from connector.loading import Platform
    from connector.settings import Settings
    from connector.spec.load import Catalogue
    from connector.store import Store

log = logging.getLogger(__name__)


class Session:
    """One run of the command line."""

    def __init__(self) -> None:
        self.bundles: tuple[str, ...] = ()
        self.verbose = False
        self.errors_as_json = False

    def start(self, bundles: tuple[str, ...], verbose: bool) -> None:
        """Takes the options that stand before the command, and sets up the log."""
        from connector.log import configure

        self.bundles, self.verbose = bundles, verbose
        configure("DEBUG" if verbose else "WARNING")

    @cached_property
    def catalogue(self) -> Catalogue:
        """The methods alone: no store, no network."""
        from connector.spec.load import load_catalogue

        return load_catalogue(self.bundles)

    @cached_property
    def settings(self) -> Settings:
        """The platform's configuration."""
        from connector.settings import Settings

        return Settings.from_environment()

    @cached_property
    def platform(self) -> Platform:
        """The parts that stand behind a connector: store, sign-ins, Entra ID."""
        from connector.loading import Platform

        return Platform(self.catalogue, self.settings)

    @cached_property
    def connector(self) -> Connector:
        """The connector, for calls."""
        return self.platform.connector()

    @property
    def store(self) -> Store:
        """Apps, accounts, installs and connections."""
        return self.platform.store

    def install(self, named: str | None) -> str:
        """The install to use: the one named, or the only one there is. Raises UsageError."""
        if named is not None:
            return named
        known = [install.id for install in self.store.installs()]
        if len(known) == 1:
            return known[0]
        if not known:
            raise UsageError("There is no install yet. Make one with `m365-connector installs add`.")
        raise UsageError(
            f"There are several installs: {', '.join(known)}. Choose one by --install or M365_INSTALL."
        )

    def report(self, error: Exception) -> int:
        """Tells of an error on standard error; gives the exit code."""
        if self.verbose:
            log.error("The command failed.", exc_info=error)
        if isinstance(error, ConnectorError):
            if self.errors_as_json:
                _tell_json(error.as_dict())
            else:
                _tell(error.message)
            return error.exit_code
        text = f"Unexpected {type(error).__name__}; this is a defect of the connector. "
        text += "The log above has the details." if self.verbose else "Run again with --verbose for details."
        if self.errors_as_json:
            _tell_json({"code": ConnectorError.code, "retryable": False, "message": text})
        else:
            _tell(text)
        return ConnectorError.exit_code

    def report_usage(self, error: click.ClickException) -> int:
        """As `report`, for what click itself refuses: an unknown option, a missing argument."""
        if self.errors_as_json:
            _tell_json({"code": UsageError.code, "retryable": False, "message": error.format_message()})
        else:
            error.show()
        return error.exit_code


def _tell(text: str) -> None:
    from connector.log import one_line

    first, *rest = text.split("\n")
    click.echo("\n".join([f"Error: {one_line(first)}", *map(one_line, rest)]), err=True)


def _tell_json(document: dict[str, object]) -> None:
    import json

    print(json.dumps({"error": document}, ensure_ascii=True, default=list), file=sys.stderr)

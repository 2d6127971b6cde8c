"""Which methods a command is about: those named, or those of an install's services."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

import click

from connector.cli.session import Session
from connector.errors import UsageError

if TYPE_CHECKING:
    from connector.spec.model import Method, Mode
    from connector.tenancy import App, Install

Command = TypeVar("Command", bound=Callable[..., Any])


def target_option(command: Command) -> Command:
    """`--target`: whose things the methods will be used on."""
    return click.option(
        "--target",
        "targets",
        multiple=True,
        default=("me",),
        show_default=True,
        metavar="KIND",
        help="me, user, group, site or drive; may be repeated. Others' things can need other permissions.",
    )(command)


def registration(session: Session, install_id: str) -> tuple[Install, App]:
    """The install and its app. Raises UsageError."""
    install = session.store.install(install_id)
    app = session.store.app(install.app_id) if install else None
    if install is None or app is None:
        raise UsageError(f"There is no install {install_id!r}; see `m365-connector installs list`.")
    return install, app


def methods_of(session: Session, named: Sequence[str], install: Install | None, mode: Mode) -> list[Method]:
    """The methods named (`users.list`, or a service such as `emails`), else those of the install's services.

    Of whole services only what is usual and exists in the mode; where nothing is named, also nothing that
    only an administrator can grant to a user. Raises UsageError and UnknownMethod.
    """
    services = session.catalogue.manifest.services
    if not named and install is None:
        raise UsageError("Name methods or services, or an install with --install.")
    wanted = list(named) or list(install.services if install and install.services else services)
    found: list[Method] = []
    for name in wanted:
        if name in services:
            found += _of_service(session, name, mode, for_everyone=not named and mode == "delegated")
        else:
            found.append(session.catalogue.method(name))
    return found


def _of_service(session: Session, service: str, mode: Mode, for_everyone: bool) -> Iterable[Method]:
    permissions = session.catalogue.manifest.permissions
    for method in session.catalogue.values():
        scopes = method.scopes.get(mode)
        if method.service.name != service or method.visibility != "normal" or not scopes:
            continue
        if not for_everyone or not any(permissions[scope].admin for scope in scopes):
            yield method

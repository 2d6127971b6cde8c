"""Every error that the connector raises, in one tree.

    ConnectorError
    ├─ UsageError
    │  ├─ UnknownMethod            the name is no method
    │  └─ InvalidInput             the input does not fit the method's schema
    ├─ SpecError                   the declarative files are wrong
    ├─ SettingsError               the platform's configuration is wrong
    ├─ AuthError                   no usable token
    │  ├─ NotConnected             nobody is signed in, or the sign-in is no longer good
    │  ├─ ConsentRequired          a permission is missing
    │  ├─ SignInRefused            a sign-in came back and was refused
    │  └─ AppMisconfigured         the registration or its secret is wrong: the operator's task
    ├─ GraphError                  Graph answered, and said no
    │  ├─ Rejected                 400 405 406 413 415 422 …
    │  ├─ Forbidden                403
    │  ├─ NotFound                 404
    │  ├─ Conflict                 409 412 423
    │  ├─ ResyncRequired           410: start the delta again
    │  ├─ QuotaExceeded            507
    │  ├─ OperationFailed          a long-running operation ended badly
    │  ├─ ProtocolError            an answer that Graph does not promise
    │  └─ Temporary
    │     ├─ Throttled             429, 509
    │     └─ Unavailable           5xx
    └─ NoAnswer                    no connection, or no answer in time

The edges (command line, web, worker) hold no table of their own: they read `code`, `exit_code`,
`http_status` and `retryable` from the class. A message has two halves: what happened, and what to
do about it. Errors hold plain values only, so that they pickle, and never a secret.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar, Literal

Outcome = Literal["done", "not_done", "unknown"]
"""What is known of a write whose call failed."""


class ConnectorError(Exception):
    """Anything that went wrong. `outcome` is None for reads, and for errors before any request."""

    code: ClassVar[str] = "internal"
    exit_code: ClassVar[int] = 1
    http_status: ClassVar[int] = 500
    retryable: ClassVar[bool] = False

    def __init__(self, message: str, *, outcome: Outcome | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.outcome: Outcome | None = outcome

    def __reduce__(self) -> tuple[Any, ...]:
        return _rebuild, (type(self), self.args, self.__dict__)

    def as_dict(self) -> dict[str, Any]:
        """The error as JSON: `code`, `message`, `retryable`, and what its class adds; no null members."""
        facts = {name: value for name, value in vars(self).items() if not name.startswith("_") and value}
        return {"code": self.code, "retryable": self.retryable, **facts}


def _rebuild(cls: type[ConnectorError], args: tuple[Any, ...], state: dict[str, Any]) -> ConnectorError:
    error = cls.__new__(cls)
    Exception.__init__(error, *args)
    error.__dict__.update(state)
    return error


class UsageError(ConnectorError):
    """The caller asked for something that cannot be asked."""

    code, exit_code, http_status = "usage", 2, 422


class UnknownMethod(UsageError):
    """No method has this name; `close` lists the nearest names."""

    code, http_status = "unknown_method", 404

    def __init__(self, name: str, close: Sequence[str] = ()) -> None:
        hint = f"Did you mean {' or '.join(close)}?" if close else "See `m365-connector methods`."
        super().__init__(f"There is no method {name!r}. {hint}")
        self.close = tuple(close)


class InvalidInput(UsageError):
    """The input does not fit. `problems` has every fault at once, as (path, message)."""

    code = "invalid_input"

    def __init__(self, subject: str, problems: Sequence[tuple[str, str]]) -> None:
        lines = "".join(f"\n  {path or '(input)'}: {text}" for path, text in problems)
        super().__init__(f"The input of {subject} is not valid:{lines}")
        self.problems = tuple(problems)


class SpecError(ConnectorError):
    """The declarative files are wrong. `problems` has one text each, with file and line."""

    code, exit_code = "invalid_bundle", 7

    def __init__(self, problems: Sequence[str]) -> None:
        super().__init__("The bundle is not valid:" + "".join(f"\n  {text}" for text in problems))
        self.problems = tuple(problems)


class SettingsError(ConnectorError):
    """The platform's configuration cannot be used; the message names the setting."""

    code, exit_code = "invalid_settings", 7


class AuthError(ConnectorError):
    """No usable token."""

    code, exit_code, http_status = "auth", 3, 401


class NotConnected(AuthError):
    """Nobody is signed in here, or must sign in again. `connect_url` starts that where it is known."""

    code, http_status = "not_connected", 409

    def __init__(
        self,
        message: str,
        *,
        connect_url: str | None = None,
        aadsts: int | None = None,
        who: str | None = None,
        outcome: Outcome | None = None,
    ) -> None:
        super().__init__(message, outcome=outcome)
        self.connect_url = connect_url
        self.aadsts = aadsts
        self.who = who


class ConsentRequired(AuthError):
    """Permissions are missing: `missing_scopes` names them; `connect_url` asks for them."""

    code, http_status = "consent_required", 403

    def __init__(
        self,
        message: str,
        *,
        missing_scopes: Sequence[str] = (),
        connect_url: str | None = None,
        aadsts: int | None = None,
        who: str | None = None,
    ) -> None:
        super().__init__(message)
        self.missing_scopes = tuple(missing_scopes)
        self.connect_url = connect_url
        self.aadsts = aadsts
        self.who = who


class SignInRefused(AuthError):
    """A sign-in came back from Entra ID and was refused; nothing was stored. `reason` is a short word."""

    code, http_status = "sign_in_refused", 403

    def __init__(
        self,
        message: str,
        *,
        reason: str,
        aadsts: int | None = None,
        who: str | None = None,
        state: str | None = None,
    ) -> None:
        super().__init__(message)
        self.reason = reason
        self.aadsts = aadsts
        self.who = who
        self.state = state


class AppMisconfigured(AuthError):
    """The app registration or its credential is wrong: the platform's operator must act, no user can."""

    code, http_status = "app_misconfigured", 500

    def __init__(self, message: str, *, aadsts: int | None = None, who: str = "operator") -> None:
        super().__init__(message)
        self.aadsts = aadsts
        self.who = who


class GraphError(ConnectorError):
    """Graph answered, and said no. `request_id` is what Microsoft's support asks for."""

    code, exit_code, http_status = "graph_error", 5, 502

    def __init__(
        self,
        message: str,
        *,
        status: int | None = None,
        graph_code: str | None = None,
        request_id: str | None = None,
        method: str | None = None,
        outcome: Outcome | None = None,
    ) -> None:
        super().__init__(message, outcome=outcome)
        self.status = status
        self.graph_code = graph_code
        self.request_id = request_id
        self.method = method


class Rejected(GraphError):
    """Graph will never accept this request as it is."""

    code, http_status = "rejected", 422


class Forbidden(GraphError):
    """The signed-in user or the app may not do this."""

    code, exit_code, http_status = "forbidden", 3, 403


class NotFound(GraphError):
    """The thing, or the mailbox or drive that holds it, is not there."""

    code, exit_code, http_status = "not_found", 4, 404


class Conflict(GraphError):
    """The name is taken, the thing was changed meanwhile, or it is locked."""

    code, exit_code, http_status = "conflict", 6, 409


class ResyncRequired(GraphError):
    """The delta cursor is too old: start the round again without one."""

    code, exit_code, http_status = "resync_required", 6, 410


class QuotaExceeded(GraphError):
    """The mailbox or drive is full."""

    code, http_status = "quota_exceeded", 507


class OperationFailed(GraphError):
    """A long-running operation ended badly."""

    code = "operation_failed"


class ProtocolError(GraphError):
    """An answer that Graph does not promise; it was not acted on."""

    code = "protocol_error"


class Temporary(GraphError):
    """Worth trying again, not before `retry_after_seconds` where that is known."""

    code, exit_code, http_status = "temporary", 75, 503
    retryable = True

    def __init__(
        self,
        message: str,
        *,
        retry_after_seconds: float | None = None,
        status: int | None = None,
        graph_code: str | None = None,
        request_id: str | None = None,
        method: str | None = None,
        outcome: Outcome | None = None,
    ) -> None:
        super().__init__(
            message,
            status=status,
            graph_code=graph_code,
            request_id=request_id,
            method=method,
            outcome=outcome,
        )
        self.retry_after_seconds = retry_after_seconds


class Throttled(Temporary):
    """Too many calls. Graph did not execute the request."""

    code, http_status = "throttled", 429


class Unavailable(Temporary):
    """Graph or Entra ID has a fault."""

    code = "unavailable"


class NoAnswer(ConnectorError):
    """No connection, or no answer in time."""

    code, exit_code, http_status = "no_answer", 75, 504
    retryable = True

"""Whether a failed request is sent again, and when.

The rules are Graph's (Microsoft: Microsoft Graph throttling guidance; Best practices): wait as long as
`Retry-After` says, else exponentially with jitter; never repeat a write whose answer was lost.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any

from connector.errors import ConnectorError, NoAnswer, Temporary
from connector.spec.model import Retry
from connector.wire import Request

if TYPE_CHECKING:
    from tenacity import RetryCallState

_FIRST_WAIT_SECONDS = 1.0


def retry_after_seconds(headers: Mapping[str, str], now: datetime) -> float | None:
    """What the answer says of waiting: the larger of `Retry-After` and `RateLimit-Reset`.

    `Retry-After` is a number of seconds, whole or not, or an HTTP date; nonsense counts as absent.
    """
    stated = [_seconds(headers.get("Retry-After"), now), _seconds(headers.get("RateLimit-Reset"), now)]
    known = [seconds for seconds in stated if seconds is not None]
    return max(known) if known else None


def _seconds(text: str | None, now: datetime) -> float | None:
    if not text:
        return None
    text = text.strip()
    if text.replace(".", "", 1).isdecimal() and text.isascii():
        return float(text)
    try:
        moment = parsedate_to_datetime(text)
    except (ValueError, TypeError):
        return None
    return max(0.0, ((moment if moment.tzinfo else moment.replace(tzinfo=UTC)) - now).total_seconds())


class RetryRule:
    """The manifest's retry policy, applied to errors."""

    def __init__(self, policy: Retry, jitter: Callable[[float, float], float] = random.uniform) -> None:
        self._policy = policy
        self._jitter = jitter

    def wait_seconds(self, request: Request, error: BaseException, attempt: int) -> float | None:
        """How long to wait after `attempt` (from 1) failed with `error`; None: do not send it again."""
        if attempt >= self._policy.attempts or not self._may_repeat(request, error):
            return None
        stated = getattr(error, "retry_after_seconds", None)
        if stated is not None and stated > self._policy.max_wait_seconds:
            return None
        backoff = min(_FIRST_WAIT_SECONDS * 2.0 ** (attempt - 1), self._policy.max_wait_seconds)
        jittered = self._jitter(0, backoff)
        return jittered if stated is None else float(stated) + min(jittered, 1.0)

    def _may_repeat(self, request: Request, error: BaseException) -> bool:
        if isinstance(error, NoAnswer):
            return request.repeatable or error.outcome == "not_done"
        if not isinstance(error, Temporary) or error.status not in self._policy.statuses:
            return False
        if request.repeatable:
            return True
        if error.status not in self._policy.statuses_of_unrepeatable:
            return False
        return error.status == 429 or error.retry_after_seconds is not None

    def again(
        self,
        request: Request,
        error: ConnectorError,
        send: Callable[[], Any],
        sleep: Callable[[float], None],
        clock: Callable[[], float],
    ) -> Any:
        """Sends again after a first failure, until it succeeds or the rule says no; then raises.

        Between two attempts it waits as the rule says, all waits together no longer than the budget.
        """
        from tenacity import Retrying  # imports asyncio: only a failure is worth that

        deadline = clock() + self._policy.budget_seconds
        wanted: float | None = None

        def wait(state: RetryCallState) -> float:
            nonlocal wanted
            failure = state.outcome.exception() if state.outcome else None
            wanted = None if failure is None else self.wait_seconds(request, failure, state.attempt_number)
            return wanted or 0.0

        def stop(state: RetryCallState) -> bool:  # tenacity asks this after `wait`
            return wanted is None or clock() + wanted > deadline

        first = iter([error])

        def attempt() -> Any:
            for failure in first:
                raise failure
            return send()

        return Retrying(stop=stop, wait=wait, sleep=sleep, reraise=True, retry=_is_connector_error)(attempt)


def _is_connector_error(state: RetryCallState) -> bool:
    return state.outcome is not None and isinstance(state.outcome.exception(), ConnectorError)

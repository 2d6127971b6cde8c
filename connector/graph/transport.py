"""Sends requests to Graph, and to the hosts where Graph keeps bytes.

One rule keeps the token safe: a request for a path goes to the Graph host of the install's cloud and
bears the token; one for an absolute URL goes bare, and only to a host on which that cloud keeps
content. No redirect is followed here, no cookie kept, no `.netrc` and no proxy variable read.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any, Protocol
from urllib.parse import urlsplit
from uuid import uuid4

import orjson
import requests
import urllib3
from requests.adapters import HTTPAdapter
from requests.structures import CaseInsensitiveDict

from connector.errors import ConnectorError, NoAnswer, NotConnected, Outcome, ProtocolError, Unavailable
from connector.graph import challenge
from connector.graph.faults import error_of
from connector.graph.retry import RetryRule
from connector.spec.model import Cloud, Limits
from connector.wire import Headers, Request, Response

log = logging.getLogger(__name__)

_PIECE_BYTES = 1024 * 1024
_POOL_SIZE = 32
_NEVER_SENT = ("NewConnectionError", "ConnectTimeoutError", "NameResolutionError", "ProxyError")
"""urllib3's words for a connection that was not made: the request did not leave."""


class Token(Protocol):
    """The access token of one connection."""

    def __call__(self, *, renew: bool = False, claims: str | None = None) -> str:
        """A valid token; a new one with `renew`, satisfying Entra's `claims` challenge where given."""


class PooledAdapter(HTTPAdapter):
    """Keeps connections, and moves large bodies in large blocks."""

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, blocksize=_PIECE_BYTES, **kwargs)


class Http:
    """The connections of a process, and its network settings: shared by all installs.

    `ca_bundle` is a file of trusted authorities beside the usual ones; `proxy` a URL. Neither is taken from
    the environment behind the caller's back.
    """

    def __init__(self, *, ca_bundle: str | None = None, proxy: str | None = None) -> None:
        self._adapter = PooledAdapter(pool_connections=_POOL_SIZE, pool_maxsize=_POOL_SIZE, max_retries=0)
        self._verify: bool | str = ca_bundle or True
        self._proxies = {"http": proxy, "https": proxy} if proxy else {}

    def send(self, request: requests.PreparedRequest, timeout: tuple[float, float]) -> requests.Response:
        """One exchange; the body is left unread."""
        return self._adapter.send(
            request, stream=True, timeout=timeout, verify=self._verify, proxies=self._proxies
        )

    def close(self) -> None:
        """Closes all connections."""
        self._adapter.close()


class Transport:
    """`wire.Sender` for one connection: one cloud, one token."""

    def __init__(
        self,
        cloud: Cloud,
        api: str,
        token: Token,
        retry: RetryRule,
        limits: Limits,
        http: Http,
        *,
        user_agent: str,
        sleep: Callable[[float], None] = time.sleep,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._root = f"{cloud.graph}/{api}"
        self._cloud = cloud
        self._token = token
        self._retry = retry
        self._limits = limits
        self._http = http
        self._user_agent = user_agent
        self._sleep = sleep
        self._clock = clock

    def send(self, request: Request) -> Response:
        """The answer, after retries and at most one new token.

        Raises NoAnswer, NotConnected, or the GraphError of the status; that of a write has its outcome.
        """
        try:
            return self._once(request)
        except ConnectorError as error:
            first = error
        answer: Response = self._retry.again(
            request, first, lambda: self._repeat(request), self._sleep, self._clock
        )
        return answer

    def check(self, request: Request, response: Response) -> None:
        """Raises the error that `response`, one item of a batch, stands for, if any."""
        if 200 <= response.status < 300 or response.status in request.expected:
            return
        raise error_of(request, response, datetime.now(UTC))

    def retry_wait_seconds(self, request: Request, error: Exception, attempt: int) -> float | None:
        """As `wire.Sender` says."""
        return self._retry.wait_seconds(request, error, attempt)

    def _repeat(self, request: Request) -> Response:
        """A later attempt. What is deleted already when the first answer was lost, was deleted by us."""
        try:
            return self._once(request)
        except ConnectorError as error:
            if request.verb == "DELETE" and getattr(error, "status", None) == 404:
                return Response(204, Headers(), self._root)
            raise

    def _once(self, request: Request) -> Response:
        if not request.is_graph:
            self._check_host(request)
            return self._exchange(request, request.url, None)
        url = self._root + request.url
        try:
            return self._exchange(request, url, self._token())
        except _Unauthorized as refused:
            claims = challenge.claims_of(refused.header)
        try:
            return self._exchange(request, url, self._token(renew=True, claims=claims))
        except _Unauthorized as refused:
            raise refused.error from None

    def _check_host(self, request: Request) -> None:
        """Refuses an address that Graph may not name: the URL itself is a permission."""
        parts = urlsplit(request.url)
        host = (parts.hostname or "").lower()
        secure = parts.scheme == urlsplit(self._cloud.graph).scheme or parts.scheme == "https"
        allowed = any(
            host.endswith(known[1:]) if known.startswith("*.") else host == known
            for known in self._cloud.content_hosts
        )
        if not (secure and allowed) or parts.username is not None:
            raise ProtocolError(
                f"Graph named {host or 'no host'!r} for content, which is not among the content_hosts of the "
                f"cloud {self._cloud.name!r} in the manifest; nothing was sent there.",
                outcome=None if request.verb == "GET" else "not_done",
            )

    def _exchange(self, request: Request, url: str, token: str | None) -> Response:
        prepared = self._prepare(request, url, token)
        limits = self._limits
        deadline = self._clock() + limits.total_timeout_seconds
        try:
            answer = self._http.send(prepared, (limits.connect_timeout_seconds, limits.read_timeout_seconds))
        except (requests.ConnectionError, requests.Timeout) as error:
            raise self._no_answer(request, error) from None
        except requests.RequestException as error:
            raise NoAnswer(
                f"The request could not be sent ({type(error).__name__}).", outcome="not_done"
            ) from None
        headers = Headers(dict(answer.headers))
        response = Response(answer.status_code, headers, url)
        log.debug("%s %s -> %s", request.verb, _loggable(request, url), answer.status_code)
        fine = 200 <= response.status < 300 or response.status in request.expected
        if request.stream and 200 <= response.status < 300:
            response.stream = _BodyStream(answer)
            return response
        try:
            self._read(request, response, answer, deadline, fine=fine)
        except BaseException:
            answer.raw.close()
            raise
        answer.raw.release_conn()
        if fine:
            return response
        refusal = error_of(request, response, datetime.now(UTC))
        if isinstance(refusal, NotConnected) and request.is_graph:
            raise _Unauthorized(refusal, headers.get("WWW-Authenticate", ""))
        raise refusal

    def _prepare(self, request: Request, url: str, token: str | None) -> requests.PreparedRequest:
        """The request as `requests` sends it, made by hand: no step of it may look at the environment."""
        headers = {
            "User-Agent": self._user_agent,
            "Accept-Encoding": "identity" if request.stream else "gzip",
            **request.content_headers(),
        }
        body: Any = None
        if token is not None:
            headers["Authorization"] = f"Bearer {token}"
            headers["client-request-id"] = str(uuid4())
            headers["return-client-request-id"] = "true"
        if request.json is not None:
            body = orjson.dumps(request.json)
        elif request.content is not None:
            body = request.content.open()
        if body is not None or request.verb in ("POST", "PUT", "PATCH"):
            headers["Content-Length"] = str(len(body)) if body is not None else "0"
        prepared = requests.PreparedRequest()
        prepared.method, prepared.url, prepared.body = request.verb, url, body
        prepared.headers = CaseInsensitiveDict(headers)
        return prepared

    def _read(
        self, request: Request, response: Response, answer: requests.Response, deadline: float, *, fine: bool
    ) -> None:
        """Reads the body, whatever its length says, within the limits of size and time."""
        try:
            body = _bounded(answer.raw, self._limits.answer_bytes, deadline, self._clock)
        except (urllib3.exceptions.HTTPError, OSError) as error:
            raise self._no_answer(request, error) from None
        if "json" in response.headers.get("Content-Type", "") and body:
            try:
                response.json = orjson.loads(body)
            except orjson.JSONDecodeError:
                if fine:
                    raise Unavailable(
                        "Graph's answer broke off in the middle of its JSON.",
                        status=502, request_id=response.headers.get("request-id"), outcome=_lost(request),
                    ) from None  # fmt: skip
        else:
            response.body = body

    def _no_answer(self, request: Request, error: Exception) -> NoAnswer:
        text = str(error)
        unsent = isinstance(error, requests.ConnectTimeout | requests.exceptions.SSLError) or any(
            sign in text
            for sign in ("NewConnectionError", "ConnectTimeoutError", "NameResolutionError", "ProxyError")
        )
        where = urlsplit(self._root if request.is_graph else request.url).hostname
        if isinstance(error, requests.exceptions.SSLError):
            reason = "its certificate is not trusted; M365_CA_BUNDLE names further authorities"
        elif unsent:
            reason = "the connection could not be made; check the network, the proxy and the firewall"
        else:
            reason = "the connection broke off or the answer took too long"
        return NoAnswer(
            f"No answer from {where}: {reason}.", outcome="not_done" if unsent else _lost(request)
        )


def _loggable(request: Request, url: str) -> str | None:
    """Of an address outside Graph the host only: the rest is a permission."""
    parts = urlsplit(url)
    return parts.path if request.is_graph else parts.hostname


def _lost(request: Request) -> Outcome | None:
    return None if request.verb in ("GET", "HEAD") else "unknown"


class _Unauthorized(Exception):
    """A 401: the token was refused, with or without a challenge."""

    def __init__(self, error: NotConnected, header: str) -> None:
        super().__init__(error.message)
        self.error = error
        self.header = header


class _BodyStream:
    """The bytes of an answer, as they arrive."""

    def __init__(self, answer: requests.Response) -> None:
        self._answer = answer

    def chunks(self, size: int) -> Iterator[bytes]:
        try:
            yield from self._answer.raw.stream(size, decode_content=True)
        except (urllib3.exceptions.HTTPError, OSError):
            raise NoAnswer("The download broke off before its end; start it again.") from None
        finally:
            self.close()

    def close(self) -> None:
        self._answer.close()


def _bounded(raw: Any, most_bytes: int, deadline: float, clock: Callable[[], float]) -> bytes:
    """The decoded body. Stops where it grows or lasts beyond the limits, however little was announced."""
    pieces: list[bytes] = []
    total = 0
    for piece in raw.stream(_PIECE_BYTES, decode_content=True):
        pieces.append(piece)
        total += len(piece)
        if total > most_bytes:
            raise ProtocolError(
                f"Graph's answer is larger than {most_bytes} bytes; it was not read to the end."
            )
        if clock() > deadline:
            raise urllib3.exceptions.TimeoutError("the answer took too long")
    return pieces[0] if len(pieces) == 1 else b"".join(pieces)

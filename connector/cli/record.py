"""Record and replay: the exchanges of a call in a file, and a call from a file, without Microsoft.

Recording is done by vcrpy, at the level of HTTP. Of headers only those are kept that a call depends on;
what else is taken out is the business of `connector.cli.scrub`. A recording is always as if it had been
made in the worldwide cloud, and replays there, without a token.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from connector.cli.scrub import CONTENT, Scrubber
from connector.errors import SettingsError, UsageError

if TYPE_CHECKING:
    from connector.spec.model import Cloud

_KEPT = "# Personal data: kept."
_REPLACED = "# Personal data: replaced."
_REQUEST_HEADERS = frozenset(
    {"accept", "content-type", "prefer", "consistencylevel", "if-match", "if-none-match", "content-range"}
)
_ANSWER_HEADERS = frozenset(
    {"content-type", "location", "retry-after", "etag", "preference-applied", "content-range",
     "content-disposition", "www-authenticate"}
)  # fmt: skip


class ReplayTokens:
    """The token source of a replay: nobody sees it."""

    def token(
        self, install_id: str, connection_id: str, *, renew: bool = False, claims: str | None = None
    ) -> str:
        """A token that opens nothing."""
        return "replayed"


@contextmanager
def recording(
    path: Path, cloud: Cloud, api: str, *, keep_personal_data: bool = False, note: str = ""
) -> Iterator[None]:
    """Writes what is exchanged with Graph inside the block to `path`. `note` is a line of comment.

    Sign-ins and renewals are not recorded. Raises UsageError where the file exists.
    """
    if path.exists():
        raise UsageError(f"The file {path} exists. Name a new one with --record.")
    scrubber = Scrubber(f"{cloud.graph}/{api}", keep_personal_data=keep_personal_data)
    head = "\n".join(filter(None, [f"# {note}" if note else "", _KEPT if keep_personal_data else _REPLACED]))
    recorder = _recorder(_Tape(scrubber, cloud), head)
    with recorder.use_cassette(str(path), record_mode="all"):
        yield


@contextmanager
def replaying(path: Path, cloud: Cloud, api: str) -> Iterator[Any]:
    """Answers requests to Graph inside the block from `path`; another request is an error.

    Gives vcrpy's cassette, which knows what was played. Raises UsageError when the file is no recording.
    """
    try:
        head = path.read_text(encoding="utf-8")[:1000]
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"The recording {path} cannot be read ({type(error).__name__}).") from None
    if _KEPT not in head and _REPLACED not in head:
        raise UsageError(f"{path} is no recording of m365-connector. Make one with --record.")
    scrubber = Scrubber(f"{cloud.graph}/{api}", keep_personal_data=_KEPT in head)
    recorder = _recorder(_Tape(scrubber, cloud), "")
    from vcr.errors import CannotOverwriteExistingCassetteException  # type: ignore[import-untyped]

    try:
        with recorder.use_cassette(str(path), record_mode="none") as cassette:
            yield cassette
    except CannotOverwriteExistingCassetteException:
        raise UsageError(
            f"The recording {path} has no such request. Replay the call with the input it was made with."
        ) from None


def _recorder(tape: _Tape, head: str) -> Any:
    try:
        import vcr  # type: ignore[import-untyped]
        from vcr import request, stubs
        from vcr.serializers import yamlserializer  # type: ignore[import-untyped]
    except ModuleNotFoundError:
        raise SettingsError("Recording needs vcrpy. Install m365-connector[record].") from None

    logging.getLogger("vcr").setLevel(logging.ERROR)  # it logs whole answers

    class Headed:
        """vcrpy's YAML under lines of comment."""

        @staticmethod
        def serialize(cassette: Any) -> str:
            return f"{head}\n{yamlserializer.serialize(cassette)}"

        @staticmethod
        def deserialize(text: str) -> Any:
            return yamlserializer.deserialize(text)

    class Whole(request.Request):  # type: ignore[misc]
        """A request with its body in memory: vcrpy cannot rewind ours."""

        def __init__(self, method: str, uri: str, body: Any, headers: Any) -> None:
            super().__init__(method, uri, body.read() if hasattr(body, "read") else body, headers)

    recorder = vcr.VCR(
        custom_patches=((stubs, "Request", Whole),),
        serializer="headed",
        before_record_request=tape.request,
        before_record_response=tape.response,
        decode_compressed_response=True,
    )
    recorder.register_serializer("headed", Headed)
    recorder.register_matcher("exchange", _is_same)
    recorder.match_on = ("exchange",)
    return recorder


class _Tape:
    """What vcrpy calls for each exchange, also for those that it reads from the file."""

    def __init__(self, scrubber: Scrubber, cloud: Cloud) -> None:
        self._scrubber = scrubber
        self._hosts = cloud.content_hosts

    def request(self, request: Any) -> Any:
        """A scrubbed copy; None for what is neither Graph nor a place where Graph keeps content."""
        if not self._scrubber.is_graph(request.uri) and not self._is_content(request.uri):
            return None
        return type(request)(
            request.method,
            self._scrubber.request_url(request.uri),
            self._scrubber.body(request.body or b"", in_request=True) or None,
            {name: value for name, value in request.headers.items() if name.lower() in _REQUEST_HEADERS},
        )

    def response(self, response: dict[str, Any]) -> dict[str, Any]:
        """The same answer with the headers that matter and a scrubbed body."""
        data = response["body"].get("string") or b""
        data = data.encode() if isinstance(data, str) else data
        headers = {
            name: [self._scrubber.header(name, value) for value in values]
            for name, values in response["headers"].items()
            if name.lower() in _ANSWER_HEADERS
        }
        return {
            "status": response["status"],
            "headers": headers,
            "body": {"string": self._scrubber.body(data, in_request=False)},
        }

    def _is_content(self, url: str) -> bool:
        host = (urlsplit(url).hostname or "").lower()
        return url.startswith(CONTENT) or any(
            host.endswith(known[1:]) if known.startswith("*.") else host == known for known in self._hosts
        )


def _is_same(one: Any, other: Any) -> None:
    """Same verb, address, range and body."""
    assert one.method == other.method
    assert one.uri == other.uri
    assert one.headers.get("Content-Range") == other.headers.get("Content-Range")
    assert _document(one) == _document(other)


def _document(request: Any) -> Any:
    try:
        return json.loads(request.body or b"null")
    except ValueError:
        return request.body

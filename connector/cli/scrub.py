"""Takes secrets and personal data out of recorded exchanges, and puts stable stand-ins in.

What is kept is a list, not what goes: ids, dates, and the members whose values are words of Graph. Every
other text becomes a stand-in such as `subject no. 3`, the same for the same text wherever it appears, in
a body or in an address, so that a recording still fits together. Scrubbing what is scrubbed changes
nothing. Stand-ins are numbered in the order of appearance, those of requests apart from those of
answers, so that the same call, made again, gets the same ones.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl, quote, unquote, urlsplit

from connector.runtime.build import MARK_ID

GRAPH = "https://graph.microsoft.com"
CONTENT = "https://contoso.sharepoint.com/content/"
"""The stand-ins of addresses that are permissions in themselves begin so."""
_LINK = "https://contoso.example/link/"
FILE = b"The content of a file."

_SECRET = re.compile(
    r"(?i)password|secret|token$|authorization|client_?state|cookie|validation_?code|access_?key"
)
_SECRET_ADDRESS = re.compile(
    r"(?i)(upload|download|join|content|monitor|get|post)(web)?_?url$|^(operation-)?location$"
)
_SECRET_IN_ADDRESS = re.compile(r"(?i)[?&](tempauth|authkey|sig|token|access_token)=|/:[a-z]:/")
"""Signatures, and the links by which files are shared."""
_STRUCTURAL = re.compile(
    r"^@|(^|[a-z])(id|Id|ids|Ids)$|(date|Date|time|Time|zone|Zone|type|Type|types|Types|status|Status|key|Key"
    r"|[ce]?Tag|Method|Mode|Kind|Behavior|Facet|Hash)$"
    r"|^(kind|state|importance|sensitivity|showAs|response|roles?|scope|method|code|version|severity|locale"
    r"|language|preferredLanguage|usageLocation|wellKnownName|color|hexColor|recurrence|attendeeType"
    r"|inferenceClassification|daysOfWeek|dayOfWeek|firstDayOfWeek|index|allowedOnlineMeetingProviders"
    r"|defaultOnlineMeetingProvider|onlineMeetingProvider|nextExpectedRanges|quickXorHash|sha1Hash|sha256Hash"
    r"|crc32Hash|servicePlanName|skuPartNumber|capabilities|view|reason|odata\.\w+)$"
)
_ADDRESS = re.compile(r"[\w.!#$%&'*+/=?^`{|}~-]+@[\w-]+(\.[\w-]+)+")
_STAND_IN = re.compile(r"[\w@. -]+ no\. \d+(\.\w{1,5})?|person\d+@contoso\.com")
_PLAIN = re.compile(
    r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}|\d{4}-\d\d-\d\d([T ][\d:.]+(Z|[+-][\d:]+)?)?|-?\d+(\.\d+)?|",
    re.I,
)
_LITERAL = re.compile(r"'((?:[^']|'')*)'|\"((?:[^\"\\]|\\.)*)\"")
_NAMED_RESOURCE = re.compile(r"/[A-Za-z]+\('[^'/?]*'\)$")
"""The last part of the address at which Outlook says that an uploaded attachment is: its id is needed."""
_COORDINATES = frozenset({"latitude", "longitude", "altitude"})
_TRACES = frozenset({"request-id", "client-request-id"})
NO_TRACE = "00000000-0000-0000-0000-000000000000"
_ANSWERS_FROM = 1000


class Scrubber:
    """One recording. `graph` is the root of Graph as it was called, such as `https://graph.microsoft.com/v1.0`.

    Secrets always go; with `keep_personal_data` the rest stays.
    """

    def __init__(self, graph: str, *, keep_personal_data: bool = False) -> None:
        self._graph = graph
        self._root = f"{GRAPH}/{graph.rsplit('/', 1)[-1]}"
        self._keep = keep_personal_data
        self._stand_ins: dict[tuple[str, str], str] = {}
        self._counts = {True: 0, False: _ANSWERS_FROM}
        self._in_request = True

    def is_graph(self, url: str) -> bool:
        """Whether an absolute URL is a resource of Graph."""
        return url.startswith((f"{self._graph}/", f"{self._root}/"))

    def request_url(self, url: str) -> str:
        """The address of a request."""
        self._in_request = True
        return self._url(url, "location")

    def body(self, data: bytes, *, in_request: bool) -> bytes:
        """A body: JSON scrubbed, anything else replaced (the bytes of a file); nothing stays nothing."""
        self._in_request = in_request
        if not data:
            return data
        try:
            document = json.loads(data)
        except ValueError:
            return data if self._keep and not in_request else FILE
        return json.dumps(self._value("", document), ensure_ascii=False).encode()

    def header(self, name: str, value: str) -> str:
        """A header of an answer: `Location` holds addresses, `Content-Disposition` a name."""
        self._in_request = False
        if name.lower() == "content-disposition" and not self._keep:
            return "attachment"
        return self._url(value, name) if value.startswith(("http://", "https://")) else value

    def _value(self, key: str, value: Any) -> Any:
        if isinstance(value, Mapping):
            if value.get("id") == MARK_ID:
                return {**value, "value": "call"}
            return {self._named(key, name): self._value(name, entry) for name, entry in value.items()}
        if isinstance(value, list):
            return [self._value(key, entry) for entry in value]
        if isinstance(value, str):
            return self._text(key, value)
        return 0 if key in _COORDINATES and not self._keep and isinstance(value, int | float) else value

    def _named(self, key: str, name: str) -> str:
        """Names of members are Graph's own, but for those under which somebody's values stand."""
        return name if self._keep or not _ADDRESS.fullmatch(name) else self._stand_in("address", name)

    def _text(self, key: str, value: str) -> str:
        if key == "transactionId":
            return "transaction"
        if key in _TRACES:
            return NO_TRACE
        if _SECRET.search(key) and not key.startswith("@odata.") and value:
            return "secret"
        if value.startswith(("http://", "https://")):
            return self._url(value, key)
        if key in ("url", "path") and value.startswith("/"):
            return self._path(value)
        if self._keep or _PLAIN.fullmatch(value) or _STAND_IN.fullmatch(value):
            return value
        if key == "contentBytes":
            return base64.b64encode(FILE).decode()
        if _STRUCTURAL.search(key):
            return _ADDRESS.sub(self._address, value)
        return self._stand_in(key, value)

    def _stand_in(self, label: str, value: str) -> str:
        """The stand-in of a text; of an address an address, of a file's name one with its extension."""
        if _STAND_IN.fullmatch(value):
            return value
        is_address = _ADDRESS.fullmatch(value) is not None
        kind = "address" if is_address else "text"
        known = self._stand_ins.get((kind, value.casefold() if is_address else value))
        if known is not None:
            return known
        extension = re.search(r"\.\w{1,5}$", value) if label == "name" else None
        number = self._number()
        made = f"person{number}@contoso.com" if is_address else f"{label} no. {number}"
        made += extension[0] if extension and not is_address else ""
        self._stand_ins[kind, value.casefold() if is_address else value] = made
        return made

    def _number(self) -> int:
        self._counts[self._in_request] += 1
        return self._counts[self._in_request]

    def _address(self, found: re.Match[str]) -> str:
        return self._stand_in("address", found[0])

    def _url(self, url: str, key: str) -> str:
        if self.is_graph(url):
            root = self._graph if url.startswith(f"{self._graph}/") else self._root
            return self._root + self._path(url[len(root) :])
        if url.startswith((CONTENT, _LINK)):
            return url
        if key == "@odata.context":
            return self._root + self._path(url[url.find("/$metadata") :])
        if url.startswith(self._graph.rsplit("/", 1)[0] + "/"):
            return GRAPH + url[len(self._graph.rsplit("/", 1)[0]) :]
        if _SECRET_ADDRESS.search(key.rpartition(".")[2]) or _SECRET_IN_ADDRESS.search(url):
            return self._numbered(CONTENT, url)
        return url if self._keep else self._numbered(_LINK, url)

    def _numbered(self, start: str, url: str) -> str:
        if ("url", url) not in self._stand_ins:
            named = _NAMED_RESOURCE.search(url)
            self._stand_ins["url", url] = f"{start}{self._number()}{named[0] if named else ''}"
        return self._stand_ins["url", url]

    def _path(self, path: str) -> str:
        """A path of Graph with its query, from its leading slash."""
        if self._keep:
            return path
        parts = urlsplit(path)
        segments = self._segments(parts.path.split("/"))
        query = "&".join(
            f"{quote(name, safe='$@.')}={quote(self._option(name, value), safe=_QUERY_SAFE)}"
            for name, value in parse_qsl(parts.query, keep_blank_values=True)
        )
        fragment = _LITERAL.sub(self._literal, _ADDRESS.sub(self._address, unquote(parts.fragment)))
        return "/".join(segments) + (f"?{query}" if query else "") + (f"#{fragment}" if fragment else "")

    def _segments(self, segments: list[str]) -> list[str]:
        """The parts of a path: addresses, quoted arguments, and file names between colons (`root:/a/b:`)."""
        scrubbed, in_file_path = [], False
        for segment in segments:
            text = unquote(segment)
            if in_file_path:
                name = text.removesuffix(":")
                in_file_path = not text.endswith(":")
                scrubbed.append(quote(self._stand_in("name", name), safe="") + ("" if in_file_path else ":"))
                continue
            in_file_path = text.endswith(":")
            changed = _LITERAL.sub(self._literal, _ADDRESS.sub(self._address, text))
            scrubbed.append(segment if changed == text else quote(changed, safe=_SEGMENT_SAFE))
        return scrubbed

    def _option(self, name: str, value: str) -> str:
        if name.lower() in ("$filter", "$search", "q", "search"):
            return _LITERAL.sub(self._literal, value)
        return _ADDRESS.sub(self._address, value)

    def _literal(self, found: re.Match[str]) -> str:
        mark = found[0][0]
        text = found[1].replace("''", "'") if mark == "'" else re.sub(r"\\(.)", r"\1", found[2])
        if _PLAIN.fullmatch(text):
            return found[0]
        prefix, colon, rest = text.partition(":")
        if mark == '"' and colon and prefix.isalpha():
            return f'"{prefix}:{self._stand_in("text", rest)}"'
        return f"{mark}{self._stand_in('text', text)}{mark}"


_SEGMENT_SAFE = "!$&'()*+,;=:@"
_QUERY_SAFE = "$@,()/:*!'\""

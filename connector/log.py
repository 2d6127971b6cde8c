"""Logging: set-up, redaction of secrets, and one line per record.

Secrets are taken out where logs are written, so it does not matter which library wrote them or at
which level: the filter works on the finished text of a record, its traceback included. What is
known by shape goes (tokens, assertions, PEM keys), what is known by name goes (form fields, JSON
members, headers), and every URL loses its query, and its path too unless it is one of Graph's or
Entra's, because upload and download addresses are secrets in themselves.
"""

from __future__ import annotations

import logging
import re
import sys
from typing import TextIO

HIDDEN = "***"
CHATTY = ("oauthlib", "requests_oauthlib", "urllib3")
"""Libraries that write tokens or whole URLs at DEBUG."""

_HIDE_VALUE_OF = (
    "access_token|refresh_token|id_token|client_secret|client_assertion|assertion|code_verifier|device_code|"
    "password|passwd|secret|client_?state|authorization|proxy-authorization|cookie|set-cookie|private_key|"
    "tempauth|authtoken|sig|token|nonce|upload_?url|download_?url|validation_?tokens?|data_?key|secret_keys"
)
_SHAPES = re.compile(
    r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|\Z)"
    r"|\beyJ[\w-]{5,}\.[\w-]{2,}(?:\.[\w-]*){0,3}"  # JWT and JWE
    r"|\b[01]\.A[\w-]{20,}(?:\.[\w-]+)*"  # Entra's refresh tokens and codes
    r"|\bM\.[CR]\d{2,4}_[\w.!*$-]{10,}",  # those of personal accounts
    re.DOTALL,
)
_SCHEMES = re.compile(r"\b(Bearer|Basic)([\s:]+)(?!\*)[\w.~+/=!*$-]{6,}", re.IGNORECASE)
_NAMED = re.compile(
    rf"(?P<name>(?<![a-z])(?:@microsoft\.graph\.)?(?:{_HIDE_VALUE_OF})(?![a-z]))"
    r"(?P<between>\\*[\"']?\s*(?:[:=]|%3D)\s*(?:b(?=[\"']))?\\*)"
    r"(?:(?P<quote>[\"'])(?:\\.|(?!(?P=quote))[^\\])*|(?:Bearer |Basic )?[^\s&,;\"'<>(){}\[\]\\]+)",
    re.IGNORECASE,
)
_CODE = re.compile(
    r"(?P<before>(?:^|[?&\s\"'])code=)[^\s&\"']+|(?P<member>[\"']code[\"']:\s*[\"'])[^\"']{40,}"
)
_URL = re.compile(
    r"\b(?P<origin>https?://[^\s/?#\"'<>\\]+)(?P<path>/[^\s?#\"<>\\]*)?(?P<rest>[?#][^\s\"<>\\]*)?"
)
_PUBLIC_PATH = re.compile(
    r"/(?:v1\.0|beta)(?:/|$)|/[\w.-]+/(?:oauth2|discovery|adminconsent|v2\.0/(?:\.well-known|adminconsent))(?:/|$)"
)
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
_ESCAPES = {"\n": "\\n", "\r": "\\r", "\t": "\\t"}


def redact(text: str) -> str:
    """`text` without secrets: each is replaced by `***`, its name and surroundings stay."""
    text = _SHAPES.sub(HIDDEN, text)
    text = _URL.sub(_bare_url, text)
    text = _NAMED.sub(lambda found: f"{found['name']}{found['between']}{found['quote'] or ''}{HIDDEN}", text)
    text = _SCHEMES.sub(rf"\1\2{HIDDEN}", text)
    return _CODE.sub(lambda found: f"{found['before'] or found['member']}{HIDDEN}", text)


def _bare_url(found: re.Match[str]) -> str:
    origin = re.sub(r"//[^@/]*@", f"//{HIDDEN}@", found["origin"])
    path = found["path"] or ""
    if path.strip("/") and not _PUBLIC_PATH.match(path):
        return f"{origin}/{HIDDEN}"
    return f"{origin}{path}{'?' + HIDDEN if found['rest'] else ''}"


def one_line(text: str) -> str:
    """`text` with control characters written out, so that no value can forge a line or a colour."""
    return _CONTROL.sub(lambda found: _ESCAPES.get(found[0]) or f"\\x{ord(found[0]):02x}", text)


class Redaction(logging.Filter):
    """Rewrites every record that passes: message, traceback and stack are redacted, on one line."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Always true: it changes records and holds none back."""
        try:
            message = record.getMessage()
        except Exception as error:
            message = f"{record.msg} (its arguments do not fit: {type(error).__name__})"
        record.msg, record.args = one_line(redact(message)), ()
        if record.exc_info and not record.exc_text:
            record.exc_text = _TRACEBACKS.formatException(record.exc_info)
        record.exc_info = None
        if record.exc_text:
            record.exc_text = one_line(redact(record.exc_text))
        if record.stack_info:
            record.stack_info = one_line(redact(record.stack_info))
        return True


_TRACEBACKS = logging.Formatter()


class _OneLine(logging.Formatter):
    """A record with its traceback on the same line."""

    def format(self, record: logging.LogRecord) -> str:
        return one_line(super().format(record))


def configure(level: str | int = "WARNING", stream: TextIO | None = None) -> logging.Handler:
    """Log to `stream` (standard error by default) at `level`, without secrets; gives the handler.

    Calling it again replaces what it set up. Handlers that a host put on the root logger stay, and
    get the filter too. Libraries that log tokens never get below INFO.
    """
    root = logging.getLogger()
    for handler in list(root.handlers):
        if isinstance(handler.formatter, _OneLine):
            root.removeHandler(handler)
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(_OneLine("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    root.addHandler(handler)
    root.setLevel(level)
    for each in root.handlers:
        protect(each)
    quieten()
    return handler


def protect(handler: logging.Handler) -> None:
    """Give `handler` the redaction filter, once."""
    if not any(isinstance(present, Redaction) for present in handler.filters):
        handler.addFilter(Redaction())


def quieten() -> None:
    """Hold the libraries that log secrets at DEBUG to INFO, unless they are stricter already."""
    for name in CHATTY:
        logger = logging.getLogger(name)
        logger.setLevel(max(logger.level, logging.INFO))

"""The platform's configuration, read from environment variables.

| variable | meaning | default |
|---|---|---|
| M365_HOME | folder of the connector's own files | the user's data folder |
| M365_DATABASE_URL | SQLAlchemy URL of the store | an SQLite file in the home |
| M365_SECRET_KEYS | Fernet keys, separated by commas; the first writes, all read | a key file in the home |
| M365_CA_BUNDLE | PEM file of the certificate authorities to trust | those of certifi |
| M365_PROXY | proxy for every request | none |
| M365_SANDBOX_URL | where the cloud `sandbox` is | the address in the manifest |
| M365_CONNECT_TIMEOUT_SECONDS | longest wait for a connection to Entra ID | 10 |
| M365_READ_TIMEOUT_SECONDS | longest wait for an answer of Entra ID | 30 |

No other variable is read: `HTTPS_PROXY`, `REQUESTS_CA_BUNDLE` and `.netrc` change nothing.
"""

from __future__ import annotations

import base64
import binascii
import contextlib
import os
import secrets
import stat
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from connector.errors import SettingsError

KEY_FILE = "secret.key"
_KEY_BYTES = 32


@dataclass(frozen=True, slots=True)
class Settings:
    """The configuration. Neither the keys nor the addresses, which may hold a password, are in its repr."""

    home: Path
    database_url: str = field(repr=False)
    secret_keys: tuple[str, ...] = field(default=(), repr=False)
    ca_bundle: Path | None = None
    proxy: str | None = field(default=None, repr=False)
    sandbox_url: str | None = None
    connect_timeout_seconds: float = 10.0
    read_timeout_seconds: float = 30.0

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] | None = None) -> Settings:
        """Read the environment. Raises SettingsError, which names the variable and the remedy."""
        variables = {
            name: value.strip()
            for name, value in (os.environ if environment is None else environment).items()
            if name.startswith("M365_") and value.strip()
        }
        home = Path(variables["M365_HOME"]).expanduser() if "M365_HOME" in variables else _default_home()
        database = variables.get("M365_DATABASE_URL") or f"sqlite:///{home.absolute() / 'connector.sqlite3'}"
        return cls(
            home=home,
            database_url=_database_url(database),
            secret_keys=_keys(variables["M365_SECRET_KEYS"]) if "M365_SECRET_KEYS" in variables else (),
            ca_bundle=_ca_bundle(variables.get("M365_CA_BUNDLE")),
            proxy=_proxy(variables.get("M365_PROXY")),
            sandbox_url=_sandbox_url(variables.get("M365_SANDBOX_URL")),
            connect_timeout_seconds=_seconds(variables, "M365_CONNECT_TIMEOUT_SECONDS", 10.0),
            read_timeout_seconds=_seconds(variables, "M365_READ_TIMEOUT_SECONDS", 30.0),
        )

    def keys(self) -> tuple[str, ...]:
        """The Fernet keys: those of the environment, else that of the key file, made on first use.

        Raises SettingsError when the file cannot be made or read, holds no key, or is open to others.
        """
        return self.secret_keys or (_key_of_file(self.home / KEY_FILE),)


def _default_home() -> Path:
    import platformdirs

    return Path(platformdirs.user_data_dir("m365-connector", appauthor=False))


def _database_url(url: str) -> str:
    if "://" not in url:
        raise SettingsError(
            "M365_DATABASE_URL is no database URL. Write it like sqlite:////var/lib/m365/connector.sqlite3 "
            "or postgresql+psycopg://user@host/name."
        )
    return url


def _keys(text: str) -> tuple[str, ...]:
    keys = tuple(key.strip() for key in text.split(",") if key.strip())
    for position, key in enumerate(keys, 1):
        if not is_key(key):
            raise SettingsError(
                f"Key {position} of M365_SECRET_KEYS is no Fernet key: {_KEY_BYTES} bytes in URL-safe "
                "base64. Make one with `m365-connector keys new`."
            )
    if not keys:
        raise SettingsError("M365_SECRET_KEYS holds no key. Give at least one, or unset it.")
    return keys


def is_key(text: str) -> bool:
    """Whether this is a Fernet key: 32 bytes in URL-safe base64."""
    try:
        return len(base64.b64decode(text, altchars=b"-_", validate=True)) == _KEY_BYTES
    except (binascii.Error, ValueError):
        return False


def new_key() -> str:
    """A new Fernet key, as M365_SECRET_KEYS takes it."""
    return base64.urlsafe_b64encode(secrets.token_bytes(_KEY_BYTES)).decode()


def _key_of_file(path: Path) -> str:
    try:
        if not path.exists():
            _make_key_file(path)
        mode, key = path.stat().st_mode, path.read_text("ascii").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(
            f"The key file {path} cannot be used ({type(error).__name__}). "
            "Make its folder writable, or set M365_SECRET_KEYS."
        ) from None
    if os.name == "posix" and mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise SettingsError(f"The key file {path} is open to other users. Run `chmod 600` on it.")
    if not is_key(key):
        raise SettingsError(
            f"The key file {path} holds no Fernet key. Restore it from a backup: "
            "what was encrypted with the old key cannot be read with a new one."
        )
    return key


def _make_key_file(path: Path) -> None:
    """Write a new key whole or not at all; of two processes that try, one wins and both use its key."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    descriptor, draft = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}")
    try:
        with os.fdopen(descriptor, "w") as file:
            file.write(new_key() + "\n")
            file.flush()
            os.fsync(file.fileno())
        with contextlib.suppress(FileExistsError):
            os.link(draft, path)
    finally:
        os.unlink(draft)


def _ca_bundle(text: str | None) -> Path | None:
    if text is None:
        return None
    path = Path(text).expanduser()
    if not path.is_file():
        raise SettingsError(
            f"M365_CA_BUNDLE names no file: {path}. Give the path of a PEM file, or unset it."
        )
    return path


def _proxy(text: str | None) -> str | None:
    if text is not None and (urlsplit(text).scheme not in ("http", "https") or not urlsplit(text).hostname):
        raise SettingsError("M365_PROXY is no proxy address. Write it like http://proxy.example.com:8080.")
    return text


def _sandbox_url(text: str | None) -> str | None:
    """An origin on this machine: tokens of the sandbox go there, over plain HTTP too."""
    if text is None:
        return None
    parts = urlsplit(text.rstrip("/"))
    local = parts.hostname in ("127.0.0.1", "localhost")
    if parts.scheme not in ("http", "https") or not local or parts.path or parts.query or parts.username:
        raise SettingsError("M365_SANDBOX_URL is no local address. Write it like http://127.0.0.1:8365.")
    return text.rstrip("/")


def _seconds(variables: Mapping[str, str], name: str, default: float) -> float:
    text = variables.get(name)
    if text is None:
        return default
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0.0
    if not 0 < seconds <= 600:
        raise SettingsError(f"{name} is {text!r}. Give a number of seconds above 0 and up to 600.")
    return seconds

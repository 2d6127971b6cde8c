"""Encryption of what is stored: every secret is sealed to the place where it belongs.

Each binding (what it is for, and the identity of the row) has keys of its own, derived from the
platform's Fernet keys. A sealed value that is copied to another row does not open there. The first
key seals, all keys open, so a key is replaced by putting the new one in front, rotating, and taking
the old one away.

There is no way around the keys: without one nothing is written, and what does not open is an error.
"""

from __future__ import annotations

import base64
from collections.abc import Sequence
from functools import lru_cache

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from connector.errors import SettingsError
from connector.settings import is_key

_REMEMBERED_BINDINGS = 4096


class SealBroken(SettingsError):
    """A sealed value does not open: it was altered, belongs elsewhere, or its key is missing."""


class Sealer:
    """Seals bytes to a binding, with authenticated encryption (Fernet, keys by HKDF-SHA256)."""

    def __init__(self, keys: Sequence[str]) -> None:
        """`keys` are Fernet keys, the writing one first. Raises SettingsError when there is none."""
        if not keys:
            raise SettingsError("There is no key to encrypt with. Set M365_SECRET_KEYS.")
        if not all(map(is_key, keys)):
            raise SettingsError("A key to encrypt with is no Fernet key. See M365_SECRET_KEYS.")
        self._keys = [base64.urlsafe_b64decode(key) for key in keys]
        self._fernet = lru_cache(_REMEMBERED_BINDINGS)(self._derive)

    def __repr__(self) -> str:
        return f"Sealer({len(self._keys)} keys)"

    def seal(self, binding: str, data: bytes) -> str:
        """`data` encrypted, as text that `open` takes with the same binding."""
        return self._fernet(binding).encrypt(data).decode("ascii")

    def open(self, binding: str, token: str) -> bytes:
        """The bytes that were sealed to `binding`. Raises SealBroken."""
        try:
            return self._fernet(binding).decrypt(token)
        except (InvalidToken, ValueError):
            raise _broken(binding) from None

    def reseal(self, binding: str, token: str) -> str:
        """The same value under the first key. Raises SealBroken."""
        try:
            return self._fernet(binding).rotate(token).decode("ascii")
        except (InvalidToken, ValueError):
            raise _broken(binding) from None

    def _derive(self, binding: str) -> MultiFernet:
        info = b"m365-connector/" + binding.encode()
        derived = (HKDF(SHA256(), length=32, salt=None, info=info).derive(key) for key in self._keys)
        return MultiFernet([Fernet(base64.urlsafe_b64encode(key)) for key in derived])


def _broken(binding: str) -> SealBroken:
    purpose = binding.partition("/")[0]
    return SealBroken(
        f"A sealed value ({purpose}) does not open: it was changed or moved, or its key is not in "
        "M365_SECRET_KEYS. Put back the key that wrote it; all keys listed there are tried."
    )

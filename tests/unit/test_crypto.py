"""Sealing: only with a key, only where it belongs."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connector.errors import SettingsError
from connector.settings import new_key
from connector.store.crypto import SealBroken, Sealer

OLD, NEW = new_key(), new_key()


@settings(max_examples=25)
@given(st.text(), st.binary(max_size=2000))
def test_what_was_sealed_opens_with_the_same_binding(binding: str, data: bytes) -> None:
    sealer = Sealer([OLD])
    assert sealer.open(binding, sealer.seal(binding, data)) == data


@settings(max_examples=25)
@given(st.text(max_size=20), st.text(max_size=20))
def test_what_was_sealed_does_not_open_elsewhere(here: str, there: str) -> None:
    sealer = Sealer([OLD])
    if here != there:
        with pytest.raises(SealBroken):
            sealer.open(there, sealer.seal(here, b"data"))


@pytest.mark.parametrize("token", ["", "nonsense", "gAAAAAB", "ключ", "x" * 500])
def test_what_was_never_sealed_does_not_open(token: str) -> None:
    with pytest.raises(SealBroken):
        Sealer([OLD]).open("grant/1", token)


def test_a_changed_value_does_not_open() -> None:
    token = Sealer([OLD]).seal("grant/1", b"data")
    changed = token[:40] + ("A" if token[40] != "A" else "B") + token[41:]
    with pytest.raises(SealBroken):
        Sealer([OLD]).open("grant/1", changed)


def test_the_first_key_seals_and_all_keys_open() -> None:
    token = Sealer([OLD]).seal("grant/1", b"data")
    both = Sealer([NEW, OLD])
    assert both.open("grant/1", token) == b"data"
    with pytest.raises(SealBroken, match="M365_SECRET_KEYS"):
        Sealer([NEW]).open("grant/1", token)
    with pytest.raises(SealBroken):
        Sealer([OLD]).open("grant/1", both.seal("grant/1", b"data"))


def test_resealing_moves_a_value_to_the_first_key() -> None:
    token = Sealer([OLD]).seal("grant/1", b"data")
    moved = Sealer([NEW, OLD]).reseal("grant/1", token)
    assert Sealer([NEW]).open("grant/1", moved) == b"data"
    with pytest.raises(SealBroken):
        Sealer([NEW, OLD]).reseal("grant/2", token)


def test_the_platform_key_itself_opens_nothing() -> None:
    from cryptography.fernet import Fernet, InvalidToken

    with pytest.raises(InvalidToken):
        Fernet(OLD).decrypt(Sealer([OLD]).seal("grant/1", b"data"))


@pytest.mark.parametrize("keys", [[], ["short"], [OLD, "x" * 44]])
def test_without_a_good_key_there_is_no_sealer(keys: list[str]) -> None:
    with pytest.raises(SettingsError, match="M365_SECRET_KEYS"):
        Sealer(keys)


def test_no_key_is_in_the_repr() -> None:
    assert OLD not in repr(Sealer([OLD]))

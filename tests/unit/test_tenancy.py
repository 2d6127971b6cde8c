"""The nouns: no secret in a repr, no impossible credential."""

from __future__ import annotations

from dataclasses import FrozenInstanceError
from datetime import UTC, datetime

import pytest

from connector.errors import InvalidInput
from connector.tenancy import App, Credential, Grant, PendingLogin

NOW = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    "value",
    [
        App("app", "client", credentials=(Credential("1", secret="canary"),)),
        Credential("1", certificate="canary"),
        Grant("canary", NOW, NOW, "canary"),
        PendingLogin("hash", "acme", "sign_in", "https://x", NOW, (), "canary", "canary", "canary"),
    ],
)
def test_no_secret_is_in_a_repr(value: object) -> None:
    assert "canary" not in repr(value)


def test_values_do_not_change() -> None:
    with pytest.raises(FrozenInstanceError):
        Grant("access", NOW, NOW).version = 2  # type: ignore[misc]


def test_a_credential_is_a_secret_or_a_certificate() -> None:
    assert Credential("1", secret="s").kind == "secret"
    assert Credential("1", certificate="c").kind == "certificate"
    for both in ({}, {"secret": "s", "certificate": "c"}):
        with pytest.raises(InvalidInput, match="either a secret or a certificate"):
            Credential("1", **both)


def test_an_app_has_two_credentials_at_most() -> None:
    three = tuple(Credential(str(number), secret="s") for number in range(3))
    with pytest.raises(InvalidInput, match="two can live at once"):
        App("app", "client", credentials=three)
    assert len(App("app", "client", credentials=three[:2]).credentials) == 2

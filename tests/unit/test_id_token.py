"""id_tokens: every claim that must be right is refused when it is wrong."""

from __future__ import annotations

import base64
import json
from typing import Any

import jwt
import pytest

from connector.auth.clock import ServerClock
from connector.auth.id_token import PERSONAL_ACCOUNTS, SigningKeys, validate
from connector.errors import SignInRefused
from tests.unit.scripted_entra import (
    CLIENT,
    LOGIN,
    OTHER_TENANT,
    TENANT,
    USER,
    ScriptedEntra,
    Timer,
    signing_key,
)


@pytest.fixture
def entra() -> ScriptedEntra:
    made = ScriptedEntra(Timer())
    made.nonce = "nonce"
    return made


def check(entra: ScriptedEntra, token: str, nonce: str | None = "nonce", issuer: str | None = None) -> Any:
    return validate(
        token,
        issuer=issuer or f"{LOGIN}/{TENANT}/v2.0",
        tenant_id=TENANT,
        client_id=CLIENT,
        nonce=nonce,
        find_key={name: entra._jwk(name) for name in entra.published_keys}.get,
        clock=ServerClock(entra.timer.seconds),
    )


def test_a_good_token_says_who_signed_in(entra: ScriptedEntra) -> None:
    who = check(entra, entra.id_token())
    assert (who.tenant_id, who.user_id) == (TENANT, USER)
    assert (who.username, who.display_name) == ("ann@contoso.com", "Ann")


def test_names_may_be_absent(entra: ScriptedEntra) -> None:
    who = check(entra, entra.id_token(preferred_username=None, name=7))
    assert (who.username, who.display_name) == (None, None)


@pytest.mark.parametrize(
    ("claims", "reason"),
    [
        ({"nonce": "other"}, "nonce"),
        ({"nonce": None}, "nonce"),
        ({"tid": OTHER_TENANT}, "wrong_organisation"),
        ({"tid": None}, "wrong_organisation"),
        ({"tid": PERSONAL_ACCOUNTS}, "personal_account"),
        ({"aud": "another-app"}, "id_token"),
        ({"iss": f"{LOGIN}/{OTHER_TENANT}/v2.0"}, "id_token"),
        ({"iss": f"{LOGIN}/{{tenantid}}/v2.0"}, "id_token"),
        ({"iss": None}, "id_token"),
        ({"aud": None}, "id_token"),
        ({"exp": None}, "id_token"),
        ({"exp": "tomorrow"}, "id_token"),
        ({"ver": "1.0"}, "id_token"),
        ({"oid": None}, "id_token"),
        ({"oid": ""}, "id_token"),
    ],
)
def test_a_wrong_claim_is_refused(entra: ScriptedEntra, claims: dict[str, Any], reason: str) -> None:
    with pytest.raises(SignInRefused) as refused:
        check(entra, entra.id_token(**claims))
    assert refused.value.reason == reason


@pytest.mark.parametrize(
    ("claim", "shift", "accepted"),
    [("exp", -290, True), ("exp", -310, False), ("nbf", 290, True), ("nbf", 310, False)],
)
def test_five_minutes_of_skew_are_allowed(
    entra: ScriptedEntra, claim: str, shift: int, accepted: bool
) -> None:
    token = entra.id_token(**{claim: int(entra.timer.local) + shift})
    if accepted:
        assert check(entra, token).user_id == USER
    else:
        with pytest.raises(SignInRefused) as refused:
            check(entra, token)
        assert refused.value.reason == "expired"


def unsigned(entra: ScriptedEntra) -> str:
    claims = jwt.decode(entra.id_token(), options={"verify_signature": False})
    return jwt.encode(claims, None, algorithm="none", headers={"kid": "key-1"})


def with_public_key_as_secret(entra: ScriptedEntra) -> str:
    body = entra.id_token().split(".")[1]
    header = base64.urlsafe_b64encode(json.dumps({"alg": "HS256", "kid": "key-1"}).encode()).rstrip(b"=")
    return f"{header.decode()}.{body}.c2ln"


def signed_by_a_stranger(entra: ScriptedEntra) -> str:
    claims = jwt.decode(entra.id_token(), options={"verify_signature": False})
    return jwt.encode(claims, signing_key("stranger"), "RS256", headers={"kid": "key-1"})


def with_an_unknown_key(entra: ScriptedEntra) -> str:
    entra.signed_with = "key-2"
    return entra.id_token()


def with_another_algorithm(entra: ScriptedEntra) -> str:
    claims = jwt.decode(entra.id_token(), options={"verify_signature": False})
    return jwt.encode(claims, signing_key(), "RS512", headers={"kid": "key-1"})


@pytest.mark.parametrize(
    "forge",
    [
        unsigned,
        with_public_key_as_secret,
        signed_by_a_stranger,
        with_an_unknown_key,
        with_another_algorithm,
        lambda entra: "no token",
        lambda entra: "",
    ],
)
def test_a_forged_token_is_refused(entra: ScriptedEntra, forge: Any) -> None:
    with pytest.raises(SignInRefused) as refused:
        check(entra, forge(entra))
    assert refused.value.reason == "id_token"


def test_a_key_counts_only_for_the_issuer_it_names(entra: ScriptedEntra) -> None:
    entra.key_issuer = f"{LOGIN}/{{tenantid}}/v2.0"
    assert check(entra, entra.id_token()).user_id == USER
    entra.key_issuer = f"{LOGIN}/{PERSONAL_ACCOUNTS}/v2.0"
    with pytest.raises(SignInRefused, match="unknown key"):
        check(entra, entra.id_token())


def test_a_flow_without_nonce_does_not_ask_for_one(entra: ScriptedEntra) -> None:
    assert check(entra, entra.id_token(nonce=None), nonce=None).user_id == USER


class Published:
    def __init__(self) -> None:
        self.keys = ["a"]
        self.fetched = 0
        self.now = 1000.0
        self.signing = SigningKeys(self.fetch, lambda: self.now)

    def fetch(self, address: str) -> dict[str, Any]:
        self.fetched += 1
        return {"keys": [{"kid": key} for key in self.keys]}


def test_keys_are_kept_for_a_day() -> None:
    published = Published()
    for _ in range(3):
        assert published.signing.find("address", "a") == {"kid": "a"}
    assert published.fetched == 1
    published.now += 24 * 3600 + 1
    published.signing.find("address", "a")
    assert published.fetched == 2


def test_an_unknown_key_is_looked_up_again_at_most_once_in_five_minutes() -> None:
    published = Published()
    published.signing.find("address", "a")
    published.keys.append("b")
    for _ in range(50):
        assert published.signing.find("address", "b") is None
    assert published.fetched == 1
    published.now += 301
    assert published.signing.find("address", "b") == {"kid": "b"}
    for number in range(50):
        published.signing.find("address", f"forged-{number}")
    assert published.fetched == 2


def test_keys_of_one_address_are_not_those_of_another() -> None:
    published = Published()
    published.signing.find("address", "a")
    published.keys = ["b"]
    assert published.signing.find("other", "a") is None
    assert published.signing.find("address", "a") is not None


@pytest.mark.parametrize("answer", [{}, {"keys": "x"}, {"keys": [1, {"n": "x"}]}])
def test_a_key_list_of_another_shape_holds_no_key(answer: dict[str, Any]) -> None:
    assert SigningKeys(lambda address: answer, lambda: 0.0).find("address", "a") is None

"""Who signed in: validation of an id_token, and the signing keys of a tenant.

Microsoft: OpenID Connect on the Microsoft identity platform; Access tokens in the Microsoft identity
platform (issuer and signing keys). Of the claims only `tid` and `oid` say who it is.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from connector.auth.clock import ServerClock
from connector.errors import SignInRefused

PERSONAL_ACCOUNTS = "9188040d-6c67-4c5b-b112-36a304b66dad"
"""The tenant of all personal Microsoft accounts."""
SKEW_SECONDS = 300
_KEYS_SECONDS = 24 * 3600
_REFETCH_SECONDS = 300


@dataclass(frozen=True, slots=True)
class Identity:
    """A signed-in user. Name and user name are for display: they change, and prove nothing."""

    tenant_id: str
    user_id: str
    username: str | None = None
    display_name: str | None = None


class SigningKeys:
    """The keys of tenants by the address where they are published, kept for a day.

    Keys roll without notice, so an unknown key ID is looked up again, but at most once in five
    minutes: otherwise forged IDs would make us hammer Entra ID.
    """

    def __init__(self, fetch: Callable[[str], Mapping[str, Any]], clock: Callable[[], float]) -> None:
        """`fetch` gives the JSON at an address; `clock` seconds that only grow."""
        self._fetch = fetch
        self._clock = clock
        self._lock = threading.Lock()
        self._kept: dict[str, tuple[float, dict[str, Mapping[str, Any]]]] = {}

    def find(self, address: str, key_id: str) -> Mapping[str, Any] | None:
        """The key with this ID as JSON Web Key, or None."""
        with self._lock:
            fetched_at, keys = self._kept.get(address, (float("-inf"), {}))
            age = self._clock() - fetched_at
            if age > _KEYS_SECONDS or (key_id not in keys and age > _REFETCH_SECONDS):
                published = self._fetch(address).get("keys")
                entries = published if isinstance(published, list) else []
                keys = {
                    entry["kid"]: entry for entry in entries if isinstance(entry, dict) and "kid" in entry
                }
                self._kept[address] = self._clock(), keys
            return keys.get(key_id)


def validate(
    token: str,
    *,
    issuer: str,
    tenant_id: str,
    client_id: str,
    nonce: str | None,
    find_key: Callable[[str], Mapping[str, Any] | None],
    clock: ServerClock,
) -> Identity:
    """The identity in an id_token, after every check. Raises SignInRefused; nothing is to be kept then.

    `nonce` None: the flow has none (device code). `find_key` takes a key ID.
    """
    import jwt

    try:
        header = jwt.get_unverified_header(token)
        unverified = jwt.decode(token, options={"verify_signature": False})
    except jwt.PyJWTError:
        raise _forged("it cannot be read") from None
    refuse_other_tenant(unverified, tenant_id)
    key = find_key(str(header.get("kid")))
    if key is None or not _is_key_of(key, issuer, tenant_id):
        raise _forged("it is signed with an unknown key")
    try:
        claims = jwt.decode(
            token,
            jwt.PyJWK({**key, "alg": "RS256"}),
            algorithms=["RS256"],
            audience=client_id,
            issuer=issuer,
            options={
                "require": ["exp", "iss", "aud"],
                "verify_exp": False,
                "verify_nbf": False,
                "verify_iat": False,
            },
        )
    except jwt.InvalidAudienceError:
        raise _forged("it was made for another app") from None
    except jwt.InvalidIssuerError:
        raise _forged("it comes from another issuer") from None
    except jwt.PyJWTError as error:
        raise _forged(f"its signature or form is wrong ({type(error).__name__})") from None
    _check_time(claims, clock)
    if nonce is not None and claims.get("nonce") != nonce:
        raise _forged("it answers another sign-in", reason="nonce")
    return identity_of(claims, tenant_id)


def refuse_other_tenant(claims: Mapping[str, Any], tenant_id: str) -> None:
    """Raises SignInRefused unless the token is of this tenant."""
    tenant = str(claims.get("tid", "")).lower()
    if tenant == tenant_id:
        return
    if tenant == PERSONAL_ACCOUNTS:
        raise SignInRefused(
            "This is a personal Microsoft account. Use a work or school account of the organisation.",
            reason="personal_account",
            who="user",
            state="wrong_account",
        )
    raise SignInRefused(
        "The account belongs to the wrong organisation. Sign out at Microsoft, then sign in with an account "
        "of the organisation that this install is for.",
        reason="wrong_organisation",
        who="user",
        state="wrong_account",
    )


def identity_of(claims: Mapping[str, Any], tenant_id: str) -> Identity:
    """Who the claims name. Raises SignInRefused when they are of another version, tenant, or nobody."""
    refuse_other_tenant(claims, tenant_id)
    if claims.get("ver") != "2.0":
        raise _forged("it is of another version")
    user = claims.get("oid")
    if not isinstance(user, str) or not user:
        raise _forged("it does not say who signed in; the scope `profile` is needed")
    return Identity(tenant_id, user, _text(claims, "preferred_username"), _text(claims, "name"))


def claims_from_token_endpoint(token: str) -> Mapping[str, Any]:
    """The claims of an id_token that came straight from the token endpoint, over TLS.

    OpenID Connect Core 3.1.3.7 lets TLS stand in for the signature there. Raises SignInRefused.
    """
    import jwt

    try:
        claims: Mapping[str, Any] = jwt.decode(token, options={"verify_signature": False})
    except jwt.PyJWTError:
        raise _forged("it cannot be read") from None
    return claims


def _is_key_of(key: Mapping[str, Any], issuer: str, tenant_id: str) -> bool:
    """A key may name the issuer that it is for, with the tenant left open."""
    named = key.get("issuer")
    return named is None or str(named).replace("{tenantid}", tenant_id) == issuer


def _check_time(claims: Mapping[str, Any], clock: ServerClock) -> None:
    now = clock.timestamp()
    try:
        expires, valid_from = float(claims["exp"]), float(claims.get("nbf", 0))
    except (TypeError, ValueError):
        raise _forged("its times cannot be read") from None
    if now > expires + SKEW_SECONDS:
        raise _forged("it has expired", reason="expired")
    if now < valid_from - SKEW_SECONDS:
        raise _forged("it is not valid yet; check the clock of the server", reason="expired")


def _text(claims: Mapping[str, Any], name: str) -> str | None:
    value = claims.get(name)
    return value if isinstance(value, str) else None


def _forged(why: str, reason: str = "id_token") -> SignInRefused:
    return SignInRefused(
        f"The proof of identity was refused: {why}. Start the sign-in again.", reason=reason, who="user"
    )

"""Signing keys, id_tokens and the JWKS; key rollover and forged tokens on demand."""

from __future__ import annotations

import base64
import hashlib
import json
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa
from jwt.algorithms import RSAAlgorithm

from .state import Tenant, World

_ID_TOKEN_SECONDS = 3600
_FOREIGN_GUID = "0f0f0f0f-0000-4000-8000-000000000bad"


@dataclass(slots=True)
class KeyRing:
    """The numbers of the published keys, newest last; the newest signs."""

    published: list[int] = field(default_factory=lambda: [1])

    def roll(self, *, drop_old: bool) -> None:
        """Sign with a new key from now on; `drop_old` unpublishes all others."""
        newest = self.published[-1] + 1
        self.published = [newest] if drop_old else [*self.published, newest]


def key_ring(world: World) -> KeyRing:
    """The key ring of this world."""
    return world.part("keys", KeyRing)


@lru_cache(maxsize=16)
def _private_key(number: int) -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def _key_id(number: int) -> str:
    key = _private_key(number).public_key().public_numbers()
    return base64.urlsafe_b64encode(hashlib.sha1(str(key.n).encode()).digest()).decode().rstrip("=")


def jwks(world: World, issuer: str) -> dict[str, Any]:
    """The published keys, each bound to an issuer (or its template)."""
    keys = []
    for number in key_ring(world).published:
        key = json.loads(RSAAlgorithm.to_jwk(_private_key(number).public_key()))
        named = {"kty": "RSA", "use": "sig", "kid": _key_id(number), "x5t": _key_id(number)}
        keys.append(named | {"n": key["n"], "e": key["e"], "issuer": issuer})
    return {"keys": keys}


def pairwise_subject(user_id: str, client_id: str) -> str:
    """`sub`: one user, one app, one value."""
    return base64.urlsafe_b64encode(hashlib.sha256(f"{user_id} {client_id}".encode()).digest()).decode()[:43]


def id_token(
    world: World, tenant: Tenant, user: dict[str, Any], client_id: str, issuer: str, nonce: str | None
) -> str:
    """A signed id_token (v2.0), wrong in one point when the switch `id_token_forgery` says so."""
    now = int(world.clock.now().timestamp())
    claims: dict[str, Any] = {
        "aud": client_id, "iss": issuer, "iat": now, "nbf": now, "exp": now + _ID_TOKEN_SECONDS,
        "name": user["displayName"], "oid": user["id"], "preferred_username": user["userPrincipalName"],
        "rh": "0.sandbox", "sub": pairwise_subject(user["id"], client_id), "tid": tenant.id,
        "uti": world.new_secret()[:22], "ver": "2.0",
    }  # fmt: skip
    if nonce is not None:
        claims["nonce"] = nonce
    forgery = world.switches.id_token_forgery
    number = key_ring(world).published[-1]
    forged: dict[str, dict[str, Any]] = {
        "tid": {"tid": _FOREIGN_GUID}, "iss": {"iss": issuer.replace(tenant.id, _FOREIGN_GUID)},
        "aud": {"aud": _FOREIGN_GUID}, "nonce": {"nonce": "another"}, "version": {"ver": "1.0"},
        "expired": {"iat": now - 9000, "nbf": now - 9000, "exp": now - 5400}, "oid": {"oid": ""},
    }  # fmt: skip
    claims |= forged.get(forgery, {})
    if forgery == "none":
        return jwt.encode(claims, "", algorithm="none", headers={"kid": _key_id(number)})
    key_id = "unknown-key" if forgery == "kid" else _key_id(number)
    return jwt.encode(claims, _private_key(number), algorithm="RS256", headers={"kid": key_id, "x5t": key_id})

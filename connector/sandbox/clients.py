"""Who calls the token endpoint: client secret, certificate assertion, HTTP Basic, or a public client.

Sources: Microsoft: OAuth 2.0 client credentials flow; Microsoft identity platform application authentication
certificate credentials.
"""

from __future__ import annotations

import base64
import hmac
from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote_plus

import jwt
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

from .aadsts import EntraError
from .state import App, Certificate, World

ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
_SKEW_SECONDS = 300


def find_app(world: World, client_id: str) -> App:
    """The app registration; raises 900144 (no client_id), 700016 (unknown), 7000112 (switched off)."""
    if not client_id:
        raise missing("client_id")
    app = world.apps.get(client_id.casefold())
    if app is None:
        raise EntraError(700016, f"Application with identifier '{client_id}' was not found in the directory.")
    if not app.enabled:
        raise EntraError(7000112, f"Application '{client_id}' is disabled.")
    return app


def missing(parameter: str) -> EntraError:
    """The error for an absent request parameter."""
    return EntraError(
        900144, f"The request body must contain the following parameter: '{parameter}'.", "invalid_request"
    )


def authenticate(
    world: World, form: Mapping[str, str], authorization: str, token_urls: tuple[str, ...]
) -> App:
    """The app that makes this request, proven by one of its live credentials; raises EntraError.

    `token_urls`: the values that `aud` of an assertion may have.
    """
    basic_id, basic_secret = _basic(authorization)
    app = find_app(world, form.get("client_id") or basic_id)
    secret = form.get("client_secret") or basic_secret
    assertion = form.get("client_assertion", "")
    if app.public:
        if secret or assertion:
            raise _refused(world, 700025, "A public client presents neither a secret nor an assertion.")
        return app
    if assertion:
        if form.get("client_assertion_type") != ASSERTION_TYPE:
            raise EntraError(50013, "The client_assertion_type is not valid.", "invalid_request")
        _check_assertion(world, app, assertion, token_urls)
    elif secret:
        _check_secret(world, app, secret)
    else:
        raise _refused(world, 7000218, "The request must contain 'client_assertion' or 'client_secret'.")
    return app


def certificate_from_pem(certificate_id: str, pem: str) -> Certificate:
    """A certificate with its thumbprints, from PEM text; raises ValueError."""
    loaded = x509.load_pem_x509_certificate(pem.encode())
    return Certificate(
        id=certificate_id, pem=pem, sha256=_base64url(loaded.fingerprint(hashes.SHA256())),
        sha1=_base64url(loaded.fingerprint(hashes.SHA1())),
        expires_at=loaded.not_valid_after_utc,
    )  # fmt: skip


def _base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def _refused(world: World, code: int, text: str) -> EntraError:
    return EntraError(code, text, "invalid_client", world.switches.invalid_client_status)


def _basic(authorization: str) -> tuple[str, str]:
    scheme, _, value = authorization.partition(" ")
    if scheme.casefold() != "basic":
        return "", ""
    try:
        name, _, password = base64.b64decode(value).decode().partition(":")
    except ValueError:
        raise EntraError(7000215, "Invalid client secret provided.") from None
    return unquote_plus(name), unquote_plus(password)


def _check_secret(world: World, app: App, value: str) -> None:
    for secret in app.secrets:
        if hmac.compare_digest(secret.value.encode(), value.encode()):
            if secret.expires_at <= world.clock.now():
                raise _refused(
                    world, 7000222, f"The provided client secret keys for app '{app.id}' are expired."
                )
            return
    raise _refused(
        world, 7000215, f"Invalid client secret provided for app '{app.id}': send its value, not its id."
    )


def _check_assertion(world: World, app: App, assertion: str, token_urls: tuple[str, ...]) -> None:
    try:
        header = jwt.get_unverified_header(assertion)
    except jwt.InvalidTokenError:
        raise _refused(world, 50027, "The client assertion is malformed.") from None
    certificate = _named_certificate(app, header)
    if certificate is None:
        raise _refused(world, 700027, "The certificate that signed the client assertion is not registered.")
    if certificate.expires_at <= world.clock.now():
        raise _refused(world, 700027, "The certificate that signed the client assertion is expired.")
    claims = _verified_claims(world, header, assertion, certificate)
    if claims.get("iss") != app.id or claims.get("sub") != app.id:
        raise EntraError(700030, "Issuer and subject of the client assertion must be the client id.")
    if claims.get("aud") not in token_urls:
        raise _refused(world, 700021, "The audience of the client assertion is not this endpoint.")
    now = world.clock.now().timestamp()
    if not _number(claims.get("nbf")) - _SKEW_SECONDS <= now < _number(claims.get("exp")) + _SKEW_SECONDS:
        raise _refused(world, 700024, "The client assertion is not within its valid time range.")


def _number(value: Any) -> float:
    return float(value) if isinstance(value, int | float) else 0.0


def _named_certificate(app: App, header: Mapping[str, Any]) -> Certificate | None:
    # Entra takes thumbprints with and without padding, and clients send both.
    if "x5t#S256" in header:
        sha256 = str(header["x5t#S256"]).rstrip("=")
        return next((one for one in app.certificates if one.sha256 == sha256), None)
    sha1 = str(header.get("x5t", "")).rstrip("=")
    return next((one for one in app.certificates if one.sha1 == sha1), None)


def _verified_claims(
    world: World, header: Mapping[str, Any], assertion: str, certificate: Certificate
) -> dict[str, Any]:
    algorithms = world.switches.client_assertion_algorithms
    key = x509.load_pem_x509_certificate(certificate.pem.encode()).public_key()
    if header.get("alg") not in algorithms or not isinstance(key, RSAPublicKey):
        raise _refused(world, 700027, "The algorithm of the client assertion is not accepted.")
    try:
        claims: dict[str, Any] = jwt.decode(
            assertion, key, algorithms=list(algorithms),
            options={"verify_aud": False, "verify_exp": False, "verify_nbf": False, "verify_iat": False},
        )  # fmt: skip
    except jwt.InvalidTokenError:
        raise _refused(world, 700027, "The client assertion failed signature validation.") from None
    return claims

"""How the app proves itself at the token endpoint: with its secret, or an assertion by its certificate.

Microsoft: Microsoft identity platform application authentication certificate credentials.
"""

from __future__ import annotations

import base64
from uuid import uuid4

from connector.auth.clock import ServerClock
from connector.errors import SettingsError
from connector.tenancy import Credential

ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
_LIFETIME_SECONDS = 600


def proof(credential: Credential | None, client_id: str, audience: str, clock: ServerClock) -> dict[str, str]:
    """The form fields that prove the app; none for a public client. `audience` is the token endpoint.

    Raises SettingsError for a certificate that cannot be used.
    """
    if credential is None:
        return {}
    if credential.secret:
        return {"client_secret": credential.secret}
    return {
        "client_assertion": _assertion(credential, client_id, audience, clock),
        "client_assertion_type": ASSERTION_TYPE,
    }


def _assertion(credential: Credential, client_id: str, audience: str, clock: ServerClock) -> str:
    import jwt
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    pem = (credential.certificate or "").encode()
    try:
        certificate = x509.load_pem_x509_certificate(pem)
        key = load_pem_private_key(pem, password=None)
    except (ValueError, TypeError):
        raise SettingsError(
            f"The certificate {credential.id} cannot be read. Give one PEM text with the certificate and "
            "its private key, without a password."
        ) from None
    if not isinstance(key, RSAPrivateKey) or key.public_key() != certificate.public_key():
        raise SettingsError(
            f"The private key of the certificate {credential.id} is not its own RSA key. "
            "Give the key that the certificate was made with."
        )
    now = int(clock.timestamp())
    claims = {
        "aud": audience,
        "iss": client_id,
        "sub": client_id,
        "jti": str(uuid4()),
        "iat": now,
        "nbf": now,
        "exp": now + _LIFETIME_SECONDS,
    }
    headers = {"x5t#S256": _base64(certificate.fingerprint(hashes.SHA256()))}
    if credential.algorithm == "RS256":
        headers["x5t"] = _base64(certificate.fingerprint(hashes.SHA1()))  # noqa: S303, the header's own form
    return jwt.encode(claims, key, algorithm=credential.algorithm, headers=headers)


def _base64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()

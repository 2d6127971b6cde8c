"""Parameters of requests to Entra: which are right, and what they say.

Sources: Microsoft: OAuth 2.0 authorization code flow; Redirect URI restrictions; Claims challenges.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from .aadsts import EntraError
from .permissions import OPENID_SCOPES
from .state import App, Tenant, World

MULTI_TENANT_SEGMENTS = ("common", "organizations")
_PROMPTS = {"", "none", "login", "consent", "select_account"}
_RESPONSE_MODES = {"", "query", "fragment", "form_post"}


def find_tenant(world: World, segment: str) -> Tenant | None:
    """The company of an authority, None for the multi-tenant ones; raises 90002."""
    if segment.casefold() in MULTI_TENANT_SEGMENTS:
        return None
    tenant = world.tenant(segment)
    if tenant is None:
        raise EntraError(90002, f"Tenant '{segment}' not found. Check that the tenant ID is correct and that "
                         "the right cloud is used.")  # fmt: skip
    return tenant


def matches_registered(redirect_uri: str, registered: list[str]) -> bool:
    """Exact comparison, except that the port of a loopback address over http is free."""
    return _without_loopback_port(redirect_uri) in {_without_loopback_port(uri) for uri in registered}


def _without_loopback_port(uri: str) -> str:
    parts = urlsplit(uri)
    if parts.scheme == "http" and parts.hostname in ("localhost", "127.0.0.1"):
        return parts._replace(netloc=parts.hostname).geturl()
    return uri


def check_audience(app: App, tenant: Tenant | None) -> None:
    """Raise when the app may not be used at this authority (50194, 700016)."""
    if app.multi_tenant:
        return
    if tenant is None:
        raise EntraError(50194, f"Application '{app.id}' is not configured as a multi-tenant application.")
    if tenant.id != app.home_tenant:
        raise EntraError(700016, f"Application with identifier '{app.id}' was not found in '{tenant.name}'.")


def check_authorize(world: World, parameters: Mapping[str, str]) -> None:
    """Raise for what the authorization endpoint refuses with a callback."""
    response_type = parameters.get("response_type", "")
    if not response_type:
        raise EntraError(900144, "The request must contain the following parameter: 'response_type'.")
    if response_type != "code":
        raise EntraError(700054, f"response_type '{response_type}' is not enabled for the application.")
    for name, allowed in (("prompt", _PROMPTS), ("response_mode", _RESPONSE_MODES)):
        if parameters.get(name, "") not in allowed:
            raise EntraError(90023, f"Unsupported '{name}' value.")
    challenge, method = parameters.get("code_challenge", ""), parameters.get("code_challenge_method", "plain")
    if method not in ("plain", "S256"):
        raise EntraError(501491, "Invalid code_challenge_method.")
    if (challenge or world.switches.require_pkce) and not 43 <= len(challenge) <= 128:
        raise EntraError(501491, "Invalid size of Code_Challenge parameter.")


def declares_cp1(claims: str) -> bool:
    """Whether a `claims` parameter says that the client understands claims challenges (`cp1`, any case)."""
    try:
        values = json.loads(claims)["access_token"]["xms_cc"]["values"]
        return any(str(value).casefold() == "cp1" for value in values)
    except (ValueError, KeyError, TypeError):
        return False


def answers_challenge(claims: str) -> bool:
    """Whether a `claims` parameter passes on what a claims challenge demanded."""
    try:
        return "nbf" in json.loads(claims)["access_token"]
    except (ValueError, KeyError, TypeError):
        return False


def client_info(tenant: Tenant, user: dict[str, Any]) -> str:
    """`client_info`: base64url of user and tenant id, for token caches."""
    text = json.dumps({"uid": user["id"], "utid": tenant.id})
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def graph_scopes(scopes: list[str] | tuple[str, ...]) -> list[str]:
    """The scopes that are Graph permissions."""
    return [scope for scope in scopes if scope not in OPENID_SCOPES]

"""OpenID Connect discovery and the published keys.

Source: Microsoft: OpenID Connect on the Microsoft identity platform.
"""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response, current_app, jsonify, request

from .aadsts import EntraError
from .keys import jwks
from .parameters import find_tenant
from .state import World

blueprint = Blueprint("discovery", __name__)
_TEMPLATE = "{tenantid}"


def _world() -> World:
    world: World = current_app.extensions["sandbox"]
    return world


def issuer_of(origin: str, tenant_id: str) -> str:
    """The issuer of one company's tokens."""
    return f"{origin}/{tenant_id}/v2.0"


@blueprint.get("/<segment>/v2.0/.well-known/openid-configuration")
def configuration(segment: str) -> tuple[Response, int]:
    """The discovery document; endpoints keep the segment asked for, the issuer has the GUID."""
    world, origin = _world(), request.host_url.rstrip("/")
    try:
        tenant = find_tenant(world, segment)
    except EntraError as error:
        return jsonify(error.as_json(world.clock.now(), origin, None)), 400
    authority = f"{origin}/{segment}"
    document: dict[str, Any] = {
        "token_endpoint": f"{authority}/oauth2/v2.0/token",
        "token_endpoint_auth_methods_supported": [
            "client_secret_post", "private_key_jwt", "client_secret_basic",
        ],
        "jwks_uri": f"{authority}/discovery/v2.0/keys",
        "response_modes_supported": ["query", "fragment", "form_post"],
        "subject_types_supported": ["pairwise"],
        "id_token_signing_alg_values_supported": ["RS256"],
        "response_types_supported": ["code"],
        "scopes_supported": ["openid", "profile", "email", "offline_access"],
        "issuer": issuer_of(origin, tenant.id if tenant else _TEMPLATE),
        "authorization_endpoint": f"{authority}/oauth2/v2.0/authorize",
        "device_authorization_endpoint": f"{authority}/oauth2/v2.0/devicecode",
        "end_session_endpoint": f"{authority}/oauth2/v2.0/logout",
        "userinfo_endpoint": f"{origin}/oidc/userinfo",
        "http_logout_supported": True,
        "frontchannel_logout_supported": True,
        "claims_supported": [
            "sub", "iss", "aud", "exp", "iat", "nonce", "preferred_username", "name", "tid", "ver",
        ],
        "tenant_region_scope": "EU" if tenant else None,
        "cloud_instance_name": "microsoftonline.com",
        "cloud_graph_host_name": "graph.windows.net",
        "msgraph_host": request.host,
    }  # fmt: skip
    return jsonify(document), 200


@blueprint.get("/<segment>/discovery/v2.0/keys")
def keys(segment: str) -> tuple[Response, int]:
    """The JWKS."""
    world, origin = _world(), request.host_url.rstrip("/")
    try:
        tenant = find_tenant(world, segment)
    except EntraError as error:
        return jsonify(error.as_json(world.clock.now(), origin, None)), 400
    return jsonify(jwks(world, issuer_of(origin, tenant.id if tenant else _TEMPLATE))), 200

"""The token endpoint and the start of device logins.

Sources: Microsoft: OAuth 2.0 authorization code flow; client credentials flow; device authorization grant;
Refresh tokens in the Microsoft identity platform.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from flask import Blueprint, Response, current_app, jsonify, request

from .aadsts import EntraError
from .changelog import Item
from .clients import authenticate, find_app, missing
from .discovery import issuer_of
from .grants import DeviceLogin, RefreshToken, as_error, entra_of
from .keys import id_token
from .parameters import answers_challenge, client_info, declares_cp1, find_tenant, graph_scopes
from .permissions import OPENID_SCOPES, asks_for_default, parse_scopes, written
from .state import App, Tenant, World

blueprint = Blueprint("tokens", __name__)

DEVICE_GRANT = "urn:ietf:params:oauth:grant-type:device_code"
_SLOWER_SECONDS = 5


@dataclass(frozen=True, slots=True)
class TokenRequest:
    """One request to the token endpoint, the caller proven."""

    world: World
    app: App
    segment: str
    tenant: Tenant | None
    """None at `organizations` and `common`."""
    form: dict[str, str]
    origin: str

    @property
    def now(self) -> datetime:
        """The sandbox's time."""
        return self.world.clock.now()

    def required(self, name: str) -> str:
        """A form field; raises 900144 when absent."""
        value = self.form.get(name, "")
        if not value:
            raise missing(name)
        return value


def _world() -> World:
    world: World = current_app.extensions["sandbox"]
    return world


@blueprint.post("/<segment>/oauth2/v2.0/token")
def token(segment: str) -> Response:
    """The token endpoint."""
    world, form, origin = _world(), request.form.to_dict(), request.host_url.rstrip("/")
    with world.lock:
        known = world.tenant(segment)
        armed = entra_of(world).strike(
            "token",
            app=_client_id(form),
            tenant=known.id if known else "",
            grant_type=form.get("grant_type", ""),
        )
        if armed is not None and armed.raw_body is not None:
            return Response(armed.raw_body, armed.status or 200, armed.headers, mimetype="text/html")
        try:
            if armed is not None:
                raise as_error(armed)
            return _no_store(jsonify(_tokens(world, segment, form, origin)))
        except EntraError as error:
            return _refusal(world, error, origin)


def _client_id(form: dict[str, str]) -> str:
    basic_name = request.authorization.username if request.authorization else None
    return form.get("client_id") or basic_name or ""


@blueprint.post("/<segment>/oauth2/v2.0/devicecode")
def device_code(segment: str) -> Response:
    """Start a device login."""
    world, form, origin = _world(), request.form.to_dict(), request.host_url.rstrip("/")
    with world.lock:
        try:
            armed = entra_of(world).strike("devicecode", app=form.get("client_id", ""))
            if armed is not None:
                raise as_error(armed)
            find_tenant(world, segment)
            app = find_app(world, form.get("client_id", ""))
            scopes = parse_scopes(form.get("scope", ""), origin, app.delegated)
            return _no_store(jsonify(_device_started(world, segment, app, scopes, origin)))
        except EntraError as error:
            return _refusal(world, error, origin)


def _device_started(world: World, segment: str, app: App, scopes: list[str], origin: str) -> Item:
    switches = world.switches
    user_code = world.new_guid().replace("-", "")[:9].upper()
    device = DeviceLogin(
        device_code=world.new_secret("BAQ"), user_code=user_code, segment=segment, app_id=app.id,
        scopes=tuple(scopes), interval_seconds=switches.device_code_interval_seconds,
        expires_at=world.clock.now() + timedelta(seconds=switches.device_code_seconds),
    )  # fmt: skip
    entra_of(world).devices[user_code] = device
    page = f"{origin}/devicelogin"
    return {
        "user_code": user_code, "device_code": device.device_code, "verification_uri": page,
        "expires_in": switches.device_code_seconds, "interval": device.interval_seconds,
        "message": f"To sign in, use a web browser to open the page {page} and enter the code {user_code}.",
    }  # fmt: skip


def _refusal(world: World, error: EntraError, origin: str) -> Response:
    response = jsonify(error.as_json(world.clock.now(), origin, request.headers.get("client-request-id")))
    response.status_code = error.status
    for name, value in error.headers.items():
        response.headers[name] = value
    return _no_store(response)


def _no_store(response: Response) -> Response:
    response.headers["Cache-Control"] = "no-store, no-cache"
    response.headers["Pragma"] = "no-cache"
    return response


def _tokens(world: World, segment: str, form: dict[str, str], origin: str) -> Item:
    tenant = find_tenant(world, segment)
    if request.headers.get("Origin"):
        raise EntraError(9002326, "Cross-origin token redemption is permitted only for single-page apps.")
    grant_type = form.get("grant_type", "")
    if not grant_type:
        raise missing("grant_type")
    grant = _GRANTS.get(grant_type)
    if grant is None:
        raise EntraError(70003, f"The app requested an unsupported grant type '{grant_type}'.")
    names = {segment, tenant.id} if tenant else {segment}
    token_urls = tuple(f"{origin}/{name}/oauth2/v2.0/token" for name in names)
    app = authenticate(world, form, request.headers.get("Authorization", ""), token_urls)
    return grant(TokenRequest(world, app, segment, tenant, form, origin))  # type: ignore[no-any-return]


def _by_code(asked: TokenRequest) -> Item:
    codes = entra_of(asked.world).codes
    code = codes.get(asked.required("code"))
    if code is None or code.app_id != asked.app.id:
        raise EntraError(70000, "The provided value for the 'code' parameter is not valid.")
    if code.redeemed:
        raise EntraError(54005, "OAuth2 authorization code was already redeemed. Request a new one.")
    if code.expires_at <= asked.now:
        raise EntraError(70008, "The provided authorization code or refresh token has expired.")
    if not _same_authority(asked, code.segment, code.tenant_id):
        raise EntraError(700005, "The provided authorization code is intended to use against another tenant.")
    if asked.required("redirect_uri") != code.redirect_uri:
        raise EntraError(500112, "The reply address does not match the one of the authorization request.",
                         "invalid_client")  # fmt: skip
    _check_verifier(asked.form.get("code_verifier", ""), code.challenge, code.challenge_method)
    code.redeemed = True
    tenant = asked.world.tenants[code.tenant_id]
    scopes = _asked_scopes(asked, code.scopes)
    cp1 = code.declares_cp1 or declares_cp1(asked.form.get("claims", ""))
    answer = _for_user(asked, tenant, code.user_id, scopes, cp1, code.nonce, signed_in_at=asked.now)
    if code.wants_client_info:
        answer["client_info"] = client_info(tenant, _live_user(tenant, code.user_id))
    return answer


def _same_authority(asked: TokenRequest, segment: str, tenant_id: str) -> bool:
    if asked.segment.casefold() == segment.casefold():
        return True
    first = asked.world.tenant(segment)
    return asked.tenant is not None and first is not None and asked.tenant.id == first.id == tenant_id


def _check_verifier(verifier: str, challenge: str, method: str) -> None:
    if not challenge:
        if verifier:
            raise EntraError(501481, "The Code_Verifier does not match: no Code_Challenge was supplied.")
        return
    hashed = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).decode().rstrip("=")
    computed = hashed if method == "S256" else verifier
    if not verifier or not hmac.compare_digest(computed.encode(), challenge.encode()):
        raise EntraError(501481, "The Code_Verifier does not match the code_challenge supplied in the "
                         "authorization request.")  # fmt: skip


def _asked_scopes(asked: TokenRequest, original: tuple[str, ...]) -> tuple[str, ...]:
    text = asked.form.get("scope", "")
    return tuple(parse_scopes(text, asked.origin, asked.app.delegated)) if text.strip() else original


def _live_user(tenant: Tenant, user_id: str) -> Item:
    user = tenant.users.get(user_id)
    if user is None:
        raise EntraError(50034, "The user account does not exist in the directory.")
    if not user["accountEnabled"]:
        raise EntraError(50057, "The user account is disabled.")
    return user


def _for_user(
    asked: TokenRequest,
    tenant: Tenant,
    user_id: str,
    scopes: tuple[str, ...],
    cp1: bool,
    nonce: str | None,
    signed_in_at: datetime,
) -> Item:
    """The token answer for a user; the access token carries everything granted, not just what was asked."""
    world, switches = asked.world, asked.world.switches
    user = _live_user(tenant, user_id)
    consent = tenant.consents.get(asked.app.id)
    granted = consent.scopes_of(user_id, asked.now) if consent else set()
    if consent is None or any(scope not in granted for scope in graph_scopes(scopes)):
        raise EntraError(65001, f"The user or administrator has not consented to use the application "
                         f"'{asked.app.name}'.")  # fmt: skip
    dropped = set(switches.token_scopes_dropped)
    carried = [
        scope for scope in graph_scopes([*scopes, *sorted(granted - set(scopes))]) if scope not in dropped
    ]
    echoed = [scope for scope in scopes if scope in OPENID_SCOPES - {"offline_access"}]
    shown = [*carried, *echoed] if switches.echo_openid_scopes else carried
    lifetime = switches.cae_token_seconds if cp1 else switches.access_token_seconds
    answer: Item = {
        "token_type": "Bearer",
        "scope": written(shown, switches.token_scope_form, asked.origin),
        "expires_in": str(lifetime) if switches.expires_in_as_text else lifetime,
        "ext_expires_in": lifetime,
        "access_token": world.issue_access_token(
            tenant,
            asked.app.id,
            user_id,
            frozenset(carried),
            lifetime_seconds=lifetime,
            declares_cp1=cp1,
            answers_challenge=answers_challenge(asked.form.get("claims", "")),
        ),
    }
    if "offline_access" in scopes and not switches.omit_refresh_token:
        answer["refresh_token"] = _new_refresh_token(asked, tenant, user_id, scopes, signed_in_at)
    if "openid" in scopes and not switches.omit_id_token:
        issuer = issuer_of(asked.origin, tenant.id)
        answer["id_token"] = id_token(world, tenant, user, asked.app.id, issuer, nonce)
    if asked.form.get("client_info") == "1":
        answer["client_info"] = client_info(tenant, user)
    return answer


def _new_refresh_token(
    asked: TokenRequest, tenant: Tenant, user_id: str, scopes: tuple[str, ...], signed_in_at: datetime
) -> str:
    value = asked.world.new_secret("1.AX0A")
    expires_at = asked.now + timedelta(days=asked.world.switches.refresh_token_days)
    entra_of(asked.world).refresh_tokens[value] = RefreshToken(
        tenant.id, user_id, asked.app.id, scopes, signed_in_at, expires_at
    )
    return value


def _by_refresh_token(asked: TokenRequest) -> Item:
    kept = entra_of(asked.world).refresh_tokens.get(asked.required("refresh_token"))
    if kept is None or kept.app_id != asked.app.id:
        raise EntraError(70000, "The provided value for the input parameter 'refresh_token' is not valid.")
    if kept.expires_at <= asked.now:
        raise EntraError(700082, "The refresh token has expired due to inactivity.")
    home = asked.world.tenants[kept.tenant_id]
    _live_user(home, kept.user_id)
    account = home.accounts[kept.user_id]
    if kept.revoked or account.sessions_valid_from > kept.signed_in_at:
        raise EntraError(50173, "The provided grant has expired due to it being revoked, a fresh auth token "
                         "is needed.")  # fmt: skip
    tenant, user_id = _resource_account(asked, home, kept.user_id)
    scopes = _asked_scopes(asked, kept.scopes)
    if asks_for_default(asked.form.get("scope", "")):
        scopes = tuple(dict.fromkeys([*scopes, *(name for name in kept.scopes if name in OPENID_SCOPES)]))
    cp1 = declares_cp1(asked.form.get("claims", ""))
    answer = _for_user(asked, tenant, user_id, scopes, cp1, None, signed_in_at=kept.signed_in_at)
    if asked.world.switches.refresh_rotation == "old_revoked" and "refresh_token" in answer:
        kept.revoked = True
    return answer


def _resource_account(asked: TokenRequest, home: Tenant, user_id: str) -> tuple[Tenant, str]:
    """Whom a refresh token means at the authority asked: the user, or that user's guest entry there."""
    if asked.tenant is None or asked.tenant is home:
        return home, user_id
    for guest_id, account in asked.tenant.accounts.items():
        if account.home == (home.id, user_id):
            return asked.tenant, guest_id
    raise EntraError(
        50020, "The user account does not exist in the tenant and cannot access the application."
    )


def _by_client(asked: TokenRequest) -> Item:
    if asked.tenant is None:
        raise EntraError(9001023, "The grant type is not supported over /common or /organizations endpoints.")
    if not asks_for_default(asked.required("scope")):
        raise EntraError(70011, "The scope of a client credentials request must end in /.default.")
    if asked.app.public:
        raise EntraError(7000216, "Client credentials are required for this grant type.")
    consent = asked.tenant.consents.get(asked.app.id)
    if consent is None and asked.app.home_tenant != asked.tenant.id:
        raise EntraError(700016, f"Application '{asked.app.id}' was not found in '{asked.tenant.name}'.")
    roles = consent.roles_at(asked.now) if consent else set()
    seconds = asked.world.switches.access_token_seconds
    value = asked.world.issue_access_token(
        asked.tenant, asked.app.id, None, frozenset(roles), lifetime_seconds=seconds
    )
    return {"token_type": "Bearer", "expires_in": seconds, "ext_expires_in": seconds, "access_token": value}


def _by_device_code(asked: TokenRequest) -> Item:
    value = asked.required("device_code")
    devices = entra_of(asked.world).devices.values()
    device = next((one for one in devices if one.device_code == value and one.app_id == asked.app.id), None)
    if device is None or device.state == "used":
        raise EntraError(70018, "The device code is not known.", "bad_verification_code")
    if device.expires_at <= asked.now:
        raise EntraError(70020, "The provided value for the input parameter 'device_code' has expired.")
    if device.state == "declined":
        raise EntraError(65004, "The user declined the device login.", "authorization_declined")
    if device.state == "pending":
        polled_at, device.polled_at = device.polled_at, asked.now
        if polled_at is not None and (asked.now - polled_at).total_seconds() < device.interval_seconds:
            device.interval_seconds += _SLOWER_SECONDS
            raise EntraError(70016, "The client polls too fast.", "slow_down")
        raise EntraError(70016, "OAuth 2.0 device flow error. Authorization is pending. Continue polling.")
    device.state = "used"
    tenant = asked.world.tenants[device.tenant_id]
    return _for_user(asked, tenant, device.user_id, device.scopes, False, None, signed_in_at=asked.now)


_GRANTS: dict[str, Any] = {
    "authorization_code": _by_code,
    "refresh_token": _by_refresh_token,
    "client_credentials": _by_client,
    DEVICE_GRANT: _by_device_code,
}

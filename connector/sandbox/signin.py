"""A sign-in, from the authorize request to the callback, without any HTML.

`begin` checks the request; `choose`, `authenticate` and `decide` take what the person does. Each returns
what to show or where to go next. Pages are left to `authorize`, redemption to `tokens`.
Sources: Microsoft: OAuth 2.0 authorization code flow; Admin consent on the Microsoft identity platform.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Literal

from .aadsts import EntraError
from .changelog import Item
from .clients import find_app
from .grants import AuthorizationCode, DeviceLogin, as_error, entra_of
from .parameters import (
    check_audience,
    check_authorize,
    client_info,
    declares_cp1,
    find_tenant,
    matches_registered,
)
from .permissions import asks_for_default, needs_admin, parse_scopes
from .state import App, Consent, Tenant, World

_CODE_MINUTES = 10

Kind = Literal["authorize", "admin", "admin_legacy", "device"]


@dataclass(frozen=True, slots=True)
class Callback:
    """Go back to the app with these parameters."""

    redirect_uri: str
    mode: str
    parameters: dict[str, str]


@dataclass(frozen=True, slots=True)
class Show:
    """Show a page of a sign-in; `error` is what went wrong on the page before."""

    page: Literal["account", "password", "consent", "done"]
    error: str = ""


Outcome = Callback | Show


class PageError(Exception):
    """An error that Entra shows to the person and never tells the app."""

    def __init__(self, error: EntraError) -> None:
        super().__init__(error.text)
        self.error = error


@dataclass(slots=True)
class SignIn:
    """A sign-in under way."""

    id: str
    kind: Kind
    segment: str
    app: App
    scopes: list[str]
    """What the app asks for, `.default` resolved."""
    expires_at: datetime
    parameters: Mapping[str, str] = field(default_factory=dict)
    tenant: Tenant | None = None
    """The company in whose name the person signs in; open until then with `organizations`."""
    account: str = ""
    user: Item | None = None
    device: DeviceLogin | None = None
    wants_default: bool = False

    def parameter(self, name: str) -> str:
        """A parameter of the authorize request, empty when absent."""
        return self.parameters.get(name, "")

    @property
    def signed_in(self) -> tuple[Tenant, Item]:
        """Company and user; raises 50089 when nobody signed in yet."""
        if self.tenant is None or self.user is None:
            raise PageError(EntraError(50089, "This sign-in step came too early. Start again."))
        return self.tenant, self.user


def begin(
    world: World, kind: Kind, segment: str, parameters: Mapping[str, str], origin: str, session: str = ""
) -> tuple[SignIn, Outcome]:
    """Start a sign-in at `/authorize` or one of the admin consent addresses.

    Raises PageError for what cannot be told to the app: unknown company, app or redirect address.
    """
    try:
        tenant = find_tenant(world, segment)
        app = find_app(world, parameters.get("client_id", ""))
        redirect_uri = parameters.get("redirect_uri", "")
        if not matches_registered(redirect_uri, app.redirect_uris):
            raise EntraError(50011, f"The redirect URI '{redirect_uri}' in the request is not one of "
                             f"those configured for the application '{app.id}'.")  # fmt: skip
        check_audience(app, tenant)
    except EntraError as error:
        raise PageError(error) from None
    sign_in = SignIn(world.new_guid(), kind, segment, app, [], _deadline(world), parameters, tenant)
    try:
        armed = entra_of(world).strike(
            "authorize" if kind == "authorize" else "adminconsent",
            app=app.id,
            tenant=tenant.id if tenant else "",
        )
        if armed is not None:
            if armed.as_page:
                raise PageError(as_error(armed))
            raise as_error(armed)
        sign_in.wants_default = kind == "admin_legacy" or asks_for_default(sign_in.parameter("scope"))
        sign_in.scopes = _requested_scopes(sign_in, origin)
        if kind == "authorize":
            check_authorize(world, parameters)
        outcome = _first_page(world, sign_in, session)
    except EntraError as error:
        return sign_in, failed(world, sign_in, error)
    entra_of(world).sign_ins[sign_in.id] = sign_in
    return sign_in, outcome


def begin_device(world: World, device: DeviceLogin) -> SignIn:
    """Start the sign-in that approves a device login."""
    tenant = find_tenant(world, device.segment)
    app = find_app(world, device.app_id)
    sign_in = SignIn(
        world.new_guid(), "device", device.segment, app, list(device.scopes), _deadline(world), tenant=tenant,
        device=device,
    )  # fmt: skip
    entra_of(world).sign_ins[sign_in.id] = sign_in
    return sign_in


def resume(world: World, sign_in_id: str) -> SignIn:
    """The sign-in under way with this id; raises PageError (50089) when it is gone."""
    sign_in: SignIn | None = entra_of(world).sign_ins.get(sign_in_id)
    if sign_in is None or sign_in.expires_at <= world.clock.now():
        raise PageError(EntraError(50089, "This sign-in has expired. Start again in the application."))
    return sign_in


def _deadline(world: World) -> datetime:
    return world.clock.now() + timedelta(minutes=30)


def _requested_scopes(sign_in: SignIn, origin: str) -> list[str]:
    if sign_in.kind == "admin_legacy":
        return list(sign_in.app.delegated)
    scope = sign_in.parameter("scope")
    if not scope.strip():
        raise EntraError(900144, "The request must contain the following parameter: 'scope'.")
    return parse_scopes(scope, origin, sign_in.app.delegated)


def _first_page(world: World, sign_in: SignIn, session: str) -> Outcome:
    prompt, hint = sign_in.parameter("prompt"), sign_in.parameter("login_hint")
    known = entra_of(world).sessions.get(session)
    if known is not None and prompt not in ("login", "select_account") and sign_in.kind == "authorize":
        tenant = world.tenants[known[0]]
        user = tenant.users.get(known[1])
        right_company = sign_in.tenant is None or sign_in.tenant is tenant
        if (
            user is not None
            and right_company
            and hint.casefold() in ("", user["userPrincipalName"].casefold())
        ):
            sign_in.tenant, sign_in.user = tenant, user
            return after_sign_in(world, sign_in)
    if prompt == "none":
        raise EntraError(
            50058, "A silent sign-in request was sent but no user is signed in.", "login_required"
        )
    if hint:
        sign_in.account = hint
        return Show("password")
    return Show("account")


def choose(sign_in: SignIn, account: str) -> Outcome:
    """The person names the account."""
    sign_in.account = account.strip()
    return Show("password") if sign_in.account else Show("account", "Enter an account.")


def authenticate(world: World, sign_in: SignIn, password: str) -> Outcome:
    """The person gives the password; raises PageError where Entra stops at a page."""
    found = _find_account(world, sign_in)
    if found is None:
        unknown = f"User account '{sign_in.account}' does not exist in this tenant."
        raise PageError(EntraError(50020, unknown))
    tenant, user = found
    if tenant.accounts[user["id"]].password != password:
        return Show("password", "Your account or password is incorrect.")
    if not user["accountEnabled"]:
        raise PageError(EntraError(50057, "The user account is disabled."))
    if sign_in.app.id in tenant.assignment_required and user["id"] not in tenant.assigned:
        raise PageError(EntraError(50105, "Only users assigned to the application may use it."))  # fmt: skip
    sign_in.tenant, sign_in.user = tenant, user
    return after_sign_in(world, sign_in)


def _find_account(world: World, sign_in: SignIn) -> tuple[Tenant, Item] | None:
    name = sign_in.account.casefold()
    if sign_in.tenant is None:
        home = world.tenant(name.rpartition("@")[2])
        user = home.find_user(name) if home else None
        return (home, user) if home and user else None
    guests = (user for user in sign_in.tenant.users if user["userType"] == "Guest")
    user = sign_in.tenant.find_user(name) or next(
        (guest for guest in guests if str(guest["mail"]).casefold() == name), None
    )
    return (sign_in.tenant, user) if user else None


def after_sign_in(world: World, sign_in: SignIn) -> Outcome:
    """What comes once somebody is signed in: consent, a stop for lack of rights, or the callback."""
    tenant, user = sign_in.signed_in
    is_admin = tenant.accounts[user["id"]].is_admin
    if sign_in.kind in ("admin", "admin_legacy"):
        if not is_admin:
            raise PageError(_admin_needed())
        return Show("consent")
    missing = missing_scopes(world, sign_in)
    prompt = sign_in.parameter("prompt")
    asked = sign_in.scopes if prompt == "consent" else missing
    if not asked:
        return _completed(world, sign_in)
    if prompt == "none":
        raise EntraError(65001, "The user or administrator has not consented to use the application.",
                         "consent_required")  # fmt: skip
    if not is_admin and any(needs_admin(scope, tenant.consent_policy) for scope in asked):
        raise PageError(_admin_needed())
    return Show("consent")


def _admin_needed() -> EntraError:
    return EntraError(90094, "This application needs permissions that only an administrator can grant.")


def missing_scopes(world: World, sign_in: SignIn) -> list[str]:
    """Scopes asked for that nobody granted yet."""
    tenant, user = sign_in.signed_in
    consent = tenant.consents.get(sign_in.app.id)
    granted = consent.scopes_of(user["id"], world.clock.now()) if consent else set()
    return [scope for scope in sign_in.scopes if scope not in granted]


def decide(world: World, sign_in: SignIn, accepted: bool, kept: list[str], for_everyone: bool) -> Outcome:
    """The person answers the consent page; `kept` are the permissions still ticked."""
    tenant, user = sign_in.signed_in
    if not accepted:
        if sign_in.device is not None:
            sign_in.device.state = "declined"
            return Show("done", "You declined the sign-in. You can close this window.")
        return failed(world, sign_in, EntraError(65004, "User declined to consent to access the app."))
    granted = [scope for scope in sign_in.scopes if not world.switches.partial_consent or scope in kept]
    consent = tenant.consents.setdefault(sign_in.app.id, Consent())
    everyone = sign_in.kind in ("admin", "admin_legacy") or (
        for_everyone and tenant.accounts[user["id"]].is_admin
    )
    if everyone:
        since = world.clock.now() + timedelta(seconds=world.switches.consent_delay_seconds)
        consent.everyone |= {scope: consent.everyone.get(scope, since) for scope in granted}
        if sign_in.wants_default:
            consent.roles |= {role: consent.roles.get(role, since) for role in sign_in.app.application}
    else:
        consent.users.setdefault(user["id"], set()).update(granted)
    return _completed(world, sign_in)


def _completed(world: World, sign_in: SignIn) -> Outcome:
    tenant, user = sign_in.signed_in
    entra_of(world).sign_ins.pop(sign_in.id, None)
    if sign_in.device is not None:
        sign_in.device.state, sign_in.device.tenant_id = "approved", tenant.id
        sign_in.device.user_id = user["id"]
        return Show("done", "You have signed in on your device. You can close this window.")
    if sign_in.kind != "authorize":
        parameters = {"admin_consent": "True", "tenant": tenant.id}
        if sign_in.kind == "admin":
            parameters["scope"] = sign_in.parameter("scope")
        return _callback(sign_in, parameters)
    code = world.new_secret("1.AX")
    entra_of(world).codes[code] = AuthorizationCode(
        segment=sign_in.segment, tenant_id=tenant.id, user_id=user["id"], app_id=sign_in.app.id,
        redirect_uri=sign_in.parameter("redirect_uri"), scopes=tuple(sign_in.scopes),
        challenge=sign_in.parameter("code_challenge"),
        challenge_method=sign_in.parameters.get("code_challenge_method", "plain"),
        nonce=sign_in.parameters.get("nonce"), wants_client_info=sign_in.parameter("client_info") == "1",
        declares_cp1=declares_cp1(sign_in.parameter("claims")),
        expires_at=world.clock.now() + timedelta(minutes=_CODE_MINUTES),
    )  # fmt: skip
    parameters = {"code": code, "session_state": world.new_guid()}
    if sign_in.parameter("client_info") == "1":
        parameters["client_info"] = client_info(tenant, user)
    return _callback(sign_in, parameters)


def failed(world: World, sign_in: SignIn, error: EntraError) -> Outcome:
    """The error callback of this kind of sign-in."""
    entra_of(world).sign_ins.pop(sign_in.id, None)
    description = error.description(world.clock.now())
    parameters = {"error": error.error, "error_description": description}
    if sign_in.kind == "admin":
        parameters = {"admin_consent": "True", **parameters}
        if error.code == 65004:
            parameters["error"] = "consent_required"
    elif sign_in.kind == "admin_legacy" and error.code == 65004:
        parameters = {"error": "permission_denied", "error_description": "The admin canceled the request"}
    elif error.code == 65004:
        parameters["error_subcode"] = "cancel"
    return _callback(sign_in, parameters)


def _callback(sign_in: SignIn, parameters: dict[str, str]) -> Callback:
    if "state" in sign_in.parameters:
        parameters["state"] = sign_in.parameters["state"]
    return Callback(
        sign_in.parameter("redirect_uri"), sign_in.parameter("response_mode") or "query", parameters
    )

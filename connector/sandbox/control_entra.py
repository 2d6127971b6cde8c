"""Control endpoints for companies, users, apps, consents, tokens and sign-ins (all under `/_sandbox`).

    GET  /companies              POST {name, domains, id?, consent_policy?}
    PATCH  /companies/<company> {consent_policy?, assignment_required?: [client id], assigned?: [user]}
    PATCH  /companies/<company>/users/<user> {password?, mailbox?, delegates?, is_admin?, enabled?}
    POST   /companies/<company>/users/<user>/revoke      all refresh tokens of the user are revoked (50173)
    POST   /companies/<company>/users/<user>/challenge   tokens of `cp1` clients meet a claims challenge
    GET  /companies/<company>/consents/<app>   PUT {everyone?, users?, roles?}  DELETE
    GET  /apps                   POST {name, id?, redirect_uris?, delegated?, application?, public?, ...}
    PATCH  /apps/<app>           the same fields
    POST   /apps/<app>/secrets   {value?, expires_at?}        DELETE /apps/<app>/credentials/<id>
    POST   /apps/<app>/certificates   {pem}
    GET  /entra-errors           POST (fields: `grants.ArmedError`)   DELETE
    POST   /tokens               {company, permissions: [...], user?, app?, lifetime_seconds?}
    POST   /sign-in              {url, user, password?, decision?, scopes?, everyone?} -> {callback}
    POST   /devices/<user code>  {user, decision?}
    POST   /keys/roll            {drop_old?}

A company is named by GUID or domain, a user by object id or principal name.
"""

from __future__ import annotations

from dataclasses import asdict, fields
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from flask import Response, jsonify, request

from . import signin
from .authorize import callback_url
from .changelog import Item
from .clients import certificate_from_pem
from .control import ControlError, blueprint, wanted, world_of_request
from .grants import ArmedError, entra_of
from .keys import key_ring
from .seed import DEMO_CLIENT_ID, DEMO_PASSWORD, add_company
from .signin import Callback, PageError, Show
from .state import Account, App, Consent, Secret, Tenant, World

_SIGN_IN_PATHS: dict[str, signin.Kind] = {
    "/oauth2/v2.0/authorize": "authorize", "/v2.0/adminconsent": "admin", "/adminconsent": "admin_legacy",
}  # fmt: skip
_APP_FIELDS = (
    "name", "redirect_uris", "delegated", "application", "multi_tenant", "home_tenant", "public", "enabled",
)  # fmt: skip


def _company(world: World, key: str) -> Tenant:
    tenant = world.tenant(key)
    if tenant is None:
        raise ControlError(f"There is no company {key!r}. See GET /_sandbox/companies.")
    return tenant


def _user(tenant: Tenant, key: str) -> Item:
    user = tenant.find_user(key)
    if user is None:
        raise ControlError(f"{tenant.name} has no user {key!r}. Name one by object id or principal name.")
    return user


def _app(world: World, key: str) -> App:
    app = world.apps.get(key)
    if app is None:
        raise ControlError(f"There is no app {key!r}. See GET /_sandbox/apps.")
    return app


def _checked(body: dict[str, Any], *known: str) -> dict[str, Any]:
    unknown = sorted(set(body) - set(known))
    if unknown:
        raise ControlError(f"Unknown field {unknown[0]!r}. Known: {', '.join(known)}.")
    return body


def _shown_company(tenant: Tenant) -> Item:
    users = [
        {"id": user["id"], "userPrincipalName": user["userPrincipalName"], "enabled": user["accountEnabled"],
         "mailbox": tenant.accounts[user["id"]].mailbox, "is_admin": tenant.accounts[user["id"]].is_admin}
        for user in tenant.users
    ]  # fmt: skip
    return {"id": tenant.id, "name": tenant.name, "domains": tenant.domains,
            "consent_policy": tenant.consent_policy, "users": users}  # fmt: skip


@blueprint.get("/companies")
def list_companies() -> Response:
    """All companies with their users."""
    return jsonify({"companies": [_shown_company(tenant) for tenant in world_of_request().tenants.values()]})


@blueprint.post("/companies")
def create_company() -> tuple[Response, int]:
    """A new company with the usual people."""
    world = world_of_request()
    body = _checked(wanted(), "name", "domains", "id", "consent_policy")
    if not body.get("name") or not body.get("domains"):
        raise ControlError("A company needs 'name' and 'domains' (a list, the first is the main one).")
    with world.lock:
        number = len(world.tenants) + 1
        tenant_id = body.get("id") or world.new_guid()
        policy = body.get("consent_policy", "legacy")
        tenant = add_company(world, tenant_id, body["name"], body["domains"], number, policy)
    return jsonify(_shown_company(tenant)), 201


@blueprint.patch("/companies/<company>")
def change_company(company: str) -> Response:
    """Consent policy and assignment."""
    world = world_of_request()
    tenant, body = _company(world, company), wanted()
    _checked(body, "consent_policy", "assignment_required", "assigned")
    if body.get("consent_policy", "legacy") not in ("legacy", "restrictive"):
        raise ControlError("'consent_policy' must be legacy or restrictive.")
    tenant.consent_policy = body.get("consent_policy", tenant.consent_policy)
    tenant.assignment_required = set(body.get("assignment_required", tenant.assignment_required))
    tenant.assigned = {_user(tenant, key)["id"] for key in body.get("assigned", tenant.assigned)}
    return jsonify(_shown_company(tenant))


@blueprint.patch("/companies/<company>/users/<user>")
def change_user(company: str, user: str) -> Response:
    """What Graph does not show of a user."""
    world = world_of_request()
    with world.lock:
        tenant = _company(world, company)
        found, body = _user(tenant, user), wanted()
        _checked(body, "password", "mailbox", "delegates", "is_admin", "enabled")
        account: Account = tenant.accounts[found["id"]]
        if body.get("mailbox", "cloud") not in ("cloud", "shared", "on_premises", "none"):
            raise ControlError("'mailbox' must be cloud, shared, on_premises or none.")
        for name in ("password", "mailbox", "is_admin"):
            setattr(account, name, body.get(name, getattr(account, name)))
        account.delegates = {_user(tenant, key)["id"] for key in body.get("delegates", account.delegates)}
        if "enabled" in body:
            found["accountEnabled"] = bool(body["enabled"])
            tenant.users.touch(found["id"], world.clock.now())
        return jsonify(_shown_company(tenant))


@blueprint.post("/companies/<company>/users/<user>/revoke")
def revoke_user(company: str, user: str) -> Response:
    """Revoke all sessions of a user."""
    world = world_of_request()
    tenant = _company(world, company)
    account = tenant.accounts[_user(tenant, user)["id"]]
    account.sessions_valid_from = account.challenged_since = world.clock.now()
    return jsonify({"status": "revoked"})


@blueprint.post("/companies/<company>/users/<user>/challenge")
def challenge_user(company: str, user: str) -> Response:
    """Demand fresh claims of clients that understand it."""
    world = world_of_request()
    tenant = _company(world, company)
    tenant.accounts[_user(tenant, user)["id"]].challenged_since = world.clock.now()
    return jsonify({"status": "challenged"})


@blueprint.get("/companies/<company>/consents/<app>")
def show_consent(company: str, app: str) -> Response:
    """What a company granted to an app."""
    tenant = _company(world_of_request(), company)
    consent = tenant.consents.get(app, Consent())
    users = {user_id: sorted(scopes) for user_id, scopes in consent.users.items()}
    return jsonify({"everyone": sorted(consent.everyone), "users": users, "roles": sorted(consent.roles)})


@blueprint.put("/companies/<company>/consents/<app>")
def set_consent(company: str, app: str) -> Response:
    """Replace what a company granted to an app."""
    world = world_of_request()
    tenant, body = _company(world, company), _checked(wanted(), "everyone", "users", "roles")
    now = world.clock.now()
    users = {_user(tenant, key)["id"]: set(scopes) for key, scopes in body.get("users", {}).items()}
    tenant.consents[_app(world, app).id] = Consent(
        dict.fromkeys(body.get("everyone", []), now), users, dict.fromkeys(body.get("roles", []), now)
    )
    return show_consent(company, app)


@blueprint.delete("/companies/<company>/consents/<app>")
def remove_consent(company: str, app: str) -> Response:
    """Remove the app from the company."""
    _company(world_of_request(), company).consents.pop(app, None)
    return show_consent(company, app)


def _shown_app(app: App) -> Item:
    credentials = [
        {"id": one.id, "kind": kind, "expires_at": one.expires_at.isoformat()}
        for kind, listed in (("secret", app.secrets), ("certificate", app.certificates))
        for one in listed
    ]
    return {"id": app.id, "credentials": credentials} | {name: getattr(app, name) for name in _APP_FIELDS}


@blueprint.get("/apps")
def list_apps() -> Response:
    """All app registrations, without secrets."""
    return jsonify({"apps": [_shown_app(app) for app in world_of_request().apps.values()]})


@blueprint.post("/apps")
def register_app() -> tuple[Response, int]:
    """A new app registration, without credentials."""
    world, body = world_of_request(), _checked(wanted(), "id", *_APP_FIELDS)
    if not body.get("name"):
        raise ControlError("An app needs a 'name'.")
    with world.lock:
        app = App(**({"id": world.new_guid()} | body))
        world.apps[app.id] = app
    return jsonify(_shown_app(app)), 201


@blueprint.patch("/apps/<app>")
def change_app(app: str) -> Response:
    """Change an app registration."""
    found = _app(world_of_request(), app)
    for name, value in _checked(wanted(), *_APP_FIELDS).items():
        setattr(found, name, value)
    return jsonify(_shown_app(found))


@blueprint.post("/apps/<app>/secrets")
def add_secret(app: str) -> tuple[Response, int]:
    """Another secret; the answer is the only place that shows it."""
    world, body = world_of_request(), _checked(wanted(), "value", "expires_at")
    found = _app(world, app)
    expires_at = world.clock.now() + timedelta(days=180)
    if "expires_at" in body:
        expires_at = datetime.fromisoformat(body["expires_at"])
    secret = Secret(world.new_guid(), body.get("value") or world.new_secret("sb~"), expires_at)
    found.secrets.append(secret)
    return jsonify({"id": secret.id, "value": secret.value, "expires_at": expires_at.isoformat()}), 201


@blueprint.post("/apps/<app>/certificates")
def add_certificate(app: str) -> tuple[Response, int]:
    """Another certificate, from PEM text."""
    world, found = world_of_request(), _app(world_of_request(), app)
    try:
        certificate = certificate_from_pem(world.new_guid(), str(_checked(wanted(), "pem").get("pem")))
    except ValueError:
        raise ControlError("'pem' is no certificate in PEM form.") from None
    found.certificates.append(certificate)
    return jsonify({"id": certificate.id, "x5t": certificate.sha1, "x5t#S256": certificate.sha256}), 201


@blueprint.delete("/apps/<app>/credentials/<credential>")
def remove_credential(app: str, credential: str) -> Response:
    """Remove a secret or certificate."""
    found = _app(world_of_request(), app)
    found.secrets = [one for one in found.secrets if one.id != credential]
    found.certificates = [one for one in found.certificates if one.id != credential]
    return jsonify(_shown_app(found))


@blueprint.get("/entra-errors")
def list_entra_errors() -> Response:
    """Errors that Entra will answer."""
    return jsonify({"errors": [asdict(one) for one in entra_of(world_of_request()).armed]})


@blueprint.post("/entra-errors")
def arm_entra_error() -> tuple[Response, int]:
    """Let Entra answer an AADSTS error to the next requests that fit."""
    body = _checked(wanted(), *(one.name for one in fields(ArmedError)))
    places = ("authorize", "token", "devicecode", "adminconsent")
    if body.get("place") not in places or not isinstance(body.get("code"), int):
        raise ControlError(f"An Entra error needs 'place' ({', '.join(places)}) and 'code' (a number).")
    entra_of(world_of_request()).armed.append(ArmedError(**body))
    return list_entra_errors(), 201


@blueprint.delete("/entra-errors")
def disarm_entra_errors() -> Response:
    """Disarm them all."""
    entra_of(world_of_request()).armed.clear()
    return list_entra_errors()


@blueprint.post("/tokens")
def issue_token() -> tuple[Response, int]:
    """An access token without sign-in; with `user` delegated, without it application permissions."""
    world, body = world_of_request(), wanted()
    _checked(body, "company", "tenant", "permissions", "user", "app", "lifetime_seconds")
    tenant = _company(world, str(body.get("company") or body.get("tenant")))
    user_id = _user(tenant, body["user"])["id"] if body.get("user") else None
    app_id = _app(world, body.get("app", DEMO_CLIENT_ID)).id
    with world.lock:
        token = world.issue_access_token(
            tenant, app_id, user_id, frozenset(body.get("permissions", [])),
            lifetime_seconds=body.get("lifetime_seconds"),
        )  # fmt: skip
    return jsonify({"access_token": token}), 201


@blueprint.post("/sign-in")
def sign_in() -> Response:
    """Walk an authorize or admin consent URL as a person would; answers `callback` or `stopped_at`."""
    world, body = world_of_request(), wanted()
    _checked(body, "url", "user", "password", "decision", "scopes", "everyone")
    parts = urlsplit(str(body.get("url")))
    segment, _, rest = parts.path.lstrip("/").partition("/")
    kind = _SIGN_IN_PATHS.get(f"/{rest}")
    if kind is None:
        raise ControlError("'url' is no address of a sign-in. Give the URL that the app sends people to.")
    parameters = dict(parse_qsl(parts.query, keep_blank_values=True))
    with world.lock:
        try:
            flow, outcome = signin.begin(world, kind, segment, parameters, request.host_url.rstrip("/"))
            return jsonify(_walked(world, flow, outcome, body))
        except PageError as stopped:
            return jsonify({"stopped_at": "error", "code": stopped.error.code, "text": stopped.error.text})


def _walked(world: World, flow: signin.SignIn, outcome: signin.Outcome, body: dict[str, Any]) -> Item:
    if isinstance(outcome, Show) and outcome.page in ("account", "password"):
        signin.choose(flow, str(body.get("user", "")))
        outcome = signin.authenticate(world, flow, body.get("password", DEMO_PASSWORD))
    if isinstance(outcome, Show) and outcome.page == "consent":
        kept = body.get("scopes", flow.scopes)
        accepted = body.get("decision", "accept") == "accept"
        outcome = signin.decide(world, flow, accepted, kept, bool(body.get("everyone")))
    if isinstance(outcome, Callback):
        return {"callback": callback_url(outcome), "mode": outcome.mode, "parameters": outcome.parameters}
    return {"stopped_at": outcome.page, "text": outcome.error}


@blueprint.post("/devices/<user_code>")
def answer_device(user_code: str) -> Response:
    """Approve or decline a device login as a user."""
    world, body = world_of_request(), _checked(wanted(), "user", "password", "decision")
    with world.lock:
        device = entra_of(world).devices.get(user_code)
        if device is None:
            raise ControlError(f"No device shows the code {user_code!r}.")
        flow = signin.begin_device(world, device)
        try:
            return jsonify(_walked(world, flow, Show("account"), body))
        except PageError as stopped:
            return jsonify({"stopped_at": "error", "code": stopped.error.code, "text": stopped.error.text})


@blueprint.post("/keys/roll")
def roll_keys() -> Response:
    """Sign with a new key from now on."""
    ring = key_ring(world_of_request())
    ring.roll(drop_old=bool(wanted().get("drop_old")))
    return jsonify({"published": len(ring.published)})

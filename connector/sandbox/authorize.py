"""The pages of Entra: sign-in, consent, admin consent, device login, and the errors that never call back.

Plain HTML forms without JavaScript, for people and for tests. Each form carries the hidden field `flow`:

    POST /{tenant}/login              login (account), passwd (password)
    POST /{tenant}/consent            decision=accept|decline, scope (repeated), everyone=on
    POST /devicelogin                 user_code

What they mean is decided in `signin`.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode, urlsplit, urlunsplit

from flask import Blueprint, Response, current_app, make_response, redirect, render_template, request
from werkzeug.wrappers import Response as AnyResponse

from . import signin
from .aadsts import EntraError
from .grants import entra_of
from .parameters import matches_registered
from .permissions import TITLES
from .seed import DEMO_PASSWORD
from .signin import Callback, Outcome, PageError, SignIn
from .state import World

blueprint = Blueprint("authorize", __name__)
_SESSION_COOKIE = "ESTSAUTH"


def _world() -> World:
    world: World = current_app.extensions["sandbox"]
    return world


@blueprint.route("/<segment>/oauth2/v2.0/authorize", methods=["GET", "POST"])
def authorize(segment: str) -> AnyResponse:
    """The authorization endpoint."""
    return _started("authorize", segment)


@blueprint.get("/<segment>/v2.0/adminconsent")
def admin_consent(segment: str) -> AnyResponse:
    """Admin consent to an explicit list of scopes."""
    return _started("admin", segment)


@blueprint.get("/<segment>/adminconsent")
def legacy_admin_consent(segment: str) -> AnyResponse:
    """Admin consent to everything that the app registration lists."""
    return _started("admin_legacy", segment)


@blueprint.post("/<segment>/login")
def login(segment: str) -> AnyResponse:
    """The account, then the password."""
    world = _world()
    with world.lock:
        sign_in = signin.resume(world, request.form.get("flow", ""))
        if "passwd" not in request.form:
            return _shown(sign_in, signin.choose(sign_in, request.form.get("login", "")))
        if request.form.get("login"):
            signin.choose(sign_in, request.form["login"])
        response = _shown(sign_in, signin.authenticate(world, sign_in, request.form["passwd"]))
        if sign_in.user is not None and sign_in.tenant is not None:
            cookie = world.new_secret()
            entra_of(world).sessions[cookie] = (sign_in.tenant.id, sign_in.user["id"])
            response.set_cookie(
                _SESSION_COOKIE, cookie, httponly=True, samesite="Lax", secure=request.is_secure
            )
        return response


@blueprint.post("/<segment>/consent")
def consent(segment: str) -> AnyResponse:
    """Accept or decline."""
    world = _world()
    with world.lock:
        sign_in = signin.resume(world, request.form.get("flow", ""))
        accepted = request.form.get("decision") == "accept"
        kept, everyone = request.form.getlist("scope"), "everyone" in request.form
        return _shown(sign_in, signin.decide(world, sign_in, accepted, kept, everyone))


@blueprint.route("/devicelogin", methods=["GET", "POST"])
def device_login() -> AnyResponse:
    """Where a person enters the code that a device shows."""
    world = _world()
    code = request.form.get("user_code", "").strip().upper()
    if not code:
        return _page("device.html", error="")
    with world.lock:
        device = entra_of(world).devices.get(code)
        if device is None or device.state != "pending" or device.expires_at <= world.clock.now():
            return _page("device.html", error="That code did not work. Check it and try again.")
        sign_in = signin.begin_device(world, device)
        return _shown(sign_in, signin.Show("account"))


@blueprint.route("/<segment>/oauth2/v2.0/logout", methods=["GET", "POST"])
def logout(segment: str) -> AnyResponse:
    """Ends the browser session only; tokens stay valid."""
    world, target = _world(), request.values.get("post_logout_redirect_uri", "")
    entra_of(world).sessions.pop(request.cookies.get(_SESSION_COOKIE, ""), None)
    registered = [uri for app in world.apps.values() for uri in app.redirect_uris]
    if target and matches_registered(target, registered):
        response: AnyResponse = redirect(target)
    else:
        response = _page("message.html", title="Signed out", text="You signed out of your account.")
    response.delete_cookie(_SESSION_COOKIE)
    return response


@blueprint.app_errorhandler(PageError)
def page_error(stopped: PageError) -> AnyResponse:
    """A stop that the app never hears of."""
    error: EntraError = stopped.error
    name = "approval.html" if error.code in (90094, 90095) else "error.html"
    response = _page(name, code=error.code, description=error.description(_world().clock.now()))
    response.status_code = 400 if error.code in (90002, 900144, 700016, 50011) else 200
    return response


def _started(kind: signin.Kind, segment: str) -> AnyResponse:
    world = _world()
    with world.lock:
        parameters = request.values.to_dict()
        session = request.cookies.get(_SESSION_COOKIE, "")
        origin = request.host_url.rstrip("/")
        sign_in, outcome = signin.begin(world, kind, segment, parameters, origin, session)
        return _shown(sign_in, outcome)


def _shown(sign_in: SignIn, outcome: Outcome) -> AnyResponse:
    if isinstance(outcome, Callback):
        return called_back(outcome)
    known: dict[str, Any] = {"flow": sign_in, "error": outcome.error, "app_name": sign_in.app.name}
    if outcome.page == "account":
        tenants = [sign_in.tenant] if sign_in.tenant else list(_world().tenants.values())
        return _page("account.html", tenants=tenants, password=DEMO_PASSWORD, **known)
    if outcome.page == "password":
        return _page("password.html", password=DEMO_PASSWORD, **known)
    if outcome.page == "consent":
        return _page("consent.html", permissions=_permissions(sign_in), partial=_partial(), **known)
    return _page("message.html", title=sign_in.app.name, text=outcome.error)


def _permissions(sign_in: SignIn) -> list[tuple[str, str]]:
    listed = [(scope, TITLES[scope]) for scope in sign_in.scopes]
    if sign_in.wants_default and sign_in.kind in ("admin", "admin_legacy"):
        roles = sign_in.app.application
        listed += [(role, f"{TITLES[role]} (as the application itself)") for role in roles]
    return listed


def _partial() -> bool:
    return _world().switches.partial_consent


def called_back(callback: Callback) -> AnyResponse:
    """The way back to the app in the response mode that it asked for."""
    if callback.mode == "form_post":
        return _page("form_post.html", target=callback.redirect_uri, parameters=callback.parameters)
    return redirect(callback_url(callback))


def callback_url(callback: Callback) -> str:
    """The address of a callback by query or fragment."""
    parts = urlsplit(callback.redirect_uri)
    text = urlencode(callback.parameters)
    if callback.mode == "fragment":
        return urlunsplit(parts._replace(fragment=text))
    return urlunsplit(parts._replace(query=f"{parts.query}&{text}" if parts.query else text))


def _page(template: str, **values: Any) -> Response:
    response = make_response(render_template(template, **values))
    response.headers["Cache-Control"] = "no-store"
    return response

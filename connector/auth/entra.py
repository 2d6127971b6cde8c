"""The conversation with Entra ID: addresses to send a browser to, and the token endpoint.

Each function is one act for one app at one tenant. What it means for a connection, and where tokens
are kept, is left to `connector.auth.grants` and `connector.auth.connect`. Hosts and endpoints come
from the caller's clouds and templates; nothing else is ever contacted.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

import requests

from connector.auth import tenants
from connector.auth.aadsts import RefusedByEntra, of_answer
from connector.auth.attempts import Attempts
from connector.auth.authority import Http
from connector.auth.claims import with_capabilities
from connector.auth.clock import ServerClock
from connector.auth.endpoints import Endpoints
from connector.auth.id_token import (
    Identity,
    SigningKeys,
    claims_from_token_endpoint,
    identity_of,
    validate,
)
from connector.auth.tokens import Tokens, checked, tokens_of
from connector.errors import SignInRefused
from connector.log import quieten
from connector.spec.model import Cloud
from connector.tenancy import App

if TYPE_CHECKING:
    from connector.auth.oauth import OAuthSession

_DEVICE_GRANT = "urn:ietf:params:oauth:grant-type:device_code"
_SLOW_DOWN_SECONDS = 5


@dataclass(frozen=True, slots=True)
class DeviceCode:
    """A sign-in that waits for the user to type `user_code` at `verification_uri`. Times in seconds."""

    device_code: str = field(repr=False)
    user_code: str
    verification_uri: str
    message: str
    expires_in_seconds: float
    interval_seconds: float


class Entra:
    """Entra ID, for all apps and tenants of the platform. Safe to use from several threads."""

    def __init__(
        self,
        http: Http,
        clouds: Mapping[str, Cloud],
        endpoints: Mapping[str, Any],
        *,
        timeout_seconds: tuple[float, float] = (10.0, 30.0),
        clock: ServerClock | None = None,
        sleep: Callable[[float], None] = time.sleep,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """`endpoints` are the manifest's `auth`: templates `authorize`, `token`, `device_code`,
        `admin_consent` and `discovery` with the places `{authority}` and `{tenant_id}`."""
        self.clock = clock or ServerClock()
        self._endpoints = Endpoints(http, clouds, endpoints, self.clock, timeout_seconds)
        self._attempts = Attempts(self.clock, sleep)
        self._sleep = sleep
        self._monotonic = monotonic
        self._discoveries = tenants.Discoveries(self._fetch_discovery, monotonic)
        self._keys: dict[str, SigningKeys] = {}
        quieten()

    def graph(self, app: App) -> str:
        """The Graph address of the app's cloud."""
        return self._endpoints.cloud(app.cloud).graph

    def resolve_tenant(self, cloud: str, text: str) -> str:
        """The tenant GUID of what a customer typed: a GUID, or a verified domain, looked up at Entra ID.

        Raises InvalidInput for what is neither, and for the names that stand for many tenants;
        RefusedByEntra when there is no such tenant in this cloud.
        """
        name = tenants.tenant_name(text)
        return name if tenants.is_tenant_id(name) else self.discover(cloud, name).tenant_id

    def discover(self, cloud: str, tenant: str) -> tenants.Discovery:
        """What the tenant publishes. Raises RefusedByEntra when there is no such tenant in this cloud."""
        return self._discoveries.find(cloud, tenants.tenant_name(tenant))

    def authorize_url(
        self,
        app: App,
        tenant_id: str,
        *,
        redirect_uri: str,
        scopes: tuple[str, ...],
        state: str,
        code_verifier: str,
        nonce: str,
        login_hint: str | None = None,
        select_account: bool = False,
        claims: str | None = None,
    ) -> str:
        """Where the browser signs in. The account picker and the hint exclude each other at Entra ID."""
        from oauthlib.oauth2 import WebApplicationClient

        challenge = WebApplicationClient(app.client_id).create_code_challenge(code_verifier, "S256")
        optional = {"prompt": "select_account"} if select_account else {"login_hint": login_hint}
        session = self._session(
            app, redirect_uri=redirect_uri, scopes=self._endpoints.full_names(app.cloud, scopes)
        )
        url, _ = session.authorization_url(
            self._endpoints.url("authorize", app.cloud, tenant_id),
            state=state,
            nonce=nonce,
            code_challenge=challenge,
            code_challenge_method="S256",
            response_mode="query",
            claims=with_capabilities(claims),
            **{name: value for name, value in optional.items() if value},
        )
        return str(url)

    def redeem(
        self, app: App, tenant_id: str, *, code: str, redirect_uri: str, code_verifier: str, nonce: str
    ) -> tuple[Identity, Tokens]:
        """Tokens for the code of a callback, and who signed in.

        Never repeated, as a code is good once. Raises RefusedByEntra, SignInRefused, NoAnswer.
        """
        url = self._endpoints.url("token", app.cloud, tenant_id)

        def exchange(fields: Mapping[str, Any]) -> Mapping[str, Any]:
            session = self._session(app, redirect_uri=redirect_uri)
            answer: Mapping[str, Any] = session.fetch_token(
                url,
                code=code,
                code_verifier=code_verifier,
                include_client_id=True,
                claims=with_capabilities(None),
                **fields,
            )
            return answer

        tokens = tokens_of(self._attempts.proven(app, url, exchange), self.clock)
        return self._identify(app, tenant_id, tokens, nonce), tokens

    def refresh(self, app: App, tenant_id: str, refresh_token: str, *, claims: str | None = None) -> Tokens:
        """New tokens; the refresh token is the old one where no new one came (oauthlib sees to that).

        `claims` is the JSON text of a challenge. Raises RefusedByEntra, NoAnswer.
        """
        url = self._endpoints.url("token", app.cloud, tenant_id)

        def renew(fields: Mapping[str, Any]) -> Mapping[str, Any]:
            answer: Mapping[str, Any] = self._session(app).refresh_token(
                url,
                refresh_token=refresh_token,
                client_id=app.client_id,
                claims=with_capabilities(claims),
                **fields,
            )
            return answer

        return tokens_of(self._attempts.patiently(lambda: self._attempts.proven(app, url, renew)), self.clock)

    def app_tokens(self, app: App, tenant_id: str, *, claims: str | None = None) -> Tokens:
        """A token for the app itself (client credentials). Raises RefusedByEntra, NoAnswer."""
        form = {"grant_type": "client_credentials", "scope": f"{self.graph(app).rstrip('/')}/.default"}
        return self._ask(app, tenant_id, {**form, "claims": with_capabilities(claims)})

    def start_device(self, app: App, tenant_id: str, scopes: tuple[str, ...]) -> DeviceCode:
        """Begin a sign-in on another device. Raises RefusedByEntra, NoAnswer."""
        url = self._endpoints.url("device_code", app.cloud, tenant_id)
        form = {"client_id": app.client_id, "scope": " ".join(self._endpoints.full_names(app.cloud, scopes))}
        response = self._attempts.patiently(
            lambda: _successful(self._endpoints.authority(app.cloud).send("POST", url, form))
        )
        try:
            answer = json.loads(response.content)
            return DeviceCode(
                device_code=str(answer["device_code"]),
                user_code=str(answer["user_code"]),
                verification_uri=str(answer["verification_uri"]),
                message=str(answer.get("message", "")),
                expires_in_seconds=float(answer.get("expires_in", 900)),
                interval_seconds=float(answer.get("interval", 5)),
            )
        except (ValueError, TypeError, KeyError):
            raise RefusedByEntra(of_answer(502, response.headers, b"")) from None

    def finish_device(self, app: App, tenant_id: str, device: DeviceCode) -> tuple[Identity, Tokens]:
        """Wait until the user has signed in on the other device (RFC 8628).

        Raises RefusedByEntra when they decline or take too long.
        """
        form = {"grant_type": _DEVICE_GRANT, "device_code": device.device_code}
        give_up = self._monotonic() + device.expires_in_seconds
        interval = device.interval_seconds
        while True:
            self._sleep(interval)
            try:
                tokens = self._ask(app, tenant_id, form)
            except RefusedByEntra as refused:
                waits = refused.refusal.kind in ("pending", "retry")
                if not waits or self._monotonic() > give_up:
                    raise
                interval += _SLOW_DOWN_SECONDS if refused.refusal.error == "slow_down" else 0
                continue
            return self._identify(app, tenant_id, tokens, nonce=None), tokens

    def admin_consent_url(
        self, app: App, tenant_id: str, *, redirect_uri: str, state: str, scopes: tuple[str, ...]
    ) -> str:
        """Where an administrator approves permissions for the whole tenant.

        For application permissions all that the app registration lists, the only way that Entra ID has.
        """
        default = (f"{self.graph(app).rstrip('/')}/.default",)
        names = default if app.mode == "application" else self._endpoints.full_names(app.cloud, scopes)
        query = {
            "client_id": app.client_id,
            "redirect_uri": redirect_uri,
            "state": state,
            "scope": " ".join(names),
        }
        return f"{self._endpoints.url('admin_consent', app.cloud, tenant_id)}?{urlencode(query)}"

    @staticmethod
    def same_user(tenant_id: str, user_id: str | None, tokens: Tokens) -> None:
        """Raises SignInRefused when a renewal's id_token names another tenant or user; none names nobody."""
        if tokens.id_token is None:
            return
        identity = identity_of(claims_from_token_endpoint(tokens.id_token), tenant_id)
        if user_id is not None and identity.user_id != user_id:
            raise SignInRefused(
                "The renewed sign-in is another user's; it was thrown away. Sign in again.",
                reason="different_account",
                state="wrong_account",
            )

    def _identify(self, app: App, tenant_id: str, tokens: Tokens, nonce: str | None) -> Identity:
        if tokens.id_token is None:
            raise SignInRefused(
                "Entra ID sent no proof of identity. Ask for the scopes openid and profile.",
                reason="id_token",
            )
        discovery = self.discover(app.cloud, tenant_id)
        keys = self._keys.setdefault(
            app.cloud,
            SigningKeys(lambda address: self._endpoints.published(app.cloud, address), self._monotonic),
        )
        return validate(
            tokens.id_token,
            issuer=discovery.issuer,
            tenant_id=tenant_id,
            client_id=app.client_id,
            nonce=nonce,
            find_key=lambda key_id: keys.find(discovery.keys_address, key_id),
            clock=self.clock,
        )

    def _ask(self, app: App, tenant_id: str, form: Mapping[str, str]) -> Tokens:
        """One of the grants that are a plain form."""
        url = self._endpoints.url("token", app.cloud, tenant_id)

        def post(fields: Mapping[str, Any]) -> Mapping[str, Any]:
            sent = {**form, "client_id": app.client_id, **fields}
            return checked(self._endpoints.authority(app.cloud).send("POST", url, sent))

        return tokens_of(self._attempts.patiently(lambda: self._attempts.proven(app, url, post)), self.clock)

    def _session(
        self, app: App, *, redirect_uri: str | None = None, scopes: tuple[str, ...] | None = None
    ) -> OAuthSession:
        from connector.auth.oauth import OAuthSession

        authority = self._endpoints.authority(app.cloud)

        def post_form(url: str, form: Mapping[str, str]) -> requests.Response:
            response = authority.send("POST", url, form)
            response._content = json.dumps(checked(response)).encode()
            return response

        return OAuthSession(app.client_id, authority, post_form, redirect_uri=redirect_uri, scopes=scopes)

    def _fetch_discovery(self, cloud: str, tenant: str) -> tenants.Discovery:
        address = self._endpoints.url("discovery", cloud, tenant)
        authority = self._endpoints.authority(cloud)
        document = self._attempts.patiently(lambda: self._endpoints.published(cloud, address))
        return tenants.read_discovery(document, tenant, authority.address, authority.owns)


def _successful(response: requests.Response) -> requests.Response:
    if response.status_code != 200:
        raise RefusedByEntra(of_answer(response.status_code, response.headers, response.content))
    return response

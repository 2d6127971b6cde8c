"""`msal`, the library by which Microsoft's own clients sign in, against the sandbox's Entra."""

from __future__ import annotations

import base64
import datetime as dt
import re
import threading
import webbrowser
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import msal
import pytest
import requests
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID

from connector.sandbox.browser import Stopped
from connector.sandbox.seed import DEMO_CLIENT_ID, DEMO_CLIENT_SECRET, FABRIKOAST_ID

from .conftest import ADMIN, COMPANY, OTHER_COMPANY, REDIRECT_URI, USER, Sandbox

pytestmark = pytest.mark.filterwarnings("ignore:response_mode='form_post' is recommended:UserWarning")
"""msal prefers another response mode; one test takes it, the others the one that web applications use."""

SCOPES = ["User.Read", "Mail.Read"]
GRAPH_DEFAULT = ["https://graph.microsoft.com/.default"]


def web_app(
    sandbox: Sandbox, company: str = COMPANY, credential: Any = DEMO_CLIENT_SECRET, **options: Any
) -> msal.ConfidentialClientApplication:
    """An application with a secret. Instance discovery would ask Microsoft whether it knows this host."""
    return msal.ConfidentialClientApplication(
        DEMO_CLIENT_ID,
        client_credential=credential,
        authority=sandbox.authority(company),
        instance_discovery=False,
        verify=sandbox.ca_file,
        **options,
    )


def device_app(sandbox: Sandbox, **registration: Any) -> msal.PublicClientApplication:
    """An application without a secret, registered for this test."""
    wanted = {"name": "Device", "public": True, "delegated": SCOPES, **registration}
    registered = sandbox.control("POST", "/apps", wanted)
    return msal.PublicClientApplication(
        registered["id"],
        authority=sandbox.authority(),
        instance_discovery=False,
        verify=sandbox.ca_file,
    )


def parameters_of(callback: str) -> dict[str, str]:
    """What a callback carries."""
    return dict(parse_qsl(urlsplit(callback).query))


def sign_in(sandbox: Sandbox, app: msal.ClientApplication, **choices: Any) -> dict[str, Any]:
    """The authorization code flow, from the address that msal makes to its answer."""
    flow = app.initiate_auth_code_flow(SCOPES, redirect_uri=REDIRECT_URI)
    callback = sandbox.browse(flow["auth_uri"], **choices)
    answer: dict[str, Any] = app.acquire_token_by_auth_code_flow(flow, parameters_of(callback))
    return answer


def refreshed(app: msal.ClientApplication) -> dict[str, Any]:
    """A silent refresh past the cache, with the error if there is one."""
    (account,) = app.get_accounts()
    answer: dict[str, Any] = app.acquire_token_silent_with_error(SCOPES, account, force_refresh=True)
    return answer


def approve_app_access(sandbox: Sandbox) -> None:
    """An administrator consents to the application permissions."""
    sandbox.browse(
        f"{sandbox.authority()}/v2.0/adminconsent?client_id={DEMO_CLIENT_ID}"
        f"&redirect_uri={REDIRECT_URI}&scope={GRAPH_DEFAULT[0]}",
        account=ADMIN,
    )


def ask_graph(sandbox: Sandbox, token: str, path: str) -> requests.Response:
    """Graph's answer to this token at this path."""
    return requests.get(
        f"{sandbox.url}/v1.0{path}",
        headers={"Authorization": f"Bearer {token}"},
        verify=sandbox.ca_file,
        timeout=30,
    )


def works(sandbox: Sandbox, token: str, path: str) -> bool:
    """Whether Graph takes a token for this path."""
    return ask_graph(sandbox, token, path).status_code == 200


def test_a_person_signs_in_by_code_with_pkce_and_the_token_opens_graph(sandbox: Sandbox) -> None:
    answer = sign_in(sandbox, web_app(sandbox))

    assert "error" not in answer, answer
    assert set(SCOPES) <= set(answer["scope"].split())
    assert works(sandbox, answer["access_token"], "/me")
    (authorized,) = sandbox.requests_to("/authorize")
    assert "code_challenge_method=S256" in authorized["query"]


def test_the_id_token_passes_the_checks_of_msal_and_names_person_and_company(sandbox: Sandbox) -> None:
    claims = sign_in(sandbox, web_app(sandbox))["id_token_claims"]

    assert claims["preferred_username"] == USER
    assert claims["tid"] == FABRIKOAST_ID
    assert claims["oid"]


def test_the_account_that_msal_remembers_is_the_person_at_home(sandbox: Sandbox) -> None:
    app = web_app(sandbox)
    claims = sign_in(sandbox, app)["id_token_claims"]

    (account,) = app.get_accounts()

    assert account["username"] == USER
    assert account["home_account_id"] == f"{claims['oid']}.{claims['tid']}"


def test_organizations_is_enough_of_an_authority_for_a_first_sign_in(sandbox: Sandbox) -> None:
    answer = sign_in(sandbox, web_app(sandbox, "organizations"))

    assert answer["id_token_claims"]["tid"] == FABRIKOAST_ID


def test_a_code_that_was_redeemed_is_refused_the_second_time(sandbox: Sandbox) -> None:
    app = web_app(sandbox)
    flow = app.initiate_auth_code_flow(SCOPES, redirect_uri=REDIRECT_URI)
    response = parameters_of(sandbox.browse(flow["auth_uri"]))
    assert "access_token" in app.acquire_token_by_auth_code_flow(flow, response)

    again = web_app(sandbox).acquire_token_by_auth_code_flow(flow, response)

    assert (again["error"], again["error_codes"]) == ("invalid_grant", [54005])


def test_a_code_without_its_verifier_is_refused(sandbox: Sandbox) -> None:
    app = web_app(sandbox)
    flow = app.initiate_auth_code_flow(SCOPES, redirect_uri=REDIRECT_URI)
    response = parameters_of(sandbox.browse(flow["auth_uri"]))

    answer = app.acquire_token_by_auth_code_flow({**flow, "code_verifier": "x" * 43}, response)

    assert (answer["error"], answer["error_codes"]) == ("invalid_grant", [501481])


def test_an_expired_access_token_is_replaced_silently(sandbox: Sandbox) -> None:
    app = web_app(sandbox)
    first = sign_in(sandbox, app)["access_token"]
    sandbox.control("POST", "/clock", {"advance_seconds": 2 * 3600})
    assert not works(sandbox, first, "/me")

    answer = refreshed(app)

    assert answer["access_token"] != first
    assert works(sandbox, answer["access_token"], "/me")


def test_a_live_access_token_comes_from_the_cache(sandbox: Sandbox) -> None:
    app = web_app(sandbox)
    first = sign_in(sandbox, app)["access_token"]
    (account,) = app.get_accounts()
    before = len(sandbox.requests_to("/token$"))

    answer = app.acquire_token_silent(SCOPES, account)

    assert answer["access_token"] == first
    assert len(sandbox.requests_to("/token$")) == before


def test_every_refresh_brings_a_refresh_token_that_works_next_time(sandbox: Sandbox) -> None:
    app = web_app(sandbox)
    sign_in(sandbox, app)
    sandbox.switch(refresh_rotation="old_revoked")

    for _ in range(3):
        sandbox.control("POST", "/clock", {"advance_seconds": 60 * 24 * 3600})
        assert "access_token" in refreshed(app)


def test_a_revoked_grant_says_that_a_fresh_sign_in_is_needed(sandbox: Sandbox) -> None:
    app = web_app(sandbox)
    sign_in(sandbox, app)
    sandbox.control("POST", f"/companies/{COMPANY}/users/{USER}/revoke", {})

    answer = refreshed(app)

    assert answer["error"] == "invalid_grant"
    assert answer["error_codes"] == [50173]
    assert answer["error_description"].startswith("AADSTS50173: ")
    assert {"trace_id", "correlation_id", "timestamp", "error_uri"} <= set(answer)


def test_after_a_revoked_grant_the_person_can_sign_in_again(sandbox: Sandbox) -> None:
    app = web_app(sandbox)
    sign_in(sandbox, app)
    sandbox.control("POST", f"/companies/{COMPANY}/users/{USER}/revoke", {})
    assert "error" in refreshed(app)

    sign_in(sandbox, app)

    assert "access_token" in refreshed(app)


def test_a_refresh_token_idle_for_three_months_is_dead(sandbox: Sandbox) -> None:
    app = web_app(sandbox)
    sign_in(sandbox, app)
    sandbox.control("POST", "/clock", {"advance_seconds": 91 * 24 * 3600})

    assert refreshed(app)["error_codes"] == [700082]


def test_removing_the_consent_asks_for_consent_at_the_next_refresh(sandbox: Sandbox) -> None:
    app = web_app(sandbox)
    sign_in(sandbox, app)
    sandbox.control("DELETE", f"/companies/{COMPANY}/consents/{DEMO_CLIENT_ID}")

    answer = refreshed(app)

    assert (answer["error_codes"], answer["suberror"]) == ([65001], "consent_required")


def test_declining_the_consent_comes_back_as_access_denied(sandbox: Sandbox) -> None:
    answer = sign_in(sandbox, web_app(sandbox), accept=False)

    assert answer["error"] == "access_denied"
    assert answer["error_description"].startswith("AADSTS65004: ")


def test_permissions_once_granted_are_not_asked_for_again(sandbox: Sandbox) -> None:
    app = web_app(sandbox)
    sign_in(sandbox, app)

    assert "access_token" in sign_in(sandbox, app, accept=False)


def test_a_user_of_a_restrictive_company_is_stopped_at_the_page_for_admin_approval(sandbox: Sandbox) -> None:
    app = web_app(sandbox, OTHER_COMPANY)

    with pytest.raises(Stopped, match="AADSTS90094"):
        sign_in(sandbox, app, account=f"mina.okafor@{OTHER_COMPANY}")


def test_an_account_of_another_company_is_stopped_at_the_sign_in_page(sandbox: Sandbox) -> None:
    with pytest.raises(Stopped, match="AADSTS50020"):
        sign_in(sandbox, web_app(sandbox), account=f"mina.okafor@{OTHER_COMPANY}")


def test_an_unknown_company_has_no_configuration(sandbox: Sandbox) -> None:
    with pytest.raises(ValueError, match="Unable to get authority configuration"):
        web_app(sandbox, "nobody.example")

    (asked,) = sandbox.requests_to("/nobody.example/")
    assert asked["status"] == 400


def test_a_refresh_token_is_worth_nothing_in_a_company_where_the_person_is_not_a_guest(
    sandbox: Sandbox,
) -> None:
    app = web_app(sandbox)
    sign_in(sandbox, app)
    (kept,) = app.token_cache.search(msal.TokenCache.CredentialType.REFRESH_TOKEN)

    answer = web_app(sandbox, OTHER_COMPANY).acquire_token_by_refresh_token(kept["secret"], SCOPES)

    assert (answer["error"], answer["error_codes"]) == ("invalid_grant", [50020])


def test_a_wrong_secret_is_the_fault_of_the_client(sandbox: Sandbox) -> None:
    answer = web_app(sandbox, credential="not-the-secret").acquire_token_for_client(GRAPH_DEFAULT)

    assert (answer["error"], answer["error_codes"]) == ("invalid_client", [7000215])


def test_an_application_gets_its_own_token_with_a_secret(sandbox: Sandbox) -> None:
    approve_app_access(sandbox)

    answer = web_app(sandbox).acquire_token_for_client(GRAPH_DEFAULT)

    assert "refresh_token" not in answer
    assert works(sandbox, answer["access_token"], "/users")


def test_an_application_gets_its_own_token_with_a_certificate(sandbox: Sandbox) -> None:
    approve_app_access(sandbox)
    certificate, private_key = self_signed_certificate()
    sandbox.control("POST", f"/apps/{DEMO_CLIENT_ID}/certificates", {"pem": certificate})

    app = web_app(sandbox, credential={"private_key": private_key, "public_certificate": certificate})
    answer = app.acquire_token_for_client(GRAPH_DEFAULT)

    assert "access_token" in answer, answer
    assert works(sandbox, answer["access_token"], "/users")


def test_a_certificate_known_by_its_sha1_thumbprint_alone_works_too(sandbox: Sandbox) -> None:
    certificate, private_key = self_signed_certificate()
    sandbox.control("POST", f"/apps/{DEMO_CLIENT_ID}/certificates", {"pem": certificate})
    thumbprint = x509.load_pem_x509_certificate(certificate.encode()).fingerprint(hashes.SHA1()).hex()

    app = web_app(sandbox, credential={"private_key": private_key, "thumbprint": thumbprint})

    assert "access_token" in app.acquire_token_for_client(GRAPH_DEFAULT)


def test_a_certificate_that_nobody_registered_is_refused(sandbox: Sandbox) -> None:
    certificate, private_key = self_signed_certificate()

    app = web_app(sandbox, credential={"private_key": private_key, "public_certificate": certificate})
    answer = app.acquire_token_for_client(GRAPH_DEFAULT)

    assert (answer["error"], answer["error_codes"]) == ("invalid_client", [700027])


def test_an_application_cannot_sign_in_without_knowing_the_company(sandbox: Sandbox) -> None:
    with pytest.warns(DeprecationWarning, match="unreliable"):
        answer = web_app(sandbox, "organizations").acquire_token_for_client(GRAPH_DEFAULT)

    assert (answer["error"], answer["error_codes"]) == ("invalid_request", [9001023])


def test_a_device_is_signed_in_once_its_code_was_entered(sandbox: Sandbox) -> None:
    app = device_app(sandbox)
    flow = app.initiate_device_flow(SCOPES)
    assert flow["user_code"] in flow["message"]

    with pytest.raises(Stopped, match="signed in on your device"):
        sandbox.browse(flow["verification_uri"], code=flow["user_code"])
    answer = app.acquire_token_by_device_flow(flow)

    assert works(sandbox, answer["access_token"], "/me")
    assert "access_token" in refreshed(app)


def test_a_device_waits_while_nobody_has_entered_its_code(sandbox: Sandbox) -> None:
    app = device_app(sandbox)
    flow = app.initiate_device_flow(SCOPES)

    answer = app.acquire_token_by_device_flow(flow, exit_condition=lambda flow: True)

    assert (answer["error"], answer["error_codes"]) == ("authorization_pending", [70016])


def test_a_device_learns_that_its_sign_in_was_declined(sandbox: Sandbox) -> None:
    app = device_app(sandbox)
    flow = app.initiate_device_flow(SCOPES)

    with pytest.raises(Stopped, match="declined"):
        sandbox.browse(flow["verification_uri"], code=flow["user_code"], accept=False)
    answer = app.acquire_token_by_device_flow(flow)

    assert answer["error"] == "authorization_declined"


def test_a_device_code_dies_after_its_time(sandbox: Sandbox) -> None:
    app = device_app(sandbox)
    flow = app.initiate_device_flow(SCOPES)
    sandbox.control("POST", "/clock", {"advance_seconds": flow["expires_in"] + 1})

    assert app.acquire_token_by_device_flow(flow)["error"] == "expired_token"


def test_a_desktop_application_gets_its_answer_posted_to_a_local_port(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = device_app(sandbox, redirect_uris=["http://localhost"])
    shown: list[str] = []
    people: list[threading.Thread] = []

    def person(url: str) -> None:
        with pytest.raises(Stopped) as last_page:
            sandbox.browse(url)
        shown.append(last_page.value.text)

    def open_browser(url: str) -> bool:
        people.append(threading.Thread(target=person, args=(url,)))
        people[0].start()
        return True

    monkeypatch.setattr(webbrowser, "open", open_browser)
    answer = app.acquire_token_interactive(SCOPES, timeout=20)
    people[0].join()

    assert answer["id_token_claims"]["preferred_username"] == USER
    assert "Authentication complete" in shown[0]


def test_a_client_that_understands_challenges_gets_a_day_long_token_and_answers_one(sandbox: Sandbox) -> None:
    app = web_app(sandbox, client_capabilities=["CP1"])
    first = sign_in(sandbox, app)
    assert first["expires_in"] == 86_400
    sandbox.control("POST", f"/companies/{COMPANY}/users/{USER}/challenge", {})

    refused = ask_graph(sandbox, first["access_token"], "/me")
    assert refused.status_code == 401
    (claims,) = re.findall(r'claims="([^"]+)"', refused.headers["WWW-Authenticate"])
    (account,) = app.get_accounts()
    answer = app.acquire_token_silent(SCOPES, account, claims_challenge=base64.b64decode(claims).decode())

    assert works(sandbox, answer["access_token"], "/me")


def self_signed_certificate() -> tuple[str, str]:
    """A new certificate and its private key, both PEM."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "platform.example")])
    now = dt.datetime.now(dt.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(minutes=5))
        .not_valid_after(now + dt.timedelta(days=30))
        .sign(key, hashes.SHA256())
    )
    private_key = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return certificate.public_bytes(serialization.Encoding.PEM).decode(), private_key.decode()

"""The token endpoint of the sandbox's Entra, its discovery and its keys."""

from __future__ import annotations

import base64
import hashlib
import json
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import jwt
import pytest
import requests
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID

from connector.sandbox.seed import DEMO_CLIENT_ID, DEMO_CLIENT_SECRET, FABRIKOAST_ID, NORTHLEAF_ID

from .conftest import CALLBACK, COMPANY, OTHER_COMPANY, USER, Sandbox

Refused = Callable[[requests.Response], tuple[int, str, int]]
VERIFIER = "v" * 50
CHALLENGE = base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).decode().rstrip("=")
ALL_SCOPES = "openid profile offline_access User.Read"


def validated(sandbox: Sandbox, token: str, segment: str = FABRIKOAST_ID) -> dict[str, Any]:
    document = sandbox.session.get(f"{sandbox.url}/{segment}/v2.0/.well-known/openid-configuration").json()
    keys = jwt.PyJWKSet.from_dict(sandbox.session.get(document["jwks_uri"]).json())
    key = keys[jwt.get_unverified_header(token)["kid"]]
    claims: dict[str, Any] = jwt.decode(
        token, key, algorithms=["RS256"], audience=DEMO_CLIENT_ID, issuer=document["issuer"]
    )
    return claims


def test_a_code_is_worth_tokens_that_open_graph(sandbox: Sandbox) -> None:
    answer = sandbox.tokens()
    assert answer["token_type"] == "Bearer"
    assert isinstance(answer["expires_in"], int)
    assert answer["scope"] == "User.Read openid profile"
    assert sandbox.get("/me", answer["access_token"]).json()["userPrincipalName"] == USER


def test_the_id_token_is_signed_and_says_who_signed_in(sandbox: Sandbox) -> None:
    token = sandbox.tokens(nonce="n-1")["id_token"]
    claims = validated(sandbox, token)
    assert claims["tid"] == FABRIKOAST_ID
    assert claims["oid"] == "00000001-0000-4000-8000-000000000002"
    assert (claims["nonce"], claims["ver"], claims["name"]) == ("n-1", "2.0", "Mina Okafor")
    assert claims["preferred_username"] == USER
    assert claims["sub"] != claims["oid"]
    assert claims["iss"] == f"{sandbox.url}/{FABRIKOAST_ID}/v2.0"


def test_the_subject_differs_between_apps(sandbox: Sandbox) -> None:
    first = validated(sandbox, sandbox.tokens()["id_token"])["sub"]
    again = validated(sandbox, sandbox.tokens()["id_token"])["sub"]
    app = {"name": "Other", "public": True, "redirect_uris": ["http://localhost/callback"]}
    other = sandbox.control("POST", "/apps", app)["id"]
    code = sandbox.code(client_id=other)
    token = sandbox.by_code(code, client_id=other, client_secret=None).json()["id_token"]
    assert first == again != jwt.decode(token, options={"verify_signature": False})["sub"]


def test_a_refresh_token_comes_only_with_offline_access(sandbox: Sandbox) -> None:
    assert "refresh_token" in sandbox.tokens()
    answer = sandbox.tokens(scope="User.Read")
    assert "refresh_token" not in answer
    assert "id_token" not in answer


def test_client_info_comes_when_asked(sandbox: Sandbox) -> None:
    info = sandbox.tokens(client_info="1")["client_info"]
    decoded = json.loads(base64.urlsafe_b64decode(info + "=="))
    assert decoded == {"uid": "00000001-0000-4000-8000-000000000002", "utid": FABRIKOAST_ID}


def test_a_code_is_redeemed_once(sandbox: Sandbox, refused: Refused) -> None:
    code = sandbox.code()
    assert sandbox.by_code(code).status_code == 200
    assert refused(sandbox.by_code(code)) == (400, "invalid_grant", 54005)


def test_a_code_lives_ten_minutes(sandbox: Sandbox, refused: Refused) -> None:
    code = sandbox.code()
    sandbox.control("POST", "/clock", {"advance_seconds": 601})
    assert refused(sandbox.by_code(code)) == (400, "invalid_grant", 70008)


def test_a_code_belongs_to_its_authority(sandbox: Sandbox, refused: Refused) -> None:
    assert refused(sandbox.by_code(sandbox.code(), OTHER_COMPANY)) == (400, "invalid_grant", 700005)
    assert refused(sandbox.by_code(sandbox.code(), "organizations")) == (400, "invalid_grant", 700005)
    assert sandbox.by_code(sandbox.code(), FABRIKOAST_ID).status_code == 200


def test_a_code_needs_the_same_redirect_address(sandbox: Sandbox) -> None:
    answer = sandbox.by_code(sandbox.code(), redirect_uri="http://localhost:9000/callback")
    assert answer.json()["error_codes"] == [500112]


@pytest.mark.parametrize("verifier", [None, "w" * 50, CHALLENGE])
def test_the_code_verifier_is_checked(sandbox: Sandbox, refused: Refused, verifier: str | None) -> None:
    code = sandbox.code(code_challenge=CHALLENGE, code_challenge_method="S256")
    assert refused(sandbox.by_code(code, code_verifier=verifier)) == (400, "invalid_grant", 501481)
    assert sandbox.by_code(code, code_verifier=VERIFIER).status_code == 200


def test_a_verifier_without_challenge_is_refused(sandbox: Sandbox, refused: Refused) -> None:
    assert refused(sandbox.by_code(sandbox.code(), code_verifier=VERIFIER))[2] == 501481


@pytest.mark.parametrize(
    ("form", "code", "error"),
    [
        ({"client_secret": "wrong"}, 7000215, "invalid_client"),
        ({"client_secret": None}, 7000218, "invalid_client"),
        ({"client_id": "11111111-1111-4111-8111-111111111111"}, 700016, "unauthorized_client"),
        ({"grant_type": "password"}, 70003, "unsupported_grant_type"),
        ({"grant_type": None}, 900144, "invalid_request"),
        ({"code": None}, 900144, "invalid_request"), ({"code": "x"}, 70000, "invalid_grant"),
    ],
)  # fmt: skip
def test_bad_requests_are_refused(sandbox: Sandbox, form: dict[str, Any], code: int, error: str) -> None:
    sent = {"grant_type": "authorization_code", "code": sandbox.code(), "redirect_uri": CALLBACK} | form
    answer = sandbox.redeem(**sent)
    assert (answer.json()["error_codes"], answer.json()["error"]) == ([code], error)
    assert answer.status_code == (401 if error == "invalid_client" else 400)


def test_an_error_has_all_the_fields_of_entra(sandbox: Sandbox) -> None:
    headers = {"client-request-id": "0d3d4a36-0c0d-4c3f-9f3c-1d8d1d1d1d1d"}
    body = sandbox.redeem(grant_type="refresh_token", refresh_token="x", headers=headers).json()
    assert set(body) == {
        "error", "error_description", "error_codes", "timestamp", "trace_id", "correlation_id", "error_uri",
    }  # fmt: skip
    assert body["correlation_id"] == headers["client-request-id"]
    assert f"\r\nTrace ID: {body['trace_id']}\r\n" in body["error_description"]
    assert body["error_uri"].endswith("/error?code=70000")
    datetime.strptime(body["timestamp"], "%Y-%m-%d %H:%M:%SZ")


def test_basic_authentication_is_accepted(sandbox: Sandbox) -> None:
    pair = requests.utils.quote(DEMO_CLIENT_ID) + ":" + requests.utils.quote(DEMO_CLIENT_SECRET, safe="")
    headers = {"Authorization": "Basic " + base64.b64encode(pair.encode()).decode()}
    answer = sandbox.by_code(sandbox.code(), headers=headers, client_id=None, client_secret=None)
    assert answer.status_code == 200


def test_a_browser_origin_is_refused(sandbox: Sandbox) -> None:
    answer = sandbox.by_code(sandbox.code(), headers={"Origin": "https://platform.example"})
    assert answer.json()["error_codes"] == [9002326]


def test_refreshing_gives_a_new_token_and_keeps_the_old(sandbox: Sandbox) -> None:
    first = sandbox.tokens()["refresh_token"]
    second = sandbox.refresh(first).json()["refresh_token"]
    assert first != second
    assert sandbox.refresh(first).status_code == sandbox.refresh(second).status_code == 200


def test_rotation_can_revoke_the_old_token(sandbox: Sandbox, refused: Refused) -> None:
    sandbox.switch(refresh_rotation="old_revoked")
    first = sandbox.tokens()["refresh_token"]
    assert sandbox.refresh(first).status_code == 200
    assert refused(sandbox.refresh(first)) == (400, "invalid_grant", 50173)


def test_a_refresh_token_expires_by_disuse(sandbox: Sandbox, refused: Refused) -> None:
    token = sandbox.tokens()["refresh_token"]
    sandbox.control("POST", "/clock", {"advance_seconds": 89 * 86400})
    token = sandbox.refresh(token).json()["refresh_token"]
    sandbox.control("POST", "/clock", {"advance_seconds": 89 * 86400})
    assert sandbox.refresh(token).status_code == 200
    sandbox.control("POST", "/clock", {"advance_seconds": 90 * 86400})
    assert refused(sandbox.refresh(token)) == (400, "invalid_grant", 700082)


def test_revoked_sessions_end_every_refresh_token_of_the_user(sandbox: Sandbox, refused: Refused) -> None:
    token = sandbox.tokens()["refresh_token"]
    sandbox.control("POST", f"/companies/{COMPANY}/users/{USER}/revoke")
    answer = sandbox.refresh(token)
    assert refused(answer) == (400, "invalid_grant", 50173)
    assert answer.json()["suberror"] == "bad_token"
    assert sandbox.refresh(sandbox.tokens()["refresh_token"]).status_code == 200


def test_lost_rights_show_at_the_next_refresh(sandbox: Sandbox, refused: Refused) -> None:
    token, consent = sandbox.tokens()["refresh_token"], f"/companies/{COMPANY}/consents/{DEMO_CLIENT_ID}"
    granted = sandbox.control("GET", consent)
    sandbox.control("DELETE", consent)
    assert refused(sandbox.refresh(token)) == (400, "invalid_grant", 65001)
    sandbox.control("PUT", consent, granted)
    sandbox.control("PATCH", f"/companies/{COMPANY}/users/{USER}", {"enabled": False})
    assert refused(sandbox.refresh(token)) == (400, "invalid_grant", 50057)
    sandbox.control("PATCH", f"/apps/{DEMO_CLIENT_ID}", {"enabled": False})
    assert refused(sandbox.refresh(token)) == (400, "unauthorized_client", 7000112)


def test_a_refresh_token_belongs_to_one_client(sandbox: Sandbox, refused: Refused) -> None:
    other = sandbox.control("POST", "/apps", {"name": "Other", "public": True})["id"]
    answer = sandbox.refresh(sandbox.tokens()["refresh_token"], client_id=other, client_secret=None)
    assert refused(answer) == (400, "invalid_grant", 70000)


def test_a_guests_refresh_token_opens_the_other_company_too(sandbox: Sandbox) -> None:
    guest_home = f"priya.nair@{OTHER_COMPANY}"
    url = sandbox.authorize_url(OTHER_COMPANY)
    code = sandbox.sign_in(url, user=guest_home)["parameters"]["code"]
    token = sandbox.by_code(code, OTHER_COMPANY).json()["refresh_token"]
    consent = {"everyone": ["User.Read", "openid", "profile", "offline_access"]}
    sandbox.control("PUT", f"/companies/{COMPANY}/consents/{DEMO_CLIENT_ID}", consent)
    answer = sandbox.refresh(token, COMPANY).json()
    claims = jwt.decode(answer["id_token"], options={"verify_signature": False})
    assert (claims["tid"], claims["oid"]) == (FABRIKOAST_ID, "00000001-0000-4000-8000-000000000063")


def test_a_members_refresh_token_does_not(sandbox: Sandbox, refused: Refused) -> None:
    answer = sandbox.refresh(sandbox.tokens()["refresh_token"], OTHER_COMPANY)
    assert refused(answer) == (400, "invalid_grant", 50020)


def test_a_token_carries_all_that_was_granted_before(sandbox: Sandbox) -> None:
    sandbox.tokens(scope="openid Calendars.ReadWrite")
    answer = sandbox.tokens(scope="Calendars.Read")
    assert answer["scope"].split() == ["Calendars.Read", "Calendars.ReadWrite"]


def test_a_refresh_may_ask_for_less_but_not_for_more(sandbox: Sandbox, refused: Refused) -> None:
    token = sandbox.tokens(scope="openid offline_access User.Read Mail.Read")["refresh_token"]
    assert sandbox.refresh(token, scope="Mail.Read openid offline_access").status_code == 200
    assert refused(sandbox.refresh(token, scope="Mail.Send")) == (400, "invalid_grant", 65001)


@pytest.mark.parametrize(
    ("form", "scope"),
    [
        ("uri", "{graph}/User.Read openid profile"),
        ("encoded", "{encoded}%2FUser.Read openid profile"),
        ("shouting", "USER.READ OPENID PROFILE"),
    ],
)
def test_scopes_come_in_several_forms(sandbox: Sandbox, form: str, scope: str) -> None:
    sandbox.switch(token_scope_form=form)
    encoded = sandbox.url.replace(":", "%3A").replace("/", "%2F")
    assert sandbox.tokens()["scope"] == scope.format(graph=sandbox.url, encoded=encoded)


def test_a_token_can_carry_less_than_was_asked(sandbox: Sandbox) -> None:
    sandbox.switch(token_scopes_dropped=["Mail.Send"], expires_in_as_text=True, omit_refresh_token=True)
    answer = sandbox.tokens(scope="User.Read Mail.Send offline_access")
    assert answer["scope"] == "User.Read"
    assert answer["expires_in"] == "4183"
    assert "refresh_token" not in answer


def test_new_admin_consent_may_take_a_while(sandbox: Sandbox, refused: Refused) -> None:
    sandbox.switch(consent_delay_seconds=120)
    admin = f"avery.stone@{COMPANY}"
    code = sandbox.sign_in(sandbox.authorize_url(), user=admin, everyone=True)["parameters"]["code"]
    assert refused(sandbox.by_code(code))[2] == 65001
    sandbox.control("POST", "/clock", {"advance_seconds": 121})
    assert "callback" in sandbox.sign_in()


@pytest.mark.parametrize(
    "forgery", ["none", "tid", "iss", "aud", "kid", "nonce", "expired", "version", "oid"]
)
def test_forged_id_tokens_are_wrong_in_one_point(sandbox: Sandbox, forgery: str) -> None:
    sandbox.switch(id_token_forgery=forgery)
    token = sandbox.tokens(nonce="n-1")["id_token"]
    claims = jwt.decode(token, options={"verify_signature": False, "verify_exp": False})
    sound = {"tid": FABRIKOAST_ID, "aud": DEMO_CLIENT_ID, "nonce": "n-1", "ver": "2.0"}
    wrong = [name for name, value in sound.items() if claims[name] != value]
    assert wrong == {"tid": ["tid"], "aud": ["aud"], "nonce": ["nonce"], "version": ["ver"]}.get(forgery, [])
    if forgery in ("none", "kid", "iss", "aud", "expired"):
        with pytest.raises((jwt.InvalidTokenError, jwt.PyJWKSetError, KeyError)):
            validated(sandbox, token)


def test_keys_roll(sandbox: Sandbox) -> None:
    old = sandbox.tokens()["id_token"]
    sandbox.control("POST", "/keys/roll", {})
    new = sandbox.tokens()["id_token"]
    assert validated(sandbox, old)["tid"] == validated(sandbox, new)["tid"]
    sandbox.control("POST", "/keys/roll", {"drop_old": True})
    with pytest.raises(KeyError):
        validated(sandbox, old)


@pytest.mark.parametrize("segment", [FABRIKOAST_ID, COMPANY, "fabrikoast.onmicrosoft.example"])
def test_discovery_resolves_domains_to_the_guid(sandbox: Sandbox, segment: str) -> None:
    url = f"{sandbox.url}/{segment}/v2.0/.well-known/openid-configuration"
    assert sandbox.session.get(url).json()["issuer"] == f"{sandbox.url}/{FABRIKOAST_ID}/v2.0"


def test_discovery_of_organizations_is_a_template_and_of_nobody_an_error(sandbox: Sandbox) -> None:
    url = "{}/{}/v2.0/.well-known/openid-configuration"
    template = sandbox.session.get(url.format(sandbox.url, "organizations")).json()
    assert template["issuer"] == f"{sandbox.url}/{{tenantid}}/v2.0"
    unknown = sandbox.session.get(url.format(sandbox.url, "nobody.example"))
    assert (unknown.status_code, unknown.json()["error"]) == (400, "invalid_tenant")
    assert unknown.json()["error_codes"] == [90002]


def by_client(sandbox: Sandbox, segment: str = COMPANY, **form: str | None) -> requests.Response:
    wanted: dict[str, str | None] = {"scope": "https://graph.microsoft.com/.default"}
    return sandbox.redeem(segment, grant_type="client_credentials", **(wanted | form))


def test_client_credentials_carry_the_roles_of_the_company(sandbox: Sandbox) -> None:
    consent = {"roles": ["User.Read.All"]}
    sandbox.control("PUT", f"/companies/{COMPANY}/consents/{DEMO_CLIENT_ID}", consent)
    answer = by_client(sandbox).json()
    assert set(answer) == {"token_type", "expires_in", "ext_expires_in", "access_token"}
    assert sandbox.get("/users", answer["access_token"]).status_code == 200


def test_client_credentials_without_roles_are_issued_and_useless(sandbox: Sandbox) -> None:
    token = by_client(sandbox).json()["access_token"]
    assert sandbox.get("/users", token).status_code == 403


@pytest.mark.parametrize(
    ("segment", "form", "code"),
    [
        ("organizations", {}, 9001023), (OTHER_COMPANY, {}, 700016), ("nobody.example", {}, 90002),
        (COMPANY, {"scope": "User.Read.All"}, 70011), (COMPANY, {"scope": None}, 900144),
    ],
)  # fmt: skip
def test_client_credentials_are_refused(
    sandbox: Sandbox, segment: str, form: dict[str, str | None], code: int
) -> None:
    assert by_client(sandbox, segment, **form).json()["error_codes"] == [code]


def test_two_secrets_live_side_by_side_until_one_expires(sandbox: Sandbox, refused: Refused) -> None:
    expires_at = (datetime.now(UTC) + timedelta(days=1)).isoformat()
    path = f"/apps/{DEMO_CLIENT_ID}/secrets"
    sandbox.control("POST", path, {"value": "second~one", "expires_at": expires_at})
    assert by_client(sandbox).status_code == 200
    assert by_client(sandbox, client_secret="second~one").status_code == 200
    sandbox.control("POST", "/clock", {"advance_seconds": 86401})
    assert refused(by_client(sandbox, client_secret="second~one")) == (401, "invalid_client", 7000222)
    assert by_client(sandbox).status_code == 200


def test_a_public_client_sends_no_secret(sandbox: Sandbox) -> None:
    sandbox.control("PATCH", f"/apps/{DEMO_CLIENT_ID}", {"public": True})
    assert sandbox.by_code(sandbox.code()).json()["error_codes"] == [700025]
    assert sandbox.by_code(sandbox.code(), client_secret=None).status_code == 200


@pytest.fixture(scope="module")
def credential() -> tuple[rsa.RSAPrivateKey, x509.Certificate]:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    name, now = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "demo")]), datetime.now(UTC)
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    builder = builder.serial_number(7).not_valid_before(now).not_valid_after(now + timedelta(days=2))
    return key, builder.sign(key, hashes.SHA256())


def assertion(
    sandbox: Sandbox,
    credential: tuple[rsa.RSAPrivateKey, x509.Certificate],
    *,
    algorithm: str = "PS256",
    thumbprint: str = "x5t#S256",
    key: rsa.RSAPrivateKey | None = None,
    **claims: Any,
) -> dict[str, str]:
    fingerprint = credential[1].fingerprint(hashes.SHA256() if thumbprint == "x5t#S256" else hashes.SHA1())
    now = int(time.time())
    body = {
        "aud": f"{sandbox.url}/{FABRIKOAST_ID}/oauth2/v2.0/token", "iss": DEMO_CLIENT_ID, "sub": DEMO_CLIENT_ID,
        "jti": "1", "nbf": now, "exp": now + 300,
    } | claims  # fmt: skip
    header = {thumbprint: base64.urlsafe_b64encode(fingerprint).decode().rstrip("=")}
    return {
        "client_assertion": jwt.encode(body, key or credential[0], algorithm=algorithm, headers=header),
        "client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
    }


@pytest.fixture
def registered(sandbox: Sandbox, credential: tuple[rsa.RSAPrivateKey, x509.Certificate]) -> None:
    pem = credential[1].public_bytes(serialization.Encoding.PEM).decode()
    sandbox.control("POST", f"/apps/{DEMO_CLIENT_ID}/certificates", {"pem": pem}, 201)


@pytest.mark.usefixtures("registered")
@pytest.mark.parametrize(("algorithm", "thumbprint"), [("PS256", "x5t#S256"), ("RS256", "x5t")])
def test_a_certificate_proves_the_client(
    sandbox: Sandbox, credential: Any, algorithm: str, thumbprint: str
) -> None:
    proof = assertion(sandbox, credential, algorithm=algorithm, thumbprint=thumbprint)
    assert by_client(sandbox, FABRIKOAST_ID, client_secret=None, **proof).status_code == 200


@pytest.mark.usefixtures("registered")
@pytest.mark.parametrize(
    ("claims", "code"),
    [
        ({"aud": "https://login.example/token"}, 700021), ({"iss": "x"}, 700030), ({"sub": "x"}, 700030),
        ({"exp": 1}, 700024), ({"nbf": 4102444800}, 700024),
    ],
)  # fmt: skip
def test_a_wrong_assertion_is_refused(
    sandbox: Sandbox, credential: Any, claims: dict[str, Any], code: int
) -> None:
    proof = assertion(sandbox, credential, **claims)
    answer = by_client(sandbox, FABRIKOAST_ID, client_secret=None, **proof)
    assert answer.json()["error_codes"] == [code]


@pytest.mark.usefixtures("registered")
def test_an_assertion_signed_by_another_key_is_refused(sandbox: Sandbox, credential: Any) -> None:
    stranger = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    proof = assertion(sandbox, credential, key=stranger)
    answer = by_client(sandbox, FABRIKOAST_ID, client_secret=None, **proof)
    assert answer.json()["error_codes"] == [700027]


def test_an_unregistered_certificate_is_refused(sandbox: Sandbox, credential: Any) -> None:
    answer = by_client(sandbox, FABRIKOAST_ID, client_secret=None, **assertion(sandbox, credential))
    assert answer.json()["error_codes"] == [700027]


def start_device(sandbox: Sandbox) -> Any:
    form = {"client_id": DEMO_CLIENT_ID, "scope": ALL_SCOPES}
    return sandbox.session.post(f"{sandbox.url}/{COMPANY}/oauth2/v2.0/devicecode", data=form).json()


def poll(sandbox: Sandbox, started: Any) -> requests.Response:
    grant = "urn:ietf:params:oauth:grant-type:device_code"
    return sandbox.redeem(grant_type=grant, device_code=started["device_code"])


def test_a_device_login_waits_until_somebody_approves(sandbox: Sandbox, refused: Refused) -> None:
    started = start_device(sandbox)
    assert (started["expires_in"], started["interval"]) == (900, 5)
    assert started["user_code"] in started["message"]
    assert refused(poll(sandbox, started)) == (400, "authorization_pending", 70016)
    assert poll(sandbox, started).json()["error"] == "slow_down"
    sandbox.control("POST", f"/devices/{started['user_code']}", {"user": USER})
    assert "refresh_token" in poll(sandbox, started).json()
    assert refused(poll(sandbox, started)) == (400, "bad_verification_code", 70018)


def test_a_device_login_can_be_declined_or_expire(sandbox: Sandbox) -> None:
    started = start_device(sandbox)
    sandbox.control("POST", f"/devices/{started['user_code']}", {"user": USER, "decision": "decline"})
    assert poll(sandbox, started).json()["error"] == "authorization_declined"
    started = start_device(sandbox)
    sandbox.control("POST", "/clock", {"advance_seconds": 901})
    assert poll(sandbox, started).json()["error"] == "expired_token"


def test_the_device_page_leads_to_the_sign_in(sandbox: Sandbox) -> None:
    started = start_device(sandbox)
    page = started["verification_uri"]
    assert "did not work" in sandbox.session.post(page, data={"user_code": "WRONG"}).text
    code = started["user_code"].lower()
    assert "Choose an account" in sandbox.session.post(page, data={"user_code": code}).text


def test_every_error_comes_on_demand(sandbox: Sandbox, refused: Refused) -> None:
    token = sandbox.tokens()["refresh_token"]
    claims = json.dumps({"access_token": {"acrs": {"essential": True, "value": "c1"}}})
    order = {"place": "token", "code": 50076, "claims": claims, "grant_type": "refresh_token", "times": 2}
    sandbox.control("POST", "/entra-errors", order, 201)
    answer = sandbox.refresh(token)
    assert refused(answer) == (400, "interaction_required", 50076)
    assert (answer.json()["claims"], answer.json()["suberror"]) == (claims, "basic_action")
    assert sandbox.refresh(token).status_code == 400
    assert sandbox.refresh(token).status_code == 200


def test_the_token_endpoint_throttles_and_fails_like_a_proxy(sandbox: Sandbox) -> None:
    token = sandbox.tokens()["refresh_token"]
    order = {"place": "token", "code": 90055, "headers": {"Retry-After": "7"}}
    sandbox.control("POST", "/entra-errors", order, 201)
    answer = sandbox.refresh(token)
    assert (answer.status_code, answer.headers["Retry-After"]) == (429, "7")
    page = {"place": "token", "code": 0, "status": 503, "raw_body": "<html>unavailable</html>"}
    sandbox.control("POST", "/entra-errors", page, 201)
    answer = sandbox.refresh(token)
    assert (answer.status_code, answer.text) == (503, "<html>unavailable</html>")


def test_a_claims_challenge_meets_only_clients_that_declared_cp1(sandbox: Sandbox) -> None:
    cp1 = json.dumps({"access_token": {"xms_cc": {"values": ["cp1"]}}})
    plain, capable = sandbox.tokens()["access_token"], sandbox.tokens(claims=cp1)
    assert capable["expires_in"] == 86400
    sandbox.control("POST", f"/companies/{COMPANY}/users/{USER}/challenge")
    assert sandbox.get("/me", plain).status_code == 200
    refused = sandbox.get("/me", capable["access_token"])
    assert refused.status_code == 401
    challenge = refused.headers["WWW-Authenticate"]
    assert 'error="insufficient_claims"' in challenge
    demanded = json.loads(base64.b64decode(challenge.split('claims="')[1].rstrip('"')))
    renewed = sandbox.refresh(capable["refresh_token"], claims=cp1).json()["access_token"]
    assert sandbox.get("/me", renewed).status_code == 401
    demanded["access_token"] |= json.loads(cp1)["access_token"]
    renewed = sandbox.refresh(capable["refresh_token"], claims=json.dumps(demanded)).json()["access_token"]
    assert sandbox.get("/me", renewed).status_code == 200


def test_an_expired_or_unknown_access_token_is_refused(sandbox: Sandbox) -> None:
    token = sandbox.tokens()["access_token"]
    sandbox.control("POST", "/clock", {"advance_seconds": 4184})
    for value in (token, "made-up"):
        answer = sandbox.get("/me", value)
        assert (answer.status_code, answer.json()["error"]["code"]) == (401, "InvalidAuthenticationToken")


def test_companies_do_not_mix(sandbox: Sandbox) -> None:
    url = sandbox.authorize_url(OTHER_COMPANY)
    code = sandbox.sign_in(url, user=f"mina.okafor@{OTHER_COMPANY}")["parameters"]["code"]
    answer = sandbox.by_code(code, OTHER_COMPANY).json()
    assert jwt.decode(answer["id_token"], options={"verify_signature": False})["tid"] == NORTHLEAF_ID
    assert sandbox.get(f"/users/{USER}", answer["access_token"]).status_code in (403, 404)

"""Sign-in pages of the sandbox's Entra: authorize, consent, admin consent."""

from __future__ import annotations

import re
from urllib.parse import parse_qs, urlsplit

import pytest

from connector.sandbox.seed import DEMO_CLIENT_ID, DEMO_PASSWORD, FABRIKOAST_ID, NORTHLEAF_ID

from .conftest import ADMIN, CALLBACK, COMPANY, OTHER_COMPANY, USER, Sandbox


def page_fields(page: str) -> tuple[str, dict[str, str]]:
    """Action and hidden fields of the first form."""
    form = page.split("<form", 1)[1].split("</form>", 1)[0]
    action = re.search(r'action="([^"]+)"', form)
    assert action is not None
    return action[1], dict(re.findall(r'type="hidden" name="([^"]+)" value="([^"]*)"', form))


def callback_of(location: str) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(urlsplit(location).query).items()}


def test_a_browser_walks_from_the_account_to_the_callback(sandbox: Sandbox) -> None:
    browser = sandbox.session
    page = browser.get(sandbox.authorize_url())
    assert "Choose an account" in page.text
    assert DEMO_PASSWORD in page.text
    action, hidden = page_fields(page.text)
    page = browser.post(sandbox.url + action, data=hidden | {"login": USER})
    action, hidden = page_fields(page.text)
    assert "incorrect" in browser.post(sandbox.url + action, data=hidden | {"passwd": "wrong"}).text
    page = browser.post(sandbox.url + action, data=hidden | {"passwd": DEMO_PASSWORD})
    assert "Sign you in and read your profile" in page.text
    assert "<script" not in page.text
    action, hidden = page_fields(page.text)
    done = browser.post(sandbox.url + action, data=hidden | {"decision": "accept"}, allow_redirects=False)
    assert done.status_code == 302
    assert done.headers["Location"].startswith(f"{CALLBACK}?")
    assert callback_of(done.headers["Location"])["state"] == "state-1"


def test_a_signed_in_browser_is_not_asked_again_and_may_stay_silent(sandbox: Sandbox) -> None:
    test_a_browser_walks_from_the_account_to_the_callback(sandbox)
    silent = sandbox.session.get(sandbox.authorize_url(prompt="none"), allow_redirects=False)
    assert "code" in callback_of(silent.headers["Location"])
    asked = sandbox.session.get(sandbox.authorize_url(prompt="login"))
    assert "Choose an account" in asked.text
    more = sandbox.authorize_url(prompt="none", scope="openid Mail.Read")
    refused = callback_of(sandbox.session.get(more, allow_redirects=False).headers["Location"])
    assert refused["error"] == "consent_required"


def test_silence_without_a_session_is_login_required(sandbox: Sandbox) -> None:
    answer = sandbox.sign_in(sandbox.authorize_url(prompt="none"))["parameters"]
    assert (answer["error"], answer["state"]) == ("login_required", "state-1")
    assert answer["error_description"].startswith("AADSTS50058")


@pytest.mark.parametrize(
    ("segment", "change", "code"),
    [
        ("6f9619ff-8b86-4d01-b42d-00cf4fc964ff", {}, 90002),
        (COMPANY, {"client_id": "11111111-1111-4111-8111-111111111111"}, 700016),
        (COMPANY, {"client_id": None}, 900144),
        (COMPANY, {"redirect_uri": "http://localhost:8400/Callback"}, 50011),
        (COMPANY, {"redirect_uri": "https://localhost:8400/callback"}, 50011),
        (COMPANY, {"redirect_uri": "https://platform.example/oauth/callback?x=1"}, 50011),
        (COMPANY, {"redirect_uri": None}, 50011),
    ],
)
def test_what_cannot_be_told_to_the_app_stays_on_a_page(
    sandbox: Sandbox, segment: str, change: dict[str, str | None], code: int
) -> None:
    url = sandbox.authorize_url(segment, **change)
    assert sandbox.sign_in(url)["code"] == code
    page = sandbox.session.get(url, allow_redirects=False)
    assert f"AADSTS{code}" in page.text
    assert "Location" not in page.headers


@pytest.mark.parametrize("uri", ["http://localhost/callback", "http://127.0.0.1:1/callback"])
def test_the_port_of_a_loopback_address_is_free(sandbox: Sandbox, uri: str) -> None:
    assert sandbox.sign_in(sandbox.authorize_url(redirect_uri=uri))["callback"].startswith(uri)


@pytest.mark.parametrize(
    ("change", "error", "code"),
    [
        ({"response_type": "token"}, "unsupported_response_type", 700054),
        ({"response_type": None}, "invalid_request", 900144),
        ({"scope": None}, "invalid_request", 900144),
        ({"scope": "File.Read"}, "invalid_scope", 70011),
        ({"scope": "https://graph.microsoft.com/.default Mail.Read"}, "invalid_scope", 70011),
        ({"scope": "https://vault.azure.net/user_impersonation"}, "invalid_resource", 500011),
        ({"prompt": "always"}, "invalid_request", 90023),
        ({"code_challenge": "short", "code_challenge_method": "S256"}, "invalid_request", 501491),
    ],
)
def test_other_mistakes_call_back(
    sandbox: Sandbox, change: dict[str, str | None], error: str, code: int
) -> None:
    answer = sandbox.sign_in(sandbox.authorize_url(**change))["parameters"]
    assert (answer["error"], answer["state"]) == (error, "state-1")
    assert answer["error_description"].startswith(f"AADSTS{code}: ")


def test_a_declined_consent_calls_back_access_denied(sandbox: Sandbox) -> None:
    answer = sandbox.sign_in(decision="decline")["parameters"]
    assert answer["error"] == "access_denied"
    assert answer["error_description"].startswith("AADSTS65004")


@pytest.mark.parametrize(
    ("user", "code"),
    [
        (f"sofia.lind@{COMPANY}", 50057), (f"luis.brandt@{OTHER_COMPANY}", 50020),
        (f"nobody@{COMPANY}", 50020),
    ],
)  # fmt: skip
def test_people_who_cannot_sign_in_are_stopped(sandbox: Sandbox, user: str, code: int) -> None:
    assert sandbox.sign_in(user=user)["code"] == code


def test_only_assigned_users_pass_where_assignment_is_required(sandbox: Sandbox) -> None:
    change = {"assignment_required": [DEMO_CLIENT_ID]}
    sandbox.control("PATCH", f"/companies/{COMPANY}", change)
    assert sandbox.sign_in()["code"] == 50105
    sandbox.control("PATCH", f"/companies/{COMPANY}", {"assigned": [USER]})
    assert "callback" in sandbox.sign_in()


def test_a_guest_signs_in_at_the_company_that_invited_it(sandbox: Sandbox) -> None:
    answer = sandbox.sign_in(user=f"priya.nair@{OTHER_COMPANY}")
    assert "code" in answer["parameters"]


def test_the_restrictive_policy_leaves_mail_to_administrators(sandbox: Sandbox) -> None:
    url = sandbox.authorize_url(OTHER_COMPANY, scope="openid Mail.Read")
    stopped = sandbox.sign_in(url, user=f"mina.okafor@{OTHER_COMPANY}")
    assert (stopped["stopped_at"], stopped["code"]) == ("error", 90094)
    send = sandbox.authorize_url(OTHER_COMPANY, scope="openid Mail.Send")
    assert "callback" in sandbox.sign_in(send, user=f"mina.okafor@{OTHER_COMPANY}")
    admin = sandbox.sign_in(url, user=f"avery.stone@{OTHER_COMPANY}", everyone=True)
    assert "code" in admin["parameters"]
    assert "callback" in sandbox.sign_in(url, user=f"mina.okafor@{OTHER_COMPANY}")
    again = sandbox.authorize_url(OTHER_COMPANY, scope="openid Mail.Read", prompt="consent")
    assert sandbox.sign_in(again, user=f"mina.okafor@{OTHER_COMPANY}")["code"] == 90094


def test_admin_only_scopes_need_an_administrator_in_any_company(sandbox: Sandbox) -> None:
    url = sandbox.authorize_url(scope="openid User.Read.All")
    assert sandbox.sign_in(url)["code"] == 90094
    assert "callback" in sandbox.sign_in(url, user=ADMIN)


def test_single_permissions_are_unticked_only_when_the_switch_allows(sandbox: Sandbox) -> None:
    url = sandbox.authorize_url(scope="openid Mail.Read Files.Read")
    sandbox.sign_in(url, scopes=["openid", "Files.Read"])
    granted = sandbox.control("GET", f"/companies/{COMPANY}/consents/{DEMO_CLIENT_ID}")["users"]
    assert next(iter(granted.values())) == ["Files.Read", "Mail.Read", "openid"]
    sandbox.control("POST", "/reset")
    sandbox.switch(partial_consent=True)
    sandbox.sign_in(url, scopes=["openid", "Files.Read"])
    granted = sandbox.control("GET", f"/companies/{COMPANY}/consents/{DEMO_CLIENT_ID}")["users"]
    assert next(iter(granted.values())) == ["Files.Read", "openid"]


def test_single_tenant_apps_need_their_own_company(sandbox: Sandbox) -> None:
    sandbox.control("PATCH", f"/apps/{DEMO_CLIENT_ID}", {"multi_tenant": False})
    assert sandbox.sign_in(sandbox.authorize_url("organizations"))["code"] == 50194
    assert sandbox.sign_in(sandbox.authorize_url(OTHER_COMPANY))["code"] == 700016
    assert "callback" in sandbox.sign_in()


def test_form_post_brings_the_parameters_in_a_form(sandbox: Sandbox) -> None:
    assert sandbox.sign_in(sandbox.authorize_url(response_mode="form_post"))["mode"] == "form_post"
    url = sandbox.authorize_url(response_mode="form_post", prompt="none", state='"><b>')
    action, hidden = page_fields(sandbox.session.get(url).text)
    assert action == CALLBACK
    assert hidden["error"] == "login_required"
    assert hidden["state"] == "&#34;&gt;&lt;b&gt;"


def test_ordered_errors_call_back_or_stop(sandbox: Sandbox) -> None:
    sandbox.control(
        "POST", "/entra-errors", {"place": "authorize", "code": 65001, "error": "consent_required"}
    )
    assert sandbox.sign_in()["parameters"]["error"] == "consent_required"
    sandbox.control("POST", "/entra-errors", {"place": "authorize", "code": 53003, "as_page": True})
    assert sandbox.sign_in()["code"] == 53003
    assert "callback" in sandbox.sign_in()


def admin_url(sandbox: Sandbox, path: str = "v2.0/adminconsent", segment: str = NORTHLEAF_ID) -> str:
    query = f"client_id={DEMO_CLIENT_ID}&redirect_uri={CALLBACK}&state=s"
    scope = "&scope=https://graph.microsoft.com/.default" if path.startswith("v2") else ""
    return f"{sandbox.url}/{segment}/{path}?{query}{scope}"


def test_admin_consent_grants_scopes_and_roles_to_all(sandbox: Sandbox) -> None:
    answer = sandbox.sign_in(admin_url(sandbox), user=f"avery.stone@{OTHER_COMPANY}")["parameters"]
    assert answer == {
        "admin_consent": "True", "tenant": NORTHLEAF_ID, "scope": "https://graph.microsoft.com/.default",
        "state": "s",
    }  # fmt: skip
    granted = sandbox.control("GET", f"/companies/{OTHER_COMPANY}/consents/{DEMO_CLIENT_ID}")
    assert "Mail.ReadWrite" in granted["everyone"]
    assert "Mail.ReadWrite" in granted["roles"]
    url = sandbox.authorize_url(OTHER_COMPANY, scope="openid Mail.ReadWrite")
    assert "callback" in sandbox.sign_in(url, user=f"mina.okafor@{OTHER_COMPANY}")


def test_admin_consent_is_not_for_everybody(sandbox: Sandbox) -> None:
    assert sandbox.sign_in(admin_url(sandbox), user=f"mina.okafor@{OTHER_COMPANY}")["code"] == 90094


def test_a_declined_admin_consent_still_says_admin_consent(sandbox: Sandbox) -> None:
    admin = f"avery.stone@{OTHER_COMPANY}"
    answer = sandbox.sign_in(admin_url(sandbox), user=admin, decision="decline")["parameters"]
    assert (answer["admin_consent"], answer["error"]) == ("True", "consent_required")
    assert answer["error_description"].startswith("AADSTS65004")


def test_the_legacy_admin_consent_has_shapes_of_its_own(sandbox: Sandbox) -> None:
    admin, url = f"avery.stone@{OTHER_COMPANY}", admin_url(sandbox, "adminconsent")
    declined = sandbox.sign_in(url, user=admin, decision="decline")["parameters"]
    assert declined == {
        "error": "permission_denied", "error_description": "The admin canceled the request", "state": "s",
    }  # fmt: skip
    accepted = sandbox.sign_in(url, user=admin)["parameters"]
    assert accepted == {"admin_consent": "True", "tenant": NORTHLEAF_ID, "state": "s"}


def test_logout_ends_the_browser_session(sandbox: Sandbox) -> None:
    test_a_browser_walks_from_the_account_to_the_callback(sandbox)
    target = f"{sandbox.url}/{FABRIKOAST_ID}/oauth2/v2.0/logout?post_logout_redirect_uri={CALLBACK}"
    assert sandbox.session.get(target, allow_redirects=False).headers["Location"] == CALLBACK
    silent = sandbox.session.get(sandbox.authorize_url(prompt="none"), allow_redirects=False)
    assert callback_of(silent.headers["Location"])["error"] == "login_required"

"""Faults, throttling and `$batch` of the sandbox."""

from __future__ import annotations

import base64
import gzip
import time
from concurrent.futures import ThreadPoolExecutor
from email.utils import parsedate_to_datetime
from typing import Any

import pytest
import requests

from connector.sandbox.fault_answers import ENVELOPES, gzip_bomb
from connector.sandbox.scopes import MAIL_READ
from connector.sandbox.throttle import Caller, admitted

from .conftest import COMPANY, USER, Sandbox

NEW_USER = {
    "accountEnabled": True, "displayName": "Nils Berg", "mailNickname": "nils",
    "userPrincipalName": f"nils@{COMPANY}", "passwordProfile": {"password": "Long-enough-1"},
}  # fmt: skip


def test_a_status_fault_strikes_as_often_as_ordered_and_where_it_fits(sandbox: Sandbox) -> None:
    sandbox.fault("status", method="GET", path="/me$", times=2, skip=1, status=503, code="busy")
    token = sandbox.token("User.Read", "User.ReadBasic.All")
    statuses = [sandbox.get("/me", token).status_code for _ in range(4)]
    assert statuses == [200, 503, 503, 200]
    assert sandbox.get("/users", token).status_code == 200
    assert sandbox.control("GET", "/faults")["faults"] == []


def test_a_fault_can_be_meant_for_one_user_or_company(sandbox: Sandbox) -> None:
    sandbox.fault("status", user=USER, times=0)
    other = sandbox.token("User.Read", user=f"luis.brandt@{COMPANY}")
    assert sandbox.get("/me", other).status_code == 200
    assert sandbox.get("/me").status_code == 503
    sandbox.control("DELETE", "/faults")
    sandbox.fault("status", tenant="northleaf.example")
    assert sandbox.get("/me").status_code == 200


@pytest.mark.parametrize("value", ["5", "2.128", "0", "86400", None])
def test_retry_after_is_sent_as_ordered(sandbox: Sandbox, value: str | None) -> None:
    sandbox.fault("status", status=429, code="TooManyRequests", retry_after=value)
    assert sandbox.get("/me").headers.get("Retry-After") == value


def test_retry_after_can_be_a_date(sandbox: Sandbox) -> None:
    sandbox.fault("status", status=429, retry_after="date+30")
    answer = sandbox.get("/me")
    gap = parsedate_to_datetime(answer.headers["Retry-After"]) - parsedate_to_datetime(answer.headers["Date"])
    assert 29 <= gap.total_seconds() <= 31


@pytest.mark.parametrize("envelope", sorted(ENVELOPES))
def test_every_envelope_can_be_ordered(sandbox: Sandbox, envelope: str) -> None:
    sandbox.fault("status", status=500, code="generalException", envelope=envelope)
    answer = sandbox.get("/me")
    assert answer.status_code == 500
    assert answer.headers["request-id"]
    assert answer.json() == ENVELOPES[envelope] or answer.json()


def test_bodies_can_be_html_empty_or_truncated(sandbox: Sandbox) -> None:
    sandbox.fault("html", status=502)
    assert sandbox.get("/me").text.startswith("<!DOCTYPE html>")
    sandbox.fault("empty", status=504)
    assert sandbox.get("/me").content == b""
    sandbox.fault("truncated", status=500)
    with pytest.raises(requests.exceptions.JSONDecodeError):
        sandbox.get("/me").json()
    sandbox.fault("truncated_after")
    with pytest.raises(requests.exceptions.JSONDecodeError):
        sandbox.get("/me").json()


def test_a_reset_before_the_commit_leaves_nothing_behind(sandbox: Sandbox) -> None:
    token = sandbox.token("User.ReadWrite.All")
    sandbox.fault("reset", method="POST", path="/users$")
    with pytest.raises(requests.ConnectionError):
        sandbox.graph("POST", "/users", token, json=NEW_USER)
    assert sandbox.get(f"/users/nils@{COMPANY}", token).status_code == 404


@pytest.mark.parametrize("kind", ["reset_after", "cut_after"])
def test_an_answer_lost_after_the_commit_leaves_the_write(sandbox: Sandbox, kind: str) -> None:
    token = sandbox.token("User.ReadWrite.All")
    sandbox.fault(kind, method="POST", path="/users$")
    with pytest.raises(requests.RequestException):
        sandbox.graph("POST", "/users", token, json=NEW_USER)
    assert sandbox.get(f"/users/nils@{COMPANY}", token).status_code == 200


def test_a_504_can_come_after_the_commit(sandbox: Sandbox) -> None:
    token = sandbox.token("User.ReadWrite.All")
    sandbox.fault("status_after", method="POST", path="/users$", status=504)
    assert sandbox.graph("POST", "/users", token, json=NEW_USER).status_code == 504
    assert sandbox.get(f"/users/nils@{COMPANY}", token).status_code == 200


def test_slow_and_dripping_answers_take_their_time(sandbox: Sandbox) -> None:
    token = sandbox.token("User.Read")
    for kind, seconds in (("slow", 0.2), ("drip", 0.025)):
        sandbox.fault(kind, seconds=seconds)
        began = time.monotonic()
        assert sandbox.get("/me", token).json()["userPrincipalName"] == USER
        assert time.monotonic() - began >= 0.2


def test_a_gzip_bomb_is_small_on_the_wire(sandbox: Sandbox) -> None:
    sandbox.fault("gzip_bomb", size_bytes=1 << 20)
    answer = sandbox.graph("GET", "/me", stream=True)
    raw = answer.raw.read(decode_content=False)
    assert len(raw) < 10_000
    assert len(gzip.decompress(raw)) >= 1 << 20
    assert len(gzip.decompress(gzip_bomb(65536))) >= 65536


def test_pages_can_lie(sandbox: Sandbox) -> None:
    token, path = sandbox.token("User.Read.All"), "/users?$top=4&$select=id"
    sandbox.fault("next_link", url="https://graph.evil.example/v1.0/users?$skiptoken=x")
    assert sandbox.get(path, token).json()["@odata.nextLink"].startswith("https://graph.evil.example")
    sandbox.fault("empty_page")
    empty = sandbox.get(path, token).json()
    assert empty["value"] == []
    assert len(sandbox.get(empty["@odata.nextLink"], token).json()["value"]) == 4
    sandbox.fault("next_link_repeats")
    link = sandbox.get(path, token).json()["@odata.nextLink"]
    assert sandbox.get(link, token).json()["value"] == sandbox.get(path, token).json()["value"]
    sandbox.fault("repeat_items", times=2)
    first = sandbox.get(path, token).json()
    second = sandbox.get(first["@odata.nextLink"], token).json()
    assert second["value"][0] == first["value"][-1]
    assert len(second["value"]) == 5


def test_a_filter_can_be_ignored_silently(sandbox: Sandbox) -> None:
    token, path = sandbox.token("User.Read.All"), "/users?$filter=displayName eq 'Luis Brandt'"
    sandbox.fault("ignore_filter")
    assert len(sandbox.get(path, token).json()["value"]) == 10
    assert len(sandbox.get(path, token).json()["value"]) == 1
    sandbox.switch(ignored_filters=True)
    assert len(sandbox.get(path, token).json()["value"]) == 10


def test_a_redirect_leads_to_another_host(sandbox: Sandbox) -> None:
    sandbox.fault("redirect", url="https://elsewhere.example/x")
    answer = sandbox.graph("GET", "/me", allow_redirects=False)
    assert (answer.status_code, answer.headers["Location"]) == (302, "https://elsewhere.example/x")


@pytest.mark.parametrize("form", ["padded", "unpadded", "urlsafe", "several", "broken"])
def test_claims_challenges_come_in_every_form(sandbox: Sandbox, form: str) -> None:
    sandbox.fault("challenge", challenge=form)
    answer = sandbox.get("/me")
    assert answer.status_code == 401
    header = answer.headers["WWW-Authenticate"]
    encoded = header.split('claims="')[1].rstrip('"')
    assert header.startswith("PoP") == (form == "several")
    assert encoded.endswith("=") == (form in ("padded", "several"))
    if form != "broken":
        text = base64.b64decode(encoded + "==", altchars=b"-_" if form == "urlsafe" else None)
        assert b'"essential":true' in text


def test_a_journal_line_names_the_fault(sandbox: Sandbox) -> None:
    sandbox.fault("status")
    sandbox.get("/me")
    line = sandbox.control("GET", "/journal?path=/me$")["requests"][-1]
    assert (line["fault"], line["status"]) == ("status", 503)


@pytest.mark.parametrize(
    "fault", [{"kind": "explode"}, {"kind": "status", "colour": "red"}, {"kind": "status", "path": "("},
              {"kind": "status", "envelope": "none"}],
)  # fmt: skip
def test_a_fault_that_makes_no_sense_is_refused(sandbox: Sandbox, fault: dict[str, str]) -> None:
    assert "error" in sandbox.control("POST", "/faults", fault, 400)


def mailbox_caller(pattern: str = "/users/{user}/messages", mailbox: str = "m") -> Caller:
    return Caller("t", "a", pattern, mailbox, has_token=False)


def test_a_mailbox_takes_four_requests_at_a_time(sandbox: Sandbox) -> None:
    from connector.sandbox.answers import GraphError

    world, held = sandbox.server.world, []
    for _ in range(4):
        held.append(admitted(world, mailbox_caller(), "GET"))
        held[-1].__enter__()
    with (
        pytest.raises(GraphError, match="429 ApplicationThrottled"),
        admitted(world, mailbox_caller(), "GET"),
    ):
        pass
    with (
        admitted(world, mailbox_caller(mailbox="other"), "GET"),
        admitted(world, mailbox_caller("/users"), "GET"),
    ):
        pass
    for one in held:
        one.__exit__(None, None, None)
    with admitted(world, mailbox_caller(), "GET"):
        pass


def test_a_fifth_request_to_one_mailbox_is_refused_over_http(sandbox: Sandbox) -> None:
    token = sandbox.token("Mail.Read")
    sandbox.switch(answer_delay_seconds=0.3)

    def list_messages(_: int) -> int:
        headers = {"Authorization": f"Bearer {token}"}
        return requests.get(f"{sandbox.graph_url}/me/messages", timeout=5, headers=headers).status_code

    with ThreadPoolExecutor(6) as pool:
        assert sorted(pool.map(list_messages, range(6))) == [200] * 4 + [429] * 2


def test_the_budget_of_a_company_is_spent_and_refilled(sandbox: Sandbox) -> None:
    sandbox.switch(tenant_requests_per_10_seconds=3)
    sandbox.control("POST", "/clock", {"freeze_at": "2026-11-20T12:00:00Z"})
    token = sandbox.token("User.Read")
    assert [sandbox.get("/me", token).status_code for _ in range(4)] == [200, 200, 200, 429]
    assert sandbox.get("/me", token).headers["Retry-After"] == "10"
    sandbox.control("POST", "/clock", {"advance_seconds": 10})
    assert sandbox.get("/me", token).status_code == 200


def test_the_drive_service_announces_its_limit(sandbox: Sandbox) -> None:
    sandbox.switch(drive_units_per_minute=10)
    world, caller = sandbox.server.world, mailbox_caller("/drives/{drive}/root/children")
    for _ in range(3):
        with admitted(world, caller, "GET") as headers:
            assert headers == {}
    with admitted(world, caller, "GET") as headers:
        assert headers == {"RateLimit-Limit": "10", "RateLimit-Remaining": "2", "RateLimit-Reset": "60"}


def test_many_callers_at_once_are_answered(sandbox: Sandbox) -> None:
    token = sandbox.token("User.Read")
    sandbox.switch(answer_delay_seconds=0.05)
    began = time.monotonic()
    with ThreadPoolExecutor(8) as pool:
        statuses = list(pool.map(lambda _: requests.get(f"{sandbox.graph_url}/me", timeout=5, headers={
            "Authorization": f"Bearer {token}"}).status_code, range(8)))  # fmt: skip
    assert statuses == [200] * 8
    assert time.monotonic() - began < 8 * 0.05


def batch(sandbox: Sandbox, *items: dict[str, Any], token: str | None = None) -> Any:
    answer = sandbox.graph("POST", "/$batch", token, json={"requests": list(items)})
    assert answer.status_code == 200, answer.text
    return {response["id"]: response for response in answer.json()["responses"]}


def get(item_id: str, url: str = "/me", **more: Any) -> dict[str, Any]:
    return {"id": item_id, "method": "GET", "url": url, **more}


def test_a_batch_answers_every_item_in_another_order(sandbox: Sandbox) -> None:
    items = [get("1"), get("2", "/users?$top=1"), get("3", "/users/nobody")]
    answer = sandbox.graph("POST", "/$batch", json={"requests": items}).json()
    assert [response["id"] for response in answer["responses"]] == ["3", "2", "1"]
    by_id = {response["id"]: response for response in answer["responses"]}
    assert [by_id[name]["status"] for name in "123"] == [200, 200, 404]
    assert by_id["1"]["body"]["userPrincipalName"] == USER
    assert by_id["2"]["body"]["@odata.nextLink"].startswith(f"{sandbox.graph_url}/users?")


def test_a_batch_writes_and_answers_null_for_no_content(sandbox: Sandbox) -> None:
    token = sandbox.token("User.ReadWrite.All")
    headers = {"Content-Type": "application/json"}
    change = {
        "id": "1",
        "method": "PATCH",
        "url": f"/users/{USER}",
        "headers": headers,
        "body": {"city": "Oslo"},
    }
    done = batch(sandbox, change, get("2", f"/users/{USER}?$select=city", dependsOn=["1"]), token=token)
    assert (done["1"]["status"], done["1"]["body"]) == (204, None)
    assert done["2"]["body"]["city"] == "Oslo"


def test_children_of_a_failed_item_fail_with_424(sandbox: Sandbox) -> None:
    done = batch(sandbox, get("1", "/users/nobody"), get("2", dependsOn=["1"]))
    assert done["2"]["status"] == 424


def test_an_item_of_a_batch_is_throttled_alone(sandbox: Sandbox) -> None:
    order = {"status": 429, "code": "TooManyRequests", "retry_after": "3", "path": "/users$"}
    sandbox.fault("status", **order)
    done = batch(sandbox, get("1"), get("2", "/users"))
    assert (done["1"]["status"], done["2"]["status"]) == (200, 429)
    assert done["2"]["headers"]["Retry-After"] == "3"
    sandbox.switch(batch_throttle_424=True)
    sandbox.fault("status", **order)
    assert sandbox.graph("POST", "/$batch", json={"requests": [get("2", "/users")]}).status_code == 424


def test_bytes_come_in_base64(sandbox: Sandbox) -> None:
    headers = {"ConsistencyLevel": "eventual"}
    done = batch(sandbox, get("1", "/users/$count", headers=headers))
    assert base64.b64decode(done["1"]["body"]) == b"10"


@pytest.mark.parametrize(
    "items",
    [
        [], [get(str(number)) for number in range(21)], [get("a"), get("A")], [{"id": "1"}], [get("1", "/$batch")],
        [get("1", "https://graph.microsoft.com/v1.0/me")], [get("1", dependsOn=["2"]), get("2")],
        [get("1"), get("2"), get("3", dependsOn=["1", "2"])],
        [get("1"), get("2"), get("3", dependsOn=["1"]), get("4", dependsOn=["2"])],
    ],
)  # fmt: skip
def test_a_bad_batch_is_refused_whole(sandbox: Sandbox, items: list[dict[str, Any]]) -> None:
    assert sandbox.graph("POST", "/$batch", json={"requests": items}).status_code == 400


def test_shared_mailboxes_need_scopes_of_their_own() -> None:
    assert "Mail.Read" in MAIL_READ.accepted(app_only=False, own=True)
    assert MAIL_READ.accepted(app_only=False, own=False) == ("Mail.Read.Shared", "Mail.ReadWrite.Shared")
    assert "Mail.Read" in MAIL_READ.accepted(app_only=True, own=False)

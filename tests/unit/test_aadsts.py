"""Refusals of Entra ID: classed by number, else by what stands beside it."""

from __future__ import annotations

import json
import pickle
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.auth import aadsts
from connector.errors import (
    AppMisconfigured,
    ConsentRequired,
    NotConnected,
    SignInRefused,
    Throttled,
    Unavailable,
)
from connector.tenancy import Status
from tests.unit.scripted_entra import refusal

WHO = {"user", "customer_admin", "operator", "nobody", "us"}


@pytest.mark.parametrize("number", list(aadsts.table()["codes"]))
def test_every_entry_says_who_acts_and_what_they_do(number: str) -> None:
    found = aadsts.of_fields(refusal("invalid_grant", int(number)))
    assert found.aadsts == int(number)
    assert found.kind in aadsts.table()["classes"]
    assert found.who in WHO
    assert re.fullmatch(r"[A-Z].*[.]", found.text)
    assert re.fullmatch(r"[A-Z].*[.]", found.remedy)
    assert found.name


def test_all_classes_are_known_and_lead_to_a_status_of_a_connection() -> None:
    table = aadsts.table()
    kinds = {*table["errors"].values(), *table["suberrors"].values()}
    kinds |= {entry["class"] for entry in table["codes"].values()}
    assert kinds <= set(table["classes"])
    for entry in (*table["classes"].values(), *table["codes"].values()):
        if entry.get("state"):
            assert Status(entry["state"])


@pytest.mark.parametrize(
    ("number", "who", "state"),
    [
        (50173, "user", Status.RECONNECT_REQUIRED),
        (65001, "user", Status.RECONNECT_REQUIRED),
        (90094, "customer_admin", Status.ADMIN_ACTION),
        (700016, "customer_admin", Status.ADMIN_ACTION),
        (53003, "customer_admin", Status.ADMIN_ACTION),
        (50057, "customer_admin", Status.ADMIN_ACTION),
        (90002, "user", Status.WRONG_ACCOUNT),
        (7000222, "operator", Status.BLOCKED),
        (501481, "us", None),
        (90033, "nobody", None),
    ],
)
def test_a_number_decides_who_acts(number: int, who: str, state: Status | None) -> None:
    found = aadsts.of_fields(refusal("whatever", number))
    assert (found.who, found.state) == (who, state)


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        ("invalid_grant", "reconnect"),
        ("interaction_required", "reconnect"),
        ("consent_required", "user_consent"),
        ("invalid_client", "operator"),
        ("unauthorized_client", "operator"),
        ("invalid_scope", "defect"),
        ("temporarily_unavailable", "retry"),
        ("access_denied", "user_consent"),
        ("permission_denied", "admin_consent"),
        ("something_new", "defect"),
    ],
)
def test_an_unknown_number_is_classed_by_its_error(error: str, kind: str) -> None:
    assert aadsts.of_fields(refusal(error, 999_999)).kind == kind
    assert aadsts.of_fields(refusal(error)).kind == kind


def test_a_suberror_refines_an_unknown_number() -> None:
    found = aadsts.of_fields(refusal("invalid_grant", 999_999, suberror="consent_required"))
    assert found.kind == "user_consent"


def test_of_several_numbers_the_known_one_counts() -> None:
    answer = {"error": "invalid_grant", "error_codes": [999_999, 700082]}
    assert aadsts.of_fields(answer).aadsts == 700082


def test_the_number_is_read_from_the_description_where_there_is_no_list() -> None:
    answer = {"error": "access_denied", "error_description": "AADSTS65004: User declined."}
    assert aadsts.of_fields(answer).aadsts == 65004


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (200, b"<html>Sign in</html>"),
        (200, b""),
        (200, b"[]"),
        (503, b"<html>Service unavailable</html>"),
        (400, b'{"error": {"code": "x"}}'),
        (400, b"\xff\xfe"),
        (500, json.dumps(refusal("invalid_grant", 50173)).encode()),
        (429, json.dumps(refusal("invalid_request", 90055)).encode()),
    ],
)
def test_what_is_no_refusal_or_comes_under_load_is_a_passing_fault(status: int, body: bytes) -> None:
    found = aadsts.of_answer(status, {}, body)
    assert found.kind == "retry"
    assert found.state is None


@pytest.mark.parametrize(
    ("header", "seconds"), [("7", 7.0), ("99999999", 3600.0), ("-1", None), ("soon", None), (None, None)]
)
def test_retry_after_is_read_with_care(header: str | None, seconds: float | None) -> None:
    headers = {} if header is None else {"Retry-After": header}
    assert aadsts.of_answer(429, headers, b"").retry_after_seconds == seconds


@given(
    st.dictionaries(
        st.sampled_from(["error", "error_codes", "error_description", "suberror", "claims", "trace_id"]),
        st.one_of(st.none(), st.text(), st.integers(), st.lists(st.one_of(st.integers(), st.text()))),
    )
)
def test_any_answer_is_understood(answer: dict[str, Any]) -> None:
    found = aadsts.of_answer(400, {}, json.dumps(answer).encode())
    assert found.kind in aadsts.table()["classes"]


def test_a_message_holds_numbers_for_support_and_nothing_of_entras_text() -> None:
    found = aadsts.of_fields(refusal("invalid_grant", 50173))
    assert "AADSTS50173" in found.message
    assert "trace ID trace-1" in found.message
    assert "ann@contoso.com" not in found.message
    assert aadsts.of_fields(refusal("x", trace_id="a\r\nb")).trace_id is None


@pytest.mark.parametrize(
    ("number", "connection_error", "sign_in_error"),
    [
        (50173, NotConnected, SignInRefused),
        (90002, NotConnected, SignInRefused),
        (65001, ConsentRequired, ConsentRequired),
        (90094, ConsentRequired, ConsentRequired),
        (65004, ConsentRequired, SignInRefused),
        (7000222, AppMisconfigured, AppMisconfigured),
        (501481, AppMisconfigured, SignInRefused),
        (90033, Unavailable, Unavailable),
    ],
)
def test_a_refusal_becomes_an_error_of_the_connector(
    number: int, connection_error: type, sign_in_error: type
) -> None:
    found = aadsts.of_fields(refusal("error", number))
    for error, wanted in (
        (aadsts.as_error(found), connection_error),
        (aadsts.as_sign_in_error(found), sign_in_error),
    ):
        assert type(error) is wanted
        assert getattr(error, "aadsts", number) == number
        assert pickle.loads(pickle.dumps(error)).as_dict() == error.as_dict()


def test_load_at_the_token_endpoint_is_throttling() -> None:
    error = aadsts.as_error(aadsts.of_answer(429, {"Retry-After": "30"}, b""))
    assert isinstance(error, Throttled)
    assert error.retry_after_seconds == 30

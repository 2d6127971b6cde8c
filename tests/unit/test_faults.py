"""Every form in which Graph writes an error."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector import errors
from connector.graph.faults import error_of, graph_code_and_message
from connector.graph.retry import retry_after_seconds
from connector.wire import Headers, Request, Response
from tests.scripted import answer

NOW = datetime(2026, 5, 4, 9, 0, tzinfo=UTC)
GET = Request("GET", "/me")
POST = Request("POST", "/me/sendMail", repeatable=False)


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, errors.Rejected), (402, errors.Rejected), (405, errors.Rejected), (413, errors.Rejected),
        (422, errors.Rejected), (501, errors.Rejected), (401, errors.NotConnected), (403, errors.Forbidden),
        (404, errors.NotFound), (409, errors.Conflict), (412, errors.Conflict), (423, errors.Conflict),
        (410, errors.ResyncRequired), (429, errors.Throttled), (509, errors.Throttled), (500, errors.Unavailable),
        (502, errors.Unavailable), (503, errors.Unavailable), (504, errors.Unavailable), (507, errors.QuotaExceeded),
        (302, errors.ProtocolError),
    ],
)  # fmt: skip
def test_the_status_decides_the_class(status, kind):
    assert type(error_of(GET, answer(status), NOW)) is kind


@pytest.mark.parametrize(
    ("body", "code", "text"),
    [
        ({"error": {"code": "a", "message": "b"}}, "a", "b"),
        ({"error": {"code": "", "message": None}}, None, None),
        ({"error": {"code": "UnknownError", "message": ""}}, "UnknownError", None),
        ({"error": {"code": "x", "innerError": {"code": "malwareDetected"}}}, "malwareDetected", None),
        ({"error": {"code": "x", "innererror": {"innererror": {"code": "quotaLimitReached"}}}}, "quotaLimitReached", None),
        ({"error": {"code": "notAllowed", "innerError": {"code": "obscure"}}}, "notAllowed", None),
        ({"error": "invalid_grant", "error_description": "no"}, "invalid_grant", "no"),
        ({"error": {"code": "x", "message": {"lang": "en", "value": "hi"}}}, "x", "hi"),
        ({"ErrorCode": "UserNotFound", "ErrorMessage": "who"}, "UserNotFound", "who"),
        ([1, 2], None, None),
        ("text", None, None),
        (None, None, None),
        ({"error": ["odd"]}, None, None),
    ],
)  # fmt: skip
def test_r_19_the_code_is_found_in_every_form_of_the_envelope(body, code, text):
    assert graph_code_and_message(answer(400, body)) == (code, text)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["error", "code", "message", "innerError", "x"]), inner, max_size=4)
    ),
    max_leaves=12,
)


@given(JSON, st.integers(300, 599))
def test_no_body_whatever_breaks_the_parser(body, status):
    error = error_of(POST, answer(status, body), NOW)
    assert error.message
    assert error.outcome in ("not_done", "unknown")


def test_the_message_has_what_happened_and_what_to_do_on_one_line():
    body = {"error": {"code": "ErrorItemNotFound", "message": "The object\r\nwas not found."}}
    error = error_of(GET, answer(404, body, request_id="r-1"), NOW)
    assert str(error) == (
        "Graph answered 404 ErrorItemNotFound: The object was not found. "
        "It was deleted or moved; list again to get its present ID."
    )
    assert error.request_id == "r-1"


def test_a_whole_body_is_never_quoted():
    body = {"error": {"code": "x", "message": "long " * 500}}
    assert len(str(error_of(GET, answer(400, body), NOW))) < 400


@pytest.mark.parametrize(
    ("code", "advice"),
    [
        ("ErrorAccessDenied", "shared"), ("Authorization_RequestDenied", "administrator"),
        ("insufficient_claims", "sign in again"), ("ErrorQuotaExceeded", "full"), ("notAllowed", "does not allow"),
    ],
)  # fmt: skip
def test_r_23_each_cause_of_a_403_has_its_own_words(code, advice):
    assert advice in str(error_of(GET, answer(403, {"error": {"code": code}}), NOW))


@pytest.mark.parametrize(
    ("status", "retry_after", "outcome"),
    [(400, None, "not_done"), (429, None, "not_done"), (503, "3", "not_done"), (503, None, "unknown"), (500, "3", "unknown"), (504, None, "unknown")],
)  # fmt: skip
def test_the_outcome_of_a_write_follows_from_the_status(status, retry_after, outcome):
    headers = {"Retry-After": retry_after} if retry_after else {}
    response = Response(status, Headers(headers), "https://graph.microsoft.com/v1.0/x")
    assert error_of(POST, response, NOW).outcome == outcome
    assert error_of(GET, response, NOW).outcome is None


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"Retry-After": "3"}, 3), ({"Retry-After": "2.128"}, 2.128), ({"Retry-After": "0"}, 0),
        ({"Retry-After": "Mon, 04 May 2026 09:00:30 GMT"}, 30), ({"Retry-After": "Mon, 04 May 2026 08:00:00 GMT"}, 0),
        ({"retry-after": " 7 "}, 7), ({"Retry-After": "soon"}, None), ({"Retry-After": "-1"}, None), ({}, None),
        ({"Retry-After": "2", "RateLimit-Reset": "9"}, 9), ({"Retry-After": "nan"}, None), ({"Retry-After": "1e9"}, None),
        ({"Retry-After": "٣"}, None), ({"Retry-After": "999999999"}, 999999999),
    ],
)  # fmt: skip
def test_retry_after_is_read_in_all_its_forms(headers, seconds):
    assert retry_after_seconds(Headers(headers), NOW) == seconds


@given(st.text())
def test_no_retry_after_whatever_breaks_the_parser(text):
    seconds = retry_after_seconds(Headers({"Retry-After": text}), NOW)
    assert seconds is None or seconds >= 0


def test_errors_survive_pickling():
    import pickle

    samples = [
        errors.Throttled("x", retry_after_seconds=3.0, status=429, outcome="not_done"),
        errors.InvalidInput("a.b", [("c", "d")]),
        errors.UnknownMethod("a", ["b"]),
        errors.NotConnected("x", connect_url="https://x", who="user"),
        errors.SpecError(["a"]),
        errors.NoAnswer("x", outcome="unknown"),
    ]
    for error in samples:
        again = pickle.loads(pickle.dumps(error))
        assert (type(again), str(again), again.as_dict()) == (type(error), str(error), error.as_dict())

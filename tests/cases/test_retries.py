"""Cases 2.4, as far as single calls and batches go: throttling, faults and retries."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from connector.errors import (
    Conflict,
    ConnectorError,
    Forbidden,
    GraphError,
    InvalidInput,
    NoAnswer,
    NotFound,
    QuotaExceeded,
    Rejected,
    Throttled,
    Unavailable,
)
from tests.live_sandbox import Live, body_of

READ = ("User.ReadBasic.All",)
EVENT = {
    "subject": "Planning",
    "start": {"dateTime": "2027-03-01T09:00:00", "timeZone": "UTC"},
    "end": {"dateTime": "2027-03-01T09:30:00", "timeZone": "UTC"},
}


@pytest.fixture
def reader(live: Live) -> Live:
    """Somebody is signed in who may read users; nothing is in the journal."""
    live.sign_in(READ)
    live.forget_journal()
    return live


@pytest.fixture
def planner(live: Live) -> Live:
    """Somebody is signed in who keeps a calendar; nothing is in the journal."""
    live.sign_in(("Calendars.ReadWrite",))
    live.forget_journal()
    return live


def planned(live: Live) -> list[dict[str, Any]]:
    """The events of that name that are in the calendar, by what Graph itself says."""
    found = live.graph("GET", "/me/events?$top=100&$select=subject,transactionId")["value"]
    return [event for event in found if event["subject"] == "Planning"]


def test_r_01_retry_after_is_waited_for_and_other_mailboxes_go_on(live):
    live.sign_in(("Mail.Read",))
    other = live.sign_in(("Mail.Read",), user="mina.okafor")
    live.fault("status", status=429, retry_after="3", user="avery.stone@fabrikoast.example")
    meanwhile: list[float] = []
    sleep = live.timeline.sleep

    def sleeping(seconds: float) -> None:
        before = len(live.timeline.naps)
        live.m365.execute("fabrikoast", "messages.list", {"page_size": 1}, as_=other.id)
        meanwhile.extend(live.timeline.naps[before:])
        sleep(seconds)

    live.timeline.sleep = sleeping
    assert live.items("messages.list", folder_id="inbox")
    assert 3 <= sum(live.timeline.naps) <= 5
    assert meanwhile == []


@pytest.mark.parametrize(("retry_after", "least"), [("3", 3), ("2.128", 2.128), ("date+20", 18), ("0", 0)])
def test_r_01_retry_after_is_understood_in_every_form(reader, retry_after, least):
    reader.fault("status", status=429, retry_after=retry_after)
    reader.execute("users.get_me")
    assert least <= sum(reader.timeline.naps) <= least + 3


def test_r_01_a_wait_that_is_too_long_is_the_callers(reader):
    reader.fault("status", status=429, retry_after="7200", times=0)
    with pytest.raises(Throttled) as caught:
        reader.execute("users.get_me")
    assert caught.value.retry_after_seconds == 7200
    assert reader.timeline.naps == []
    assert len(reader.graph_calls) == 1


@pytest.mark.parametrize("with_retry_after", [False, True])
def test_r_03_too_many_calls_at_once_to_one_mailbox_back_off_until_all_are_done(live, with_retry_after):
    """Eight threads at a mailbox that takes four: the naps are shortened, and really slept."""
    live.sign_in(("Mail.Read",))
    live.switch(answer_delay_seconds=0.01, mailbox_concurrency_retry_after=with_retry_after)
    live.most_calls = 60

    def shortened(seconds: float) -> None:
        live.timeline.naps.append(seconds)
        time.sleep(seconds / 50)

    live.timeline.sleep = shortened
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda _: len(live.execute("messages.list", page_size=1).items), range(16)))
    assert found == [1] * 16


def test_r_03_a_batch_bears_no_more_calls_to_mailboxes_than_run_at_once(live):
    live.sign_in(("Mail.Read",))
    live.forget_journal()
    outcomes = live.m365.batch("fabrikoast", [("messages.list", {"page_size": 1000})] * 10)
    assert not [outcome for outcome in outcomes if isinstance(outcome, ConnectorError)]
    sizes = [len(body_of(call)["requests"]) for call in live.graph_calls]
    assert max(sizes) <= 4


def test_r_09_a_batch_of_fifty_goes_in_batches_of_twenty_with_ids_of_their_own(reader):
    users = [user["id"] for user in reader.graph("GET", "/users?$select=id")["value"]]
    calls = [("users.get", {"user_id": users[number % len(users)]}) for number in range(50)]
    outcomes = reader.m365.batch("fabrikoast", calls)
    assert [outcome.items[0]["id"] for outcome in outcomes] == [params["user_id"] for _, params in calls]
    batches = [body_of(call)["requests"] for call in reader.graph_calls]
    assert sorted(map(len, batches)) == [10, 20, 20]
    for batch in batches:
        assert len({part["id"].casefold() for part in batch}) == len(batch)
        assert all(part["url"].startswith("/") and "$batch" not in part["url"] for part in batch)


def test_r_09_a_batch_within_a_batch_is_refused_before_anything_is_sent(reader):
    nested = ("graph.request", {"verb": "POST", "path": "/$batch", "body": {"requests": []}})
    refused, done = reader.m365.batch("fabrikoast", [nested, ("users.get_me", {})])
    assert isinstance(refused, InvalidInput)
    assert done.items[0]["displayName"] == "Avery Stone"
    assert all(
        "$batch" not in part["url"] for call in reader.graph_calls for part in body_of(call)["requests"]
    )


@pytest.mark.parametrize("status", [429, 503])
def test_r_10_a_batch_that_is_throttled_as_a_whole_is_sent_again(reader, status):
    reader.fault("status", path=r"/\$batch$", status=status, retry_after="2")
    outcomes = reader.m365.batch("fabrikoast", [("users.get_me", {})] * 3)
    assert [outcome.items[0]["displayName"] for outcome in outcomes] == ["Avery Stone"] * 3
    assert len(reader.graph_calls) == 2
    assert sum(reader.timeline.naps) >= 2


def test_r_10_a_batch_that_is_refused_as_a_whole_is_an_error_of_each_call(reader):
    reader.fault("status", path=r"/\$batch$", status=400, code="BadRequest", message="Invalid batch payload.")
    outcomes = reader.m365.batch("fabrikoast", [("users.get_me", {})] * 3)
    assert [type(outcome) for outcome in outcomes] == [Rejected] * 3
    assert len(reader.graph_calls) == 1


def test_r_10_a_batch_that_fails_because_one_item_was_throttled_is_done_in_the_end(reader):
    reader.switch(batch_throttle_424=True)
    reader.fault("status", path="/users/", status=429, retry_after="1")
    users = [user["id"] for user in reader.graph("GET", "/users?$select=id")["value"][:3]]
    outcomes = reader.m365.batch("fabrikoast", [("users.get", {"user_id": user}) for user in users])
    assert [outcome.items[0]["id"] for outcome in outcomes] == users


def test_r_10_one_throttled_item_is_sent_again_alone(reader):
    reader.fault("status", path="/users/", skip=1, status=429, retry_after="5")
    users = [user["id"] for user in reader.graph("GET", "/users?$select=id")["value"][:3]]
    outcomes = reader.m365.batch("fabrikoast", [("users.get", {"user_id": user}) for user in users])
    assert [outcome.items[0]["id"] for outcome in outcomes] == users
    assert [len(body_of(call)["requests"]) for call in reader.graph_calls] == [3, 1]
    assert sum(reader.timeline.naps) >= 5


FAULTS = {
    "500": {"kind": "status", "status": 500, "code": "InternalServerError"},
    "502 as HTML": {"kind": "html", "status": 502},
    "503": {"kind": "status", "status": 503},
    "503 without a body": {"kind": "empty", "status": 503},
    "504": {"kind": "status", "status": 504},
    "error broken off": {"kind": "truncated", "status": 503},
    "connection reset": {"kind": "reset"},
    "reset after the work": {"kind": "reset_after"},
    "JSON broken off": {"kind": "truncated_after"},
    "cut in the middle": {"kind": "cut_after"},
}


@pytest.mark.parametrize("fault", FAULTS)
def test_r_11_a_failed_read_is_sent_again(reader, fault):
    reader.fault(**FAULTS[fault], times=2)
    assert reader.execute("users.get_me").items[0]["displayName"] == "Avery Stone"
    assert len(reader.graph_calls) == 3
    assert len(reader.timeline.naps) == 2


@pytest.mark.parametrize("fault", FAULTS)
def test_r_11_repeating_ends_with_a_typed_error(reader, fault):
    reader.fault(**FAULTS[fault], times=0)
    with pytest.raises((Unavailable, NoAnswer)) as caught:
        reader.execute("users.get_me")
    last = reader.graph_calls[-1]
    assert len(reader.graph_calls) == 5
    assert caught.value.outcome is None
    if isinstance(caught.value, GraphError):
        assert caught.value.request_id == last["request_id"] != ""


@pytest.mark.parametrize("duplicate", ["created_again", "found", "conflict"])
def test_r_13_an_event_whose_answer_was_lost_is_there_once(planner, duplicate):
    planner.switch(duplicate_transaction=duplicate)
    planner.fault("reset_after", method="POST", path="/events$")
    [event] = planner.execute("events.create", event=EVENT).items
    assert event["subject"] == "Planning"
    assert len(planned(planner)) == 1


@pytest.mark.parametrize("duplicate", ["created_again", "found", "conflict"])
def test_r_13_an_event_that_shows_late_is_there_once(planner, duplicate):
    """Graph shows what was written after a while, so the first looks find nothing."""
    planner.switch(duplicate_transaction=duplicate, read_after_write_delay_seconds=15)
    planner.fault("reset_after", method="POST", path="/events$")
    assert planner.execute("events.create", event=EVENT).items[0]["subject"] == "Planning"
    planner.timeline.travel(60)
    assert len(planned(planner)) == 1


@pytest.mark.parametrize("duplicate", ["created_again", "found", "conflict"])
@pytest.mark.parametrize("kind", ["reset_after", "truncated_after", "cut_after"])
def test_r_13_a_transaction_id_of_the_caller_is_the_one_that_is_looked_for(planner, duplicate, kind):
    planner.switch(duplicate_transaction=duplicate)
    planner.fault(kind, method="POST", path="/events$")
    [event] = planner.execute("events.create", event={**EVENT, "transactionId": "mine-1"}).items
    assert event["transactionId"] == "mine-1"
    assert [found["transactionId"] for found in planned(planner)] == ["mine-1"]


def test_r_14_an_event_that_never_arrived_is_created_once(planner):
    planner.fault("reset", method="POST", path="/events$")
    assert planner.execute("events.create", event=EVENT).items[0]["subject"] == "Planning"
    assert len(planned(planner)) == 1


def test_r_14_an_event_that_cannot_be_created_is_not_there_and_the_error_says_so(planner):
    planner.fault("reset", method="POST", path="/events$", times=0)
    with pytest.raises(NoAnswer) as caught:
        planner.execute("events.create", event=EVENT)
    planner.control("DELETE", "/faults")
    assert planned(planner) == []
    assert caught.value.outcome in ("not_done", "unknown")


@pytest.mark.parametrize("kind", ["reset", "reset_after"])
def test_r_14_mail_is_never_sent_twice(live, kind):
    live.sign_in(("Mail.Send", "Mail.Read"))
    live.fault(kind, path="/sendMail$")
    message = {
        "subject": "Only once",
        "body": {"contentType": "text", "content": "x"},
        "toRecipients": [{"emailAddress": {"address": "mina.okafor@fabrikoast.example"}}],
    }
    try:
        live.execute("messages.send", message=message)
        told = "done"
    except NoAnswer as error:
        told = error.outcome
    arrived = live.graph("GET", "/me/messages?$filter=subject eq 'Only once'", user="mina.okafor")["value"]
    assert (told, len(arrived)) == (("unknown", 0) if kind == "reset" else ("done", 1))


@pytest.mark.parametrize("kind", ["reset", "reset_after"])
def test_r_14_a_draft_is_made_once(live, kind):
    live.sign_in(("Mail.ReadWrite",))
    live.fault(kind, method="POST", path="/messages$")
    try:
        [draft] = live.execute("drafts.create", message={"subject": "Only once"}).items
        told = "done"
        assert draft["subject"] == "Only once"
    except NoAnswer as error:
        told = error.outcome
    found = live.graph("GET", "/me/messages?$filter=subject eq 'Only once'")["value"]
    assert (told, len(found)) == (("not_done", 0) if kind == "reset" else ("done", 1))


BY_STATUS = {400: Rejected, 403: Forbidden, 404: NotFound, 409: Conflict, 429: Throttled, 500: Unavailable}


@pytest.mark.parametrize("status", BY_STATUS)
@pytest.mark.parametrize("envelope", ["empty_code", "unknown", "list", "text"])
def test_r_19_an_error_without_code_and_message_goes_by_its_status(reader, status, envelope):
    message = None if envelope == "empty_code" else ""
    reader.fault("status", status=status, code="", message=message, envelope=envelope, times=0)
    with pytest.raises(BY_STATUS[status]) as caught:
        reader.execute("users.get_me")
    assert str(status) in caught.value.message
    assert "None" not in caught.value.message


CAUSES = {
    "a right is missing": {"code": "Authorization_RequestDenied"},
    "not shared": {"code": "ErrorAccessDenied"},
    "no licence": {"code": "MailboxNotEnabledForRESTAPI"},
    "conditional access": {"code": "insufficient_claims"},
    "full": {"code": "ErrorQuotaExceeded"},
    "sender": {"code": "ErrorSendAsDenied"},
    "policy": {"code": "accessDenied"},
}


def test_r_23_each_cause_of_a_403_is_told_apart(reader):
    told = {}
    for cause, fields in CAUSES.items():
        reader.fault("status", status=403, message="Access is denied.", **fields)
        with pytest.raises((Forbidden, QuotaExceeded)) as caught:
            reader.execute("users.get_me")
        told[cause] = caught.value.message.partition("denied.")[2].strip()
    assert all(told.values())
    assert len(set(told.values())) == len(CAUSES)


def test_r_23_a_scope_that_graph_misses_is_told_as_such(live):
    """The connector believes that it has the permission; the token does not."""
    connection = live.sign_in(("User.ReadBasic.All", "Mail.Read"))
    live.control(
        "PUT",
        f"/companies/fabrikoast.example/consents/{live.platform.store.app('demo').client_id}",
        {"users": {connection.username: ["User.Read", "openid", "profile", "offline_access"]}},
    )
    live.timeline.travel(90_000)
    with pytest.raises(ConnectorError) as caught:
        live.execute("messages.list")
    assert caught.value.code in ("consent_required", "forbidden", "not_connected")


def test_r_23_an_account_without_mailbox_says_so(live):
    live.sign_in(("Mail.Read",), user="nomail.kim")
    with pytest.raises(NotFound, match="licence"):
        live.execute("messages.list")

"""The loop, and what happens after a lost answer."""

from datetime import UTC, datetime, timedelta

import pytest

from connector.errors import Conflict, InvalidInput, NoAnswer, NotFound, Unavailable
from connector.runtime.call import Call
from connector.runtime.engine import drive, prepare
from tests.scripted import Naps, ScriptedSender, answer, method, no_drift, policy

EVENT = """
kind: write
input: {type: object, required: [event], properties: {event: {type: object}}}
request: {verb: POST, path: /me/events, body: "{event}"}
idempotency: transactionId
settle:
  request: {path: /me/events, query: {$orderby: createdDateTime desc}}
  match: {transactionId: "{call_id}"}
output: {type: object}
"""
MAIL = """
kind: send
input: {type: object, required: [message], properties: {message: {type: object}}}
request: {verb: POST, path: /me/sendMail, body: {message: "{message}"}}
settle:
  mark: message.singleValueExtendedProperties
  request:
    path: /me/mailFolders/sentitems/messages
    query: {$filter: "singleValueExtendedProperties/any(p:p/id eq '{mark_id}' and p/value eq '{call_id}')"}
  match: {singleValueExtendedProperties.value: "{call_id}"}
"""
FOLDER = """
kind: write
input: {type: object, required: [name], properties: {name: {type: string}}}
request: {verb: POST, path: /me/drive/root/children, body: {name: "{name}", folder: {}}}
settle: {request: {path: "/me/drive/root:/{name}"}, since: createdDateTime}
output: {type: object}
"""


def lost():
    return NoAnswer("No answer.", outcome="unknown")


def run(text, *script, params=None, naps=None, drift=no_drift):
    sender = ScriptedSender(*script)
    call = Call(method(text), params or {})
    return list(drive(call, sender, policy(naps), drift)), sender, call


def test_every_problem_of_the_input_is_told_at_once():
    text = """
input:
  type: object
  additionalProperties: false
  required: [subject]
  properties: {subject: {type: string}, count: {type: integer, minimum: 1}}
request: {path: "/things/{subject}", query: {n: "{count}"}}
"""
    with pytest.raises(InvalidInput) as caught:
        prepare(Call(method(text), {"count": 0, "subjet": "x"}))
    assert dict(caught.value.problems) == {
        "count": "must be at least 1",
        "subjet": "is not known; did you mean subject?",
        "subject": "is required",
    }


def test_two_targets_at_once_are_refused():
    text = 'target: mailbox\nrequest: {path: "{mailbox}/messages"}'
    model = method(text)
    assert [path.text for path in model.request.paths] == ["/users/{user}/messages", "/me/messages"]
    assert prepare(Call(model, {}))[2].url == "/me/messages"
    assert prepare(Call(model, {"user": "ann@contoso.com"}))[2].url == "/users/ann@contoso.com/messages"


def test_a_target_that_graph_refuses_is_refused_before_any_request():
    text = """
target: mailbox
not_for: [{target: user, input: search, reason: Graph searches only your own mailbox.}]
input: {type: object, properties: {search: {type: string}}}
request: {path: "{mailbox}/messages", query: {$search: '"{search}"'}}
"""
    prepare(Call(method(text), {"user": "ann@contoso.com"}))
    with pytest.raises(InvalidInput, match="only your own mailbox"):
        prepare(Call(method(text), {"user": "ann@contoso.com", "search": "tea"}))


def test_headers_of_service_and_request_are_joined():
    text = "input: {type: object, properties: {z: {type: string}}}\nrequest: {path: /me/events, headers: {Prefer: 'outlook.timezone=\"{z}\"'}}"
    request = prepare(Call(method(text, service="mail"), {"z": "UTC"}))[2]
    assert request.headers == {"Prefer": 'IdType="ImmutableId", outlook.timezone="UTC"'}


def test_an_answer_that_does_not_fit_is_reported_and_still_given_out():
    heard = []
    text = "{request: {path: /me}, output: {type: object, properties: {id: {type: string}}}}"
    steps, _, _ = run(text, answer(json={"id": 7}), drift=lambda call, problems: heard.append(problems))
    assert steps[0].items == ({"id": 7},)
    assert heard == [[("0.id", "must be a string, not a number")]]


def test_the_id_of_the_call_is_put_where_graph_drops_duplicates():
    _, sender, call = run(EVENT, answer(201, {"id": "1"}), params={"event": {"subject": "x"}})
    assert sender.requests[0].json == {"subject": "x", "transactionId": call.id}


def test_a_transaction_id_of_the_caller_is_kept():
    _, sender, _ = run(EVENT, answer(201, {"id": "1"}), params={"event": {"transactionId": "mine"}})
    assert sender.requests[0].json["transactionId"] == "mine"


def found_event(request_of):
    return lambda request: answer(json={"value": [{"id": "old"}, {"id": "1", "transactionId": request_of()}]})


def test_r_13_a_lost_event_is_found_and_not_created_again():
    sender = ScriptedSender(lost())
    call = Call(method(EVENT), {"event": {"subject": "x"}})
    sender.script.append(found_event(lambda: call.id))
    steps = list(drive(call, sender, policy(), no_drift))
    assert [request.verb for request in sender.requests] == ["POST", "GET"]
    assert steps[0].items[0]["id"] == "1"


def test_r_14_an_event_that_was_never_created_is_created_once_more():
    naps = Naps()
    nothing = answer(json={"value": []})
    steps, sender, call = run(
        EVENT, lost(), nothing, nothing, answer(201, {"id": "2"}), params={"event": {}}, naps=naps
    )
    assert [request.verb for request in sender.requests] == ["POST", "GET", "GET", "POST"]
    assert sender.requests[-1].json == sender.requests[0].json == {"transactionId": call.id}
    assert steps[0].items == ({"id": "2"},)
    assert naps.seconds == [1, 2]


def test_r_13_a_conflict_on_the_second_try_means_look_again():
    nothing = answer(json={"value": []})
    sender = ScriptedSender(lost(), nothing, nothing, answer(409, {"error": {"code": "x"}}))
    call = Call(method(EVENT), {"event": {}})
    sender.script.append(found_event(lambda: call.id))
    assert next(iter(drive(call, sender, policy(), no_drift))).items[0]["id"] == "1"


def test_a_lost_mail_is_looked_for_by_its_mark_and_never_sent_twice():
    call = Call(method(MAIL), {"message": {"subject": "x"}})
    marked = {"id": "sent", "singleValueExtendedProperties": [{"id": "x", "value": call.id}]}
    sender = ScriptedSender(lost(), answer(json={"value": [{"id": "another"}, marked]}))
    steps = list(drive(call, sender, policy(), no_drift))
    marks = sender.requests[0].json["message"]["singleValueExtendedProperties"]
    assert [mark["value"] for mark in marks] == [call.id]
    assert call.id in sender.requests[1].url
    assert steps[0].items == ()
    assert len(sender.requests) == 2


def test_mail_without_the_mark_is_not_ours_whatever_graph_makes_of_the_filter():
    other = {"id": "another", "singleValueExtendedProperties": [{"id": "x", "value": "of another call"}]}
    unmarked = answer(json={"value": [{"id": "older"}, other]})
    sender = ScriptedSender(lost(), unmarked, unmarked)
    with pytest.raises(NoAnswer) as caught:
        list(drive(Call(method(MAIL), {"message": {}}), sender, policy(), no_drift))
    assert caught.value.outcome == "unknown"


def test_a_mail_that_is_not_found_may_still_come_and_is_not_sent_again():
    nothing = answer(json={"value": []})
    sender = ScriptedSender(lost(), nothing, nothing)
    with pytest.raises(NoAnswer) as caught:
        list(drive(Call(method(MAIL), {"message": {}}), sender, policy(), no_drift))
    assert caught.value.outcome == "unknown"
    assert [request.verb for request in sender.requests] == ["POST", "GET", "GET"]


def test_the_outcome_stays_unknown_when_looking_fails_too():
    sender = ScriptedSender(lost(), Unavailable("down", status=503))
    with pytest.raises(NoAnswer) as caught:
        list(drive(Call(method(MAIL), {"message": {}}), sender, policy(), no_drift))
    assert caught.value.outcome == "unknown"


@pytest.mark.parametrize(("age_seconds", "ours"), [(0, True), (3600, False)])
def test_a_folder_is_ours_only_if_it_is_no_older_than_the_call(age_seconds, ours):
    made = (datetime.now(UTC) - timedelta(seconds=age_seconds)).isoformat()
    found = answer(json={"id": "f", "createdDateTime": made})
    sender = ScriptedSender(lost(), found, found)
    call = Call(method(FOLDER), {"name": "Reports"})
    if ours:
        assert next(iter(drive(call, sender, policy(), no_drift))).items[0]["id"] == "f"
    else:
        with pytest.raises(NoAnswer) as caught:
            list(drive(call, sender, policy(), no_drift))
        assert caught.value.outcome == "not_done"


def test_where_looking_cannot_tell_the_outcome_stays_unknown():
    text = FOLDER.replace("settle: {", "settle: {unless: {name: Reports}, ")
    sender = ScriptedSender(lost())
    with pytest.raises(NoAnswer) as caught:
        list(drive(Call(method(text), {"name": "Reports"}), sender, policy(), no_drift))
    assert (caught.value.outcome, len(sender.requests)) == ("unknown", 1)


def test_where_the_inputs_do_not_suffice_to_look_the_outcome_stays_unknown():
    text = FOLDER.replace("root:/{name}", "items/{parent}:/{name}")
    sender = ScriptedSender(lost())
    with pytest.raises(NoAnswer) as caught:
        list(drive(Call(method(text), {"name": "Reports"}), sender, policy(), no_drift))
    assert (caught.value.outcome, len(sender.requests)) == ("unknown", 1)


def test_the_callers_own_transaction_id_is_what_is_looked_for():
    found = answer(json={"value": [{"id": "1", "transactionId": "mine"}]})
    steps, _, _ = run(EVENT, lost(), found, params={"event": {"transactionId": "mine"}})
    assert steps[0].items[0]["id"] == "1"


def test_a_refused_write_is_not_looked_for():
    sender = ScriptedSender(answer(409, {"error": {"code": "nameAlreadyExists"}}))
    with pytest.raises(Conflict) as caught:
        list(drive(Call(method(FOLDER), {"name": "x"}), sender, policy(), no_drift))
    assert caught.value.outcome == "not_done"
    assert len(sender.requests) == 1


def test_a_failed_read_has_no_outcome():
    with pytest.raises(NotFound) as caught:
        run("{request: {path: /me}}", answer(404))
    assert caught.value.outcome is None

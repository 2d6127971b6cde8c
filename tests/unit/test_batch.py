import pytest

from connector.errors import InvalidInput, NoAnswer, NotFound, Throttled
from connector.runtime.batch import drive_batch
from connector.runtime.call import Call
from tests.scripted import GRAPH, Naps, ScriptedSender, answer, method, no_drift, policy

GET = method(
    '{input: {type: object, properties: {id: {type: string}}}, request: {path: "/things/{id}"}, output: {type: object}}'
)
OUTLOOK = method(
    '{input: {type: object, properties: {id: {type: string}}}, request: {path: "/things/{id}"}}',
    service="mail",
)
LIST = method("{request: {path: /things}, flow: {type: paged}, output: {type: object}}")
SEND = method("{kind: send, request: {verb: POST, path: /me/sendMail}}")


def part(number, status=200, body=None, **headers):
    return {
        "id": str(number),
        "status": status,
        "body": body,
        "headers": {k.replace("_", "-"): v for k, v in headers.items()},
    }


def batch(*parts):
    return answer(json={"responses": list(parts)}, url=f"{GRAPH}/$batch")


def echo(request):
    """Answers every part with the id in its path, in reverse order."""
    parts = [
        part(entry["id"], body={"id": entry["url"].rpartition("/")[2]}) for entry in request.json["requests"]
    ]
    return batch(*reversed(parts))


def calls(count, of=GET):
    return [Call(of, {"id": str(number)}) for number in range(count)]


def run(entries, *script, naps=None):
    sender = ScriptedSender(*script)
    return drive_batch(entries, sender, policy(naps), no_drift), sender


def items(outcome):
    return [item["id"] for step in outcome for item in step.items]


def test_answers_in_any_order_go_to_their_calls():
    outcomes, sender = run(calls(3), echo)
    assert [items(outcome) for outcome in outcomes] == [["0"], ["1"], ["2"]]
    assert sender.requests[0].url == "/$batch"


@pytest.mark.parametrize(("of", "sizes"), [(GET, [20, 20, 5]), (OUTLOOK, [4] * 11 + [1])])
def test_r_09_a_batch_is_never_larger_than_graph_bears(of, sizes):
    outcomes, sender = run(calls(45, of), *[echo] * len(sizes))
    assert sorted((len(request.json["requests"]) for request in sender.requests), reverse=True) == sizes
    assert all(
        len({entry["id"] for entry in request.json["requests"]}) == len(request.json["requests"])
        for request in sender.requests
    )
    assert len(outcomes) == 45


def test_a_throttled_item_alone_is_sent_again_after_its_wait():
    naps = Naps()
    throttled = part(1, 429, {"error": {"code": "TooManyRequests"}}, Retry_After="7")
    outcomes, sender = run(
        calls(3), batch(part(0, body={"id": "0"}), throttled, part(2, body={"id": "2"})), echo, naps=naps
    )
    assert [items(outcome) for outcome in outcomes] == [["0"], ["1"], ["2"]]
    assert [entry["url"] for entry in sender.requests[1].json["requests"]] == ["/things/1"]
    assert naps.seconds == [8.0]


def test_one_failed_item_does_not_touch_the_others():
    missing = part(1, 404, {"error": {"code": "itemNotFound", "message": "gone"}})
    outcomes, _ = run(calls(2), batch(part(0, body={"id": "0"}), missing))
    assert items(outcomes[0]) == ["0"]
    assert isinstance(outcomes[1], NotFound)
    assert outcomes[1].graph_code == "itemNotFound"


def test_a_listing_in_a_batch_is_followed_in_the_next_one():
    first = part(0, body={"value": [{"id": "a"}], "@odata.nextLink": f"{GRAPH}/things?$skiptoken=2"})
    outcomes, sender = run([Call(LIST, {})], batch(first), batch(part(0, body={"value": [{"id": "b"}]})))
    assert items(outcomes[0]) == ["a", "b"]
    assert sender.requests[1].json["requests"][0]["url"] == "/things?$skiptoken=2"


def test_a_link_to_another_host_in_a_batch_is_not_followed():
    evil = part(0, body={"value": [], "@odata.nextLink": "https://evil.test/v1.0/things"})
    outcomes, sender = run([Call(LIST, {})], batch(evil))
    assert "evil.test" in outcomes[0].message
    assert len(sender.requests) == 1


def test_a_missing_answer_to_a_write_leaves_its_outcome_unknown():
    outcomes, _ = run([Call(SEND, {})], batch())
    assert isinstance(outcomes[0], NoAnswer)
    assert outcomes[0].outcome == "unknown"


def test_r_10_a_batch_that_fails_as_a_whole_fails_each_of_its_calls():
    sender = ScriptedSender(*[Throttled("busy", status=429, retry_after_seconds=900.0)] * 2)
    outcomes = drive_batch(calls(2), sender, policy(), no_drift)
    assert [type(outcome) for outcome in outcomes] == [Throttled, Throttled]
    assert outcomes[0] is not outcomes[1]


def test_wrong_input_of_one_call_does_not_stop_the_others():
    outcomes, sender = run([Call(GET, {"id": 7}), Call(GET, {"id": "1"})], echo)
    assert isinstance(outcomes[0], InvalidInput)
    assert items(outcomes[1]) == ["1"]
    assert len(sender.requests[0].json["requests"]) == 1


def test_a_post_without_a_body_carries_an_empty_one():
    _, sender = run([Call(SEND, {})], batch(part(0, 202)))
    entry = sender.requests[0].json["requests"][0]
    assert (entry["body"], entry["headers"]["Content-Type"]) == ({}, "application/json")

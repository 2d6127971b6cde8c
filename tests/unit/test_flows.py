"""Each conversation, step by step, without a socket."""

import pytest

from connector.content import Content
from connector.errors import (
    InvalidInput,
    NoAnswer,
    NotFound,
    OperationFailed,
    ProtocolError,
    ResyncRequired,
)
from connector.runtime.call import Call
from connector.runtime.engine import drive, prepare
from tests.scripted import GRAPH, Naps, ScriptedSender, answer, method, no_drift, policy

LIST = "{request: {path: /things, headers: {ConsistencyLevel: eventual}}, flow: {type: paged}, output: {type: object}}"
UPLOAD = """
kind: write
input:
  type: object
  properties:
    name: {type: string}
    content: {type: string, contentEncoding: base64}
request: {verb: POST, path: "/root:/{name}:/createUploadSession"}
flow:
  type: upload
  content: content
  fragment_bytes: 327680
  limit_bytes: 2000000
  small: {up_to_bytes: 1000, request: {verb: PUT, path: "/root:/{name}:/content"}}
output: {type: object}
"""
COPY = """
kind: write
request: {verb: POST, path: /things/1/copy, body: {name: x}}
flow: {type: operation, every_seconds: 2, timeout_seconds: 6, result: {path: "/things/{resourceId}"}}
output: {type: object}
"""
UPLOAD_URL = "https://contoso.sharepoint.com/upload/1"


def run(text, *script, params=None, cursor=None, naps=None, max_steps=1000):
    sender = ScriptedSender(*script)
    call = Call(method(text), params or {}, cursor=cursor)
    return list(drive(call, sender, policy(naps, max_steps), no_drift)), sender


def page(*ids, next_path=None, delta_path=None):
    body = {"value": [{"id": name} for name in ids]}
    if next_path:
        body["@odata.nextLink"] = GRAPH + next_path
    if delta_path:
        body["@odata.deltaLink"] = GRAPH + delta_path
    return answer(json=body)


def test_pages_are_followed_with_the_same_headers():
    steps, sender = run(
        LIST,
        page("a", "b", next_path="/things?$skiptoken=x"),
        page(next_path="/things?$skiptoken=y"),
        page("c"),
    )
    assert [item["id"] for step in steps for item in step.items] == ["a", "b", "c"]
    assert [request.url for request in sender.requests] == [
        "/things",
        "/things?$skiptoken=x",
        "/things?$skiptoken=y",
    ]
    assert all(request.headers["ConsistencyLevel"] == "eventual" for request in sender.requests)
    assert [step.complete for step in steps] == [False, False, True]


def test_a_listing_continues_from_a_cursor():
    _, sender = run(LIST, page("c"), cursor="/things?$skiptoken=x")
    assert sender.requests[0].url == "/things?$skiptoken=x"


@pytest.mark.parametrize(
    "link",
    [
        "https://evil.test/v1.0/things",
        "https://graph.microsoft.us/v1.0/things",
        "http://graph.microsoft.com/v1.0/things",
        "https://graph.microsoft.com:8443/v1.0/things",
        "https://graph.microsoft.com@evil.test/v1.0/things",
        "https://graph.microsoft.com.evil.test/v1.0/things",
        "https://graph.microsoft.com/beta/things",
        "//evil.test/v1.0/things",
    ],
)
def test_n_01_n_03_a_link_that_leads_off_graph_is_not_followed(link):
    body = {"value": [{"id": "a"}], "@odata.nextLink": link}
    sender = ScriptedSender(answer(json=body))
    with pytest.raises(ProtocolError):
        list(drive(Call(method(LIST), {}), sender, policy(), no_drift))
    assert len(sender.requests) == 1


def test_q_02_a_cycle_of_links_is_stopped():
    links = [page("a", next_path=f"/things?p={number % 3}") for number in range(6)]
    with pytest.raises(ProtocolError, match="repeated"):
        run(LIST, *links)


def test_q_02_a_listing_without_end_is_capped():
    pages = [page("a", next_path=f"/things?p={number}") for number in range(30)]
    with pytest.raises(ProtocolError, match="stopped after 20"):
        run(LIST, *pages, max_steps=20)


def test_a_listing_without_values_is_no_listing():
    with pytest.raises(ProtocolError):
        run(LIST, answer(json={"id": "a"}))


def test_a_delta_ends_with_the_cursor_of_the_next_round():
    text = LIST.replace("paged", "delta")
    steps, _ = run(
        text,
        page("a", next_path="/things/delta?$skiptoken=1"),
        page("b", delta_path="/things/delta?$deltatoken=2"),
    )
    assert steps[-1].complete
    assert steps[-1].cursor == "/things/delta?$deltatoken=2"


def test_an_expired_delta_asks_for_a_new_start():
    with pytest.raises(ResyncRequired):
        run(
            LIST.replace("paged", "delta"),
            answer(410, {"error": {"code": "SyncStateNotFound"}}),
            cursor="/x?t=1",
        )


def test_a_single_answer_is_the_item():
    steps, _ = run("{request: {path: /me}, output: {type: object}}", answer(json={"id": "1"}))
    assert steps[0].items == ({"id": "1"},)


def test_an_answer_without_a_body_gives_no_item():
    steps, _ = run("{kind: send, request: {verb: POST, path: /me/sendMail, body: {a: 1}}}", answer(202))
    assert steps[0].items == ()


@pytest.mark.parametrize("size", [0, 1, 1000])
def test_a_small_or_empty_file_goes_in_one_put(size):
    params = {"name": "a.txt", "content": Content.from_bytes(b"x" * size)}
    steps, sender = run(UPLOAD, answer(201, {"id": "1"}), params=params)
    assert steps[-1].items == ({"id": "1"},)
    assert (sender.requests[0].verb, sender.requests[0].url) == ("PUT", "/root:/a.txt:/content")
    assert sender.requests[0].content.read() == b"x" * size


def upload_script(*answers):
    return answer(200, {"uploadUrl": UPLOAD_URL}), *answers


DATA = bytes(range(256)) * 3000  # 768,000 bytes: two full fragments and a rest
PARAMS = {"name": "a.bin", "content": Content.from_bytes(DATA)}


def test_f_03_a_large_file_goes_in_fragments_of_320_kib():
    steps, sender = run(
        UPLOAD,
        *upload_script(
            answer(202, {"nextExpectedRanges": ["327680-"]}),
            answer(202, {"nextExpectedRanges": ["655360-767999"]}),
            answer(201, {"id": "1"}),
        ),
        params=PARAMS,
    )
    pieces = sender.requests[1:]
    assert [piece.headers["Content-Range"] for piece in pieces] == [
        "bytes 0-327679/768000", "bytes 327680-655359/768000", "bytes 655360-767999/768000",
    ]  # fmt: skip
    assert b"".join(piece.content.read() for piece in pieces) == DATA
    assert not any(piece.is_graph for piece in pieces)
    assert steps[-1].items == ({"id": "1"},)
    assert [step.progress for step in steps] == [0.0, 327680.0, 655360.0, 768000.0]


def test_f_04_only_the_missing_ranges_are_sent_again():
    _, sender = run(
        UPLOAD,
        *upload_script(
            answer(202, {"nextExpectedRanges": ["100-199", "327680-"]}),
            answer(202, {"nextExpectedRanges": ["700000-"]}),
            answer(201, {"id": "1"}),
        ),
        params=PARAMS,
    )
    assert [piece.headers["Content-Range"] for piece in sender.requests[1:]] == [
        "bytes 0-327679/768000", "bytes 100-199/768000", "bytes 700000-767999/768000",
    ]  # fmt: skip


def test_outlook_reports_ranges_in_its_own_form():
    _, sender = run(
        UPLOAD,
        *upload_script(answer(200, {"NextExpectedRanges": ["327680"]}), answer(201, None)),
        params=PARAMS,
    )
    assert sender.requests[2].headers["Content-Range"].startswith("bytes 327680-")


def test_the_attachment_is_found_by_the_id_in_its_location():
    text = UPLOAD.replace("limit_bytes", 'result: {path: "/things/{resourceId}"}\n  limit_bytes')
    steps, sender = run(
        text,
        *upload_script(
            answer(
                201,
                None,
                Location="https://outlook.office.com/api/v2.0/Users('a')/Messages('m')/Attachments('A%2FB=')",
            )
        ),
        answer(json={"id": "A/B="}),
        params=PARAMS,
    )
    assert sender.requests[-1].url == "/things/A%2FB%3D"
    assert steps[-1].items == ({"id": "A/B="},)


def test_f_04_a_range_that_was_received_is_asked_about():
    _, sender = run(
        UPLOAD,
        *upload_script(
            answer(416), answer(200, {"nextExpectedRanges": ["327680-"]}), answer(201, {"id": "1"})
        ),
        params=PARAMS,
    )
    assert [request.verb for request in sender.requests] == ["POST", "PUT", "GET", "PUT"]


def test_f_04_a_lost_session_is_started_once_more():
    steps, sender = run(
        UPLOAD, *upload_script(answer(404)), *upload_script(answer(201, {"id": "1"})), params=PARAMS
    )
    assert [request.verb for request in sender.requests] == ["POST", "PUT", "POST", "PUT"]
    assert steps[-1].items == ({"id": "1"},)


def test_f_04_a_session_that_is_lost_twice_is_an_error_and_nothing_was_written():
    with pytest.raises(NoAnswer) as caught:
        run(UPLOAD, *upload_script(answer(404)), *upload_script(answer(404)), params=PARAMS)
    assert caught.value.outcome == "not_done"


def test_a_file_above_the_limit_is_refused_before_any_request():
    with pytest.raises(InvalidInput, match="at most 2000000"):
        prepare(Call(method(UPLOAD), {"name": "a", "content": b"x" * 2000001}))


def test_an_operation_is_watched_until_its_result():
    naps = Naps()
    steps, sender = run(
        COPY,
        answer(202, None, Location="https://contoso.sharepoint.com/monitor/1"),
        answer(
            202,
            {"status": "inProgress", "percentageComplete": 40.0},
            url="https://contoso.sharepoint.com/monitor/1",
        ),
        answer(
            200, {"status": "completed", "resourceId": "9"}, url="https://contoso.sharepoint.com/monitor/1"
        ),
        answer(200, {"id": "9"}),
        naps=naps,
    )
    assert [request.url for request in sender.requests][1:] == [
        "https://contoso.sharepoint.com/monitor/1"
    ] * 2 + ["/things/9"]
    assert naps.seconds == [2.0, 2.0]
    assert steps[-1].items == ({"id": "9"},)


def test_f_09_a_failed_operation_says_why():
    with pytest.raises(OperationFailed, match="name is taken") as caught:
        run(
            COPY,
            answer(202, None, Location="https://contoso.sharepoint.com/monitor/1"),
            answer(
                200,
                {"status": "failed", "error": {"code": "nameAlreadyExists", "message": "The name is taken"}},
            ),
        )
    assert (caught.value.graph_code, caught.value.outcome) == ("nameAlreadyExists", "not_done")


def test_f_09_an_operation_without_end_is_given_up():
    still = answer(202, {"status": "inProgress"})
    with pytest.raises(NoAnswer) as caught:
        run(COPY, answer(202, None, Location="https://contoso.sharepoint.com/monitor/1"), *[still] * 10)
    assert caught.value.outcome == "unknown"


def test_f_09_a_monitor_that_is_gone_leaves_the_outcome_open():
    with pytest.raises(NoAnswer) as caught:
        run(COPY, answer(202, None, Location="https://contoso.sharepoint.com/monitor/1"), answer(404))
    assert caught.value.outcome == "unknown"


class Bytes:
    def __init__(self, *chunks):
        self._chunks = chunks

    def chunks(self, size):
        yield from self._chunks

    def close(self):
        pass


def test_a_download_follows_its_redirect_without_the_token():
    final = answer(200, None, Content_Length="5", Content_Type="text/plain")
    final.stream = Bytes(b"he", b"llo")
    steps, sender = run(
        "{request: {path: /things/1/content}, flow: {type: download}}",
        answer(302, None, Location="https://contoso.sharepoint.com/d?tempauth=1"),
        final,
    )
    assert sender.requests[1].url == "https://contoso.sharepoint.com/d?tempauth=1"
    assert not sender.requests[1].is_graph
    content = steps[-1].items[0]
    assert (content.size, content.media_type) == (5, "text/plain")
    assert content.read() == b"hello"


def test_n_08_a_chain_of_redirects_is_stopped():
    hops = [answer(302, None, Location=f"https://contoso.sharepoint.com/{number}") for number in range(9)]
    with pytest.raises(ProtocolError, match="redirected more than 5 times"):
        run("{request: {path: /things/1/content}, flow: {type: download}}", *hops)


def test_an_error_of_graph_passes_through_the_flow():
    with pytest.raises(NotFound):
        run(
            "{request: {path: /me}}", answer(404, {"error": {"code": "ErrorItemNotFound", "message": "gone"}})
        )

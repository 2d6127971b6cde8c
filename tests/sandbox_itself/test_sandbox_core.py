"""The frame of the sandbox: paths, filters, content host, journal, clock, control, TLS."""

from __future__ import annotations

import ast
import inspect
from contextlib import closing
from http.client import HTTPConnection
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import requests

from connector.sandbox import Server, Switches, create_app
from connector.sandbox.answers import Answer
from connector.sandbox.call import Call
from connector.sandbox.content import content
from connector.sandbox.odata import page_of, parse_prefer, shaped
from connector.sandbox.odata_filter import BadFilter, parse_filter
from connector.sandbox.router import ColonPath, FunctionCall, NoRoute, Router, parse_path
from connector.sandbox.state import Ticket, World

from .conftest import COMPANY, USER, Sandbox


@pytest.mark.parametrize(
    ("path", "segments"),
    [
        ("/users/a%40b.c/messages", ["users", "a@b.c", "messages"]),
        ("/users('a''b')/mailFolders('inbox')", ["users", "a'b", "mailFolders", "inbox"]),
        ("/me/messages/AAMk%2Fx%2By%3D", ["me", "messages", "AAMk/x+y="]),
        ("/users/delta()", ["users", "delta"]),
        ("/users/microsoft.graph.delta()", ["users", "delta"]),
        (
            "/me/drive/root:/a%20b/c%23.txt:/content",
            ["me", "drive", "root", ColonPath("/a b/c#.txt"), "content"],
        ),
        ("/me/drive/root:/a (1).txt", ["me", "drive", "root", ColonPath("/a (1).txt")]),
        ("/drives/d/items/i:/x:/children", ["drives", "d", "items", "i", ColonPath("/x"), "children"]),
        ("/me/drive/root/search(q='it''s')", ["me", "drive", "root", FunctionCall("search", {"q": "it's"})]),
        (
            "/me/reminderView(startDateTime='1',endDateTime='2,3')",
            ["me", FunctionCall("reminderView", {"startDateTime": "1", "endDateTime": "2,3"})],
        ),
    ],
)
def test_every_spelling_of_a_path_becomes_one(path: str, segments: list[Any]) -> None:
    assert parse_path(path) == segments


def test_literals_win_over_parameters_and_methods_are_told() -> None:
    router: Router[Any] = Router()
    router.route("GET", "/users/{user}")(lambda: "one")
    router.route("GET", "/users/delta")(lambda: "delta")
    router.route("GET", "/drive/root/search({q})")(lambda: "search")
    router.route("PUT", "/drive/root/{:path}/content")(lambda: "put")
    assert router.find("GET", ["users", "delta"])[0].handler() == "delta"
    assert router.find("GET", ["Users", "x"])[1] == {"user": "x"}
    assert router.find("GET", parse_path("/drive/root/search(q='a')"))[1] == {"q": "a"}
    assert router.find("PUT", parse_path("/drive/root:/a/b:/content"))[1] == {"path": "/a/b"}
    with pytest.raises(NoRoute) as refused:
        router.find("DELETE", ["users", "x"])
    assert refused.value.allowed == ["GET"]


ITEM = {
    "subject": "Tea & biscuits", "size": 12, "isRead": False, "from": {"emailAddress": {"address": "A@b.c"}},
    "receivedDateTime": "2026-07-01T08:00:00Z", "categories": ["Red", "Blue"], "none": None,
    "start": {"dateTime": "2026-07-01T08:00:00.0000000"},
}  # fmt: skip


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("subject eq 'tea & biscuits'", True), ("subject ne 'x'", True), ("size gt 12", False), ("size ge 12", True),
        ("isRead eq false and size lt 13", True), ("not (isRead eq true)", True), ("isRead", False),
        ("size eq 1 or size eq 12 and isRead eq true", False), ("(size eq 1 or size eq 12) and isRead eq false", True),
        ("receivedDateTime ge 2026-07-01T08:00:00Z", True), ("receivedDateTime gt 2026-07-01T10:00:00+02:00", False),
        ("start/dateTime ge '2026-07-01T08:00'", True), ("from/emailAddress/address eq 'a@b.c'", True),
        ("contains(subject,'BISC')", True), ("startswith(subject,'Tea')", True), ("endswith(subject,'tea')", False),
        ("categories/any(c:c eq 'Red')", True), ("categories/all(c:c eq 'Red')", False), ("categories/any()", True),
        ("size in (1,12)", True), ("none eq null", True), ("missing eq null", True), ("size eq 'x'", False),
    ],
)  # fmt: skip
def test_filters_mean_what_they_say(text: str, expected: bool) -> None:
    assert parse_filter(text).matches(ITEM) is expected


@pytest.mark.parametrize("text", ["subject eq", "size eq 1 )", "floor(size) eq 1", "a ~ b", "subject 'x'"])
def test_broken_filters_are_refused(text: str) -> None:
    with pytest.raises(BadFilter):
        parse_filter(text)


def test_a_filter_knows_its_properties_in_order() -> None:
    parsed = parse_filter("receivedDateTime ge 2020-01-01 and from/emailAddress/address ne 'x'")
    assert parsed.properties == ["receivedDateTime", "from/emailAddress/address"]
    assert parsed.operators == {"and", "ge", "ne"}


def test_paging_by_skip_starts_where_it_is_told() -> None:
    page = page_of(
        [{"id": n} for n in range(7)], {"$skip": "2", "$top": "2"}, default_page=3, max_page=9, paging="$skip"
    )
    assert [item["id"] for item in page.items] == [2, 3]
    assert page.next_query == {"$top": "2", "$skip": "4"}


def test_private_keys_never_show_and_expansions_take_options() -> None:
    item = {"id": 1, "_secret": 2, "name": "x"}
    assert shaped(item, {}, (), (), {}) == {"id": 1, "name": "x"}
    expand = {"parts": lambda _: [{"id": 5, "size": 6}]}
    assert shaped(item, {"$select": "name", "$expand": "parts($select=id)"}, (), ("id",), expand) == {
        "id": 1, "name": "x", "parts": [{"id": 5}],
    }  # fmt: skip


def test_prefer_headers_are_read_with_their_quotes() -> None:
    header = 'outlook.timezone="W. Europe Standard Time", IdType="ImmutableId", odata.maxpagesize=5'
    assert parse_prefer(header) == {
        "outlook.timezone": "W. Europe Standard Time", "idtype": "ImmutableId", "odata.maxpagesize": "5",
    }  # fmt: skip


def test_ids_are_the_same_in_every_fresh_world_and_need_escaping() -> None:
    first, second = World(), World()
    assert (first.new_id(), first.new_guid()) == (second.new_id(), second.new_guid())
    made = first.new_id()
    assert made != first.new_id()
    assert all(sign in made for sign in "/+=")


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/nothing", 400),
        ("GET", "/users/x/nothing", 400),
        ("DELETE", "/users", 405),
        ("POST", "/me", 405),
    ],
)
def test_unknown_paths_and_methods_are_refused(sandbox: Sandbox, method: str, path: str, status: int) -> None:
    assert sandbox.graph(method, path).status_code == status


def test_every_answer_names_its_request(sandbox: Sandbox) -> None:
    answer = sandbox.get("/users/nobody", **{"client-request-id": "mine"})
    error = answer.json()["error"]
    assert answer.headers["client-request-id"] == error["innerError"]["client-request-id"] == "mine"
    assert answer.headers["request-id"] == error["innerError"]["request-id"]


def test_a_body_that_is_no_json_is_refused(sandbox: Sandbox) -> None:
    token = sandbox.token("User.ReadWrite.All")
    headers = {"Content-Type": "application/json"}
    answer = sandbox.graph("POST", "/users", token, data="{", headers=headers)
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "UnableToDeserializePostBody")
    assert sandbox.graph("POST", "/users", token, json=[1]).status_code == 400


@content("PUT", "test-upload")
def _receive(call: Call, ticket: Ticket) -> Answer:
    return Answer(
        body={"bytes": call.stream_bytes, "note": ticket.data["note"], "data": call.stream.read(3).decode()}
    )


@pytest.fixture
def upload_url(sandbox: Sandbox) -> str:
    world = sandbox.server.world
    tenant = world.tenants[next(iter(world.tenants))]
    world.tickets["ticket"] = Ticket("test-upload", tenant.id, None, "app", {"note": "n"})
    return sandbox.url.replace("127.0.0.1", "localhost") + "/content/test-upload/ticket"


def test_the_content_host_serves_those_who_bring_no_credentials(sandbox: Sandbox, upload_url: str) -> None:
    answer = sandbox.session.put(upload_url, data=iter([b"ab", b"cd"]))
    assert answer.json() == {"bytes": 4, "note": "n", "data": "abc"}
    assert sandbox.session.put(upload_url.replace("localhost", "127.0.0.1")).status_code == 404
    assert sandbox.session.put(f"{upload_url}x").status_code == 404
    assert sandbox.session.get(upload_url).status_code == 405


@pytest.mark.parametrize("headers", [{"Authorization": "Bearer x"}, {"Cookie": "a=b"}])
def test_the_content_host_refuses_credentials_and_tells(
    sandbox: Sandbox, upload_url: str, headers: dict[str, str]
) -> None:
    assert sandbox.session.put(upload_url, data=b"x", headers=headers).status_code == 401
    line = sandbox.control("GET", "/journal?host=localhost")["requests"][-1]
    assert (line["bears_authorization"], line["bears_cookie"]) == (
        "Authorization" in headers, "Cookie" in headers,
    )  # fmt: skip
    assert line["status"] == 401


def test_a_ticket_expires(sandbox: Sandbox) -> None:
    world = sandbox.server.world
    tenant = next(iter(world.tenants.values()))
    ticket = Ticket("test-upload", tenant.id, None, "app", {"note": ""}, world.clock.now())
    world.tickets["old"] = ticket
    url = sandbox.url.replace("127.0.0.1", "localhost") + "/content/test-upload/old"
    assert sandbox.session.put(url).status_code == 404


def test_expired_tickets_are_forgotten(sandbox: Sandbox) -> None:
    world, token = sandbox.server.world, sandbox.token("Files.Read")
    sandbox.switch(download_url_seconds=60)
    listed = "/me/drive/root/children"
    files = [item for item in sandbox.get(listed, token).json()["value"] if "file" in item]
    assert len(world.tickets) == len(files) > 0
    sandbox.control("POST", "/clock", {"advance_seconds": 61})
    sandbox.get(listed, token)
    assert len(world.tickets) == len(files)


def test_the_journal_has_every_request_but_those_to_the_control(sandbox: Sandbox) -> None:
    token = sandbox.token("User.Read")
    sandbox.control("DELETE", "/journal")
    sandbox.get("/me?$select=id", token)
    sandbox.redeem(grant_type="refresh_token", refresh_token="r-1")
    first, second = sandbox.control("GET", "/journal")["requests"]
    assert (first["method"], first["path"], first["query"]) == ("GET", "/v1.0/me", "$select=id")
    assert first["host"] == sandbox.url.partition("://")[2]
    assert first["headers"]["Authorization"] == f"Bearer {token}"
    assert (first["status"], second["status"]) == (200, 400)
    assert "refresh_token=r-1" in second["body"]


def test_one_connection_serves_many_requests(sandbox: Sandbox) -> None:
    headers = {"Authorization": f"Bearer {sandbox.token('User.Read')}"}
    with closing(HTTPConnection(sandbox.url.partition("://")[2])) as connection:
        sockets = set()
        for method in ("GET", "POST", "GET"):
            connection.request(
                method, "/v1.0/me", body=b"unread" if method == "POST" else None, headers=headers
            )
            answer = connection.getresponse()
            answer.read()
            sockets.add(connection.sock)
        assert answer.status == 200
    assert len(sockets) == 1


def test_the_clock_moves_stops_and_runs(sandbox: Sandbox) -> None:
    frozen = sandbox.control("POST", "/clock", {"freeze_at": "2027-01-01T00:00:00Z"})
    assert frozen["now"] == sandbox.control("GET", "/clock")["now"] == "2027-01-01T00:00:00+00:00"
    assert sandbox.get("/me", "x").headers["Date"] == "Fri, 01 Jan 2027 00:00:00 GMT"
    assert sandbox.control("POST", "/clock", {"advance_seconds": 60})["now"] == "2027-01-01T00:01:00+00:00"
    assert not sandbox.control("POST", "/clock", {"run": True})["now"].startswith("2027-01-01T00:01")
    for wrong in ({}, {"freeze_at": "tomorrow"}, {"freeze_at": "2027-01-01T00:00:00"}, {"stop": True}):
        assert "error" in sandbox.control("POST", "/clock", wrong, 400)


def test_switches_are_read_set_and_reset(sandbox: Sandbox) -> None:
    sandbox.switch(mailbox_concurrency=2, token_scopes_dropped=["Mail.Send"])
    shown = sandbox.control("GET", "/switches")
    assert (shown["mailbox_concurrency"], shown["token_scopes_dropped"]) == (2, ["Mail.Send"])
    sandbox.control("POST", "/reset")
    assert sandbox.control("GET", "/switches") == {
        name: list(value) if isinstance(value, tuple) else value
        for name, value in Switches().as_json().items()
    }


@pytest.mark.parametrize(
    "switches", [{"magic": 1}, {"mailbox_concurrency": "4"}, {"mailbox_concurrency": True},
                 {"refresh_rotation": "maybe"}, {"token_scopes_dropped": "Mail.Send"}, {"delta_replays": 1}],
)  # fmt: skip
def test_a_wrong_switch_is_refused_by_name(sandbox: Sandbox, switches: dict[str, Any]) -> None:
    assert repr(next(iter(switches))) in sandbox.control("PUT", "/switches", switches, 400)["error"]


def test_every_switch_is_documented() -> None:
    (switches,) = [
        node for node in ast.parse(inspect.getsource(Switches)).body if isinstance(node, ast.ClassDef)
    ]
    undocumented = [
        ast.unparse(field.target)
        for field, following in pairwise(switches.body)
        if isinstance(field, ast.AnnAssign)
        and not (isinstance(following, ast.Expr) and isinstance(following.value, ast.Constant))
    ]
    assert undocumented == []


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", "/tokens", {"company": "nobody.example"}), ("POST", "/tokens", {"company": COMPANY, "user": "x"}),
        ("POST", "/sign-in", {"url": "http://x/y"}), ("POST", "/companies", {"name": "x"}), ("POST", "/apps", {}),
        ("PATCH", "/apps/x", {"name": "y"}), ("PATCH", f"/companies/{COMPANY}", {"colour": 1}),
        ("PATCH", f"/companies/{COMPANY}/users/{USER}", {"mailbox": "big"}), ("POST", "/entra-errors", {"code": 1}),
        ("POST", "/devices/ABC", {"user": USER}), ("POST", "/faults", None),
    ],
)  # fmt: skip
def test_wrong_control_requests_are_refused_with_a_remedy(
    sandbox: Sandbox, method: str, path: str, body: Any
) -> None:
    assert len(sandbox.control(method, path, body, 400)["error"].split()) > 3


def test_another_company_can_be_added(sandbox: Sandbox) -> None:
    body = {"name": "Third", "domains": ["third.example"], "consent_policy": "restrictive"}
    made = sandbox.control("POST", "/companies", body, 201)
    assert len(made["users"]) == 9
    token = sandbox.token("User.Read", user="mina.okafor@third.example", company="third.example")
    assert sandbox.get("/me", token).json()["id"] == made["users"][1]["id"]


def test_two_sandboxes_in_one_process_do_not_mix(sandbox: Sandbox) -> None:
    other = create_app(Switches(mailbox_concurrency=1)).test_client()
    assert other.get("/_sandbox/switches").json["mailbox_concurrency"] == 1  # type: ignore[index]
    assert sandbox.control("GET", "/switches")["mailbox_concurrency"] == 4


def test_https_works_with_the_authority_it_made(tmp_path: Path) -> None:
    with Server(tls_folder=tmp_path) as server, requests.Session() as session:
        session.trust_env = False
        assert server.ca_file is not None
        session.verify = str(server.ca_file)
        assert session.get(f"{server.base_url}/_sandbox/clock").status_code == 200
        localhost = server.base_url.replace("127.0.0.1", "localhost")
        assert session.get(f"{localhost}/_sandbox/clock").status_code == 200
        assert server.graph_url.startswith("https://127.0.0.1:")
        session.verify = True
        with pytest.raises(requests.exceptions.SSLError):
            session.get(f"{server.base_url}/_sandbox/clock")

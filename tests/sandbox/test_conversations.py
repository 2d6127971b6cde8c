"""What takes more than one request, over HTTP: listings, changes, files, batches, and tokens that end meanwhile."""

from __future__ import annotations

import hashlib
import io
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from connector.content import Content
from connector.errors import ConsentRequired, InvalidInput, ResyncRequired
from connector.tenancy import Install, Status
from tests.live_sandbox import APP, REDIRECT_URI, Live, query_of

FRAGMENT_UNIT = 327_680


@pytest.fixture
def reader(live: Live) -> Live:
    """Somebody is signed in who may read users; nothing is in the journal."""
    live.sign_in(("User.ReadBasic.All",))
    live.forget_journal()
    return live


@pytest.fixture
def mailbox(live: Live) -> Live:
    """Somebody is signed in who may do everything with mail; nothing is in the journal."""
    live.sign_in(("Mail.ReadWrite", "Mail.Send"))
    live.forget_journal()
    return live


# Listings


def test_a_listing_of_many_pages_gives_everything_once(reader: Live) -> None:
    wanted = [user["id"] for user in reader.items("users.list")]
    reader.forget_journal()
    pages = list(reader.m365.iterate("fabrikoast", "users.list", {"page_size": 2}))
    assert [user["id"] for page in pages for user in page.items] == wanted
    assert len(pages) == len(reader.graph_calls) > 3
    assert [page.complete for page in pages] == [False] * (len(pages) - 1) + [True]


def test_headers_go_along_to_every_page(reader: Live) -> None:
    """A next link repeats the query, not the headers."""
    reader.items("users.list", page_size=2)
    assert {call["headers"].get("Consistencylevel") for call in reader.graph_calls} == {"eventual"}


def test_a_limit_ends_the_listing_early_and_its_cursor_goes_on_in_another_process(reader: Live) -> None:
    wanted = [user["id"] for user in reader.items("users.list")]
    reader.forget_journal()
    first = reader.m365.execute("fabrikoast", "users.list", {"page_size": 2}, limit=3)
    assert len(reader.graph_calls) == 2
    assert not first.complete
    elsewhere = reader.worker().connector()
    rest = [
        user["id"]
        for page in elsewhere.iterate("fabrikoast", "users.list", {"page_size": 2}, cursor=first.cursor)
        for user in page.items
    ]
    assert [user["id"] for user in first.items] + rest == wanted


def test_items_can_be_taken_one_by_one(reader: Live) -> None:
    wanted = [user["id"] for user in reader.items("users.list")]
    found, cursor = [], None
    while True:
        page = reader.m365.execute("fabrikoast", "users.list", {"page_size": 3}, limit=1, cursor=cursor)
        found += [user["id"] for user in page.items]
        cursor = page.cursor
        if cursor is None:
            break
    assert found == wanted


def test_a_throttled_tenant_is_read_to_its_end_at_its_own_pace(reader: Live) -> None:
    reader.switch(tenant_requests_per_10_seconds=3)
    found = reader.items("users.list", page_size=1)
    assert len(found) > 6
    assert 429 in {call["status"] for call in reader.graph_calls}
    assert sum(reader.timeline.naps) >= 10


# Changes


def changed(live: Live, cursor: str | None = None) -> tuple[list[dict[str, Any]], str]:
    """One round of changes in the inbox, in small pages: what changed, and the cursor for the next round."""
    pages = list(live.m365.iterate("fabrikoast", "messages.delta", {"page_size": 2}, cursor=cursor))
    assert pages[-1].complete
    assert pages[-1].cursor is not None
    return [item for page in pages for item in page.items], pages[-1].cursor


def test_each_round_of_changes_gives_what_changed_since_the_last(mailbox: Live) -> None:
    everything, cursor = changed(mailbox)
    there = {message["id"] for message in mailbox.items("messages.list", folder_id="inbox")}
    assert {message["id"] for message in everything} == there
    read, moved = everything[0]["id"], everything[1]["id"]
    mailbox.execute("messages.update", message_id=read, message={"isRead": True})
    mailbox.execute("messages.move", message_id=moved, folder_id="archive")
    to_oneself = {"emailAddress": {"address": "avery.stone@fabrikoast.example"}}
    body = {"contentType": "text", "content": "x"}
    mailbox.execute("messages.send", message={"subject": "New", "body": body, "toRecipients": [to_oneself]})
    changes, cursor = changed(mailbox, cursor)
    removed = [item["id"] for item in changes if "@removed" in item]
    assert removed == [moved]
    assert sorted(item.get("subject", "") for item in changes if item["id"] not in (read, moved)) == ["New"]
    assert {item["isRead"] for item in changes if item["id"] == read} == {True}
    nothing, _ = changed(mailbox, cursor)
    assert nothing == []


def test_a_round_of_changes_goes_on_where_it_was_left(mailbox: Live) -> None:
    first = mailbox.m365.execute("fabrikoast", "messages.delta", {"page_size": 2})
    assert not first.complete
    rest, cursor = changed(mailbox, first.cursor)
    everything, _ = changed(mailbox)
    assert [item["id"] for item in (*first.items, *rest)] == [item["id"] for item in everything]
    assert changed(mailbox, cursor)[0] == []


@pytest.mark.parametrize("code", ["SyncStateNotFound", "resyncRequired", "syncStateNotFound"])
@pytest.mark.parametrize("location", [True, False])
def test_d_03_d_04_a_cursor_that_graph_forgot_means_a_new_round(
    mailbox: Live, code: str, location: bool
) -> None:
    everything, cursor = changed(mailbox)
    mailbox.switch(delta_410_code=code, delta_410_location=location)
    mailbox.control("POST", "/delta-reset")
    mailbox.forget_journal()
    with pytest.raises(ResyncRequired, match="without a cursor"):
        changed(mailbox, cursor)
    assert len(mailbox.graph_calls) == 1, "a 410 is not sent again"
    again, _ = changed(mailbox)
    assert {item["id"] for item in again} == {item["id"] for item in everything}


def test_d_04_a_foreign_location_of_a_410_is_not_asked(mailbox: Live) -> None:
    _, cursor = changed(mailbox)
    mailbox.forget_journal()
    mailbox.fault(
        "status", status=410, code="SyncStateNotFound", headers={"Location": "https://evil.test/v1.0/me"}
    )
    with pytest.raises(ResyncRequired):
        changed(mailbox, cursor)
    assert len(mailbox.journal) == 1


def test_d_14_a_cursor_of_one_user_is_refused_for_another(live: Live) -> None:
    live.sign_in(("Mail.Read",))
    other = live.sign_in(("Mail.Read",), user="mina.okafor")
    _, cursor = changed(live)
    live.forget_journal()
    with pytest.raises(InvalidInput, match="cursor"):
        live.m365.execute("fabrikoast", "messages.delta", as_=other.id, cursor=cursor)
    assert live.journal == []


# Files


class Generated(io.RawIOBase):
    """A stream of so many bytes that nobody holds in memory."""

    def __init__(self, size: int) -> None:
        self._left, self._number, self.digest = size, 0, hashlib.sha256()

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        size = self._left if size is None or size < 0 else min(size, self._left)
        piece = bytes((self._number + each) % 251 for each in range(size))
        self._number, self._left = self._number + size, self._left - size
        self.digest.update(piece)
        return piece


def test_a_generated_stream_arrives_whole_although_graph_loses_a_piece(
    live: Live, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    live.sign_in(("Files.ReadWrite",))
    live.switch(upload_lost_fragment=4)
    monkeypatch.setitem(live.m365.method("drive_items.upload").flow.options, "fragment_bytes", FRAGMENT_UNIT)
    stream = Generated(5_000_000)
    content = Content.from_stream(stream, name="measurements.bin")
    sent: list[float] = []
    page = live.m365.execute(
        "fabrikoast", "drive_items.upload", {"path": "Lab/measurements.bin", "content": content},
        on_progress=lambda step: sent.append(step.progress or 0),
    )  # fmt: skip
    assert page.items[0]["size"] == 5_000_000
    assert max(sent) <= 5_000_000
    [download] = live.execute("drive_items.download", item_id=page.items[0]["id"]).items
    assert download.save(tmp_path / "copy.bin") == 5_000_000
    assert hashlib.sha256((tmp_path / "copy.bin").read_bytes()).digest() == stream.digest.digest()


@pytest.mark.parametrize("size", [1, 3_145_727, 3_145_728, 5_000_000])
def test_an_attachment_of_any_size_comes_back_as_it_was(live: Live, size: int) -> None:
    live.sign_in(("Mail.ReadWrite",))
    [draft] = live.execute("drafts.create", message={"subject": "With a file"}).items
    data = bytes(number % 251 for number in range(size))
    [made] = live.execute("attachments.add", message_id=draft["id"], name="file.bin", content=data).items
    assert made["name"] == "file.bin"
    [content] = live.execute("attachments.download", message_id=draft["id"], attachment_id=made["id"]).items
    assert content.read() == data
    assert len(live.items("attachments.list", message_id=draft["id"])) == 1


# Tokens


def test_a_token_that_graph_no_longer_takes_is_renewed_once(reader: Live) -> None:
    world = reader.server.world
    with world.lock:
        world.access_tokens.clear()
    assert reader.execute("users.get_me").items[0]["displayName"] == "Avery Stone"
    assert [call["status"] for call in reader.graph_calls] == [401, 200]
    assert len(reader.token_calls) == 1


def test_a_token_that_ends_in_the_middle_of_a_listing_is_renewed(reader: Live) -> None:
    pages = reader.m365.iterate("fabrikoast", "users.list", {"page_size": 2})
    found = list(next(pages).items)
    reader.timeline.travel(90_000)
    for page in pages:
        found += page.items
    assert len({user["id"] for user in found}) == len(found) > 4
    assert len(reader.token_calls) == 1


def test_a_token_that_ends_between_two_batches_is_renewed(reader: Live) -> None:
    calls: list[tuple[str, dict[str, Any]]] = [("users.get_me", {})] * 3
    for _ in range(2):
        assert [outcome.items[0]["displayName"] for outcome in reader.m365.batch("fabrikoast", calls)] == [
            "Avery Stone"
        ] * 3
        reader.timeline.travel(90_000)
    assert len(reader.token_calls) == 1


@pytest.fixture
def app_only(live: Live) -> Live:
    """The app itself is connected, after an administrator approved its application permissions."""
    live.install(app=replace(APP, mode="application"))
    start = live.platform.connect.begin_admin_consent("fabrikoast", (), REDIRECT_URI)
    installed = live.platform.connect.complete(query_of(live.visit(start)))
    assert isinstance(installed, Install)
    connection = live.platform.connect.connect_app("fabrikoast", ("User.Read.All", "Mail.ReadWrite"))
    assert connection.status is Status.CONNECTED
    live.forget_journal()
    return live


def test_an_app_without_a_user_reads_the_mailboxes_that_are_named(app_only: Live) -> None:
    found = app_only.items("messages.list", user="mina.okafor@fabrikoast.example", folder_id="inbox")
    assert {message["toRecipients"][0]["emailAddress"]["name"] for message in found} == {"Mina Okafor"}
    app_only.timeline.travel(90_000)
    assert app_only.items("users.list")
    assert len(app_only.token_calls) == 1


def test_an_app_without_a_user_has_no_mailbox_of_its_own(app_only: Live) -> None:
    with pytest.raises(InvalidInput, match="has no 'me'"):
        app_only.execute("messages.list")
    with pytest.raises(ConsentRequired, match="needs a signed-in user"):
        app_only.execute("users.get_me")
    assert app_only.journal == []

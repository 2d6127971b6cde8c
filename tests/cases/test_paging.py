"""Cases 2.5: paging and queries."""

from __future__ import annotations

import pytest

from connector.errors import NoAnswer, ProtocolError
from tests.live_sandbox import Live, smaller

READ = ("User.ReadBasic.All",)


@pytest.fixture
def reader(live: Live) -> Live:
    """Somebody is signed in who may read users; nothing is in the journal."""
    live.sign_in(READ)
    live.forget_journal()
    return live


def test_q_02_a_page_that_links_to_itself_ends_the_listing(reader):
    reader.fault("next_link_repeats", path="/users", times=0)
    with pytest.raises(ProtocolError, match="repeated"):
        reader.items("users.list", page_size=2)
    assert len(reader.graph_calls) <= 3


def test_q_02_a_cycle_of_three_pages_ends_the_listing(reader):
    reader.items("users.list", page_size=2)
    _, second, *_ = reader.graph_calls
    reader.forget_journal()
    reader.fault("next_link", path="/users", skip=3, url=f"{reader.url}{second['path']}?{second['query']}")
    with pytest.raises(ProtocolError, match="repeated"):
        reader.items("users.list", page_size=2)
    assert len(reader.graph_calls) == 4


def test_q_02_empty_pages_without_end_are_stopped(reader):
    reader.fault("empty_page", path="/users", times=0)
    with pytest.raises(ProtocolError):
        reader.items("users.list")
    assert len(reader.graph_calls) <= 3


def test_q_02_a_listing_of_too_many_pages_is_capped(reader):
    smaller(reader.platform, pages=4)
    with pytest.raises(ProtocolError, match="stopped after 4"):
        reader.items("users.list", page_size=1)
    assert len(reader.graph_calls) == 5


def test_q_02_a_listing_ends_where_it_ends(reader):
    found = reader.items("users.list", page_size=2)
    assert len({user["id"] for user in found}) == len(found) > 4
    assert len(reader.graph_calls) > 2


def test_q_03_items_that_come_twice_are_one_when_kept_by_id(reader):
    """A listing passes on what Graph gives; who keeps items by ID has each of them once, and all."""
    wanted = {user["id"] for user in reader.items("users.list")}
    reader.fault("repeat_items", path="/users", times=0)
    found = reader.items("users.list", page_size=2)
    assert len(found) > len(wanted)
    assert {user["id"] for user in found} == wanted


def test_q_03_a_delta_that_replays_items_ends_with_the_same_state(live):
    live.sign_in(("Mail.ReadWrite",))
    wanted = {message["id"] for message in live.items("messages.list", folder_id="inbox")}
    live.switch(delta_replays=True)
    found = live.items("messages.delta", folder_id="inbox", page_size=2)
    assert len(found) > len(wanted)
    assert {message["id"] for message in found} == wanted


NAME = "O'Brien & + % # é.txt"


def test_q_04_hostile_text_arrives_as_it_is(live):
    live.sign_in(("Files.ReadWrite",))
    live.execute("drive_items.upload", path=NAME, content=b"x")
    live.execute("drive_items.upload", path="other.txt", content=b"x")
    assert [item["name"] for item in live.items("drive_items.search", text=NAME)] == [NAME]


def test_q_10_a_filter_that_graph_ignores_does_not_make_somebody_elses_mail_ours(live):
    """After a lost answer the connector looks for its mail by a filter. Ignored, it finds other mail."""
    live.sign_in(("Mail.Send", "Mail.Read"))
    live.switch(ignored_filters=True)
    live.fault("reset", path="/sendMail$")
    message = {
        "subject": "Hello",
        "body": {"contentType": "text", "content": "A first message."},
        "toRecipients": [{"emailAddress": {"address": "mina.okafor@fabrikoast.example"}}],
    }
    with pytest.raises(NoAnswer) as caught:
        live.execute("messages.send", message=message)
    assert caught.value.outcome == "unknown"


def test_q_10_a_filter_that_graph_heeds_finds_our_mail(live):
    live.sign_in(("Mail.Send", "Mail.Read"))
    live.fault("reset_after", path="/sendMail$")
    message = {
        "subject": "Hello",
        "body": {"contentType": "text", "content": "A first message."},
        "toRecipients": [{"emailAddress": {"address": "mina.okafor@fabrikoast.example"}}],
    }
    assert live.execute("messages.send", message=message).items == ()
    sent = live.items("messages.list", folder_id="sentitems", filter="subject eq 'Hello'")
    assert len(sent) == 1

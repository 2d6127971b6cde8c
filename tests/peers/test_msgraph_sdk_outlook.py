"""`msgraph-sdk`, Microsoft's client of Graph, against the sandbox: mail and calendars."""

from __future__ import annotations

import pytest
from kiota_abstractions.base_request_configuration import RequestConfiguration
from msgraph import GraphServiceClient
from msgraph.generated.models.attendee import Attendee
from msgraph.generated.models.body_type import BodyType
from msgraph.generated.models.date_time_time_zone import DateTimeTimeZone
from msgraph.generated.models.email_address import EmailAddress
from msgraph.generated.models.event import Event
from msgraph.generated.models.file_attachment import FileAttachment
from msgraph.generated.models.item_body import ItemBody
from msgraph.generated.models.message import Message
from msgraph.generated.models.o_data_errors.o_data_error import ODataError
from msgraph.generated.models.recipient import Recipient
from msgraph.generated.users.item.calendar_view.calendar_view_request_builder import (
    CalendarViewRequestBuilder,
)
from msgraph.generated.users.item.mail_folders.item.messages.delta.delta_request_builder import (
    DeltaRequestBuilder,
)
from msgraph.generated.users.item.messages.item.move.move_post_request_body import MovePostRequestBody
from msgraph.generated.users.item.messages.messages_request_builder import MessagesRequestBuilder
from msgraph.generated.users.item.send_mail.send_mail_post_request_body import SendMailPostRequestBody
from msgraph_core import PageIterator

from .conftest import COLLEAGUE, USER, Sandbox

pytestmark = pytest.mark.anyio

MessagesQuery = MessagesRequestBuilder.MessagesRequestBuilderGetQueryParameters
ViewQuery = CalendarViewRequestBuilder.CalendarViewRequestBuilderGetQueryParameters
DeltaQuery = DeltaRequestBuilder.DeltaRequestBuilderGetQueryParameters


def letter(subject: str, to: str = COLLEAGUE) -> Message:
    """A short message."""
    return Message(
        subject=subject,
        body=ItemBody(content_type=BodyType.Text, content="Crates arrive on Monday."),
        to_recipients=[Recipient(email_address=EmailAddress(address=to))],
    )


async def messages_called(graph: GraphServiceClient, subject: str) -> list[Message]:
    """The messages in the mailbox with exactly this subject."""
    query = MessagesQuery(filter=f"subject eq '{subject}'", select=["subject", "from", "isDraft", "body"])
    page = await graph.me.messages.get(RequestConfiguration(query_parameters=query))
    return page.value


async def test_the_page_iterator_sees_every_message_once(graph: GraphServiceClient, sandbox: Sandbox) -> None:
    first = await graph.me.messages.get(
        RequestConfiguration(query_parameters=MessagesQuery(top=4, count=True))
    )
    seen: list[str] = []

    await PageIterator(first, graph.request_adapter).iterate(lambda message: not seen.append(message.id))

    assert first.odata_count > 4
    assert len(seen) == len(set(seen)) == first.odata_count


async def test_a_message_is_read_by_an_id_that_urls_have_to_escape(graph: GraphServiceClient) -> None:
    listed = (await graph.me.messages.get()).value[0]
    assert set("/+=") & set(listed.id)

    message = await graph.me.messages.by_message_id(listed.id).get()

    assert message.subject == listed.subject
    assert message.received_date_time.tzinfo is not None
    assert message.from_.email_address.address


async def test_a_message_sent_at_once_is_among_the_sent_ones_and_with_the_recipient(
    graph: GraphServiceClient,
) -> None:
    await graph.me.send_mail.post(
        SendMailPostRequestBody(message=letter("Crates", USER), save_to_sent_items=True)
    )

    found = await messages_called(graph, "Crates")

    assert len(found) == 2  # the copy in Sent Items and the one that arrived
    assert {message.from_.email_address.address for message in found} == {USER}


async def test_a_draft_is_made_sent_and_is_no_draft_any_more(graph: GraphServiceClient) -> None:
    draft = await graph.me.messages.post(letter("From a draft"))
    assert draft.is_draft is True

    await graph.me.messages.by_message_id(draft.id).send.post()

    (sent,) = await messages_called(graph, "From a draft")
    assert sent.is_draft is False


async def test_a_message_is_moved_and_has_another_id_there(graph: GraphServiceClient) -> None:
    draft = await graph.me.messages.post(letter("To be moved"))

    moved = await graph.me.messages.by_message_id(draft.id).move.post(
        MovePostRequestBody(destination_id="archive")
    )

    archive = await graph.me.mail_folders.by_mail_folder_id("archive").get()
    assert moved.parent_folder_id == archive.id
    assert moved.id != draft.id
    with pytest.raises(ODataError) as gone:
        await graph.me.messages.by_message_id(draft.id).get()
    assert (gone.value.response_status_code, gone.value.error.code) == (404, "ErrorItemNotFound")


async def test_a_message_is_marked_as_read_and_deleted(graph: GraphServiceClient) -> None:
    draft = await graph.me.messages.post(letter("To be deleted"))
    changed = await graph.me.messages.by_message_id(draft.id).patch(
        Message(is_read=True, categories=["Crates"])
    )
    assert (changed.is_read, changed.categories) == (True, ["Crates"])

    await graph.me.messages.by_message_id(draft.id).delete()

    deleted = await graph.me.mail_folders.by_mail_folder_id("deleteditems").messages.get()
    assert "To be deleted" in [message.subject for message in deleted.value]


async def test_a_small_attachment_comes_back_as_it_was_sent(graph: GraphServiceClient) -> None:
    draft = await graph.me.messages.post(letter("With a list"))
    attachments = graph.me.messages.by_message_id(draft.id).attachments
    content = bytes(range(256)) * 8

    added = await attachments.post(FileAttachment(name="list.bin", content_bytes=content))
    listed = await attachments.get()
    read = await attachments.by_attachment_id(added.id).get()

    assert [one.name for one in listed.value] == ["list.bin"]
    assert isinstance(read, FileAttachment)
    assert read.content_bytes == content
    assert (await graph.me.messages.by_message_id(draft.id).get()).has_attachments is True


async def test_the_changes_since_a_delta_link_are_those_made_since(graph: GraphServiceClient) -> None:
    drafts = graph.me.mail_folders.by_mail_folder_id("drafts").messages
    kept = await drafts.post(letter("Kept"))
    dropped = await drafts.post(letter("Dropped"))
    page = await drafts.delta.get(
        RequestConfiguration(query_parameters=DeltaQuery(select=["subject", "isRead"]))
    )
    while page.odata_next_link:
        page = await drafts.delta.with_url(page.odata_next_link).get()
    await graph.me.messages.by_message_id(kept.id).patch(Message(subject="Kept and changed"))
    await graph.me.messages.by_message_id(dropped.id).delete()

    changes = await drafts.delta.with_url(page.odata_delta_link).get()

    removed = {one.id: one.additional_data.get("@removed") for one in changes.value}
    assert set(removed) == {kept.id, dropped.id}
    assert removed[dropped.id]["reason"] in ("deleted", "changed")
    assert removed[kept.id] is None
    assert [one.subject for one in changes.value if one.id == kept.id] == ["Kept and changed"]


def meeting(subject: str, day: int) -> Event:
    """A meeting of an hour in March 2027, in the zone of a user in Berlin."""
    zone = "W. Europe Standard Time"
    return Event(
        subject=subject,
        start=DateTimeTimeZone(date_time=f"2027-03-{day:02}T09:00:00", time_zone=zone),
        end=DateTimeTimeZone(date_time=f"2027-03-{day:02}T10:00:00", time_zone=zone),
        attendees=[Attendee(email_address=EmailAddress(address=COLLEAGUE))],
    )


async def test_an_event_is_created_and_read_in_the_zone_that_was_asked_for(graph: GraphServiceClient) -> None:
    created = await graph.me.events.post(meeting("Harbour visit", 2))
    wanted = RequestConfiguration()
    wanted.headers.add("Prefer", 'outlook.timezone="W. Europe Standard Time"')

    in_utc = await graph.me.events.by_event_id(created.id).get()
    in_berlin = await graph.me.events.by_event_id(created.id).get(wanted)

    assert in_utc.start.date_time.startswith("2027-03-02T08:00:00")
    assert in_berlin.start.date_time.startswith("2027-03-02T09:00:00")
    assert in_berlin.organizer.email_address.address == USER
    assert [one.email_address.address for one in in_berlin.attendees] == [COLLEAGUE]


async def test_the_calendar_view_holds_what_lies_in_its_time(graph: GraphServiceClient) -> None:
    for day in (2, 9, 16):
        await graph.me.events.post(meeting(f"Visit {day}", day))
    view = ViewQuery(start_date_time="2027-03-08T00:00:00Z", end_date_time="2027-03-17T00:00:00Z")

    page = await graph.me.calendar_view.get(RequestConfiguration(query_parameters=view))

    subjects = [event.subject for event in page.value]
    assert [subject for subject in subjects if subject.startswith("Visit")] == ["Visit 9", "Visit 16"]


async def test_the_page_iterator_sees_every_event_once(graph: GraphServiceClient) -> None:
    for day in range(1, 13):
        await graph.me.events.post(meeting(f"Visit {day}", day))
    first = await graph.me.events.get()
    read: list[Event] = []

    await PageIterator(first, graph.request_adapter).iterate(lambda event: not read.append(event))

    seen = {event.id: event.subject for event in read}
    assert first.odata_next_link
    assert {f"Visit {day}" for day in range(1, 13)} <= set(seen.values())
    assert len(seen) == len(read)


async def test_an_event_is_changed_and_cancelled(graph: GraphServiceClient) -> None:
    created = await graph.me.events.post(meeting("Harbour visit", 2))
    event = graph.me.events.by_event_id(created.id)

    changed = await event.patch(Event(subject="Harbour visit, rain or shine"))
    await event.delete()

    assert changed.subject == "Harbour visit, rain or shine"
    assert changed.change_key != created.change_key
    with pytest.raises(ODataError) as gone:
        await event.get()
    assert gone.value.error.code == "ErrorItemNotFound"

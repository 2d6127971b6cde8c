"""`python-o365`, a widely used client of Graph, against the sandbox, signed in through the sandbox's own pages."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import msal
import pytest
from O365 import Account, Connection, MSGraphProtocol
from O365.utils.token import MemoryTokenBackend
from requests import HTTPError

from connector.sandbox import Server, Switches
from connector.sandbox.seed import DEMO_CLIENT_ID, DEMO_CLIENT_SECRET

from .conftest import COLLEAGUE, COMPANY, REDIRECT_URI, USER, Sandbox

pytestmark = pytest.mark.filterwarnings("ignore:response_mode='form_post' is recommended:UserWarning")

BERLIN = ZoneInfo("Europe/Berlin")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A sandbox with ids that need no escaping: this client puts them into URLs as they are."""
    switches = Switches(outlook_ids="url_safe")
    with Server(switches=switches, tls_folder=tmp_path_factory.mktemp("tls")) as running:
        yield running


class SandboxConnection(Connection):
    """Another authority; msal must not ask Microsoft whether it knows it."""

    authority = ""

    @property
    def msal_client(self) -> msal.ConfidentialClientApplication:
        if self._msal_client is None:
            self._msal_client = msal.ConfidentialClientApplication(
                self.auth[0],
                client_credential=self.auth[1],
                authority=self.authority,
                instance_discovery=False,
                token_cache=self.token_backend,
                verify=self.verify_ssl,
            )
        return self._msal_client


class SandboxProtocol(MSGraphProtocol):
    """Graph at another address."""

    def __init__(self, url: str) -> None:
        self._protocol_url = f"{url}/"
        super().__init__(timezone="Europe/Berlin")


class SandboxAccount(Account):
    connection_constructor = SandboxConnection


@pytest.fixture
def account(sandbox: Sandbox) -> Account:
    account = SandboxAccount(
        (DEMO_CLIENT_ID, DEMO_CLIENT_SECRET),
        protocol=SandboxProtocol(sandbox.url),
        tenant_id=COMPANY,
        token_backend=MemoryTokenBackend(),
        verify_ssl=sandbox.ca_file,
        request_retries=0,
    )
    account.con.authority = sandbox.authority()
    assert account.authenticate(
        requested_scopes=["basic", "users", "message_all", "calendar_all", "onedrive_all"],
        redirect_uri=REDIRECT_URI,
        handle_consent=sandbox.browse,
    )
    return account


def test_the_account_is_the_person_who_signed_in(account: Account) -> None:
    assert account.is_authenticated
    assert account.username == USER
    assert account.get_current_user_data().mail == USER


def test_the_account_of_an_expired_token_refreshes_by_itself(account: Account, sandbox: Sandbox) -> None:
    """The client asks its own clock whether a token is old, so that one is moved too, in its cache."""
    account.get_current_user_data()
    sandbox.control("POST", "/clock", {"advance_seconds": 2 * 3600})
    cache = account.con.token_backend
    (token,) = cache.search(msal.TokenCache.CredentialType.ACCESS_TOKEN)
    cache.modify(msal.TokenCache.CredentialType.ACCESS_TOKEN, token, {"expires_on": "1"})

    assert account.get_current_user_data().mail == USER

    assert [request["status"] for request in sandbox.requests_to("/me$")] == [200, 401, 200]


def test_a_refused_grant_ends_the_refresh(account: Account, sandbox: Sandbox) -> None:
    sandbox.control("POST", f"/companies/{COMPANY}/users/{USER}/revoke", {})
    cache = account.con.token_backend
    (token,) = cache.search(msal.TokenCache.CredentialType.ACCESS_TOKEN)
    cache.modify(msal.TokenCache.CredentialType.ACCESS_TOKEN, token, {"expires_on": "1"})

    with pytest.raises(RuntimeError, match="invalid_grant"):
        account.con.refresh_token()


def test_users_come_page_by_page(account: Account, sandbox: Sandbox) -> None:
    users = list(account.directory().get_users(limit=100, batch=3))

    mails = [user.user_principal_name for user in users]
    assert {USER, COLLEAGUE} <= set(mails)
    assert len(mails) == len(set(mails)) > 6
    assert len(sandbox.requests_to("/users$")) >= 3


def test_an_unknown_user_is_an_http_error_with_the_words_of_graph(account: Account) -> None:
    with pytest.raises(HTTPError, match=r"404.*does not exist") as refused:
        account.directory().get_user(f"nobody@{COMPANY}")

    assert refused.value.response.json()["error"]["code"] == "Request_ResourceNotFound"


def test_messages_come_page_by_page(account: Account) -> None:
    inbox = account.mailbox().inbox_folder()

    messages = list(inbox.get_messages(limit=1000, batch=4))

    ids = [message.object_id for message in messages]
    assert len(ids) == len(set(ids)) == account.mailbox().get_folder(folder_name="inbox").total_items_count
    assert all(message.received.tzinfo == BERLIN for message in messages)


def test_a_message_is_sent_with_an_attachment_and_arrives(account: Account, tmp_path: Path) -> None:
    file = tmp_path / "crates.txt"
    file.write_text("Twelve crates.")
    message = account.new_message()
    message.to.add(USER)
    message.subject = "Crates on Monday"
    message.body = "<p>They arrive at nine.</p>"
    message.attachments.add(file)

    assert message.send()

    inbox = account.mailbox().inbox_folder()
    query = account.mailbox().q().equals("subject", "Crates on Monday")
    (arrived,) = inbox.get_messages(query=query, download_attachments=True)
    assert arrived.sender.address == USER
    assert "They arrive at nine." in arrived.body
    (attachment,) = arrived.attachments
    assert attachment.save(tmp_path, custom_name="copy.txt")
    assert (tmp_path / "copy.txt").read_text() == "Twelve crates."


def test_a_reply_goes_to_the_sender_and_quotes_the_message(account: Account) -> None:
    received = next(iter(account.mailbox().inbox_folder().get_messages(limit=1)))

    reply = received.reply(to_all=False)
    reply.body = "Agreed."
    assert reply.send()

    query = account.mailbox().q().equals("subject", f"RE: {received.subject}")
    (sent,) = account.mailbox().sent_folder().get_messages(query=query)
    assert [recipient.address for recipient in sent.to] == [received.sender.address]
    assert "Agreed." in sent.body


def test_a_draft_is_saved_moved_and_deleted(account: Account) -> None:
    draft = account.mailbox().new_message()
    draft.subject = "To be moved"
    assert draft.save_draft()

    assert draft.move(account.mailbox().archive_folder())

    query = account.mailbox().q().equals("subject", "To be moved")
    (moved,) = account.mailbox().archive_folder().get_messages(query=query)
    assert moved.delete()
    assert not list(account.mailbox().archive_folder().get_messages(query=query))


def test_a_folder_is_created_under_the_inbox(account: Account) -> None:
    created = account.mailbox().inbox_folder().create_child_folder("Deliveries")

    assert created.name == "Deliveries"
    assert "Deliveries" in [folder.name for folder in account.mailbox().inbox_folder().get_folders()]


def visit(account: Account, subject: str, day: int) -> Any:
    """A saved event of an hour in March 2027, Berlin time."""
    event = account.schedule().get_default_calendar().new_event(subject)
    event.start = dt.datetime(2027, 3, day, 9, tzinfo=BERLIN)
    event.end = dt.datetime(2027, 3, day, 10, tzinfo=BERLIN)
    event.attendees.add(COLLEAGUE)
    assert event.save()
    return event


def test_an_event_is_created_and_listed_in_the_zone_of_the_client(account: Account) -> None:
    visit(account, "Harbour visit", 2)
    calendar = account.schedule().get_default_calendar()

    query = account.mailbox().q().equals("subject", "Harbour visit")
    (listed,) = calendar.get_events(query=query, include_recurring=False)

    assert listed.start == dt.datetime(2027, 3, 2, 9, tzinfo=BERLIN)
    assert listed.organizer.address == USER
    assert [attendee.address for attendee in listed.attendees] == [COLLEAGUE]


def test_the_view_of_a_week_holds_the_occurrences_of_a_series(account: Account) -> None:
    calendar = account.schedule().get_default_calendar()
    event = calendar.new_event("Crate count")
    event.start = dt.datetime(2027, 3, 1, 8, tzinfo=BERLIN)
    event.end = dt.datetime(2027, 3, 1, 9, tzinfo=BERLIN)
    event.recurrence.set_daily(1, start=dt.date(2027, 3, 1), occurrences=5)
    assert event.save()

    found = calendar.get_events(
        start_recurring=dt.datetime(2027, 3, 2, tzinfo=BERLIN),
        end_recurring=dt.datetime(2027, 3, 5, tzinfo=BERLIN),
    )

    days = [one.start.day for one in found if one.subject == "Crate count"]
    assert days == [2, 3, 4]


def test_an_event_is_deleted(account: Account) -> None:
    event = visit(account, "Harbour visit", 2)

    assert event.delete()

    with pytest.raises(HTTPError, match="404"):
        account.schedule().get_default_calendar().get_event(event.object_id)


def upload_and_download(account: Account, folder: Path, size_bytes: int) -> Any:
    """Send a file to the drive's root and fetch it again under another name."""
    content = bytes(range(256)) * (size_bytes // 256)
    (folder / "list of crates.bin").write_bytes(content)
    root = account.storage().get_default_drive().get_root_folder()

    uploaded = root.upload_file(folder / "list of crates.bin")
    assert uploaded.size == size_bytes
    assert uploaded.download(to_path=folder, name="copy.bin")

    assert (folder / "copy.bin").read_bytes() == content
    return uploaded


def test_a_small_file_is_uploaded_and_downloaded(account: Account, tmp_path: Path) -> None:
    uploaded = upload_and_download(account, tmp_path, 64 * 1024)

    listed = account.storage().get_default_drive().get_root_folder().get_items()
    assert uploaded.object_id in [item.object_id for item in listed]


def test_a_large_file_is_uploaded_in_fragments_without_a_token(
    account: Account, sandbox: Sandbox, tmp_path: Path
) -> None:
    upload_and_download(account, tmp_path, 12 * 1024 * 1024)

    fragments = [one for one in sandbox.requests_to("^/content/") if one["method"] == "PUT"]
    assert len(fragments) > 1
    assert [one["status"] for one in fragments] == [202] * (len(fragments) - 1) + [201]
    assert not any(one["bears_authorization"] for one in fragments)


def test_a_folder_is_created_and_found_by_its_path(account: Account) -> None:
    drive = account.storage().get_default_drive()
    created = drive.get_root_folder().create_child_folder("Deliveries & more")

    found = drive.get_item_by_path("/Deliveries & more")

    assert found.object_id == created.object_id
    assert found.is_folder


def test_files_come_page_by_page(account: Account, tmp_path: Path) -> None:
    folder = account.storage().get_default_drive().get_root_folder().create_child_folder("Many")
    for number in range(5):
        (tmp_path / f"{number}.txt").write_text("crates")
        folder.upload_file(tmp_path / f"{number}.txt")

    names = [item.name for item in folder.get_items(limit=100, batch=2)]

    assert sorted(names) == [f"{number}.txt" for number in range(5)]

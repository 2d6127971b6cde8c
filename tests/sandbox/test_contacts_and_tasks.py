"""Contacts, tasks, people and mailbox settings: what their methods do to the sandbox, and for whom."""

from __future__ import annotations

from typing import Any

import pytest

from connector.content import Content
from connector.errors import Forbidden, InvalidInput
from tests.live_sandbox import Live, catalogue
from tests.sandbox.stage import OneToken, Stage, prepared

SERVICES = ("contacts", "todo", "people", "mailbox_settings")
FOR_APPS = [
    name
    for service in SERVICES
    for name in catalogue().manifest.services[service].methods
    if "application" in catalogue()[name].scopes
]
SCOPES = (
    "Contacts.ReadWrite", "Tasks.ReadWrite", "People.Read", "MailboxSettings.ReadWrite", "User.Read",
)  # fmt: skip


@pytest.fixture
def owner(live: Live) -> Live:
    """A user who granted all of it."""
    live.sign_in(SCOPES)
    return live


@pytest.fixture
def task(owner: Live) -> dict[str, str]:
    """The inputs that name a new task."""
    [made] = owner.items("todo_lists.create", list={"displayName": "Travel"})
    [task] = owner.items("todo_tasks.create", list_id=made["id"], task={"title": "Book a room"})
    return {"list_id": made["id"], "task_id": task["id"]}


@pytest.mark.parametrize("name", FOR_APPS)
def test_an_app_without_user_needs_the_declared_permissions_and_no_others(stage: Stage, name: str) -> None:
    scene = stage.scene(name, "fabrikoast", "user")
    params = prepared(scene)

    def run(*permissions: str) -> None:
        body = {"company": scene.domain, "user": None, "permissions": list(permissions)}
        token = stage.live.control("POST", "/tokens", body)["access_token"]
        for page in stage.live.platform.connector(OneToken(token)).iterate("any", name, params):
            for item in page.items:
                if isinstance(item, Content):
                    item.read()

    with pytest.raises(Forbidden):
        run("Files.Read.All")
    run(*scene.method.scopes["application"])


@pytest.mark.parametrize(
    ("name", "params", "listing", "label"),
    [
        ("contacts.create", {"contact": {"displayName": "Ann Lee"}}, "contacts.list", "displayName"),
        (
            "contact_folders.create",
            {"folder": {"displayName": "Press"}},
            "contact_folders.list",
            "displayName",
        ),
        ("todo_lists.create", {"list": {"displayName": "Garden"}}, "todo_lists.list", "displayName"),
    ],
)
def test_a_lost_answer_makes_nothing_twice(
    owner: Live, name: str, params: dict[str, Any], listing: str, label: str
) -> None:
    wanted = next(iter(params.values()))[label]
    owner.fault("reset_after", method="POST")
    [made] = owner.items(name, **params)
    assert made[label] == wanted
    assert [item[label] for item in owner.items(listing)].count(wanted) == 1


@pytest.mark.parametrize(
    ("part", "params", "label"),
    [
        ("todo_tasks", {"task": {"title": "Pay"}}, "title"),
        ("todo_checklist", {"step": {"displayName": "Pay"}}, "displayName"),
        ("todo_links", {"link": {"displayName": "Pay", "externalId": "7"}}, "displayName"),
        ("todo_attachments", {"name": "Pay", "content": b"x"}, "name"),
    ],
)
def test_a_lost_answer_makes_no_part_of_a_list_or_a_task_twice(
    owner: Live, task: dict[str, str], part: str, params: dict[str, Any], label: str
) -> None:
    place = {"list_id": task["list_id"]} if part == "todo_tasks" else task
    owner.fault("reset_after", method="POST")
    [made] = owner.items(f"{part}.create", **place, **params)
    assert made[label] == "Pay"
    assert [item[label] for item in owner.items(f"{part}.list", **place)].count("Pay") == 1


def test_a_contact_is_found_changed_and_photographed(owner: Live) -> None:
    [made] = owner.items("contacts.create", contact={"givenName": "Ann", "surname": "O'Hara"})
    owner.execute("contacts.update", contact_id=made["id"], contact={"jobTitle": "Owner"})
    assert [found["jobTitle"] for found in owner.items("contacts.search", text="o'h")] == ["Owner"]
    picture = b"\xff\xd8\xff picture"
    owner.execute("contacts.update_photo", contact_id=made["id"], content=picture)
    assert owner.items("contacts.get_photo", contact_id=made["id"])[0].read() == picture
    with pytest.raises(InvalidInput):
        owner.execute("contacts.update_photo", contact_id=made["id"], content=bytes(4 * 1024 * 1024 + 1))


@pytest.mark.parametrize("noun", ["contacts", "contact_folders", "todo_lists"])
def test_a_cursor_goes_on_where_the_last_round_ended(owner: Live, noun: str) -> None:
    entity = {"contacts": "contact", "contact_folders": "folder", "todo_lists": "list"}[noun]
    first = owner.execute(f"{noun}.delta")
    assert first.items
    [made] = owner.items(f"{noun}.create", **{entity: {"displayName": "New"}})
    second = owner.m365.execute("fabrikoast", f"{noun}.delta", {}, cursor=first.cursor)
    assert [item["id"] for item in second.items] == [made["id"]]


def test_a_completed_task_is_done_on_the_day(owner: Live, task: dict[str, str]) -> None:
    [done] = owner.items("todo_tasks.complete", **task)
    assert (done["status"], "completedDateTime" in done) == ("completed", True)
    open_tasks = owner.items("todo_tasks.list", list_id=task["list_id"], filter="status ne 'completed'")
    assert open_tasks == []


def test_automatic_replies_come_and_go(owner: Live) -> None:
    moment = {"dateTime": "2026-05-04T00:00:00", "timeZone": "UTC"}
    with pytest.raises(InvalidInput):
        owner.execute("automatic_replies.set", status="scheduled", start=moment)
    owner.execute("automatic_replies.set", status="alwaysEnabled", internal_message="Back on Monday.")
    [replies] = owner.items("automatic_replies.get")
    assert replies["status"] == "alwaysEnabled"
    assert "Back on Monday." in replies["internalReplyMessage"]
    owner.execute("automatic_replies.disable")
    assert owner.items("automatic_replies.get")[0]["status"] == "disabled"


def test_what_a_mailbox_can_be_set_to_can_be_set(owner: Live) -> None:
    zone = owner.items("mailbox.list_time_zones", names="windows")[7]["alias"]
    locale = owner.items("mailbox.list_languages")[-1]["locale"]
    settings = {"timeZone": zone, "language": {"locale": locale}}
    owner.execute("mailbox_settings.update", settings=settings)
    [now] = owner.items("mailbox_settings.get", select=["timeZone", "language"])
    assert (now["timeZone"], now["language"]["locale"]) == (zone, locale)

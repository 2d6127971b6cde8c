from __future__ import annotations

from typing import Any

import pytest

from connector.proof.permissions import includes
from tests.proof.small import MANIFEST, SCOPES, World, example, listing, permission, row, scope, updating


def with_permission(name: str, **entry: Any) -> dict[str, Any]:
    return {**MANIFEST, "permissions": {**MANIFEST["permissions"], name: permission(**entry)}}


def test_a_scope_that_is_not_enough_fails_and_the_right_one_is_named(world: World) -> None:
    found = world.prove(updating(scopes={"delegated": ["Mail.Read"]}))

    assert found.scopes == "failed"
    assert (
        "PATCH /me/messages/{id}: Mail.Read (delegated) is not enough; needed is Mail.ReadWrite"
        in found.problems
    )


def test_a_scope_that_is_more_than_needed_fails(world: World) -> None:
    found = world.prove(listing(scopes={"delegated": ["Mail.ReadWrite"]}))

    assert "Mail.ReadWrite (delegated) is more than any request needs; enough is Mail.Read" in found.problems


def test_a_second_scope_that_no_request_needs_fails(world: World) -> None:
    found = world.prove(listing(scopes={"delegated": ["Mail.Read", "Mail.Send"]}))

    assert "Mail.Send (delegated) is more than any request needs; enough is Mail.Read" in found.problems


def test_a_scope_that_only_the_second_request_of_an_upload_needs_is_no_excess(world: World) -> None:
    world.rows = [
        *world.rows,
        row("POST", "/me/root:/{id}:/createuploadsession", "Mail.ReadWrite"),
        row("PUT", "/me/root:/{id}:/content", "Mail.Send Mail.ReadWrite"),
    ]
    from tests.proof.small import uploading

    assert world.prove(uploading()).scopes == "ok"


def test_a_request_without_an_entry_fails_until_its_kin_has_one(world: World) -> None:
    world.rows = [one for one in world.rows if one["method"] != "PATCH"]
    alone = world.prove(updating())
    world.rows = [*world.rows, row("PATCH", "/users/{id}/messages/{id}", "Mail.ReadWrite")]

    assert "PATCH /me/messages/{id}: the table of requests has no entry for it" in alone.problems
    assert world.prove(updating()).scopes == "ok"


def test_the_table_is_read_without_regard_to_letter_case_and_names_of_keys(world: World) -> None:
    world.rows = [row("PATCH", "/ME/Messages/{message-id}", "Mail.ReadWrite")]

    assert world.prove(updating()).scopes == "ok"


def test_application_permissions_are_held_against_their_own_list(world: World) -> None:
    world.rows = [
        {**one, "application": ["Mail.ReadWrite"], "application_least": ["Mail.ReadWrite"]}
        for one in world.rows
    ]

    found = world.prove(listing())

    assert any("Mail.Read (application) is not enough" in problem for problem in found.problems)
    assert not any("(delegated)" in problem for problem in found.problems)


def test_an_app_without_a_user_cannot_have_a_method_of_me_alone(world: World) -> None:
    found = world.prove(updating(scopes={"delegated": ["Mail.ReadWrite"], "application": ["Mail.ReadWrite"]}))

    assert any("cannot call /me" in problem for problem in found.problems)


def test_a_request_that_takes_no_application_permission_fails_in_that_mode(world: World) -> None:
    world.rows = [{**one, "application": [], "application_least": []} for one in world.rows]

    found = world.prove(listing())

    assert any("does not support it with application permissions" in problem for problem in found.problems)


def test_the_application_list_of_me_does_not_count_where_another_entry_exists(world: World) -> None:
    world.rows = [
        row("GET", "/me/messages", "Mail.Read", "Mail.ReadWrite"),
        row("GET", "/users/{id}/messages", "Mail.Read", "Mail.Read"),
        row("GET", "/me/mailfolders/{id}/messages", "Mail.Read", "Mail.ReadWrite"),
        row("GET", "/users/{id}/mailfolders/{id}/messages", "Mail.Read", "Mail.Read"),
    ]

    assert world.prove(listing()).scopes == "ok"


def test_a_least_scope_that_cannot_be_granted_gives_way_to_the_next(world: World) -> None:
    world.rows = [row("PATCH", "/me/messages/{id}", "Mail.Odd Mail.ReadWrite")]
    world.scopes = [*SCOPES, scope("Mail.Odd", guid=None)]

    assert world.prove(updating()).scopes == "ok"


@pytest.mark.parametrize(
    ("wider", "narrower", "does"),
    [
        ("Mail.ReadWrite", "Mail.Read", True),
        ("Mail.Read", "Mail.ReadBasic", True),
        ("Files.Read.All", "Files.Read", True),
        ("Mail.Read.Shared", "Mail.Read", True),
        ("Mail.Read", "Mail.ReadWrite", False),
        ("Files.Read", "Files.Read.All", False),
        ("Mail.ReadWrite", "Mail.Send", False),
        ("Calendars.ReadWrite", "Mail.Read", False),
    ],
)
def test_a_scope_s_name_says_what_it_includes(wider: str, narrower: str, does: bool) -> None:
    assert includes(wider, narrower) is does


def test_a_wrong_guid_fails_every_method_that_names_the_scope(world: World) -> None:
    world.manifest = with_permission("Mail.ReadWrite", id="99999999-9999-4999-8999-999999999999")

    report = world.report({"messages.list": listing(), "messages.update": updating()})

    assert [one.scopes for one in report.methods] == ["ok", "failed"]
    assert "Mail.ReadWrite has the delegated GUID 99999999" in report.methods[1].problems[0]


def test_a_wrong_guid_of_a_scope_that_no_method_names_is_a_problem_of_the_manifest(world: World) -> None:
    world.manifest = with_permission("Mail.Send", application_id="99999999-9999-4999-8999-999999999999")

    report = world.report({"messages.list": listing()})

    assert not report.ok
    assert any(
        problem.startswith("manifest: Mail.Send has the application GUID") for problem in report.problems
    )


def test_a_wrong_word_on_admin_consent_fails(world: World) -> None:
    world.manifest = with_permission("Mail.ReadWrite", admin=True)

    found = world.prove(updating())

    assert "Mail.ReadWrite is said to need admin consent; Microsoft says that it does not" in found.problems


def test_a_scope_that_is_not_in_the_manifest_s_table_fails(world: World) -> None:
    world.manifest = {**MANIFEST, "permissions": {}}

    found = world.prove(updating())

    assert "Mail.ReadWrite is not in the manifest's table of permissions" in found.problems


def test_a_cover_that_does_not_let_the_request_through_fails(world: World) -> None:
    world.manifest = with_permission("Mail.ReadWrite", covered_by=["Mail.Send"])

    found = world.prove(updating())

    assert any("Mail.Send is said to cover Mail.ReadWrite" in problem for problem in found.problems)


def test_a_cover_that_is_no_scope_fails(world: World) -> None:
    world.manifest = with_permission("Mail.ReadWrite", covered_by=["Mail.ReadWrit"])

    found = world.prove(updating())

    assert "Mail.ReadWrite refers to Mail.ReadWrit, which is no scope of Graph" in found.problems


def test_without_the_tables_scopes_are_skipped(world: World, tmp_path: Any) -> None:
    from connector.proof.overlay import Overlay
    from connector.proof.prove import prove
    from connector.proof.reference import Reference
    from tests.proof.small import catalogue

    world.report({"messages.list": listing()}, [example("GET", "/me/messages")])
    reference = Reference.open(tmp_path / "metadata.csdl.xml")

    (found,) = prove(catalogue({"messages.list": listing()}), reference, Overlay()).methods

    assert (found.path, found.scopes, found.examples_total) == ("ok", "skipped", 0)

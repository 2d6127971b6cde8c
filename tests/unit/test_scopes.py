"""Permissions: what is needed, granted, missing, and to be registered."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connector.auth.scopes import (
    asked,
    at_target,
    granted,
    least,
    missing,
    needed,
    of_admin,
    required_resource_access,
)
from connector.errors import InvalidInput
from connector.spec.model import Prefix, Target
from tests.unit.scripted_entra import GRAPH, PERMISSIONS

ME, USER = Prefix("me", "/me", signed_in=True), Prefix("user", "/users/{user}", "shared")
MAILBOX = Target("mailbox", "Mailbox", (USER, ME), {})
FULL = f"{GRAPH}/Mail.Read"


def method(
    name: str, *delegated: str, application: tuple[str, ...] = (), target: Target | None = MAILBOX
) -> Any:
    return SimpleNamespace(
        name=name, scopes={"delegated": delegated, "application": application}, target=target
    )


READ = method("messages.get", "Mail.Read", application=("Mail.Read",))
WRITE = method("messages.update", "Mail.ReadWrite", application=("Mail.ReadWrite",))
SEND = method("messages.send", "Mail.Send")


def test_the_least_set_leaves_out_what_others_cover() -> None:
    assert needed([READ, SEND], "delegated", PERMISSIONS) == ("Mail.Read", "Mail.Send")
    assert needed([READ, WRITE], "delegated", PERMISSIONS) == ("Mail.ReadWrite",)
    assert needed([], "delegated", PERMISSIONS) == ()


def test_another_target_needs_another_permission() -> None:
    assert needed([READ], "delegated", PERMISSIONS, ["user"]) == ("Mail.Read.Shared",)
    assert needed([READ], "delegated", PERMISSIONS, ["me", "user"]) == ("Mail.Read", "Mail.Read.Shared")
    assert needed([READ], "application", PERMISSIONS, ["user"]) == ("Mail.Read",)
    no_target = method("users.get", "User.Read", target=None)
    assert needed([no_target], "delegated", PERMISSIONS, ["user"]) == ("User.Read",)


def test_one_call_needs_what_its_target_asks_for() -> None:
    assert at_target(READ, None, "delegated", PERMISSIONS) == ("Mail.Read",)
    assert at_target(READ, ME, "delegated", PERMISSIONS) == ("Mail.Read",)
    assert at_target(READ, USER, "delegated", PERMISSIONS) == ("Mail.Read.Shared",)
    assert at_target(SEND, USER, "delegated", PERMISSIONS) == ("Mail.Send",)
    assert at_target(SEND, USER, "application", PERMISSIONS) == ()


def test_methods_that_do_not_exist_in_a_mode_are_all_named() -> None:
    with pytest.raises(InvalidInput) as refused:
        needed([READ, SEND, method("x.y", "User.Read")], "application", PERMISSIONS)
    assert [path for path, _ in refused.value.problems] == ["messages.send", "x.y"]


@settings(max_examples=60)
@given(st.sets(st.sampled_from(sorted(PERMISSIONS))))
def test_the_least_set_covers_all_and_nothing_in_it_is_spare(scopes: set[str]) -> None:
    kept = least(scopes, PERMISSIONS)
    assert set(kept) <= scopes
    assert missing(kept, scopes, PERMISSIONS) == ()
    for scope in kept:
        assert missing([each for each in kept if each != scope], scopes, PERMISSIONS) != ()


def test_of_two_that_cover_each_other_one_stays() -> None:
    table = {name: SimpleNamespace(covered_by=(other,)) for name, other in (("A", "B"), ("B", "A"))}
    assert least(["B", "A"], table) == ("A",)  # type: ignore[arg-type]


def test_a_higher_permission_covers_a_lower_one_and_not_the_reverse() -> None:
    assert missing(["Mail.ReadWrite"], ["Mail.Read"], PERMISSIONS) == ()
    assert missing(["Mail.Read"], ["Mail.ReadWrite"], PERMISSIONS) == ("Mail.ReadWrite",)


def test_what_is_missing_comes_in_the_order_it_was_wanted() -> None:
    wanted = ["openid", "Mail.Send", "offline_access", "Mail.Read", "User.Read"]
    assert missing(["user.read"], wanted, PERMISSIONS) == ("Mail.Send", "Mail.Read")


@pytest.mark.parametrize(
    "text",
    [
        "Mail.Read User.Read",
        "user.read mail.read",
        f"{FULL} {GRAPH}/User.Read",
        f"{FULL.upper()} User.Read",
        quote("Mail.Read User.Read"),
        quote(f"{FULL} User.Read", safe=""),
        "  User.Read \t Mail.Read  Mail.Read ",
    ],
)
def test_a_tokens_scope_means_the_same_in_every_form(text: str) -> None:
    assert granted(text, GRAPH, PERMISSIONS) == ("Mail.Read", "User.Read")


def test_permissions_of_other_services_keep_their_whole_name() -> None:
    other = "https://outlook.example.com/Mail.Read"
    assert granted(f"{other} Some.New", GRAPH, PERMISSIONS) == ("Some.New", other)
    assert missing([other], ["Mail.Read"], PERMISSIONS) == ("Mail.Read",)


@given(st.text())
def test_any_scope_text_can_be_read(text: str) -> None:
    names = granted(text, GRAPH, PERMISSIONS)
    assert names == tuple(sorted(set(names)))


def test_names_that_were_typed_get_the_tables_spelling() -> None:
    assert asked(["mail.read", "Mail.Read", "OpenID"], PERMISSIONS) == ("Mail.Read", "openid")


def test_a_misprint_gets_a_hint_and_is_not_sent() -> None:
    with pytest.raises(InvalidInput) as refused:
        asked(["File.Read", "file.readwrite", "Nonsense", "Mail.Read"], PERMISSIONS)
    assert dict(refused.value.problems) == {
        "File.Read": "is no permission; did you mean Files.Read?",
        "file.readwrite": "is no permission; did you mean Files.ReadWrite?",
        "Nonsense": "is no permission that a method uses",
    }


def test_an_administrator_grants_what_the_table_says_and_every_application_permission() -> None:
    both = ["Mail.Read", "User.Read.All"]
    assert of_admin(both, "delegated", PERMISSIONS) == ("User.Read.All",)
    assert of_admin(both, "application", PERMISSIONS) == ("Mail.Read", "User.Read.All")


def test_the_app_registration_asks_by_id() -> None:
    assert required_resource_access(["Mail.Send", "openid", "Mail.Read"], "delegated", PERMISSIONS) == [
        {
            "resourceAppId": "00000003-0000-0000-c000-000000000000",
            "resourceAccess": [
                {"id": "id-of-Mail.Read", "type": "Scope"},
                {"id": "id-of-Mail.Send", "type": "Scope"},
            ],
        }
    ]
    roles = required_resource_access(["Mail.Read"], "application", PERMISSIONS)
    assert roles[0]["resourceAccess"] == [{"id": "app-id-of-Mail.Read", "type": "Role"}]


def test_a_permission_without_an_id_cannot_be_registered() -> None:
    with pytest.raises(InvalidInput, match="does not exist as application permission"):
        required_resource_access(["Unknown.Read"], "application", PERMISSIONS)

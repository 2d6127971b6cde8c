"""Every method for people and groups, with the least that it asks for, does in the sandbox what it says."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import requests

from connector.auth.scopes import at_target
from connector.errors import InvalidInput, NotFound
from connector.loading import Platform
from connector.sandbox import Server
from connector.sandbox.seed import DEMO_CLIENT_ID, seed
from connector.settings import Settings
from connector.spec.load import load_catalogue

COMPANY = "fabrikoast.example"
ME, MANAGER, COLLEAGUE = (f"{name}@{COMPANY}" for name in ("mina.okafor", "avery.stone", "luis.brandt"))
GROUP = "00000001-0000-4000-9000-000000000001"
SKU = "c7df2760-2c81-4ef7-b578-5b5392b571df"
SESSION = "22553876-f5ab-4529-bffb-cfe50aa89f87"
CATALOGUE = load_catalogue()


class Runner:
    """Runs methods with a token that has the declared scopes at the target of the call, and no others."""

    def __init__(self, server: Server, home: Path) -> None:
        self.server, self.token_now = server, ""
        settings = Settings.from_environment({"M365_SANDBOX_URL": server.base_url, "M365_HOME": str(home)})
        platform = Platform(CATALOGUE, settings)
        self.connector = platform.connector(self, cloud="sandbox", strict_output=True)

    def token(
        self, install_id: str, connection_id: str, *, renew: bool = False, claims: str | None = None
    ) -> str:
        return self.token_now

    def __call__(self, name: str, *, caller: str | None = ME, **params: Any) -> list[Any]:
        """All items; `caller=None` runs it as the app without a user."""
        method = CATALOGUE[name]
        mode = "delegated" if caller else "application"
        given = next((target for key, target in method.target_inputs.items() if key in params), "me")
        prefixes = method.target.prefixes if method.target else ()
        prefix = next((one for one in prefixes if one.name == given), None)
        scopes = at_target(method, prefix, mode, CATALOGUE.manifest.permissions)
        self.token_now = self.issue(scopes, caller)
        pages = self.connector.iterate("fabrikoast", name, params)
        return [item for page in pages for item in page.items]

    def issue(self, scopes: tuple[str, ...], caller: str | None) -> str:
        world = self.server.world
        tenant = world.tenant(COMPANY)
        assert tenant is not None
        user = tenant.find_user(caller) if caller else None
        return world.issue_access_token(
            tenant, DEMO_CLIENT_ID, user["id"] if user else None, frozenset(scopes)
        )


@pytest.fixture
def run(server: Server, tmp_path: Path) -> Runner:
    """The sandbox as it was seeded."""
    with server.world.lock:
        server.world.clear()
        seed(server.world)
    return Runner(server, tmp_path)


def id_of(run: Runner, name: str) -> str:
    return str(run("users.get", user_id=name)[0]["id"])


# People


def test_changed_users_come_once(run: Runner):
    everyone = run("users.delta", select=["displayName"])
    assert len(everyone) == 10
    assert run("users.delta", filter=f"id eq '{everyone[0]['id']}'")[0]["id"] == everyone[0]["id"]


def test_a_manager_is_set_read_and_removed(run: Runner):
    manager = id_of(run, COLLEAGUE)
    run("users.set_manager", user_id=ME, manager_id=manager)
    assert run("users.get_manager")[0]["id"] == manager
    assert [person["id"] for person in run("users.list_direct_reports", user=COLLEAGUE)] == [id_of(run, ME)]
    run("users.remove_manager", user_id=ME)
    with pytest.raises(NotFound):
        run("users.get_manager", user=ME)
    assert run("users.list_direct_reports") == []


def test_memberships_are_listed_for_me_for_another_and_for_an_app(run: Runner):
    assert [group["displayName"] for group in run("users.list_groups")] == ["Launch Team"]
    assert run("users.list_groups", user=COLLEAGUE, select=["id"])[0]["id"] == GROUP
    assert run("users.list_groups", user=COLLEAGUE, caller=None)[0]["id"] == GROUP


def test_nested_groups_count_as_memberships(run: Runner):
    outer = run("groups.create", group=security_group("outer"))[0]["id"]
    inner = run("groups.create", group=security_group("inner"))[0]["id"]
    run("groups.add_member", group_id=inner, member_id=id_of(run, ME))
    run("groups.add_member", group_id=outer, member_id=inner)
    assert {group["id"] for group in run("users.list_groups")} == {GROUP, inner}
    assert {group["id"] for group in run("users.list_groups_transitive")} == {GROUP, inner, outer}
    asked = [outer, inner, "11111111-1111-4111-8111-111111111111"]
    assert run("users.check_groups", group_ids=asked) == [outer, inner]
    assert run("users.check_groups", group_ids=[outer], user=COLLEAGUE) == []
    assert run("users.check_groups", group_ids=[GROUP], user=COLLEAGUE, caller=None) == [GROUP]


@pytest.mark.parametrize(
    ("target", "caller"), [({}, ME), ({"user": COLLEAGUE}, ME), ({"user": COLLEAGUE}, None)]
)
def test_a_photo_is_replaced_in_all_sizes(run: Runner, target: dict[str, str], caller: str | None):
    before = run("users.get_photo_metadata", caller=caller, **target)[0]
    assert (before["width"], before["@odata.mediaContentType"]) == (648, "image/jpeg")
    small = run("users.get_photo_metadata", size="48x48", caller=caller, **target)[0]
    assert small["width"] == 48
    picture = run("users.get_photo", size="48x48", caller=caller, **target)[0].read()
    run("users.update_photo", content=picture, caller=caller, **target)
    assert run("users.get_photo", caller=caller, **target)[0].read() == picture
    assert run("users.get_photo_metadata", caller=caller, **target)[0]["width"] == 48


def test_a_group_has_a_photo_too(run: Runner):
    new = run("groups.create", group=CATALOGUE["groups.create"].example["group"])[0]["id"]
    with pytest.raises(NotFound):
        run("users.get_photo", group=new)
    picture = run("users.get_photo", group=GROUP)[0].read()
    run("users.update_photo", group=new, content=picture)
    assert run("users.get_photo", group=new)[0].read() == picture


def test_a_photo_that_is_too_large_is_not_sent(run: Runner):
    with pytest.raises(InvalidInput, match="at most 4194304"):
        run("users.update_photo", content=bytes(4194305))


def test_a_licence_comes_with_the_mailbox_and_goes(run: Runner):
    person = f"nomail.kim@{COMPANY}"
    assert run("users.list_licenses", user=person) == []
    given = run("users.assign_license", user_id=person, add_licenses=[{"skuId": SKU}])[0]
    assert given["assignedLicenses"] == [{"skuId": SKU, "disabledPlans": []}]
    assert run("users.list_licenses", user=person)[0]["skuPartNumber"] == "ENTERPRISEPREMIUM"
    assert run("mail_folders.list", caller=person) != []
    run("users.assign_license", user_id=person, remove_licenses=[SKU])
    assert run("users.list_licenses", user=person, caller=None) == []


def test_assigning_nothing_is_refused_before_the_request(run: Runner):
    with pytest.raises(InvalidInput, match="remove_licenses"):
        run("users.assign_license", user_id=ME)


def test_sessions_are_revoked(run: Runner):
    run("users.revoke_sessions", user_id=COLLEAGUE)
    tenant = run.server.world.tenant(COMPANY)
    assert tenant is not None
    account = tenant.accounts[id_of(run, COLLEAGUE)]
    assert account.sessions_valid_from <= run.server.world.clock.now()
    assert account.sessions_valid_from.year > 2000


def test_a_guest_is_invited_and_found(run: Runner):
    invitation = {
        "invitedUserEmailAddress": "guest@fabrikam.example",
        "inviteRedirectUrl": "https://app.example",
    }
    made = run("users.invite_guest", invitation=invitation)[0]
    assert made["status"] == "PendingAcceptance"
    again = run("users.invite_guest", invitation=invitation)[0]
    assert again["invitedUser"]["id"] == made["invitedUser"]["id"]
    assert run("users.get", user_id=made["invitedUser"]["id"])[0]["mail"] == "guest@fabrikam.example"


def test_a_deleted_user_comes_back_with_the_groups_or_goes_for_good(run: Runner):
    person = id_of(run, COLLEAGUE)
    run("users.delete", user_id=person)
    assert [user["id"] for user in run("users.list_deleted", order_by=["deletedDateTime desc"])] == [person]
    assert run("users.restore_deleted", user_id=person)[0]["userPrincipalName"] == COLLEAGUE
    assert run("users.list_groups", user=person)[0]["id"] == GROUP
    run("users.delete", user_id=person)
    run("users.purge_deleted", user_id=person)
    assert run("users.list_deleted") == []


# Presence


def test_presence_follows_from_session_and_preference(run: Runner):
    assert run("users.get_presence")[0]["availability"] == "Offline"
    run("users.set_presence", session_id=SESSION, availability="Busy", activity="InACall", duration="PT1H")
    assert run("users.get_presence", user=ME)[0]["activity"] == "InACall"
    run("users.set_preferred_presence", availability="DoNotDisturb", activity="DoNotDisturb")
    assert run("users.get_presences", user_ids=[id_of(run, ME)])[0]["availability"] == "DoNotDisturb"
    run("users.clear_preferred_presence")
    assert run("users.get_presence")[0]["activity"] == "InACall"
    run("users.clear_presence", session_id=SESSION)
    assert run("users.get_presence")[0]["availability"] == "Offline"


def test_the_presence_of_others_is_refused_before_the_request(run: Runner):
    with pytest.raises(InvalidInput, match="signed in"):
        run("users.clear_presence", user=COLLEAGUE, session_id=SESSION)


def test_a_status_message_shows_until_it_is_taken_away(run: Runner):
    expires = {"dateTime": "2036-05-05T15:00:00", "timeZone": "Europe/Berlin"}
    run("users.set_status_message", text="Back at three.", expires=expires)
    message = run("users.get_presence")[0]["statusMessage"]
    assert message["message"]["content"] == "Back at three."
    run("users.set_status_message", text="")
    assert run("users.get_presence")[0]["statusMessage"] is None


@pytest.mark.parametrize(
    ("method", "availability", "activity"),
    [
        ("users.set_presence", "Busy", "Away"),
        ("users.set_presence", "DoNotDisturb", "Available"),
        ("users.set_preferred_presence", "Offline", "Away"),
        ("users.set_preferred_presence", "Away", "Busy"),
    ],
)
def test_states_that_do_not_go_together_are_refused_before_the_request(
    run: Runner, method: str, availability: str, activity: str
):
    session = {"session_id": SESSION} if method == "users.set_presence" else {}
    with pytest.raises(InvalidInput, match="activity"):
        run(method, availability=availability, activity=activity, **session)


# Around


def test_trending_documents_have_a_name_and_an_address(run: Runner):
    found = run("users.list_trending_documents", page_size=3)
    assert found[0]["resourceVisualization"]["title"]
    assert found[0]["resourceReference"]["webUrl"].startswith("https://")


def test_the_organisation_is_one(run: Runner):
    assert [one["displayName"] for one in run("users.get_organization")] == ["Fabrikoast"]
    assert run("users.get_organization", caller=None, select=["id"])


@pytest.mark.parametrize("other", ["restId", "ewsId", "entryId", "immutableEntryId"])
def test_ids_are_translated_there_and_back(run: Runner, other: str):
    lasting = run("messages.list", page_size=1)[0]["id"]
    there = run(
        "users.translate_ids", ids=[lasting], source_format="restImmutableEntryId", target_format=other
    )
    assert there[0]["targetId"] != lasting
    back = run(
        "users.translate_ids", ids=[there[0]["targetId"]], source_format=other,
        target_format="restImmutableEntryId",
    )  # fmt: skip
    assert back[0]["targetId"] == lasting


def test_an_id_that_means_nothing_comes_back_with_the_reason(run: Runner):
    found = run("users.translate_ids", ids=["AAMk"], source_format="restId", target_format="ewsId")[0]
    assert found["errorDetails"]["code"] == "ErrorInvalidIdMalformed"


# Groups


def security_group(nickname: str) -> dict[str, Any]:
    return {
        "displayName": nickname.title(), "mailNickname": nickname, "mailEnabled": False,
        "securityEnabled": True,
    }  # fmt: skip


@pytest.mark.parametrize("caller", [ME, None])
def test_a_group_is_created_found_changed_and_deleted(run: Runner, caller: str | None):
    group = CATALOGUE["groups.create"].example["group"]
    made = run("groups.create", group=group, caller=caller)[0]
    assert made["mail"] == f"sales@{COMPANY}"
    assert [found["id"] for found in run("groups.list", text="sal", caller=caller)] == [made["id"]]
    run("groups.update", group_id=made["id"], group={"description": "All."}, caller=caller)
    assert run("groups.get", group_id=made["id"], select=["description"])[0]["description"] == "All."
    run("groups.delete", group_id=made["id"], caller=caller)
    with pytest.raises(NotFound):
        run("groups.get", group_id=made["id"], caller=caller)


def test_members_and_owners_come_and_go(run: Runner):
    person = id_of(run, f"priya.nair@{COMPANY}")
    before = len(run("groups.list_members", group_id=GROUP))
    run("groups.remove_member", group_id=GROUP, member_id=person)
    run("groups.add_owner", group_id=GROUP, owner_id=person)
    assert person in [owner["id"] for owner in run("groups.list_owners", group_id=GROUP)]
    assert len(run("groups.list_members", group_id=GROUP)) == before - 1
    run("groups.remove_owner", group_id=GROUP, owner_id=person)
    run("groups.add_member", group_id=GROUP, member_id=person)
    members = run("groups.list_members", group_id=GROUP, caller=None, select=["id", "displayName"])
    assert person in [member["id"] for member in members]


def test_a_thread_gets_a_reply(run: Runner):
    thread = run("groups.list_threads", group_id=GROUP)[0]
    run(
        "groups.reply_to_thread",
        group_id=GROUP,
        thread_id=thread["id"],
        post={"body": {"content": "I agree."}},
    )
    after = run("groups.list_threads", group_id=GROUP, caller=None)[0]
    assert (after["preview"], "Mina Okafor" in after["uniqueSenders"]) == ("I agree.", True)
    assert run("groups.list_conversations", group_id=GROUP)[0]["preview"] == "I agree."


# Lost answers


LOST: list[tuple[str, str, Callable[[Runner], dict[str, Any]]]] = [
    ("groups.create", "POST", lambda run: {"group": security_group("lost")}),
    ("groups.add_member", "POST", lambda run: {"group_id": GROUP, "member_id": id_of(run, f"office@{COMPANY}")}),
    ("groups.add_owner", "POST", lambda run: {"group_id": GROUP, "owner_id": id_of(run, f"office@{COMPANY}")}),
    (
        "groups.reply_to_thread", "POST",
        lambda run: {
            "group_id": GROUP, "thread_id": run("groups.list_threads", group_id=GROUP)[0]["id"],
            "post": {"body": {"contentType": "text", "content": "Once."}},
        },
    ),
]  # fmt: skip
WIDE = ("Group.ReadWrite.All", "GroupMember.ReadWrite.All", "Directory.ReadWrite.All")


@pytest.mark.parametrize(("method", "verb", "prepare"), LOST, ids=[case[0] for case in LOST])
def test_a_write_whose_answer_was_lost_is_found_and_not_repeated(
    run: Runner, method: str, verb: str, prepare: Callable[[Runner], dict[str, Any]]
):
    params = prepare(run)
    with requests.Session() as control:
        control.trust_env = False
        control.post(f"{run.server.base_url}/_sandbox/faults", json={"kind": "reset_after", "method": verb})
        run.token_now = run.issue(WIDE, ME)
        run.connector.execute("fabrikoast", method, params)
        journal = control.get(f"{run.server.base_url}/_sandbox/journal").json()["requests"]
    assert [
        entry["method"] for entry in journal if entry["method"] == verb and "/v1.0/" in entry["path"]
    ] == [verb]

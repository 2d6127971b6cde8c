"""Records every cassette again, from the sandbox: `python -m tests.record`.

A method that no case names is recorded with its example, and with what `tests.sandbox.stage` prepares for it.

Each case starts from the same sandbox, at the same moment, so that a recording changes only when the
connector, or the sandbox, does. What a case needs beforehand is made by calls that are not recorded.
"""

from __future__ import annotations

import json
import re
import shutil
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from typing import Any

import requests

from connector.cli.record import recording
from connector.facade import Connector
from connector.loading import Platform
from connector.runtime.engine import Policy
from connector.sandbox import Server
from connector.sandbox.seed import DEMO_CLIENT_ID, FABRIKOAST_ID, seed
from connector.settings import Settings, new_key
from connector.spec.load import load_catalogue
from tests.cassette import FOLDER, Recorded, collect, no_waiting, play
from tests.sandbox.stage import Scene, prepared

NOW = datetime(2026, 5, 4, 8, tzinfo=UTC)
USER = "avery.stone@fabrikoast.example"
COLLEAGUE = "mina.okafor@fabrikoast.example"
NOTE = "Made from the sandbox of this project, not from Microsoft. All people and companies are invented."
FIVE_MIB = {"zero_bytes": 5 * 1024 * 1024}

Call = Callable[..., list[Any]]
Prepare = Callable[[Call], dict[str, Any]]


@dataclass(frozen=True)
class Case:
    """One cassette. `prepare` makes what the call needs, and gives its input; the example when left out."""

    method: str
    prepare: Prepare | None = None
    name: str = "example"
    staged: bool = False


def message(call: Call) -> str:
    return str(call("messages.list", folder_id="inbox", page_size=1)[0]["id"])


def new_draft(call: Call) -> str:
    to = [{"emailAddress": {"address": COLLEAGUE}}]
    body = {"contentType": "text", "content": "A draft."}
    return str(call("drafts.create", message={"subject": "Draft", "body": body, "toRecipients": to})[0]["id"])


def event(call: Call) -> str:
    start, end = ({"dateTime": f"2026-05-06T{hour}:00:00", "timeZone": "UTC"} for hour in ("09", "10"))
    return str(call("events.create", event={"subject": "Review", "start": start, "end": end})[0]["id"])


def invitation(call: Call) -> str:
    """A colleague invites the user."""
    start, end = ({"dateTime": f"2026-05-07T{hour}:00:00", "timeZone": "UTC"} for hour in ("09", "10"))
    attendees = [{"type": "required", "emailAddress": {"address": USER}}]
    made = {"subject": "Invitation", "start": start, "end": end, "attendees": attendees}
    call("events.create", event=made, caller=COLLEAGUE)
    return str(call("events.list", filter="subject eq 'Invitation'")[0]["id"])


def file(call: Call) -> str:
    return str(call("drive_items.upload", path="note.txt", content="bm90ZQ==", if_exists="replace")[0]["id"])


def folder(call: Call) -> str:
    return str(call("drive_items.create_folder", name="Target")[0]["id"])


def attachment(call: Call) -> dict[str, Any]:
    message_id = new_draft(call)
    made = call("attachments.add", message_id=message_id, name="hello.txt", content="aGVsbG8K")
    return {"message_id": message_id, "attachment_id": made[0]["id"]}


def new_user(call: Call) -> str:
    password = {"password": "a long first password", "forceChangePasswordNextSignIn": True}
    user = {
        "accountEnabled": True, "displayName": "New Person", "mailNickname": "new.person",
        "userPrincipalName": "new.person@fabrikoast.example", "passwordProfile": password,
    }  # fmt: skip
    return str(call("users.create", user=user)[0]["id"])


def create_user(call: Call) -> dict[str, Any]:
    return {
        "user": {
            "accountEnabled": True,
            "displayName": "Ann Lee",
            "mailNickname": "ann",
            "userPrincipalName": "ann@fabrikoast.example",
            "passwordProfile": {"password": "a long first password", "forceChangePasswordNextSignIn": True},
        }
    }


def sending(call: Call) -> dict[str, Any]:
    body = {"contentType": "text", "content": "A first message."}
    to = [{"emailAddress": {"address": COLLEAGUE}}]
    return {"message": {"subject": "Hello", "body": body, "toRecipients": to}}


CASES = (
    Case("users.get_me"),
    Case("users.list"),
    Case("users.list", lambda call: {"page_size": 4}, "pages"),
    Case("users.search", lambda call: {"text": "stone"}),
    Case("users.get", lambda call: {"user_id": COLLEAGUE}),
    Case("users.create", create_user),
    Case("users.update", lambda call: {"user_id": new_user(call), "user": {"jobTitle": "Head of sales"}}),
    Case("users.delete", lambda call: {"user_id": new_user(call)}),
    Case("calendars.list"),
    Case("calendars.create"),
    Case("calendar_groups.list"),
    Case("calendar_groups.create"),
    Case("events.list_view"),
    Case("events.list"),
    Case("events.get", lambda call: {"event_id": event(call), "time_zone": "Europe/Berlin"}),
    Case("events.create"),
    Case("events.update", lambda call: {"event_id": event(call), "event": {"subject": "Long review"}}),
    Case("events.respond", lambda call: {"event_id": invitation(call), "response": "accept"}),
    Case("events.delete", lambda call: {"event_id": event(call)}),
    Case("messages.list"),
    Case("messages.get", lambda call: {"message_id": message(call), "body_format": "html"}),
    Case("messages.send", sending),
    Case("messages.reply", lambda call: {"message_id": message(call), "comment": "Thank you."}),
    Case("messages.update", lambda call: {"message_id": message(call), "message": {"isRead": True}}),
    Case("messages.move", lambda call: {"message_id": message(call), "folder_id": "archive"}),
    Case("messages.delta"),
    Case("drafts.create"),
    Case("drafts.update", lambda call: {"message_id": new_draft(call), "message": {"subject": "Our offer"}}),
    Case("drafts.send", lambda call: {"message_id": new_draft(call)}),
    Case("attachments.list", lambda call: {"message_id": attachment(call)["message_id"]}),
    Case("attachments.add", lambda call: {"message_id": new_draft(call), "name": "a.txt", "content": "aGVsbG8K"}),
    Case("attachments.add", lambda call: {"message_id": new_draft(call), "name": "big.bin", "content": FIVE_MIB}, "session"),
    Case("attachments.download", attachment),
    Case("mail_folders.list"),
    Case("drives.get_default"),
    Case("drive_items.list_children"),
    Case("drive_items.search", lambda call: {"text": "report"}),
    Case("drive_items.get", lambda call: {"item_id": file(call)}),
    Case("drive_items.upload"),
    Case("drive_items.upload", lambda call: {"path": "big.bin", "content": FIVE_MIB}, "session"),
    Case("drive_items.download", lambda call: {"item_id": file(call)}),
    Case("drive_items.create_folder", lambda call: {"name": "Plans"}),
    Case("drive_items.copy", lambda call: {"item_id": file(call), "folder_id": folder(call), "name": "copy.txt"}),
    Case("drive_items.move", lambda call: {"item_id": file(call), "folder_id": folder(call)}),
    Case("drive_items.share", lambda call: {"item_id": file(call), "type": "view", "scope": "organization"}),
    Case("drive_items.delete", lambda call: {"item_id": file(call)}),
    Case("graph.request", lambda call: {"path": "/me", "query": {"$select": "id,displayName"}}),
)  # fmt: skip


class SandboxTokens:
    """Tokens of the sandbox's users, with every permission of the manifest; the user name is the install."""

    def __init__(self, server: Server, permissions: frozenset[str]) -> None:
        self._world = server.world
        self._permissions = permissions

    def token(self, install_id: str, *arguments: str, **options: Any) -> str:
        tenant = self._world.tenant(FABRIKOAST_ID)
        assert tenant is not None
        user = tenant.find_user(install_id if "@" in install_id else USER)
        assert user is not None
        return self._world.issue_access_token(tenant, DEMO_CLIENT_ID, user["id"], self._permissions)


class Backstage:
    """What `tests.sandbox.stage` asks of a live sandbox, where nobody has to sign in."""

    def __init__(self, server: Server, connector: Connector, tokens: SandboxTokens) -> None:
        self.server, self.m365, self._tokens = server, connector, tokens

    def graph(
        self, verb: str, path: str, body: Any = None, *, user: str, headers: dict[str, str], **others: Any
    ) -> Any:
        """Graph's own answer, asked without the connector."""
        token = self._tokens.token(f"{user}@fabrikoast.example")
        url = f"{self.server.graph_url}{path}"
        headers = {"Authorization": f"Bearer {token}", **headers}
        answer = requests.request(verb, url, json=body, headers=headers, timeout=30)
        assert answer.ok, answer.text
        return answer.json() if answer.content else None

    def items(self, method: str, install: str, **params: Any) -> list[Any]:
        """All items of a call of the connector."""
        return collect(self.m365, method, params, USER)


def public(text: str) -> str:
    """A text without the address at which a test listens for notifications."""
    return re.sub(r"http://127\.0\.0\.1:\d+", "https://platform.example", text)


def record(case: Case, server: Server, platform: Platform) -> None:
    """Makes one cassette, and plays it once to see what it gives."""
    with server.world.lock:
        server.world.clear()
        server.world.clock.freeze(NOW)
        seed(server.world)
    manifest = platform.catalogue.manifest
    tokens = SandboxTokens(server, frozenset(manifest.permissions))
    connector = Connector(
        platform.catalogue, tokens=lambda: tokens, senders=platform.sender, seal=lambda: platform.sealer,
        store=None, clouds=platform.clouds, default_cloud="sandbox", strict_output=True,
        policy=Policy.of(no_waiting(manifest.retry), manifest.limits, sleep=server.world.clock.advance),
    )  # fmt: skip

    def call(method: str, /, caller: str = USER, **params: Any) -> list[Any]:
        return collect(connector, method, params, caller)

    method = platform.catalogue[case.method]
    if case.prepare:
        params = case.prepare(call)
    elif case.staged:
        backstage: Any = Backstage(server, connector, tokens)
        params = prepared(Scene(backstage, "fabrikoast", method, {}, count(1)))
    else:
        params = dict(method.example)
    with tempfile.TemporaryDirectory() as work:
        draft = Path(work) / "draft.yaml"
        with recording(draft, platform.clouds["sandbox"], manifest.api, keep_personal_data=True, note=NOTE):
            collect(connector, case.method, params, USER)
        draft.write_text(public(draft.read_text(encoding="utf-8")), encoding="utf-8")
        params = json.loads(public(json.dumps(params)))
        items, _ = play(draft, Path(work), platform.catalogue, case.method, params)
        path = FOLDER / case.method.replace(".", "/") / f"{case.name}.yaml"
        path.parent.mkdir(parents=True, exist_ok=True)
        shutil.move(draft, path)
    Recorded(case.method, params, items).write(path.with_suffix(".json"))


def main() -> int:
    """Records all cases; those that fail are named, and the exit code is 1."""
    catalogue, failed = load_catalogue(), 0
    named = {case.method for case in CASES}
    cases = [*CASES, *(Case(name, staged=True) for name in catalogue if name not in named)]
    for old in FOLDER.glob("*/"):
        shutil.rmtree(old)
    with Server() as server, tempfile.TemporaryDirectory() as home:
        settings = Settings.from_environment(
            {"M365_HOME": home, "M365_SANDBOX_URL": server.base_url, "M365_SECRET_KEYS": new_key()}
        )
        platform = Platform(catalogue, settings)
        for case in cases:
            try:
                record(case, server, platform)
            except Exception as error:
                failed += 1
                print(f"{case.method}/{case.name}: {type(error).__name__}: {error}", file=sys.stderr)
    print(f"{len(cases) - failed} of {len(cases)} cassettes recorded", file=sys.stderr)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())

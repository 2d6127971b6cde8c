"""Online meetings and rooms of the sandbox."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

import pytest

from .conftest import COMPANY, Sandbox
from .outlook_calls import LUIS, code, key

OVER = {"startDateTime": "2026-01-05T09:00:00Z", "endDateTime": "2026-01-05T10:00:00Z"}
ARTIFACTS = (
    "OnlineMeetingArtifact.Read.All", "OnlineMeetingTranscript.Read.All", "OnlineMeetingRecording.Read.All",
)  # fmt: skip


@pytest.fixture
def token(sandbox: Sandbox) -> str:
    return sandbox.token("OnlineMeetings.ReadWrite", *ARTIFACTS)


def online(sandbox: Sandbox, token: str, **properties: Any) -> Any:
    answer = sandbox.graph("POST", "/me/onlineMeetings", token, json={"subject": "Talk", **properties})
    assert answer.status_code == 201, answer.text
    return answer.json()


def test_an_online_meeting_is_found_by_its_address(sandbox: Sandbox, token: str) -> None:
    made = online(sandbox, token)
    query = quote(f"JoinWebUrl eq '{made['joinWebUrl']}'", safe="")
    [found] = sandbox.get(f"/me/onlineMeetings?$filter={query}", token).json()["value"]
    assert found["id"] == made["id"]
    assert sandbox.get("/me/onlineMeetings", token).status_code == 400


def test_an_online_meeting_is_changed_and_deleted(sandbox: Sandbox, token: str) -> None:
    path = f"/me/onlineMeetings/{key(online(sandbox, token))}"
    changed = sandbox.graph(
        "PATCH", path, token, json={"lobbyBypassSettings": {"isDialInBypassEnabled": True}}
    )
    assert changed.json()["lobbyBypassSettings"] == {"scope": "organization", "isDialInBypassEnabled": True}
    early = {"startDateTime": "2027-01-05T09:00:00Z", "endDateTime": "2027-01-05T08:00:00Z"}
    assert sandbox.graph("PATCH", path, token, json=early).status_code == 400
    assert sandbox.graph("DELETE", path, token).status_code == 204
    assert sandbox.get(path, token).status_code == 404


def test_one_external_id_means_one_meeting(sandbox: Sandbox, token: str) -> None:
    path, body = "/me/onlineMeetings/createOrGet", {"externalId": "7eb8263f", "subject": "Once"}
    first, second = (sandbox.graph("POST", path, token, json=body) for _ in range(2))
    assert (first.status_code, second.status_code) == (201, 200)
    assert first.json()["id"] == second.json()["id"]
    assert sandbox.graph("POST", path, token, json={"subject": "x"}).status_code == 400
    lonely = body | {"externalId": "2", "endDateTime": OVER["endDateTime"]}
    assert sandbox.graph("POST", path, token, json=lonely).status_code == 400


def test_a_meeting_that_is_over_leaves_its_artifacts(sandbox: Sandbox, token: str) -> None:
    guest = {"upn": LUIS, "identity": {"user": {"id": "1", "displayName": "Luis"}}}
    made = online(sandbox, token, recordAutomatically=True, participants={"attendees": [guest]}, **OVER)
    path = f"/me/onlineMeetings/{key(made)}"
    [report] = sandbox.get(f"{path}/attendanceReports", token).json()["value"]
    assert report["totalParticipantCount"] == 2
    one = f"{path}/attendanceReports/{key(report)}"
    records = sandbox.get(f"{one}/attendanceRecords", token).json()["value"]
    assert [record["emailAddress"] for record in records][1] == LUIS
    assert sandbox.get(f"{one}?$expand=attendanceRecords", token).json()["attendanceRecords"] == records
    [transcript] = sandbox.get(f"{path}/transcripts", token).json()["value"]
    content = f"{path}/transcripts/{key(transcript)}/content"
    assert sandbox.get(f"{content}?$format=text/vtt", token).text.startswith("WEBVTT")
    assert sandbox.get(content, token).status_code == 400
    [recording] = sandbox.get(f"{path}/recordings", token).json()["value"]
    video = sandbox.get(f"{path}/recordings/{key(recording)}/content", token)
    assert (video.headers["Content-Type"], b"ftyp" in video.content) == ("video/mp4", True)


def test_a_meeting_to_come_has_left_nothing(sandbox: Sandbox, token: str) -> None:
    path = f"/me/onlineMeetings/{key(online(sandbox, token, recordAutomatically=True))}"
    for kind in ("attendanceReports", "transcripts", "recordings"):
        assert sandbox.get(f"{path}/{kind}", token).json()["value"] == []


def test_each_artifact_has_a_permission_of_its_own(sandbox: Sandbox, token: str) -> None:
    path = f"/me/onlineMeetings/{key(online(sandbox, token, **OVER))}"
    plain = sandbox.token("OnlineMeetings.ReadWrite")
    for kind in ("attendanceReports", "transcripts", "recordings"):
        assert sandbox.get(f"{path}/{kind}", plain).status_code == 403
    reader = sandbox.token("OnlineMeetings.Read")
    assert sandbox.graph("DELETE", path, reader).status_code == 403
    assert sandbox.get(f"/users/{LUIS}/onlineMeetings/x", reader).status_code == 403
    app = sandbox.token("OnlineMeetings.ReadWrite.All", user=None)
    assert sandbox.graph("POST", f"/users/{LUIS}/onlineMeetings", app, json={}).status_code == 201


# Rooms


def test_rooms_are_in_lists(sandbox: Sandbox) -> None:
    token = sandbox.token("Place.Read.All")
    rooms = sandbox.get("/places/microsoft.graph.room", token).json()["value"]
    lists = sandbox.get("/places/microsoft.graph.roomList", token).json()["value"]
    inside = [
        room["id"]
        for each in lists
        for room in sandbox.get(f"/places/{each['id']}/microsoft.graph.roomList/rooms", token).json()["value"]
    ]
    assert sorted(inside) == sorted(room["id"] for room in rooms)
    big = sandbox.get("/places/microsoft.graph.room?$filter=capacity ge 10", token).json()["value"]
    assert [room["nickname"] for room in big] == ["Oslo"]
    assert sandbox.get(f"/places/oslo@{COMPANY}/microsoft.graph.room", token).json()["capacity"] == 12
    assert code(sandbox.get(f"/places/{lists[0]['id']}/microsoft.graph.room", token)) == (
        404,
        "ErrorItemNotFound",
    )


def test_a_room_is_changed_as_the_kind_that_it_is(sandbox: Sandbox) -> None:
    token = sandbox.token("Place.ReadWrite.All")
    path, change = f"/places/oslo@{COMPANY}", {"@odata.type": "microsoft.graph.room", "capacity": 14}
    assert sandbox.graph("PATCH", path, token, json=change).json()["capacity"] == 14
    assert sandbox.get(path, token).json()["capacity"] == 14
    for wrong in ({"capacity": 1}, {"@odata.type": "microsoft.graph.roomList", "phone": "1"}):
        assert sandbox.graph("PATCH", path, token, json=wrong).status_code == 400
    reader = sandbox.token("Place.Read.All")
    assert sandbox.graph("PATCH", path, reader, json=change).status_code == 403

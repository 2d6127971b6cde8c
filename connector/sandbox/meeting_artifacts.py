"""What remains of an online meeting once its time is over: attendance, recordings, transcripts.

A meeting counts as held when its end has passed, with everybody who was invited; it has a recording and a
transcript when it records by itself. Sources: Microsoft: meetingAttendanceReport, callTranscript,
callRecording resource types.
"""

from __future__ import annotations

from datetime import datetime

from .answers import Answer, GraphError
from .call import Call
from .changelog import Item
from .graph import route
from .online_meetings import find_meeting, open_meetings
from .scopes import MEETING_ARTIFACTS_READ, RECORDINGS_READ, TRANSCRIPTS_READ

_MEETING = "/users/{user}/onlineMeetings/{meeting}"
_REPORT = f"{_MEETING}/attendanceReports/{{report}}"
_SECONDS = 1800


def _is_held(call: Call, meeting: Item) -> bool:
    return datetime.fromisoformat(meeting["endDateTime"]) <= call.now


def _one(items: list[Item], key: str) -> Item:
    for item in items:
        if item["id"] == key:
            return item
    raise GraphError(404, "NotFound", "The item was not found.")


# Attendance


def _reports(call: Call, user: str, key: str) -> list[Item]:
    meeting = find_meeting(open_meetings(call, user), key)
    if not _is_held(call, meeting):
        return []
    people = [meeting["participants"]["organizer"], *meeting["participants"]["attendees"]]
    records = [_record(meeting, person, number) for number, person in enumerate(people)]
    report = {
        "id": f"report-{meeting['id']}", "totalParticipantCount": len(records),
        "meetingStartDateTime": meeting["startDateTime"], "meetingEndDateTime": meeting["endDateTime"],
        "_records": records,
    }  # fmt: skip
    return [report]


def _record(meeting: Item, person: Item, number: int) -> Item:
    identity = (person.get("identity") or {}).get("user") or {}
    interval = {
        "joinDateTime": meeting["startDateTime"], "leaveDateTime": meeting["endDateTime"],
        "durationInSeconds": _SECONDS,
    }  # fmt: skip
    return {
        "id": f"record-{number}", "emailAddress": person.get("upn"), "identity": identity,
        "role": "Attendee" if number else "Organizer", "totalAttendanceInSeconds": _SECONDS,
        "attendanceIntervals": [interval],
    }  # fmt: skip


@route("GET", f"{_MEETING}/attendanceReports", MEETING_ARTIFACTS_READ)
def list_reports(call: Call, user: str, meeting: str) -> Answer:
    return call.collection(_reports(call, user, meeting), always=("id",))


@route("GET", _REPORT, MEETING_ARTIFACTS_READ)
def get_report(call: Call, user: str, meeting: str, report: str) -> Answer:
    found = _one(_reports(call, user, meeting), report)
    return call.entity(found, always=("id",), expand={"attendanceRecords": lambda item: item["_records"]})


@route("GET", f"{_REPORT}/attendanceRecords", MEETING_ARTIFACTS_READ)
def list_records(call: Call, user: str, meeting: str, report: str) -> Answer:
    return call.collection(_one(_reports(call, user, meeting), report)["_records"], always=("id",))


# Transcripts and recordings


def _recorded(call: Call, user: str, key: str, kind: str) -> list[Item]:
    meeting = find_meeting(open_meetings(call, user), key)
    if not _is_held(call, meeting) or not meeting["recordAutomatically"]:
        return []
    organizer = meeting["participants"]["organizer"]["identity"]
    item_id = f"MSMj{kind}{meeting['id']}"
    url = f"{call.origin}/v1.0/users/{user}/onlineMeetings/{key}/{kind}s/{item_id}/content"
    return [{
        "id": item_id, "meetingId": meeting["id"], "callId": f"call-{meeting['id']}",
        "contentCorrelationId": f"both-{meeting['id']}", "createdDateTime": meeting["startDateTime"],
        "endDateTime": meeting["endDateTime"], "meetingOrganizer": organizer, f"{kind}ContentUrl": url,
    }]  # fmt: skip


@route("GET", f"{_MEETING}/transcripts", TRANSCRIPTS_READ)
def list_transcripts(call: Call, user: str, meeting: str) -> Answer:
    return call.collection(_recorded(call, user, meeting, "transcript"), always=("id",))


@route("GET", f"{_MEETING}/transcripts/{{transcript}}", TRANSCRIPTS_READ)
def get_transcript(call: Call, user: str, meeting: str, transcript: str) -> Answer:
    return call.entity(_one(_recorded(call, user, meeting, "transcript"), transcript), always=("id",))


@route("GET", f"{_MEETING}/transcripts/{{transcript}}/content", TRANSCRIPTS_READ)
def get_transcript_content(call: Call, user: str, meeting: str, transcript: str) -> Answer:
    """WebVTT, when the request asks for it."""
    _one(_recorded(call, user, meeting, "transcript"), transcript)
    if "text/vtt" not in (call.query.get("$format"), call.headers.get("Accept")):
        raise GraphError(400, "BadRequest", "The format of the transcript is missing: text/vtt.")
    name = find_meeting(open_meetings(call, user), meeting)["participants"]["organizer"]["upn"]
    text = f"WEBVTT\n\n00:00:01.000 --> 00:00:03.000\n<v {name}>Good morning, everybody.</v>\n"
    return Answer(content=text.encode(), headers={"Content-Type": "text/vtt"})


@route("GET", f"{_MEETING}/recordings", RECORDINGS_READ)
def list_recordings(call: Call, user: str, meeting: str) -> Answer:
    return call.collection(_recorded(call, user, meeting, "recording"), always=("id",))


@route("GET", f"{_MEETING}/recordings/{{recording}}", RECORDINGS_READ)
def get_recording(call: Call, user: str, meeting: str, recording: str) -> Answer:
    return call.entity(_one(_recorded(call, user, meeting, "recording"), recording), always=("id",))


@route("GET", f"{_MEETING}/recordings/{{recording}}/content", RECORDINGS_READ)
def get_recording_content(call: Call, user: str, meeting: str, recording: str) -> Answer:
    _one(_recorded(call, user, meeting, "recording"), recording)
    video = b"\x00\x00\x00\x18ftypmp42\x00\x00\x00\x00mp42isom" + recording.encode()
    return Answer(content=video, headers={"Content-Type": "video/mp4"})

"""Cases 2.10, as far as methods touch files: names, paths, pieces, and operations that take time."""

from __future__ import annotations

import io
import re
import unicodedata
from contextlib import suppress
from typing import Any
from urllib.parse import unquote

import pytest

from connector.content import Content
from connector.errors import (
    Conflict,
    ConnectorError,
    InvalidInput,
    NoAnswer,
    NotFound,
    OperationFailed,
    ProtocolError,
    QuotaExceeded,
    Rejected,
)
from tests.live_sandbox import Live

FRAGMENT_UNIT = 327_680
PIECES = Content.from_bytes(bytes(range(256)) * 4096 * 5)  # 5 MiB: one more than goes in one request


@pytest.fixture
def files(live: Live) -> Live:
    """Somebody is signed in who keeps files; nothing is in the journal."""
    live.sign_in(("Files.ReadWrite",))
    live.forget_journal()
    return live


def small_pieces(live: Live, monkeypatch: pytest.MonkeyPatch) -> None:
    """Uploads go in pieces of 320 KiB, so that a small file has many."""
    method = live.m365.method("drive_items.upload")
    monkeypatch.setitem(method.flow.options, "fragment_bytes", FRAGMENT_UNIT)


def fragments(live: Live) -> list[tuple[int, int, int]]:
    """First byte, the one after the last, and the answer's status of every piece that was sent."""
    found = []
    for call in live.journal:
        if call["method"] == "PUT" and call["path"].startswith("/content/upload/"):
            first, last = re.match(r"bytes (\d+)-(\d+)/", call["headers"]["Content-Range"]).groups()
            found.append((int(first), int(last) + 1, call["status"]))
    return found


def content_of(live: Live, item_id: str) -> bytes:
    return bytes(live.execute("drive_items.download", item_id=item_id).items[0].read())


NAMES = [
    "50 % & 20 + 'thirty' #4.txt",
    "café 🎉 naïve.txt",
    unicodedata.normalize("NFD", "résumé é.txt"),
    "a;b=c,d@e!f$g(h).txt",
    "100%25.txt",
    "..hidden..txt",
]


@pytest.mark.parametrize("name", NAMES)
def test_f_01_any_name_is_the_same_name_afterwards(files, name):
    [made] = files.execute("drive_items.upload", path=f"Sub folder #1/{name}", content=b"x").items
    assert made["name"] == name
    folder = made["parentReference"]["id"]
    [listed] = files.items("drive_items.list_children", folder_id=folder)
    assert (listed["name"], listed["id"]) == (name, made["id"])
    [again] = files.execute(
        "drive_items.upload", folder_id=folder, path=name, content=b"yy", if_exists="replace"
    ).items
    assert again["id"] == made["id"]
    assert content_of(files, made["id"]) == b"yy"


@pytest.mark.parametrize("path", ["../../other.txt", "a/../../b.txt", "..", ".", "a//b.txt", "a/\x00b.txt"])
def test_f_02_a_path_that_climbs_is_refused_before_anything_is_sent(files, path):
    with pytest.raises(InvalidInput):
        files.execute("drive_items.upload", path=path, content=b"x")
    assert files.journal == []


@pytest.mark.parametrize(
    ("path", "names"),
    [
        (":/content", [":", "content"]),
        ("root:/x:/delete", ["root:", "x:", "delete"]),
        ("x:/createLink", ["x:", "createLink"]),
        ("a.txt?x=y", ["a.txt?x=y"]),
        ("a%2F..%2Fb.txt", ["a%2F..%2Fb.txt"]),
        ("/etc/passwd", ["etc", "passwd"]),
    ],
)
def test_f_02_a_path_is_nothing_but_names(files, path, names):
    """What would be syntax arrives as part of a name, or is refused by Graph as a wrong name."""
    with suppress(Rejected, InvalidInput, NotFound):
        files.execute("drive_items.upload", path=path, content=b"x")
    [sent] = files.graph_calls
    encoded = sent["path"].removeprefix("/v1.0/me/drive/root:/").removesuffix(":/content")
    assert [unquote(name) for name in encoded.split("/")] == names
    assert ":" not in encoded
    assert sent["query"] == "@microsoft.graph.conflictBehavior=fail"


@pytest.mark.parametrize("item_id", ["../../users", "01ABC/content", "01ABC:/x:", "root:/notes.txt:"])
def test_f_02_an_id_cannot_lead_elsewhere(files, item_id):
    with pytest.raises(ConnectorError):
        files.execute("drive_items.delete", item_id=item_id)
    for sent in files.graph_calls:
        assert re.fullmatch(r"/v1\.0/me/drive/items/[^/:]+", sent["path"])
        assert sent["status"] >= 400


@pytest.mark.parametrize(
    "path", ["/../beta/me", "/me?$select=id", "/me/%2e%2e/users", "https://evil.test/me"]
)
def test_f_02_a_path_of_a_free_request_stays_below_the_version(files, path):
    with pytest.raises(InvalidInput):
        files.execute("graph.request", path=path)
    assert files.journal == []


def test_f_03_pieces_are_multiples_of_320_kib(files):
    size = 10_485_760 * 2 + 1000
    content = Content.from_stream(io.BytesIO(b"\x07" * size))
    [made] = files.execute("drive_items.upload", path="large.bin", content=content).items
    assert made["size"] == size
    sent = fragments(files)
    assert [status for *_, status in sent] == [202, 202, 201]
    assert [(last - first) % FRAGMENT_UNIT for first, last, _ in sent[:-1]] == [0, 0]
    assert [first for first, *_ in sent[1:]] == [last for _, last, _ in sent[:-1]]


def test_f_03_an_empty_file_goes_in_one_request(files):
    [made] = files.execute("drive_items.upload", path="empty.txt", content=b"").items
    assert made["size"] == 0
    assert [call["method"] for call in files.journal] == ["PUT"]
    assert content_of(files, made["id"]) == b""


def upload(live: Live, **options: Any) -> Any:
    return live.execute("drive_items.upload", path="Uploads/may.bin", content=PIECES, **options).items[0]


def assert_complete(live: Live, item: dict[str, Any]) -> None:
    """The file is there once, with exactly the bytes that were sent."""
    assert content_of(live, item["id"]) == PIECES.read()
    [listed] = live.items("drive_items.list_children", folder_id=item["parentReference"]["id"])
    assert listed["id"] == item["id"]


def test_f_04_ranges_that_graph_lost_are_sent_again(files, monkeypatch):
    small_pieces(files, monkeypatch)
    files.switch(upload_lost_fragment=3)
    made = upload(files)
    sent = fragments(files)
    assert len([piece for piece in sent if piece[0] == 2 * FRAGMENT_UNIT]) == 2
    assert len(sent) <= 18
    assert_complete(files, made)


def test_f_04_a_piece_that_graph_has_already_is_asked_about(files, monkeypatch):
    small_pieces(files, monkeypatch)
    files.fault("reset_after", method="PUT", path="/content/upload/", skip=2)
    made = upload(files)
    assert [status for *_, status in fragments(files)].count(416) == 1
    assert_complete(files, made)


def test_f_04_a_faulty_content_host_is_tried_again(files, monkeypatch):
    small_pieces(files, monkeypatch)
    files.fault("status", method="PUT", path="/content/upload/", skip=1, times=2, status=500)
    assert_complete(files, upload(files))
    assert [status for *_, status in fragments(files)].count(500) == 2


def test_f_04_a_session_that_expired_is_started_once_more(files, monkeypatch):
    small_pieces(files, monkeypatch)
    files.switch(upload_session_seconds=100)
    files.fault("status", method="PUT", path="/content/upload/", skip=2, status=503, retry_after="50")
    files.fault("status", method="PUT", path="/content/upload/", skip=2, status=503, retry_after="55")
    assert_complete(files, upload(files))
    sessions = [call for call in files.graph_calls if call["path"].endswith("createUploadSession")]
    assert len(sessions) == 2


def test_f_04_a_session_that_is_gone_again_and_again_is_given_up(files, monkeypatch):
    small_pieces(files, monkeypatch)
    files.fault(
        "status", method="PUT", path="/content/upload/", skip=1, times=0, status=404, code="itemNotFound"
    )
    with pytest.raises(NoAnswer) as caught:
        upload(files)
    assert caught.value.outcome == "not_done"
    assert len(files.journal) <= 8


@pytest.mark.parametrize("where", ["at_end", "at_start"])
def test_f_04_a_name_that_is_taken_is_a_conflict_and_the_other_file_stays(files, where):
    [there] = files.execute("drive_items.upload", path="Uploads/may.bin", content=b"older").items
    files.switch(upload_conflict=where)
    with pytest.raises(Conflict) as caught:
        upload(files, if_exists="fail")
    assert caught.value.outcome == "not_done"
    assert content_of(files, there["id"]) == b"older"


def test_f_04_a_drive_that_is_full_says_so(live):
    live.sign_in(("Files.ReadWrite",), user="priya.nair")
    with pytest.raises(QuotaExceeded) as caught:
        upload(live)
    assert caught.value.outcome == "not_done"
    assert "full" in caught.value.message


def test_f_04_several_missing_ranges_are_sent_one_after_another(files, monkeypatch):
    """Graph forgets the first piece while the last ones are missing too."""
    small_pieces(files, monkeypatch)
    files.switch(upload_lost_fragment=1)
    made = upload(files)
    assert fragments(files)[2][:2] == (0, FRAGMENT_UNIT)
    assert_complete(files, made)


@pytest.fixture
def copying(files: Live) -> dict[str, Any]:
    """The input of a copy of a file into a folder."""
    [item] = files.execute("drive_items.upload", path="notes.txt", content=b"Three lines.\n").items
    [folder] = files.execute("drive_items.create_folder", name="Copies").items
    files.forget_journal()
    return {"item_id": item["id"], "folder_id": folder["id"], "name": "notes (copy).txt"}


@pytest.mark.parametrize("end", ["202", "200", "303"])
def test_f_09_a_copy_is_waited_for(files, copying, end):
    files.switch(copy_polls=3, copy_end=end)
    [copy] = files.execute("drive_items.copy", **copying).items
    assert copy["name"] == "notes (copy).txt"
    assert content_of(files, copy["id"]) == b"Three lines.\n"
    polls = [call for call in files.journal if call["path"].startswith("/content/monitor/")]
    assert len(polls) == 4
    assert not any(poll["bears_authorization"] for poll in polls)
    assert len(files.timeline.naps) >= 3


def test_f_09_a_copy_that_failed_says_why(files, copying):
    files.switch(copy_error="generalException")
    with pytest.raises(OperationFailed) as caught:
        files.execute("drive_items.copy", **copying)
    assert (caught.value.graph_code, caught.value.outcome) == ("generalException", "not_done")


@pytest.mark.parametrize("is_there", [True, False])
def test_f_09_a_copy_without_end_is_looked_for_and_not_started_again(files, copying, is_there):
    """After ten minutes the monitor is left alone; the folder tells whether the copy is there."""
    files.most_calls = 320
    files.switch(copy_seconds=100_000, copy_error="" if is_there else "generalException")
    if is_there:
        [copy] = files.execute("drive_items.copy", **copying).items
        assert copy["name"] == "notes (copy).txt"
    else:
        with pytest.raises(NoAnswer, match="still running") as caught:
            files.execute("drive_items.copy", **copying)
        assert caught.value.outcome == "not_done"
    assert len([call for call in files.graph_calls if call["path"].endswith("/copy")]) == 1
    assert 600 <= sum(files.timeline.naps) < 700


def test_f_09_a_monitor_that_is_gone_means_a_look_at_the_folder(files, copying):
    files.fault("status", path="/content/monitor/", status=404, code="itemNotFound", times=0)
    [copy] = files.execute("drive_items.copy", **copying).items
    assert copy["name"] == "notes (copy).txt"
    assert len([call for call in files.graph_calls if call["path"].endswith("/copy")]) == 1


def test_f_09_a_monitor_on_a_host_that_keeps_no_content_is_not_asked(files, copying):
    files.fault("status", path="/copy$", status=202, headers={"Location": "https://evil.test/monitor/1"})
    with pytest.raises(ProtocolError, match="content_hosts"):
        files.execute("drive_items.copy", **copying)

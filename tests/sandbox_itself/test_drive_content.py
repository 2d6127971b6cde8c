"""Contents of files in the sandbox: small uploads, downloads, hashes, conversion."""

from __future__ import annotations

import base64
import random
import zipfile
from io import BytesIO

import pytest

from connector.sandbox.quick_xor_hash import quick_xor_hash

from .conftest import Sandbox

ROOT = "/me/drive/root"
MIB = 1024 * 1024


@pytest.fixture
def token(sandbox: Sandbox) -> str:
    return sandbox.token("Files.ReadWrite")


def bytewise_quick_xor_hash(content: bytes) -> str:
    """The definition, bit by bit."""
    bits = [0] * 160
    for index, byte in enumerate(content):
        for bit in range(8):
            bits[(index * 11 + bit) % 160] ^= byte >> bit & 1
    ring = sum(bit << position for position, bit in enumerate(bits)) ^ len(content) << 96
    return base64.b64encode(ring.to_bytes(20, "little")).decode()


@pytest.mark.parametrize("length", [0, 1, 2, 19, 20, 159, 160, 161, 5000, 160 * 4096 + 7])
def test_quick_xor_hash_agrees_with_its_definition(length: int) -> None:
    content = random.Random(length).randbytes(length)
    assert quick_xor_hash(BytesIO(content)) == bytewise_quick_xor_hash(content)


def test_put_creates_with_201_and_replaces_with_200(sandbox: Sandbox, token: str) -> None:
    url = f"{ROOT}:/a.txt:/content"
    created = sandbox.graph("PUT", url, token, data=b"one", headers={"Content-Type": "text/plain"})
    replaced = sandbox.graph("PUT", url, token, data=b"three")
    assert (created.status_code, replaced.status_code) == (201, 200)
    before, after = created.json(), replaced.json()
    assert (after["id"], after["size"]) == (before["id"], 5)
    assert before["cTag"] != after["cTag"]
    assert after["file"]["hashes"]["quickXorHash"] == bytewise_quick_xor_hash(b"three")


def test_put_by_id_replaces(sandbox: Sandbox, token: str) -> None:
    item = sandbox.get(f"{ROOT}:/Welcome.txt", token).json()
    answer = sandbox.graph("PUT", f"/me/drive/items/{item['id']}/content", token, data=b"")
    assert (answer.status_code, answer.json()["size"]) == (200, 0)


def test_put_makes_the_folders_that_are_missing(sandbox: Sandbox, token: str) -> None:
    answer = sandbox.graph("PUT", f"{ROOT}:/Reports/2026/Q1/a.txt:/content", token, data=b"x")
    assert answer.json()["parentReference"]["path"].endswith("/root:/Reports/2026/Q1")


@pytest.mark.parametrize(
    ("conflict", "status", "name"), [("fail", 409, ""), ("rename", 201, "Welcome 1.txt")]
)
def test_put_follows_the_conflict_behavior(
    sandbox: Sandbox, token: str, conflict: str, status: int, name: str
) -> None:
    url = f"{ROOT}:/Welcome.txt:/content?@microsoft.graph.conflictBehavior={conflict}"
    answer = sandbox.graph("PUT", url, token, data=b"x")
    assert answer.status_code == status
    assert answer.json().get("name", "") == name


def test_put_over_a_folder_is_409(sandbox: Sandbox, token: str) -> None:
    assert sandbox.graph("PUT", f"{ROOT}:/Reports:/content", token, data=b"x").status_code == 409


def test_put_with_an_old_tag_is_412(sandbox: Sandbox, token: str) -> None:
    old = sandbox.get(f"{ROOT}:/Welcome.txt", token).json()["eTag"]
    url = f"{ROOT}:/Welcome.txt:/content"
    assert sandbox.graph("PUT", url, token, data=b"1", headers={"If-Match": old}).status_code == 200
    assert sandbox.graph("PUT", url, token, data=b"2", headers={"If-Match": old}).status_code == 412


def test_put_over_the_limit_is_413(sandbox: Sandbox, token: str) -> None:
    sandbox.switch(drive_put_limit_bytes=4 * MIB)
    url = f"{ROOT}:/big.bin:/content"
    assert sandbox.graph("PUT", url, token, data=b"x" * (4 * MIB + 1)).status_code == 413
    assert sandbox.graph("PUT", url, token, data=b"x" * 4 * MIB).status_code == 201


def test_download_redirects_to_another_host_without_a_token(sandbox: Sandbox, token: str) -> None:
    answer = sandbox.graph("GET", f"{ROOT}:/Documents/Notes.txt:/content", token, allow_redirects=False)
    location = answer.headers["Location"]
    assert answer.status_code == 302
    assert location.startswith("http://localhost:")
    content = sandbox.session.get(location)
    assert content.text.startswith("Call the supplier")
    assert content.headers["Content-Type"] == "text/plain"
    assert content.headers["Content-Length"] == str(len(content.content))


@pytest.mark.parametrize("header", ["Authorization", "Cookie"])
def test_a_download_url_refuses_credentials_and_the_journal_tells(
    sandbox: Sandbox, token: str, header: str
) -> None:
    url = sandbox.get(f"{ROOT}:/Welcome.txt", token).json()["@microsoft.graph.downloadUrl"]
    assert sandbox.session.get(url, headers={header: "secret=1"}).status_code == 401
    entry = sandbox.control("GET", "/journal")["requests"][-1]
    assert entry[f"bears_{header.lower()}"] is True


def test_a_download_url_expires(sandbox: Sandbox, token: str) -> None:
    url = sandbox.get(f"{ROOT}:/Welcome.txt", token).json()["@microsoft.graph.downloadUrl"]
    sandbox.switch(download_url_seconds=60)
    short = sandbox.get(f"{ROOT}:/Welcome.txt", token).json()["@microsoft.graph.downloadUrl"]
    sandbox.control("POST", "/clock", {"advance_seconds": 61})
    assert sandbox.session.get(short).status_code == 404
    assert sandbox.session.get(url).status_code == 200


def test_download_urls_stand_on_files_unless_select_leaves_them_out(sandbox: Sandbox, token: str) -> None:
    name = "@microsoft.graph.downloadUrl"
    for query, expected in (("", True), ("?$select=name", False), (f"?$select=name,{name}", True)):
        page = sandbox.get(f"{ROOT}/children{query}", token).json()["value"]
        assert {item["name"] for item in page if name in item} == ({"Welcome.txt"} if expected else set())


@pytest.mark.parametrize(
    ("header", "first", "last"),
    [("bytes=0-3", 0, 3), ("bytes=4-", 4, 9), ("bytes=-2", 8, 9), ("bytes=8-99", 8, 9)],
)
def test_ranges_are_206(sandbox: Sandbox, token: str, header: str, first: int, last: int) -> None:
    sandbox.graph("PUT", f"{ROOT}:/r.txt:/content", token, data=b"0123456789")
    url = sandbox.get(f"{ROOT}:/r.txt", token).json()["@microsoft.graph.downloadUrl"]
    answer = sandbox.session.get(url, headers={"Range": header})
    assert (answer.status_code, answer.content) == (206, b"0123456789"[first : last + 1])
    assert answer.headers["Content-Range"] == f"bytes {first}-{last}/10"


def test_a_range_outside_is_416_and_a_changed_file_is_sent_whole(sandbox: Sandbox, token: str) -> None:
    item = sandbox.get(f"{ROOT}:/Welcome.txt", token).json()
    url = item["@microsoft.graph.downloadUrl"]
    assert sandbox.session.get(url, headers={"Range": "bytes=5000-"}).status_code == 416
    headers = {"Range": "bytes=2-", "If-Range": item["cTag"]}
    assert sandbox.session.get(url, headers=headers).status_code == 206
    sandbox.graph("PUT", f"{ROOT}:/Welcome.txt:/content", token, data=b"changed")
    changed = sandbox.session.get(url, headers=headers)
    assert (changed.status_code, changed.content) == (200, b"changed")


def test_ranges_can_be_ignored(sandbox: Sandbox, token: str) -> None:
    sandbox.switch(download_ignores_ranges=True)
    url = sandbox.get(f"{ROOT}:/Welcome.txt", token).json()["@microsoft.graph.downloadUrl"]
    assert sandbox.session.get(url, headers={"Range": "bytes=0-1"}).status_code == 200


def test_an_empty_file_comes_back_empty(sandbox: Sandbox, token: str) -> None:
    sandbox.graph("PUT", f"{ROOT}:/empty.bin:/content", token, data=b"")
    url = sandbox.get(f"{ROOT}:/empty.bin", token).json()["@microsoft.graph.downloadUrl"]
    answer = sandbox.session.get(url)
    assert (answer.status_code, answer.content) == (200, b"")


def test_content_that_the_caller_has_is_304(sandbox: Sandbox, token: str) -> None:
    item = sandbox.get(f"{ROOT}:/Welcome.txt", token).json()
    url = f"/me/drive/items/{item['id']}/content"
    for tag in (item["eTag"], item["cTag"]):
        assert sandbox.get(url, token, **{"If-None-Match": tag}).status_code == 304
    old = sandbox.graph("GET", url, token, headers={"If-None-Match": '"other"'}, allow_redirects=False)
    assert old.status_code == 302


def test_a_folder_has_no_content(sandbox: Sandbox, token: str) -> None:
    assert sandbox.get(f"{ROOT}:/Reports:/content", token).status_code == 400


def test_an_office_file_is_converted_to_pdf(sandbox: Sandbox, token: str) -> None:
    url = f"{ROOT}:/Documents/Minutes.docx:/content?format=pdf"
    location = sandbox.graph("GET", url, token, allow_redirects=False).headers["Location"]
    answer = sandbox.session.get(location)
    assert answer.headers["Content-Type"] == "application/pdf"
    assert answer.content.startswith(b"%PDF-1.4")
    start = int(answer.content.split(b"startxref\n")[1].split()[0])
    assert answer.content[start:].startswith(b"xref\n0 6\n")


def test_markdown_becomes_html(sandbox: Sandbox, token: str) -> None:
    sandbox.graph("PUT", f"{ROOT}:/plan.md:/content", token, data=b"# <Plan>")
    page = sandbox.get(f"{ROOT}:/plan.md:/content?format=html", token)
    assert page.headers["Content-Type"] == "text/html"
    assert "plan.html" in page.headers["Content-Disposition"]
    assert "# &lt;Plan&gt;" in page.text


@pytest.mark.parametrize(
    "path", ["Welcome.txt:/content?format=pdf", "Documents/Minutes.docx:/content?format=mp3"]
)
def test_other_conversions_are_406(sandbox: Sandbox, token: str, path: str) -> None:
    assert sandbox.get(f"{ROOT}:/{path}", token).status_code == 406


def test_earlier_versions_stay_on_the_disk_until_the_file_is_deleted_for_good(
    sandbox: Sandbox, token: str
) -> None:
    from connector.sandbox.file_store import files_of

    folder = files_of(sandbox.server.world).new_path().parent
    before = sum(path.stat().st_size for path in folder.iterdir())
    for content in (b"x" * MIB, b"y"):
        sandbox.graph("PUT", f"{ROOT}:/a.bin:/content", token, data=content)
    assert sum(path.stat().st_size for path in folder.iterdir()) == before + MIB + 1
    assert sandbox.graph("POST", f"{ROOT}:/a.bin:/permanentDelete", token).status_code == 204
    assert sum(path.stat().st_size for path in folder.iterdir()) == before


def test_a_library_can_change_an_office_file_after_its_upload(sandbox: Sandbox) -> None:
    token = sandbox.token("Files.ReadWrite.All")
    content = sandbox.get(f"{ROOT}:/Documents/Minutes.docx:/content", token).content
    sandbox.switch(office_files_change=True)
    own = sandbox.graph("PUT", f"{ROOT}:/a.docx:/content", token, data=content)
    library = "/sites/root/drive/root"
    changed = sandbox.graph("PUT", f"{library}:/a.docx:/content", token, data=content)
    session = sandbox.graph("POST", f"{library}:/b.docx:/createUploadSession", token, json={})
    size = len(content)
    headers = {"Content-Range": f"bytes 0-{size - 1}/{size}"}
    sent = sandbox.session.put(session.json()["uploadUrl"], data=content, headers=headers)
    assert own.json()["size"] == size
    assert changed.json()["size"] > size
    assert sent.json()["size"] == changed.json()["size"]
    assert zipfile.is_zipfile(BytesIO(sandbox.get(f"{library}:/a.docx:/content", token).content))


def test_a_file_is_no_folder_for_other_files(sandbox: Sandbox, token: str) -> None:
    answer = sandbox.graph("PUT", f"{ROOT}:/Welcome.txt/below.txt:/content", token, data=b"x")
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "invalidRequest")
    assert sandbox.graph("PUT", f"{ROOT}:/Welcome.txt/a/b.txt:/content", token, data=b"x").status_code == 400


def test_a_malformed_json_file_is_a_file_like_any_other(sandbox: Sandbox) -> None:
    token, headers = sandbox.token("Files.ReadWrite"), {"Content-Type": "application/json"}
    path = "/me/drive/root:/broken.json:/content"
    answer = sandbox.graph("PUT", path, token, data=b'{"a": ', headers=headers)
    assert (answer.status_code, answer.json()["size"]) == (201, 6)
    assert sandbox.get(path, token).content == b'{"a": '

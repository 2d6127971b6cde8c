"""The sandbox answers the file requests of Microsoft's documentation in the documented shapes."""

from __future__ import annotations

import base64
from typing import Any

import pytest

from tests.reference import documented_examples, needs_reference

from .conftest import USER, Sandbox

GROUP = "00000001-0000-4000-9000-000000000001"
COLLEAGUE = "luis.brandt@fabrikoast.example"

SERVED = {
    "drive-get", "drive-list", "drive-list-following", "driveitem-checkin", "driveitem-copy", "driveitem-delete",
    "driveitem-delta", "driveitem-get", "driveitem-invite", "driveitem-list-children", "driveitem-list-thumbnails",
    "driveitem-list-versions", "driveitem-move", "driveitem-put-content", "driveitem-unfollow",
    "driveitemversion-get", "driveitemversion-get-contents", "driveitemversion-restore", "permission-grant",
    "shares-get",
}  # fmt: skip
SERVED_ALONE = {"driveitem-createuploadsession#1", "driveitem-get-content#1"}
STATUS = {"driveitem-put-content#2": 200}
"""Where the documents show 201 although an item that is named by its id must be there already."""
ABSENT = {
    "drive-get#2": {"owner.user"}, "drive-get#5": {"owner.user"}, "drive-list#1": {"value.owner.user"},
    "drive-list#2": {"value.owner.user"}, "driveitem-delta#1": {"value.deleted", "@odata.nextLink"},
    "driveitem-delta#2": {"value.deleted"}, "driveitem-list-children#1": {"@odata.nextLink"},
    "driveitem-list-children#2": {"@odata.nextLink"}, "driveitem-list-children#3": {"@odata.nextLink"},
    "permission-grant#2": {"value.grantedTo", "value.invitation"},
}  # fmt: skip
"""What depends on the example: groups as owners, deletions, further pages, grants by name."""

EXAMPLES = [
    example
    for example in documented_examples()
    if example["area"] == "files" and (example["page"] in SERVED or example["id"] in SERVED_ALONE)
]


def shape(value: Any, path: str = "") -> set[str]:
    """The dotted paths of all properties; the entries of a list are taken together."""
    if isinstance(value, list):
        return set().union(*(shape(entry, path) for entry in value))
    if not isinstance(value, dict):
        return set()
    paths: set[str] = set()
    for key, inner in value.items():
        name = f"{path}.{key}".lstrip(".")
        paths |= {name} | shape(inner, name)
    return paths


def filled(text: str, values: dict[str, str]) -> str:
    for placeholder, value in values.items():
        text = text.replace("{" + placeholder + "}", value)
    assert "{" not in text, text
    return text.removeprefix("https://graph.microsoft.com/v1.0")


@needs_reference
@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example["id"])
def test_a_documented_request_gets_the_documented_shape(sandbox: Sandbox, example: dict[str, Any]) -> None:
    sandbox.control("POST", "/clock", {"freeze_at": "2018-01-01T00:00:00Z"})
    token = sandbox.token("Files.ReadWrite.All", "Sites.ReadWrite.All")
    name = "Documents/Minutes.docx" if example["page"] == "driveitem-list-thumbnails" else "Welcome.txt"
    file = sandbox.get(f"/me/drive/root:/{name}", token).json()
    item = f"/me/drive/items/{file['id']}"
    if example["page"] == "driveitem-checkin":
        sandbox.graph("POST", f"{item}/checkout", token)
    elif example["page"] == "drive-list-following":
        sandbox.graph("POST", f"{item}/follow", token)
    elif example["page"].startswith("driveitemversion"):
        sandbox.graph("PUT", f"{item}/content", token, data=b"a second version")
    link = sandbox.graph("POST", f"{item}/createLink", token, json={"type": "view", "scope": "users"}).json()
    sandbox.graph("PUT", "/me/drive/root:/Documents/Letters/a.txt:/content", token, data=b"a")
    folder = sandbox.get("/me/drive/root:/Documents", token).json()
    is_about_a_folder = "children" in example["request"]["url"]
    delta_link = sandbox.get("/me/drive/root/delta?token=latest", token).json()["@odata.deltaLink"]
    sandbox.graph("PUT", "/me/drive/root:/new.txt:/content", token, data=b"new")
    shared = folder if is_about_a_folder else file
    share = "u!" + base64.urlsafe_b64encode(shared["webUrl"].encode()).decode().rstrip("=")
    values = {
        "drive-id": file["parentReference"]["driveId"], "groupId": GROUP, "siteId": "root",
        "idOrUserPrincipalName": USER, "userId": USER, "item-path": "Reports/large.dat",
        "item-id": (folder if is_about_a_folder else file)["id"], "path-relative-to-root": "Documents",
        "shareIdOrEncodedSharingUrl": share, "shareIdOrUrl": share, "version-id": "1.0", "thumb-id": "0",
        "size": "small", "encoded-sharing-url": link["shareId"],
    }  # fmt: skip
    request, expected = example["request"], example["response"]
    url = filled(request["url"], values)
    if "(token=" in url:
        url = f"/me/drive/root/delta(token='{delta_link.partition('token=')[2]}')"
    body = request["body"]
    if body and "parentReference" in body:
        body = body | {"parentReference": {"id": folder["id"]}}
    if body and "recipients" in body:
        body = body | {"recipients": [{"email": COLLEAGUE}]}
    content = {"json": body} if body else {"data": request.get("body_raw", "").encode()}

    answer = sandbox.graph(request["method"], url, token, allow_redirects=False, **content)

    assert answer.status_code == STATUS.get(example["id"], expected["status"]), answer.text
    if expected["body"]:
        missing = shape(expected["body"]) - shape(answer.json())
        allowed = ABSENT.get(example["id"], set())
        assert {path for path in missing if not any(path.startswith(name) for name in allowed)} == set()
    if "Location" in expected["headers"]:
        assert answer.headers["Location"].startswith("http://localhost:")

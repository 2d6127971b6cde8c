"""`msgraph-sdk`, Microsoft's client of Graph, against the sandbox: drives."""

from __future__ import annotations

from datetime import UTC, datetime

import httpx
import pytest
from kiota_abstractions.base_request_configuration import RequestConfiguration
from msgraph import GraphServiceClient
from msgraph.generated.drives.item.items.item.children.children_request_builder import ChildrenRequestBuilder
from msgraph.generated.drives.item.items.item.create_upload_session.create_upload_session_post_request_body import (
    CreateUploadSessionPostRequestBody,
)
from msgraph.generated.drives.item.items.item.drive_item_item_request_builder import (
    DriveItemItemRequestBuilder,
)
from msgraph.generated.models.drive_item import DriveItem
from msgraph.generated.models.drive_item_uploadable_properties import DriveItemUploadableProperties
from msgraph.generated.models.folder import Folder
from msgraph.generated.models.o_data_errors.o_data_error import ODataError
from msgraph_core import PageIterator

from .conftest import Sandbox

pytestmark = pytest.mark.anyio

FRAGMENT_BYTES = 5 * 320 * 1024
ChildrenQuery = ChildrenRequestBuilder.ChildrenRequestBuilderGetQueryParameters


async def item(graph: GraphServiceClient, key: str) -> DriveItemItemRequestBuilder:
    """An item of the user's drive by id or, written `root:/path:`, by path."""
    drive = await graph.me.drive.get()
    return graph.drives.by_drive_id(drive.id).items.by_drive_item_id(key)


async def test_a_folder_is_created_and_listed(graph: GraphServiceClient) -> None:
    root = await item(graph, "root")

    created = await root.children.post(DriveItem(name="Deliveries", folder=Folder()))

    children = await root.children.get()
    assert created.folder.child_count == 0
    assert "Deliveries" in [child.name for child in children.value]


async def test_a_name_that_is_taken_is_a_conflict(graph: GraphServiceClient) -> None:
    root = await item(graph, "root")
    wanted = DriveItem(
        name="Deliveries", folder=Folder(), additional_data={"@microsoft.graph.conflictBehavior": "fail"}
    )
    await root.children.post(wanted)

    with pytest.raises(ODataError) as refused:
        await root.children.post(wanted)

    assert (refused.value.response_status_code, refused.value.error.code) == (409, "nameAlreadyExists")


async def test_the_page_iterator_sees_every_child_once(graph: GraphServiceClient) -> None:
    root = await item(graph, "root")
    folder = await root.children.post(DriveItem(name="Many", folder=Folder()))
    for number in range(7):
        await (await item(graph, f"root:/Many/{number}.txt:")).content.put(b"x")
    first = await (await item(graph, folder.id)).children.get(
        RequestConfiguration(query_parameters=ChildrenQuery(top=3))
    )
    seen: list[str] = []

    await PageIterator(first, graph.request_adapter).iterate(lambda child: not seen.append(child.name))

    assert len(first.value) == 3
    assert sorted(seen) == [f"{number}.txt" for number in range(7)]


async def test_a_small_file_is_uploaded_and_downloaded_without_a_token_at_the_content_host(
    graph: GraphServiceClient, sandbox: Sandbox
) -> None:
    content = bytes(range(256)) * 40

    uploaded = await (await item(graph, "root:/Deliveries/list of crates.bin:")).content.put(content)
    downloaded = await (await item(graph, uploaded.id)).content.get()

    assert uploaded.size == len(content)
    assert uploaded.file.hashes.quick_xor_hash
    assert downloaded == content
    (redirected,) = [one for one in sandbox.requests_to("/content$") if one["method"] == "GET"]
    (fetched,) = sandbox.requests_to("^/content/")
    assert (redirected["status"], redirected["bears_authorization"]) == (302, True)
    assert (fetched["status"], fetched["bears_authorization"]) == (200, False)
    assert fetched["host"].startswith("localhost:")


async def test_an_item_that_does_not_exist_is_an_error_with_a_code(graph: GraphServiceClient) -> None:
    with pytest.raises(ODataError) as refused:
        await (await item(graph, "root:/nowhere.txt:")).get()

    assert (refused.value.response_status_code, refused.value.error.code) == (404, "itemNotFound")


async def test_an_item_is_renamed_and_deleted(graph: GraphServiceClient) -> None:
    uploaded = await (await item(graph, "root:/draft.txt:")).content.put(b"crates")
    file = await item(graph, uploaded.id)

    renamed = await file.patch(DriveItem(name="final.txt"))
    await file.delete()

    assert renamed.name == "final.txt"
    assert renamed.id == uploaded.id
    with pytest.raises(ODataError):
        await file.get()


async def test_a_large_file_is_uploaded_in_fragments_to_the_session_that_the_client_opened(
    graph: GraphServiceClient, sandbox: Sandbox
) -> None:
    """Without the client's `LargeFileUploadTask`: it reads the open range `1638400-` as `int("")`."""
    content = bytes(range(256)) * (5 * 1024 * 1024 // 256)
    size = len(content)
    properties = DriveItemUploadableProperties(additional_data={"@microsoft.graph.conflictBehavior": "fail"})
    target = await item(graph, "root:/crates.bin:")

    session = await target.create_upload_session.post(CreateUploadSessionPostRequestBody(item=properties))
    async with httpx.AsyncClient(verify=sandbox.tls) as http:
        for first in range(0, size, FRAGMENT_BYTES):
            fragment = content[first : first + FRAGMENT_BYTES]
            span = f"bytes {first}-{first + len(fragment) - 1}/{size}"
            answer = await http.put(session.upload_url, content=fragment, headers={"Content-Range": span})
            if first + FRAGMENT_BYTES < size:
                assert answer.json()["nextExpectedRanges"][0].startswith(f"{first + FRAGMENT_BYTES}-")

    assert answer.status_code == 201
    assert session.expiration_date_time > datetime.now(UTC)
    assert await (await item(graph, answer.json()["id"])).content.get() == content


async def test_the_changes_of_a_drive_since_a_delta_link_are_those_made_since(
    graph: GraphServiceClient,
) -> None:
    root = await item(graph, "root")
    page = await root.delta.get()
    while page.odata_next_link:
        page = await root.delta.with_url(page.odata_next_link).get()
    uploaded = await (await item(graph, "root:/new.txt:")).content.put(b"crates")

    changes = await root.delta.with_url(page.odata_delta_link).get()

    assert uploaded.id in [change.id for change in changes.value]
    assert {change.name for change in changes.value} <= {"root", "new.txt"}

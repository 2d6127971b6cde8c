"""`msgraph-sdk`, Microsoft's client of Graph, against the sandbox: users."""

from __future__ import annotations

import pytest
from kiota_abstractions.base_request_configuration import RequestConfiguration
from msgraph import GraphServiceClient
from msgraph.generated.models.o_data_errors.o_data_error import ODataError
from msgraph.generated.models.password_profile import PasswordProfile
from msgraph.generated.models.user import User
from msgraph.generated.users.users_request_builder import UsersRequestBuilder
from msgraph_core import PageIterator

from .conftest import COLLEAGUE, COMPANY, USER, Sandbox

pytestmark = pytest.mark.anyio

UsersQuery = UsersRequestBuilder.UsersRequestBuilderGetQueryParameters


async def test_the_signed_in_person_is_me(graph: GraphServiceClient) -> None:
    me = await graph.me.get()

    assert me.user_principal_name == USER


async def test_a_user_is_found_by_principal_name_and_by_id(graph: GraphServiceClient) -> None:
    by_name = await graph.users.by_user_id(COLLEAGUE).get()

    by_id = await graph.users.by_user_id(by_name.id).get()

    assert by_id.mail == COLLEAGUE


async def test_a_principal_name_with_an_apostrophe_is_found(graph: GraphServiceClient) -> None:
    found = await graph.users.by_user_id(f"jonas.o'hara@{COMPANY}").get()

    assert found.display_name == "Jonas O'Hara"


async def test_the_page_iterator_sees_every_user_once(graph: GraphServiceClient, sandbox: Sandbox) -> None:
    first = await graph.users.get(
        RequestConfiguration(query_parameters=UsersQuery(top=3, select=["id", "mail"]))
    )
    seen: list[str] = []

    await PageIterator(first, graph.request_adapter).iterate(lambda user: not seen.append(user.id))

    whole = await graph.users.get(RequestConfiguration(query_parameters=UsersQuery(top=999)))
    assert sorted(seen) == sorted(str(user.id) for user in whole.value)
    assert len(sandbox.requests_to("/users$")) >= 4


async def test_filter_count_and_order_come_with_the_consistency_level(graph: GraphServiceClient) -> None:
    wanted = RequestConfiguration(
        query_parameters=UsersQuery(
            filter="startswith(displayName,'Jonas') or endswith(mail,'example')",
            count=True,
            orderby=["displayName"],
        )
    )
    wanted.headers.add("ConsistencyLevel", "eventual")

    page = await graph.users.get(wanted)

    names = [str(user.display_name) for user in page.value]
    assert page.odata_count == len(names)
    assert names == sorted(names)


async def test_a_user_is_created_changed_and_deleted(graph: GraphServiceClient) -> None:
    wanted = User(
        account_enabled=True,
        display_name="Tala Moreno",
        mail_nickname="tala.moreno",
        user_principal_name=f"tala.moreno@{COMPANY}",
        password_profile=PasswordProfile(password="Start-2026!", force_change_password_next_sign_in=True),
    )

    created = await graph.users.post(wanted)
    await graph.users.by_user_id(created.id).patch(User(job_title="Buyer"))
    changed = await graph.users.by_user_id(created.id).get(
        RequestConfiguration(query_parameters=UsersQuery(select=["displayName", "jobTitle"]))
    )
    await graph.users.by_user_id(created.id).delete()

    assert (changed.display_name, changed.job_title) == ("Tala Moreno", "Buyer")
    with pytest.raises(ODataError) as gone:
        await graph.users.by_user_id(created.id).get()
    assert gone.value.response_status_code == 404


async def test_an_unknown_user_is_an_error_with_code_and_request_id(graph: GraphServiceClient) -> None:
    with pytest.raises(ODataError) as refused:
        await graph.users.by_user_id(f"nobody@{COMPANY}").get()

    assert refused.value.response_status_code == 404
    error = refused.value.error
    assert error.code == "Request_ResourceNotFound"
    assert error.inner_error.request_id
    assert error.inner_error.date


async def test_the_changes_since_a_delta_link_are_those_made_since(graph: GraphServiceClient) -> None:
    page = await graph.users.delta.get()
    while page.odata_next_link:
        page = await graph.users.delta.with_url(page.odata_next_link).get()
    assert page.odata_delta_link
    await graph.users.by_user_id(COLLEAGUE).patch(User(office_location="Harbour 1"))

    changes = await graph.users.delta.with_url(page.odata_delta_link).get()

    assert [user.office_location for user in changes.value] == ["Harbour 1"]


async def test_a_client_follows_the_wait_that_a_throttled_answer_asks_for(
    graph: GraphServiceClient, sandbox: Sandbox
) -> None:
    sandbox.control("POST", "/faults", {"kind": "status", "status": 429, "retry_after": "1"})

    await graph.me.get()

    assert [request["status"] for request in sandbox.requests_to("/me$")] == [429, 200]

from __future__ import annotations

from typing import Any

import pytest

from tests.proof.small import MESSAGE, WRITABLE, World, answering, listing, updating, uploading


def writing(**properties: Any) -> dict[str, Any]:
    schema = {**WRITABLE, "properties": {**WRITABLE["properties"], **properties}}  # type: ignore[dict-item]
    return updating(
        input={
            "type": "object",
            "additionalProperties": False,
            "required": ["id", "message"],
            "properties": {"id": {"type": "string"}, "message": schema},
        }
    )


def reading(**properties: Any) -> dict[str, Any]:
    return listing(output={**MESSAGE, "properties": properties})


@pytest.mark.parametrize(
    ("properties", "fault"),
    [
        ({"subjekt": {"type": "string"}}, "message.subjekt is not in the metadata; did you mean subject?"),
        ({"Subject": {"type": "string"}}, "message.Subject is not in the metadata; did you mean subject?"),
        ({"subject": {"type": "integer"}}, "message.subject has the type integer"),
        ({"size": {"type": "string"}}, "message.size has the type string"),
        ({"tags": {"type": "string"}}, "message.tags has the type string"),
        ({"tags": {"type": "array", "items": {"type": "integer"}}}, "message.tags has the type integer"),
        ({"body": {"type": "string"}}, "message.body has the type string"),
        ({"body": {"type": "object", "properties": {"text": {}}}}, "itemBody.text is not in the metadata"),
        ({"importance": {"enum": ["low", "urgent"]}}, "message.importance has the value 'urgent'"),
        ({"sentDateTime": {"type": "string", "format": "date"}}, "message.sentDateTime has the format date"),
        ({"isRead": {"type": ["boolean", "null"]}}, "message.isRead takes null"),
        ({"webLink": {"type": "string"}}, "message.webLink is read-only by the metadata"),
        ({"oldFlag": {"type": "string"}}, "deprecated since 2025-01-31, to be removed on 2027-01-31"),
        ({"author": {"type": "object"}}, "message.author is a reference; write author@odata.bind"),
        (
            {"attachments": {"type": "array", "items": {"properties": {"contentBytes": {}}}}},
            "say so with @odata.type",
        ),
    ],
)
def test_a_body_that_does_not_fit_the_type_fails(world: World, properties: Any, fault: str) -> None:
    found = world.prove(writing(**properties))

    assert found.schema == "failed"
    assert any(fault in problem for problem in found.problems), found.problems


@pytest.mark.parametrize(
    "properties",
    [
        {"importance": {"enum": ["low", "high", "Low", "High"]}},
        {"isRead": {"type": "boolean"}},
        {"tags": {"type": ["array", "null"], "items": {"type": "string"}}},
        {"sentDateTime": {"type": "string", "format": "date-time"}},
        {"author@odata.bind": {"type": "string"}},
        {"@odata.type": {"const": "#microsoft.graph.message"}},
        {"subject": {"anyOf": [{"type": "string"}, {"type": "null"}]}},
        {
            "attachments": {
                "type": "array",
                "items": {
                    "properties": {"@odata.type": {"type": "string"}, "contentBytes": {"type": "string"}}
                },
            }
        },
    ],
)
def test_a_body_that_fits_the_type_is_right(world: World, properties: Any) -> None:
    found = world.prove(writing(**properties))

    assert found.schema == "ok", found.problems


def test_an_output_names_only_what_the_type_or_one_below_it_has(world: World) -> None:
    wrong = world.prove(reading(subjekt={"type": "string"}))
    attachments = {"type": "array", "items": {"properties": {"contentBytes": {"type": "string"}}}}

    assert any("message.subjekt is not in the metadata" in problem for problem in wrong.problems)
    assert world.prove(reading(attachments=attachments, webLink={"type": "string"})).schema == "ok"


def test_an_output_has_every_member_of_an_enumeration(world: World) -> None:
    found = world.prove(reading(importance={"enum": ["low", None]}))

    assert "message.importance lacks high of importance" in found.problems


def test_parameters_of_an_action_are_read_without_regard_to_letter_case(world: World) -> None:
    right = answering()
    wrong = answering(request={**right["request"], "body": {"remark": "{comment}"}})

    assert world.prove(right).schema == "ok"
    assert any("reply.remark is no parameter" in problem for problem in world.prove(wrong).problems)


def test_a_parameter_of_another_type_fails(world: World) -> None:
    method = answering()
    method["input"]["properties"]["comment"] = {"type": "boolean"}

    assert any("has the type boolean" in problem for problem in world.prove(method).problems)


def test_constants_of_a_body_are_checked_too(world: World) -> None:
    right = updating()
    for body, fault in (
        ({"subject": 1}, "message.subject is integer"),
        ({"importance": "urgent"}, "message.importance has the value 'urgent'"),
        ({"nothing": "x"}, "message.nothing is not in the metadata"),
        ({"@odata.type": "#microsoft.graph.massage"}, "#microsoft.graph.massage is no type of message"),
    ):
        found = world.prove({**right, "request": {**right["request"], "body": body}})
        assert any(fault in problem for problem in found.problems), (body, found.problems)


def test_selected_properties_exist(world: World) -> None:
    method = listing()
    method["input"]["properties"]["select"]["default"] = ["id", "subjekt"]

    found = world.prove(method)

    assert any("$select of" in problem and "message.subjekt" in problem for problem in found.problems)


def test_an_option_that_odata_does_not_know_fails(world: World) -> None:
    found = world.prove(listing(request={"path": "/me/messages", "query": {"$filtre": "{filter}"}}))

    assert "/me/messages: $filtre is no query option of OData" in found.problems


def test_an_option_that_graph_demands_is_not_forgotten(world: World) -> None:
    without = world.prove(listing(request={"path": "/me/view"}))
    given = world.prove(listing(request={"path": "/me/view", "query": {"startDateTime": "{filter}"}}))

    assert "GET /me/view must have the query option startDateTime" in without.problems
    assert given.schema == "ok"


def test_a_listing_of_what_is_no_collection_fails(world: World) -> None:
    found = world.prove(listing(request={"path": "/me/manager"}))

    assert "GET /me/manager: a listing, but the path leads to one user" in found.problems


def test_a_download_of_what_has_no_bytes_fails(world: World) -> None:
    output = {"type": "string", "contentEncoding": "base64"}
    path = "/me/messages/{folder}"
    right = listing(flow={"type": "download"}, output=output, request={"path": f"{path}/$value"})
    wrong = listing(flow={"type": "download"}, output=output, request={"path": path})

    assert world.prove(right).schema == "ok"
    assert any("message has no bytes" in problem for problem in world.prove(wrong).problems)


def test_an_output_where_graph_answers_with_nothing_fails(world: World) -> None:
    found = world.prove(answering(output=MESSAGE))

    assert any("Graph answers with nothing" in problem for problem in found.problems)


def test_an_upload_gives_out_what_holds_the_bytes(world: World) -> None:
    right = world.prove(uploading())
    wrong = world.prove(uploading(output={"type": "object", "properties": {"uploadUrl": {"type": "string"}}}))

    assert right.schema == "ok"
    assert any("driveItem.uploadUrl is not in the metadata" in problem for problem in wrong.problems)


def test_the_output_of_a_download_is_bytes(world: World) -> None:
    path = "/me/messages/{folder}/$value"

    found = world.prove(listing(flow={"type": "download"}, output=MESSAGE, request={"path": path}))

    assert any("is a string in base64" in problem for problem in found.problems)


def test_a_write_has_a_body_and_a_read_has_none(world: World) -> None:
    path = "/me/messages/{id}"
    silent = world.prove(updating(request={"verb": "PATCH", "path": path}))
    talking = world.prove(updating(request={"verb": "GET", "path": path, "body": "{message}"}))

    assert "PATCH /me/messages/{id} must have a body" in silent.problems
    assert "GET /me/messages/{id} must not have a body" in talking.problems

from __future__ import annotations

import pytest

from tests.proof.small import World, listing, row, updating


def request(verb: str, path: str | list[str], **more: object) -> dict[str, object]:
    return {"verb": verb, "path": path, **more}


def with_request(verb: str, path: str, **more: object) -> dict[str, object]:
    names = ("id", "folder", "how", "text", "file")
    inputs = {name: {"type": "string"} for name in names if f"{{{name}}}" in path or f"{{+{name}}}" in path}
    return updating(
        input={"type": "object", "additionalProperties": False, "properties": inputs},
        request=request(verb, path, **more),
        output={"type": "object"},
    )


def test_a_catalogue_that_agrees_has_no_problems(world: World) -> None:
    report = world.report({"messages.list": listing(), "messages.update": updating()})

    assert report.ok
    assert [(one.path, one.verb, one.scopes, one.schema) for one in report.methods] == [("ok",) * 4] * 2


@pytest.mark.parametrize(
    ("path", "fault"),
    [
        ("/mee/messages", "Graph has no 'mee' at its root; did you mean me?"),
        ("/me/mesages", "user has no 'mesages'; did you mean messages?"),
        ("/me/messages/{id}/{how}/subject", "message has no '{how}'"),
        ("/me/messages/{id}/subject/x", "Edm.String has no 'x'"),
        ("/me/manager('x')", "'manager' is no collection, but 'x' stands there as a key"),
        ("/me/search(text='{text}')", "has other arguments than the metadata's search(q)"),
        ("/me/messages/{id}/reply/{how}", "nothing can follow 'reply'"),
        ("/me/messages/{id}:/{+file}:/content", "only files and sites can"),
        ("/me/messages/{id}/$count", "'$count' cannot stand after '{id}'"),
    ],
)
def test_a_path_that_means_nothing_fails_with_its_first_wrong_part(
    world: World, path: str, fault: str
) -> None:
    found = world.prove(with_request("GET", path))

    assert found.path == "failed"
    assert any(fault in problem for problem in found.problems), found.problems


@pytest.mark.parametrize(
    "path",
    [
        "/me",
        "/users/{id}",
        "/users('{id}')/messages",
        "/me/messages/{id}/$value",
        "/me/messages/delta",
        "/me/messages/delta()",
        "/me/messages/microsoft.graph.delta()",
        "/me/search(q='{text}')",
        "/me/messages/$count",
        "/me/messages/{id}/attachments/{how}/microsoft.graph.fileAttachment",
        "/me/root:/{+file}:/content",
        "/me/root:/{+file}",
    ],
)
def test_a_path_of_any_form_that_the_metadata_knows_is_right(world: World, path: str) -> None:
    found = world.prove(with_request("GET", path))

    assert (found.path, found.verb) == ("ok", "ok"), found.problems


def test_another_letter_case_than_the_metadata_s_is_a_problem(world: World) -> None:
    found = world.prove(with_request("GET", "/me/mailfolders"))

    assert "/me/mailfolders: 'mailfolders' is written 'mailFolders' in the metadata" in found.problems


def test_an_enumerated_input_stands_for_each_of_its_values(world: World) -> None:
    method = with_request("POST", "/me/messages/{id}/{how}", body={})
    method["input"]["properties"]["how"] = {"enum": ["reply", "replyToNobody"]}  # type: ignore[index]

    found = world.prove(method)

    assert [problem for problem in found.problems if "has no" in problem] == [
        "/me/messages/{id}/{how}: message has no 'replyToNobody'"
    ]


@pytest.mark.parametrize(
    ("verb", "path"),
    [
        ("POST", "/me/messages/{id}"),
        ("PATCH", "/me/messages"),
        ("DELETE", "/me/messages"),
        ("PUT", "/me/messages/{id}"),
        ("GET", "/me/messages/{id}/reply"),
        ("POST", "/me/messages/delta"),
        ("PATCH", "/me/root:/{+file}:/content"),
        ("DELETE", "/me"),
        ("POST", "/me/view"),
        ("POST", "/me/reports"),
        ("DELETE", "/me/manager"),
        ("POST", "/me/manager/$ref"),
        ("POST", "/me/messages/$count"),
    ],
)
def test_a_verb_that_the_end_of_the_path_does_not_take_fails(world: World, verb: str, path: str) -> None:
    found = world.prove(with_request(verb, path))

    assert found.verb == "failed"
    assert any(f"{verb} is wrong for" in problem for problem in found.problems)


@pytest.mark.parametrize(
    ("verb", "path"),
    [
        ("POST", "/me/messages"),
        ("PATCH", "/me/messages/{id}"),
        ("DELETE", "/me/messages/{id}"),
        ("POST", "/me/messages/{id}/reply"),
        ("PUT", "/me/root:/{+file}:/content"),
        ("PUT", "/me/messages/{id}/$value"),
        ("PUT", "/me/manager/$ref"),
        ("DELETE", "/me/manager/$ref"),
        ("POST", "/me/reports/$ref"),
        ("DELETE", "/me/reports/{id}/$ref"),
        ("DELETE", "/me/root:/{+file}"),
        ("POST", "/$batch"),
    ],
)
def test_a_verb_that_the_end_of_the_path_takes_is_right(world: World, verb: str, path: str) -> None:
    assert world.prove(with_request(verb, path)).verb == "ok"


def test_a_deprecated_operation_fails_with_its_date(world: World) -> None:
    found = world.prove(listing(request={"path": "/me/recent"}))

    assert found.path == "failed"
    assert "/me/recent: 'recent' is deprecated since 2025-11-13" in found.problems


def test_the_look_after_a_lost_answer_is_proven_as_well(world: World) -> None:
    found = world.prove(updating(settle={"request": {"path": "/me/mesages"}}))

    assert found.path == "failed"


def test_a_call_whose_path_the_caller_writes_is_exempt(world: World) -> None:
    method = updating(
        request={"verb": "{verb}", "path": "/{!path}", "body": "{body}"},
        input={
            "type": "object",
            "properties": {"verb": {"type": "string"}, "path": {"type": "string"}, "body": {}},
        },
    )

    found = world.prove(method)

    assert (found.path, found.verb, found.scopes, found.schema) == ("exempt",) * 4
    assert not found.problems


def test_a_path_with_more_than_one_verbatim_place_is_not_exempt(world: World) -> None:
    world.rows = [*world.rows, row("GET", "/me")]

    found = world.prove(listing(request={"path": "/me/{!path}"}))

    assert found.path == "failed"

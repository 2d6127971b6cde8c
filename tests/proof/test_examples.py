from __future__ import annotations

from typing import Any

import pytest

from tests.proof.small import World, answering, example, listing, updating, uploading


def tally(world: World, method: dict[str, Any], *examples: dict[str, Any]) -> tuple[int, int, list[str]]:
    found = world.prove(method, [{**one, "id": f"page#{at}"} for at, one in enumerate(examples, 1)])
    problems = [problem for problem in found.problems if problem.startswith("example ")]
    return found.examples_matched, found.examples_total, problems


def left_out(world: World, method: dict[str, Any], one: dict[str, Any]) -> str:
    report = world.report({"messages.one": method}, [one])
    assert report.methods[0].examples_total == 0
    return report.left_out["page#1"]


@pytest.mark.parametrize(
    "url",
    [
        "https://graph.microsoft.com/v1.0/me/messages",
        "HTTPS://graph.microsoft.com/V1.0/me/messages/",
        "/v1.0/me/messages",
        "/me/messages",
        "me/messages",
        "/Me/Messages",
        "/users/{id | userPrincipalName}/messages",
        "/users/ann@contoso.com/messages",
        "/users('ann@contoso.com')/messages",
        "/me/mailFolders/inbox/messages",
        "/me/mailFolders('inbox')/messages",
        "/me/mailFolders/{folder-id}/messages",
        "/me/messages?$select=id,subject",
        "/me/messages?select=id, subject",
        "/me/messages?$Select=id%2Csubject",
        "/me/messages?$filter=subject eq 'Tea & cake'&$top=5",
        "/me/messages?$filter=subject%20eq%20%27Tea%27",
        '/me/messages?$search="tea"',
        '/me/messages?$search="say \\"tea\\""',
        "/me/messages?$count=true",
        "/me/messages?$skiptoken=abc",
        "/me/messages?$skip=10&$filter=anything",
    ],
)
def test_a_documented_url_of_any_form_is_made_again(world: World, url: str) -> None:
    assert tally(world, listing(), example("GET", url)) == (1, 1, [])


def test_what_the_method_s_defaults_add_is_no_difference_but_another_value_is(world: World) -> None:
    assert tally(world, listing(), example("GET", "/me/messages?$count=false"))[:2] == (0, 1)


def test_a_value_that_the_input_refuses_is_a_problem(world: World) -> None:
    matched, total, problems = tally(world, listing(), example("GET", "/me/messages?$top=many"))

    assert (matched, total) == (0, 1)
    assert "page_size: must be an integer" in problems[0]


def test_an_option_without_an_input_counts_on_the_method_s_own_page_only(world: World) -> None:
    one = example("GET", "/me/messages?$expand=attachments")

    own = tally(world, listing(), {**one, "page": "message-list"})

    assert own == (0, 1, ["example page#1: the method has no input for the query option $expand"])
    assert "$expand" in left_out(world, listing(), {**one, "page": "another"})


def test_preferences_are_compared_by_name_and_value(world: World) -> None:
    zone = {"Prefer": 'zone="Pacific Standard Time"'}

    assert tally(world, listing(), example("GET", "/me/messages", headers=zone)) == (1, 1, [])
    assert (
        tally(world, listing(), example("GET", "/me/messages", headers={"prefer": "idtype=immutable"}))[1]
        == 1
    )
    _, _, problems = tally(world, listing(), example("GET", "/me/messages", headers={"Prefer": "unknown=1"}))
    assert "the preference unknown would be None, not '1'" in problems[0]


def test_a_consistency_level_that_the_method_does_not_send_is_a_problem(world: World) -> None:
    wanted = example("GET", "/me/messages", headers={"ConsistencyLevel": "eventual"})
    sending = listing()
    sending["request"]["headers"]["ConsistencyLevel"] = "eventual"

    assert tally(world, listing(), wanted)[:2] == (0, 1)
    assert tally(world, sending, wanted)[:2] == (1, 1)


def test_a_body_is_made_again_whatever_its_letters(world: World) -> None:
    bodies = [
        {"subject": "Tea"},
        {"Subject": "Tea", "Body": {"contentType": "Text", "Content": "x"}},
        {"importance": "High"},
        {"@odata.type": "#microsoft.graph.message", "tags": ["a"]},
        {"body": {"@odata.type": "microsoft.graph.itemBody", "content": "x"}},
    ]

    examples = [example("PATCH", "/me/messages/{id}", body) for body in bodies]

    assert tally(world, updating(), *examples) == (len(bodies), len(bodies), [])


@pytest.mark.parametrize("body", [{"color": "red"}, {"subject": 1}, {"importance": "urgent"}])
def test_a_body_that_the_method_refuses_is_a_problem(world: World, body: Any) -> None:
    matched, total, problems = tally(world, updating(), example("PATCH", "/me/messages/{id}", body))

    assert (matched, total, len(problems)) == (0, 1, 1)


def test_a_default_that_goes_into_the_body_is_no_difference(world: World) -> None:
    examples = [
        example("POST", "/me/messages/{id}/reply", {"Comment": "Thanks"}),
        example("POST", "/me/messages/{id}/forward", {}),
        example("POST", "/me/messages/{id}/microsoft.graph.reply"),
    ]

    assert tally(world, answering(), *examples) == (3, 3, [])


def test_a_constant_that_differs_shows_another_operation(world: World) -> None:
    method = updating(request={"verb": "POST", "path": "/me/messages", "body": {"subject": "Fixed"}})
    method["input"] = {"type": "object", "properties": {}}

    assert tally(world, method, example("POST", "/me/messages", {"subject": "Fixed"})) == (1, 1, [])
    assert "always sends 'Fixed'" in left_out(
        world, method, example("POST", "/me/messages", {"subject": "Free"})
    )


def test_an_example_that_no_method_makes_counts_for_none(world: World) -> None:
    assert left_out(world, listing(), example("GET", "/me/mailFolders")) == "no method makes its request"
    assert left_out(world, listing(), example("POST", "/me/messages", {})) == "no method makes its request"


def test_a_body_of_another_kind_is_another_request(world: World) -> None:
    one = example("PATCH", "/me/messages/{id}", raw="MIME", headers={"Content-Type": "text/plain"})

    assert left_out(world, updating(), one) == "no method makes its request"


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"csdl_problems": ["unknown-property: response $.x: stale"]}, "unknown-property"),
        ({"direction": "inbound"}, "sent by Graph"),
        ({"alternative": True, "response": {"status": 400, "body": None}}, "another answer"),
    ],
)
def test_a_line_that_shows_no_request_of_today_is_left_out_with_its_reason(
    world: World, change: dict[str, Any], reason: str
) -> None:
    assert reason in left_out(world, listing(), {**example("GET", "/me/messages"), **change})


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("https://upload.contoso.com/session", "goes to upload.contoso.com"),
        ("https://graph.microsoft.com/beta/me/messages", "calls beta"),
        ("{notificationUrl}", "placeholder"),
        ("/me/messages?$orderbysubject", "has no value"),
        ("/me/nothing", "path means nothing"),
    ],
)
def test_a_url_that_is_none_of_graph_s_is_left_out_with_its_reason(
    world: World, url: str, reason: str
) -> None:
    assert reason in left_out(world, listing(), example("GET", url))


def test_harmless_faults_of_a_page_do_not_leave_it_out(world: World) -> None:
    one = example(
        "PATCH", "/me/messages/{id}", {"importance": "High"}, csdl_problems=["enum-case: request $: High"]
    )

    assert tally(world, updating(), one) == (1, 1, [])


def test_each_item_of_a_documented_answer_fits_the_output(world: World) -> None:
    right = example("GET", "/me/messages", answer={"value": [{"id": "1", "subject": None, "more": 1}]})
    wrong = example("GET", "/me/messages", answer={"value": [{"id": "1"}, {"id": 2}]})

    assert tally(world, listing(), right) == (1, 1, [])
    matched, total, problems = tally(world, listing(), wrong)
    assert (matched, total) == (0, 1)
    assert "does not fit the output: 1.id must be a string" in problems[0]


def test_an_answer_with_a_body_needs_an_output(world: World) -> None:
    one = example("POST", "/me/messages/{id}/reply", {"comment": "x"}, answer={"id": "1"})

    assert "the method has no output" in tally(world, answering(), one)[2][0]


def test_both_requests_of_an_upload_are_made_again(world: World) -> None:
    session = example(
        "POST",
        "/me/root:/{item-path}:/createUploadSession",
        {
            "item": {
                "@odata.type": "microsoft.graph.uploadable",
                "@microsoft.graph.conflictBehavior": "replace",
            }
        },
        answer={"uploadUrl": "https://upload.contoso.com/1"},
    )
    bytes_ = example("PUT", "/me/root:/A/b c.txt:/content", raw="The bytes.", answer={"name": "b c.txt"})

    assert tally(world, uploading(), session, bytes_) == (2, 2, [])


def test_an_example_counts_for_the_method_that_makes_it(world: World) -> None:
    narrow = listing(request={"path": "/me/messages", "query": {"$filter": "{filter}"}})

    report = world.report(
        {"messages.list": listing(), "messages.find": narrow}, [example("GET", '/me/messages?$search="tea"')]
    )

    assert [(one.examples_matched, one.examples_total) for one in report.methods] == [(1, 1), (0, 0)]

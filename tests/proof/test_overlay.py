from __future__ import annotations

from pathlib import Path

import pytest

from connector.errors import SpecError
from connector.proof.errors import InvalidReference
from connector.proof.overlay import Overlay
from connector.proof.reference import Reference
from tests.proof.small import World, example, listing, updating

ENTRY = """
- methods: [{method}]
  check: {check}
  {narrowing}
  reason: It is so on purpose.
  source: https://learn.microsoft.com/graph/permissions-reference
"""
TOO_MUCH = {"scopes": {"delegated": ["Mail.ReadWrite"]}}


def entry(
    method: str = "messages.one", check: str = "scopes", narrowing: str = "scope: Mail.ReadWrite"
) -> str:
    return ENTRY.format(method=method, check=check, narrowing=narrowing)


def test_an_entry_excuses_its_fault_and_says_why(world: World) -> None:
    found = world.prove(listing(**TOO_MUCH), overlay=entry())

    assert (found.scopes, found.problems) == ("exempt", [])
    assert "It is so on purpose. https://learn.microsoft.com" in found.excused[0]


@pytest.mark.parametrize(
    "wrong",
    [
        entry(method="messages.other"),
        entry(check="schema"),
        entry(narrowing="scope: Mail.Send"),
        entry(narrowing="mode: application"),
    ],
)
def test_an_entry_excuses_nothing_else(world: World, wrong: str) -> None:
    assert world.prove(listing(**TOO_MUCH), overlay=wrong).scopes == "failed"


def test_an_entry_that_is_no_longer_needed_is_a_problem(world: World) -> None:
    found = world.prove(listing(), overlay=entry())

    assert found.problems == ["overlay: scopes (scope Mail.ReadWrite) is no longer needed; remove the entry"]


def test_an_entry_for_no_method_is_a_problem(world: World) -> None:
    report = world.report({"messages.list": listing()}, overlay=entry(method="messages.gone"))

    assert report.problems == [
        "overlay: scopes (scope Mail.ReadWrite) names messages.gone, which is no method; remove it"
    ]
    assert not report.ok


def test_an_excused_example_counts_no_more(world: World) -> None:
    overlay = entry(check="examples", narrowing="example: page#1")

    found = world.prove(updating(), [example("PATCH", "/me/messages/1", {"color": "red"})], overlay)

    assert (found.examples_matched, found.examples_total, found.problems) == (0, 0, [])


def test_an_entry_for_an_example_that_is_not_in_the_folder_is_not_stale(world: World) -> None:
    found = world.prove(listing(), overlay=entry(check="examples", narrowing="example: elsewhere#1"))

    assert found.problems == []


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("- {methods: [a.b], check: scopes, scope: X, source: 'https://x'}", "is required"),
        ("- {methods: [a.b], check: scopes, reason: So., source: 'https://x'}", "fits none"),
        ("- {methods: [a.b], check: taste, scope: X, reason: So., source: 'https://x'}", "must be one of"),
        ("- {methods: [a.b], check: path, path: /x, reason: So., source: hearsay}", "must match the pattern"),
        ("- {methods: [], check: path, path: /x, reason: So., source: 'https://x'}", "must have at least 1"),
    ],
)
def test_an_entry_without_reason_source_or_aim_is_refused(tmp_path: Path, text: str, fault: str) -> None:
    path = tmp_path / "overlay.yaml"
    path.write_text(text, encoding="utf-8")

    with pytest.raises(SpecError, match=fault):
        Overlay.open(path)


def test_the_connector_s_own_overlay_can_be_read() -> None:
    assert all(entry.reason and entry.source for entry in Overlay.open().entries)


@pytest.mark.parametrize("name", ["metadata.csdl.xml", "permissions.json", "scopes.json"])
@pytest.mark.parametrize("text", [None, "neither", "[1]"])
def test_a_reference_file_that_is_missing_or_wrong_is_named(
    world: World, tmp_path: Path, name: str, text: str | None
) -> None:
    world.report({"messages.list": listing()}, [example("GET", "/me/messages")])
    (tmp_path / name).unlink()
    if text is not None:
        (tmp_path / name).write_text(text, encoding="utf-8")

    with pytest.raises(InvalidReference, match=name):
        Reference.in_folder(tmp_path)


@pytest.mark.parametrize("line", [None, "{", '{"id": "x"}', '{"id": "x", "request": {}, "response": {}}'])
def test_examples_that_are_missing_or_wrong_are_named(world: World, tmp_path: Path, line: str | None) -> None:
    world.report({"messages.list": listing()})
    file = tmp_path / "examples" / "mail.jsonl"
    file.unlink() if line is None else file.write_text(line, encoding="utf-8")

    with pytest.raises(InvalidReference, match="examples"):
        Reference.in_folder(tmp_path)


def test_the_report_has_its_fixed_shape(world: World) -> None:
    report = world.report({"messages.list": listing()}, [example("GET", "/me/messages")])

    assert report.as_json() == {
        "methods": [
            {
                "name": "messages.list",
                "path": "ok",
                "verb": "ok",
                "scopes": "ok",
                "schema": "ok",
                "examples_matched": 1,
                "examples_total": 1,
                "problems": [],
            }
        ]
    }

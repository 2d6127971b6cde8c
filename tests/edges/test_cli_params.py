"""Inputs as they are typed."""

from __future__ import annotations

import io
import json
import sys
from pathlib import Path
from typing import Any

import pytest

from connector.cli.params import read_params
from connector.content import Content
from connector.errors import InvalidInput, UsageError
from tests.scripted import method

SAMPLE = method(
    """
    input:
      type: object
      additionalProperties: false
      properties:
        text: {type: string}
        count: {type: integer}
        ratio: {type: [number, 'null']}
        flag: {type: boolean}
        names: {type: array, items: {type: string}}
        numbers: {type: array, items: {type: integer}}
        kind: {enum: [small, large]}
        either: {anyOf: [{type: boolean}, {type: array, items: {type: string}}]}
        any: {}
        content: {type: string, contentEncoding: base64}
        event:
          type: object
          additionalProperties: false
          properties:
            subject: {type: string}
            start: {type: object, properties: {dateTime: {type: string}}, additionalProperties: false}
            open: {type: object}
        user: {type: string}
    target: mailbox
    request: {path: "{mailbox}/things"}
    """
)


@pytest.mark.parametrize(
    ("pair", "expected"),
    [
        ("text=a=b, c", {"text": "a=b, c"}),
        ("text=true", {"text": "true"}),
        ("text=12", {"text": "12"}),
        ("text=@@all", {"text": "@all"}),
        ("text=", {"text": ""}),
        ("count=12", {"count": 12}),
        ("ratio=1.5", {"ratio": 1.5}),
        ("ratio=null", {"ratio": None}),
        ("flag=true", {"flag": True}),
        ("flag=No", {"flag": False}),
        ("names=a, b", {"names": ["a", "b"]}),
        ('names=["a,b"]', {"names": ["a,b"]}),
        ("numbers=1,2", {"numbers": [1, 2]}),
        ("kind=small", {"kind": "small"}),
        ("either=a,b", {"either": ["a", "b"]}),
        ("any=[1]", {"any": [1]}),
        ("any=word", {"any": "word"}),
        ("event.subject=Tea", {"event": {"subject": "Tea"}}),
        ("event.start.dateTime=2026-05-05T09:00:00", {"event": {"start": {"dateTime": "2026-05-05T09:00:00"}}}),
        ('event={"subject": "Tea"}', {"event": {"subject": "Tea"}}),
        ("event.open.deep.er=1", {"event": {"open": {"deep": {"er": 1}}}}),
    ],
)  # fmt: skip
def test_a_text_becomes_what_the_schema_wants(pair: str, expected: dict[str, Any]) -> None:
    assert read_params(SAMPLE, [pair]) == expected


def test_repeated_lists_grow_and_repeated_values_replace() -> None:
    assert read_params(SAMPLE, ["names=a", "names=b,c", "text=x", "text=y"]) == {
        "names": ["a", "b", "c"],
        "text": "y",
    }


def test_parameters_win_over_the_input_and_leave_its_rest() -> None:
    given = json.dumps({"event": {"subject": "Old", "start": {}}, "names": ["old"]})
    assert read_params(SAMPLE, ["event.subject=New", "names=new"], given) == {
        "event": {"subject": "New", "start": {}},
        "names": ["new"],
    }


def test_every_problem_is_named_at_once() -> None:
    with pytest.raises(InvalidInput) as caught:
        read_params(SAMPLE, ["txt=1", "count=many", "flag=maybe", "event.subjct=x", "event=["])
    problems = dict(caught.value.problems)
    assert problems["txt"] == "is not known; did you mean text?"
    assert problems["count"] == "must be a whole number"
    assert problems["flag"] == "must be true or false"
    assert problems["event.subjct"] == "is not known; did you mean subject?"
    assert problems["event"].startswith("must be JSON here")


def test_a_parameter_without_a_value_says_how_to_write_it() -> None:
    with pytest.raises(UsageError, match="Write --param text=VALUE"):
        read_params(SAMPLE, ["text"])


def test_texts_and_objects_come_from_files(tmp_path: Path) -> None:
    (tmp_path / "text.txt").write_text("Grüße\n", encoding="utf-8")
    (tmp_path / "event.json").write_text('{"subject": "Tea"}')
    pairs = [f"text=@{tmp_path}/text.txt", f"event=@{tmp_path}/event.json"]
    assert read_params(SAMPLE, pairs) == {"text": "Grüße\n", "event": {"subject": "Tea"}}


def test_a_file_that_is_not_there_is_named() -> None:
    with pytest.raises(UsageError, match=r"missing\.txt cannot be read"):
        read_params(SAMPLE, ["text=@missing.txt"])


def test_bytes_come_from_a_file_or_from_standard_input(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a.bin").write_bytes(b"\x00\x01")
    content = read_params(SAMPLE, [f"content=@{tmp_path}/a.bin"])["content"]
    assert isinstance(content, Content)
    assert (content.read(), content.name) == (b"\x00\x01", "a.bin")
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"piped")))
    assert read_params(SAMPLE, ["content=@-"])["content"].read() == b"piped"


def test_bytes_that_are_typed_are_refused_with_the_remedy() -> None:
    with pytest.raises(InvalidInput, match="write content=@FILE"):
        read_params(SAMPLE, ["content=report.pdf"])


def test_the_input_is_json_a_file_or_standard_input(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "in.json").write_text('{"text": "a"}')
    assert read_params(SAMPLE, [], '{"text": "a"}') == {"text": "a"}
    assert read_params(SAMPLE, [], f"@{tmp_path}/in.json") == {"text": "a"}
    monkeypatch.setattr(sys, "stdin", io.StringIO('{"text": "b"}'))
    assert read_params(SAMPLE, [], "-") == {"text": "b"}


@pytest.mark.parametrize("given", ["{", "[]", "text"])
def test_an_input_that_is_no_object_is_refused(given: str) -> None:
    with pytest.raises(UsageError, match="--input"):
        read_params(SAMPLE, [], given)


def test_the_target_sets_the_input_that_chooses_it() -> None:
    assert read_params(SAMPLE, [], None, "user=ann@contoso.com") == {"user": "ann@contoso.com"}
    assert read_params(SAMPLE, ["user=bob"], None, "me") == {}


@pytest.mark.parametrize("target", ["user", "me=x", "drive=b!1", ""])
def test_a_target_that_does_not_suit_names_those_that_do(target: str) -> None:
    with pytest.raises(UsageError, match=r"user=… or me"):
        read_params(SAMPLE, [], None, target)


def test_a_method_without_targets_says_so() -> None:
    with pytest.raises(UsageError, match="leave --target out"):
        read_params(method("request: {path: /things}"), [], None, "me")

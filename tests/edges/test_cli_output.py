"""Data on standard output, and where downloads go."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import Any

import pytest

from connector.cli.output import Output, compile_query, write
from connector.cli.progress import Progress
from connector.cli.saving import Destination, safe_name
from connector.content import Content
from connector.errors import UsageError

PEOPLE = [
    {"id": "1", "displayName": "Ann", "mail": None, "address": {"city": "Ulm"}, "tags": ["a", "b"]},
    {"id": "2", "displayName": "Bö, \"B\"", "mail": None, "address": None, "tags": []},
]  # fmt: skip
EVIL = "a\x1b[31mred\r\nsecond\u202e\x9b2J"


def written(capsys: pytest.CaptureFixture[str], output: Output, *pages: list[Any]) -> str:
    for page in pages:
        output.add(page)
    output.finish()
    return capsys.readouterr().out


def test_a_list_as_json_is_one_array_over_all_pages(capsys: pytest.CaptureFixture[str]) -> None:
    text = written(capsys, Output("json", listing=True), PEOPLE[:1], [], PEOPLE[1:])
    assert json.loads(text) == PEOPLE


def test_a_list_as_json_is_written_while_it_arrives(capsys: pytest.CaptureFixture[str]) -> None:
    output = Output("json", listing=True)
    output.add(PEOPLE[:1])
    assert '"Ann"' in capsys.readouterr().out
    output.finish()
    assert capsys.readouterr().out.strip() == "]"


def test_an_empty_list_is_an_empty_array(capsys: pytest.CaptureFixture[str]) -> None:
    assert json.loads(written(capsys, Output("json", listing=True), [])) == []


def test_one_item_is_an_object_and_none_is_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    assert json.loads(written(capsys, Output("json", listing=False), PEOPLE[:1])) == PEOPLE[0]
    assert written(capsys, Output("json", listing=False), []) == ""


def test_json_lines_query_each_item_and_json_the_whole(capsys: pytest.CaptureFixture[str]) -> None:
    lines = written(capsys, Output("jsonl", compile_query("displayName"), listing=True), PEOPLE)
    assert [json.loads(line) for line in lines.splitlines()] == ["Ann", 'Bö, "B"']
    whole = written(capsys, Output("json", compile_query("[].displayName"), listing=True), PEOPLE)
    assert json.loads(whole) == ["Ann", 'Bö, "B"']


def test_a_query_that_is_none_names_the_option() -> None:
    with pytest.raises(UsageError, match="--query"):
        compile_query("[")
    length = compile_query("length(@)")
    with pytest.raises(UsageError, match="--query does not fit"):
        length(1)


def test_csv_can_be_read_back(capsys: pytest.CaptureFixture[str]) -> None:
    text = written(capsys, Output("csv", listing=True), PEOPLE)
    rows = list(csv.DictReader(io.StringIO(text, newline="")))
    assert [row["displayName"] for row in rows] == ["Ann", 'Bö, "B"']
    assert json.loads(rows[0]["address"]) == {"city": "Ulm"}
    assert rows[1]["address"] == ""


def test_csv_of_nothing_is_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    assert written(capsys, Output("csv", listing=True), []) == ""


def test_a_table_in_a_pipe_is_aligned_and_leaves_out_empty_columns(
    capsys: pytest.CaptureFixture[str],
) -> None:
    header, first, second = written(capsys, Output("table", listing=True), PEOPLE).splitlines()
    assert header.split() == ["id", "displayName", "address", "tags"]
    assert header.index("address") == first.index("{")
    assert second.startswith("2   Bö")


@pytest.mark.parametrize("form", ["table", "json", "jsonl"])
@pytest.mark.parametrize("value", [[{"subject": EVIL}], {"subject": EVIL}])
def test_data_cannot_act_on_the_screen(form: Any, value: Any, capsys: pytest.CaptureFixture[str]) -> None:
    write(value, form)
    text = capsys.readouterr().out
    assert not set("\x1b\r\x9b\u202e") & set(text)
    assert "red" in text


def test_json_escapes_can_be_read_back(capsys: pytest.CaptureFixture[str]) -> None:
    write({"subject": EVIL}, "json")
    assert json.loads(capsys.readouterr().out) == {"subject": EVIL}


def test_a_table_on_a_terminal_takes_no_markup_from_data(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("connector.cli.output.on_terminal", lambda: True)
    write([{"name": "[bold]x[/bold] [link=http://evil.test]y[/link]"}], "table")
    assert "[bold]x[/bold]" in capsys.readouterr().out


def test_columns_that_do_not_fit_are_counted_on_stderr(capsys: pytest.CaptureFixture[str]) -> None:
    write([{f"column{number:02}": "x" * 40 for number in range(10)}], "table")
    told = capsys.readouterr()
    assert "column03" in told.out
    assert "column04" not in told.out
    assert "(6 more" in told.err


def test_nested_columns_give_way_to_plain_ones(capsys: pytest.CaptureFixture[str]) -> None:
    write([{"body": {"content": "x" * 100}, "subject": "y" * 50, "id": "z" * 100}], "table")
    header = capsys.readouterr().out.splitlines()[0]
    assert header.split() == ["body", "subject", "id"]
    write([{"body": {"content": "x" * 100}, **{f"plain{number}": "y" * 60 for number in range(5)}}], "table")
    header = capsys.readouterr().out.splitlines()[0]
    assert header.split() == ["plain0", "plain1", "plain2"]


@pytest.mark.parametrize(
    ("suggested", "expected"),
    [
        ("report.pdf", "report.pdf"),
        ("../../etc/passwd", "passwd"),
        ("C:\\Windows\\x.txt", "x.txt"),
        ("..", "download"),
        ("", "download"),
        (None, "download"),
        ("CON", "_CON"),
        ("nul.txt", "_nul.txt"),
        ("a\x00b\nc.txt", "a_b_c.txt"),
        ("evil\u202egpj.exe", "evil_gpj.exe"),
        ("name. ", "name"),
        ("a:b?.txt", "a_b_.txt"),
    ],
)
def test_a_suggested_name_becomes_a_safe_one(suggested: str | None, expected: str) -> None:
    assert safe_name(suggested) == expected


def test_a_long_name_keeps_its_extension() -> None:
    name = safe_name("ü" * 4000 + ".pdf")
    assert name.endswith(".pdf")
    assert len(name.encode()) <= 200


def test_a_download_goes_to_a_new_file_and_never_over_an_old_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    content = Content.from_bytes(b"data", name="../report.txt")
    record = Destination(None, force=False).write(content, Progress("x"))
    assert record == [{"file": "report.txt", "size_bytes": 4, "media_type": None}]
    assert (tmp_path / "report.txt").read_bytes() == b"data"
    with pytest.raises(UsageError, match="--force"):
        Destination(None, force=False).write(content, Progress("x"))
    assert Destination(None, force=True).write(content, Progress("x"))


def test_where_to_save_is_checked_before_anything_is_sent(tmp_path: Path) -> None:
    (tmp_path / "old").write_text("x")
    with pytest.raises(UsageError, match="--force"):
        Destination(str(tmp_path / "old"), force=False)
    with pytest.raises(UsageError, match="is a folder"):
        Destination(str(tmp_path), force=True)
    with pytest.raises(UsageError, match="no folder"):
        Destination(str(tmp_path / "none" / "file"), force=False)


def test_a_dash_writes_the_bytes_to_standard_output(capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    assert Destination("-", force=False).write(Content.from_bytes(b"\x00\xff"), Progress("x")) == []
    assert capfdbinary.readouterr().out == b"\x00\xff"

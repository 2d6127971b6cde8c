"""docs/sandbox.md says what the sandbox has. `python -m tests.sandbox_itself.test_sandbox_page` writes its tables."""

from __future__ import annotations

import ast
import importlib
import inspect
import json
import re
from dataclasses import fields
from pathlib import Path
from typing import get_args, get_origin, get_type_hints

import pytest

from connector.sandbox import Switches, create_app, switches
from connector.sandbox.faults import Kind
from connector.sandbox.graph import ROUTE_MODULES
from connector.sandbox.seed import DEMO_CLIENT_ID, DEMO_CLIENT_SECRET, DEMO_PASSWORD

PAGE = Path(__file__).parents[2] / "docs" / "sandbox.md"
REMEDY = "run: python -m tests.sandbox_itself.test_sandbox_page"


def served_list() -> str:
    """The first sentences of the modules with routes."""
    modules = [importlib.import_module(f"connector.sandbox.{name}") for name in ROUTE_MODULES]
    return "\n".join(
        f"- {re.split(r'[.] ?(?=[A-Z]|$)', ' '.join(str(inspect.getdoc(module)).split()))[0]}."
        for module in modules
        if not module.__name__.endswith("_seed")
    )


def switch_table() -> str:
    """Name, default and range, meaning: the meaning is the docstring below the field."""
    (definition,) = (
        node for node in ast.parse(inspect.getsource(switches)).body
        if isinstance(node, ast.ClassDef) and node.name == "Switches"
    )  # fmt: skip
    meanings = {
        field.target.id: " ".join(str(text.value.value).split())
        for field, text in zip(definition.body, definition.body[1:], strict=False)
        if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name)
        and isinstance(text, ast.Expr) and isinstance(text.value, ast.Constant)
    }  # fmt: skip
    hints = get_type_hints(Switches)
    rows = ["| switch | default | others | meaning |", "|---|---|---|---|"]
    for one in fields(Switches):
        default = getattr(Switches(), one.name)
        others = [
            f"`{json.dumps(value)}`"
            for value in (get_args(hints[one.name]) if get_origin(hints[one.name]) is not tuple else ())
            if value != default
        ]
        shown = json.dumps(default)
        rows.append(f"| `{one.name}` | `{shown}` | {', '.join(others)} | {meanings[one.name]} |")
    return "\n".join(rows)


TABLES = {"served": served_list, "switches": switch_table}


def with_tables(text: str) -> str:
    for name, table in TABLES.items():
        place = re.search(rf"<!-- {name}: begin.*?-->\n(.*?)<!-- {name}: end -->", text, re.DOTALL)
        assert place is not None, f"docs/sandbox.md has no place for {name!r}"
        text = f"{text[: place.start(1)]}\n{table()}\n\n{text[place.end(1) :]}"
    return text


def test_the_page_has_the_switches_and_the_modules_as_they_are() -> None:
    text = PAGE.read_text(encoding="utf-8")
    assert with_tables(text) == text, REMEDY


@pytest.mark.parametrize("kind", get_args(Kind))
def test_the_page_explains_every_fault(kind: str) -> None:
    assert f"`{kind}`" in PAGE.read_text(encoding="utf-8")


def test_the_page_names_every_control_endpoint_and_no_other() -> None:
    rules = [rule for rule in create_app().url_map.iter_rules() if rule.rule.startswith("/_sandbox/")]
    existing = {re.sub(r"<[^>]+>", "<>", rule.rule.removeprefix("/_sandbox")) for rule in rules}
    section = PAGE.read_text(encoding="utf-8").partition("## Control endpoints")[2].partition("### ")[0]
    paths = re.findall(r"`(?:(?:GET|POST|PUT|PATCH|DELETE)`?,? ?`?)+ (/[^`?]*)`", section)
    assert {re.sub(r"<[^>]+>", "<>", path) for path in paths} == existing


@pytest.mark.parametrize("text", [DEMO_CLIENT_ID, DEMO_CLIENT_SECRET, DEMO_PASSWORD])
def test_the_page_has_what_one_needs_to_sign_in(text: str) -> None:
    assert text in PAGE.read_text(encoding="utf-8")


def test_every_person_and_company_is_introduced() -> None:
    text = PAGE.read_text(encoding="utf-8")
    world = create_app().extensions["sandbox"]
    for tenant in world.tenants.values():
        assert tenant.id in text
        members = [user for user in tenant.users if user["userType"] == "Member"]
        assert [user for user in members if f"| {user['mailNickname']} |" not in text] == []


if __name__ == "__main__":
    PAGE.write_text(with_tables(PAGE.read_text(encoding="utf-8")), encoding="utf-8")

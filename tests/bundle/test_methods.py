"""Every method, one test each: what the lint cannot know is held here."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from connector.proof.lint import lint
from connector.spec.load import load_catalogue
from connector.spec.model import Method

CATALOGUE = load_catalogue()
WITHOUT_PICKER = {
    "external_id": "it is an ID of the caller's own",
    "session_id": "it is the client ID of the app registration, which no method lists",
    "label_id": "Graph lists the labels of a tenant in its beta version only",
    "share_id": "a sharing link is pasted; no method lists the links of all items",
}

every_method = pytest.mark.parametrize("method", CATALOGUE.values(), ids=list(CATALOGUE))


def test_the_lint_finds_nothing():
    assert lint() == []


@every_method
def test_every_property_that_a_person_fills_in_has_a_title_and_a_sentence(method: Method):
    lacking = [
        address
        for address, schema in _fields(method.input)
        if not schema.get("title") or not schema.get("description", "").endswith(".")
    ]
    assert lacking == []


@every_method
def test_an_id_can_be_picked(method: Method):
    for name, schema in method.properties.items():
        if name.endswith("_id") and name not in WITHOUT_PICKER and name != "content_id":
            assert "x-picker" in schema, name


@every_method
def test_a_write_that_may_happen_twice_can_be_looked_up(method: Method):
    verb = method.request.verb
    is_repeatable = method.repeat == "safe" or (verb != "POST" and method.repeat != "never")
    if method.kind != "read" and not is_repeatable and method.visibility == "normal":
        assert method.settle is not None


@every_method
def test_a_menu_of_an_enumeration_offers_what_is_accepted(method: Method):
    for address, schema in _fields(method.input):
        if "x-menu" in schema:
            assert set(schema["x-menu"]) < set(schema["enum"]), address


def test_mail_and_calendars_use_ids_that_survive_a_move():
    for name, service in CATALOGUE.manifest.services.items():
        outlook = name in ("calendars", "calendar_groups", "events", "emails", "contacts")
        assert (service.headers.get("Prefer") == 'IdType="ImmutableId"') is outlook
        in_mailbox = outlook or name in ("email_rules", "todo", "people", "mailbox_settings")
        assert service.batch_size == (4 if in_mailbox else 20)


def _fields(schema: Any, address: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    """Every property inside a resolved schema that can be set, at any depth."""
    if not isinstance(schema, dict):
        return
    for group in ("properties", "patternProperties"):
        for name, inner in schema.get(group, {}).items():
            if inner.get("readOnly"):
                continue
            yield f"{address}.{name}", inner
            yield from _fields(inner, f"{address}.{name}")
    for key in ("items", "additionalProperties"):
        yield from _fields(schema.get(key), f"{address}[]")
    for key in ("allOf", "anyOf", "oneOf"):
        for inner in schema.get(key, ()):
            yield from _fields(inner, address)

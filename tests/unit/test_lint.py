"""Each fault that the lint is for, made in a bundle of its own, is found in its file and line."""

import re
from pathlib import Path

import pytest

from connector.errors import SpecError
from connector.proof.lint import lint
from connector.spec.load import load_catalogue

MANIFEST = """\
format: 1
name: more
title: More
version: 1.0.0
description: More methods.
services:
  things:
    title: Things
    methods: [things.act]
"""
METHOD = """\
name: things.act
title: Act
description: Acts on a thing.
docs: https://learn.microsoft.com/graph/api/user-get
kind: read
scopes: {delegated: [User.Read]}
target: mailbox
input:
  type: object
  additionalProperties: false
  required: [thing_id]
  properties:
    thing_id:
      type: string
      title: Thing
      description: Which one.
      x-picker: {method: users.list, value: id, label: displayName}
request:
  path: "{mailbox}/messages/{thing_id}"
flow: {type: single}
output: {$ref: ../../schemas/user.json}
example: {thing_id: "1"}
"""


@pytest.fixture
def bundle(tmp_path: Path):
    def write(method: str = METHOD, manifest: str = MANIFEST) -> Path:
        (tmp_path / "methods/things").mkdir(parents=True)
        (tmp_path / "manifest.yaml").write_text(manifest)
        (tmp_path / "methods/things/act.yaml").write_text(method)
        return tmp_path

    return write


def test_the_connectors_own_bundle_is_clean():
    assert lint() == []


def test_a_further_bundle_may_use_our_schemas_targets_and_methods(bundle):
    folder = bundle()
    assert lint(folder) == []
    method = load_catalogue([folder]).method("things.act")
    assert [path.text for path in method.request.paths] == [
        "/users/{user}/messages/{thing_id}",
        "/me/messages/{thing_id}",
    ]
    assert method.service.title == "Things"


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ("/{thing_id}", "/{thing}", r"act\.yaml:\d+: \{thing\} is no input"),
        ("/{thing_id}", "", r"act\.yaml:13: the input thing_id is never used"),
        ("kind: read", "kind: reed", r"act\.yaml:5: kind must be one of: read, write, send, delete"),
        ("title: Act", "titel: Act", r"act\.yaml:2: titel is not known; did you mean title\?"),
        ("title: Act\n", "title: Act\ntitle: Again\n", r"act\.yaml:3: the key 'title' stands twice"),
        ("flow: {type: single}", "flow: {type: single, fragment_bytes: 1}", r"act\.yaml:20: flow\.fragment_bytes is not known"),
        ("[User.Read]", "[User.Reed]", r"act\.yaml:6: the permission User\.Reed is not in the manifest"),
        ("[User.Read]", "[user.read]", r"act\.yaml:6: scopes\.delegated\.0 must match"),
        ("[User.Read]", "[]", r"act\.yaml:6: scopes\.delegated must have at least 1 items"),
        ("users.list", "users.lists", r"act\.yaml:17: the picker of thing_id: there is no method users\.lists"),
        ("users.list", "users.delete", r"the picker of thing_id: users\.delete does more than read"),
        ("label: displayName", "label: displayNaem", r"users\.list gives out no displayNaem"),
        ("label: displayName", "label: displayName, search: word", r"users\.list has no input word"),
        ('{thing_id: "1"}', "{thing_id: 1}", r"act\.yaml:22: the example does not work: .*thing_id: must be a string"),
        ('{thing_id: "1"}', "{}", r"the example does not work: .*thing_id: is required"),
        ("additionalProperties: false", "minProperties: 0", r"must say additionalProperties: false"),
        ("      description: Which one.\n", "", r"act\.yaml:13: the input thing_id has no description"),
        ("type: string\n", "type: strin\n", r"the input is no usable JSON Schema|input\.properties\.thing_id\.type"),
        ("schemas/user.json", "schemas/usr.json", r"leads to schemas/usr\.json, which is not in the bundle"),
        ("target: mailbox", "target: letterbox", r"act\.yaml:7: the manifest has no target letterbox"),
        ('"{mailbox}/messages', '"messages', r"act\.yaml:19: request\.path"),
        ("{mailbox}/messages/{thing_id}", "/me/messages/{!thing_id}", r"is for methods of visibility advanced"),
        ("required: [thing_id]", "required: []", r"\{thing_id\} is in the last path, so the input must be required"),
        ("name: things.act", "name: things.do", r"act\.yaml:1: the method things\.do belongs into methods/things/do\.yaml"),
        ("target: mailbox", "target: mailbox\nnot_for: [{target: drive, reason: No.}]", r"drive is no target of this method"),
        ("flow: {type: single}", "flow: {type: upload, content: thing_id, fragment_bytes: 327680}", r"must be an input with contentEncoding"),
        ("flow: {type: single}", "flow: {type: upload, content: thing_id, fragment_bytes: 1000000}", r"must be a multiple of 327680"),
    ],
)  # fmt: skip
def test_a_fault_is_found_where_it_is(bundle, old, new, problem):
    assert old in METHOD
    problems = lint(bundle(METHOD.replace(old, new, 1)))
    assert any(re.search(problem, found) for found in problems), problems


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        (
            "[things.act]",
            "[things.act, things.other]",
            r"manifest\.yaml:9: the method things\.other has no file",
        ),
        ("[things.act]", "[]", r"act\.yaml:1: no service of the manifest lists the method things\.act"),
        ("version: 1.0.0", "version: one", r"manifest\.yaml:4: version must match"),
    ],
)
def test_a_fault_of_the_menu_is_found(bundle, old, new, problem):
    problems = lint(bundle(manifest=MANIFEST.replace(old, new, 1)))
    assert any(re.search(problem, found) for found in problems), problems


def test_a_bundle_with_faults_is_not_loaded(bundle):
    with pytest.raises(SpecError, match=r"act\.yaml:5"):
        load_catalogue([bundle(METHOD.replace("kind: read", "kind: reed"))])


def test_a_folder_that_is_not_there_is_named():
    assert "there is no such folder" in lint(Path("/no/such/folder"))[0]

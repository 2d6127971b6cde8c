"""What Microsoft's documentation answers fits our outputs, by either validator. Requests are the proof's business."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import unquote, urlsplit

import pytest

from connector.spec import schemas
from connector.spec.load import load_catalogue
from connector.spec.model import Method, RequestSpec
from tests.reference import documented_examples, needs_reference

pytestmark = needs_reference
HARMLESS = {"enum-case", "name-case", "open-property", "derived-property"}
CHECKS = [schemas.compile_check, schemas.compile_reference_check]


def _fitting() -> Iterator[tuple[str, Method, RequestSpec, dict[str, Any]]]:
    methods = [method for method in load_catalogue().values() if method.name != "graph.request"]
    for example in documented_examples():
        problems = {problem.split(":")[0] for problem in example["csdl_problems"]}
        address = urlsplit(example["request"]["url"])
        if (
            problems - HARMLESS
            or example.get("alternative")
            or address.netloc not in ("", "graph.microsoft.com")
        ):
            continue
        path = unquote(address.path).removeprefix("/v1.0").rstrip("/")
        for method in methods:
            for request in (method.request, method.flow.options.get("small", {}).get("request")):
                if request and request.verb == example["request"]["method"] and _fits(request, path, method):
                    yield f"{example['id']}-{method.name}", method, request, example


def _fits(request: RequestSpec, path: str, method: Method) -> bool:
    for spec in request.paths:
        pattern = re.escape(spec.text)
        for name in re.findall(r"\{\+?(\w+)\}", spec.text):
            values = method.properties.get(name, {}).get("enum")
            place = "|".join(values) if values else "[^/]+"
            plus, one = re.escape(f"{{+{name}}}"), re.escape(f"{{{name}}}")
            pattern = pattern.replace(plus, ".+").replace(one, f"(?:{place})")
        if re.fullmatch(pattern, path, re.IGNORECASE):
            return True
    return False


FITTING = list(_fitting())
ANSWERS = [
    (name, method, example["response"]["body"], example["is_collection"])
    for name, method, _, example in FITTING
    if method.output is not None
    and method.flow.type in ("single", "paged", "delta")
    and example["response"]["body"] is not None
]


@pytest.mark.parametrize("make_check", CHECKS)
@pytest.mark.parametrize(
    ("method", "body", "is_collection"), [case[1:] for case in ANSWERS], ids=[case[0] for case in ANSWERS]
)
def test_a_documented_answer_fits_the_output(make_check, method, body, is_collection):
    check = make_check(method.output, formats=False)
    items = body["value"] if is_collection else [body]
    assert [check(item) for item in items] == [[] for _ in items]

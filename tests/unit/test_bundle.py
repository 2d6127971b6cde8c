import pytest

from connector import bundle
from connector.errors import SpecError


def parse(text):
    return bundle.parse_yaml(text, "a.yaml")


def test_text_stays_text():
    text = "a: no\nb: 2026-01-01\nc: on\nd: 007\ne: '5'\nf: 1e3\ng: 0x1f\nh: 12:30"
    assert set(map(type, parse(text).data.values())) == {str}


def test_json_types_are_read_as_such():
    assert parse("a: 1\nb: -2.5\nc: true\nd: null\ne: ~\nf: []\ng: {}").data == {
        "a": 1, "b": -2.5, "c": True, "d": None, "e": None, "f": [], "g": {},
    }  # fmt: skip


def test_a_key_that_stands_twice_is_an_error_with_both_lines():
    with pytest.raises(SpecError, match=r"a\.yaml:4: the key 'x' stands twice; the first is on line 2"):
        parse("a:\n  x: 1\n  y: 2\n  x: 3\n")


@pytest.mark.parametrize("text", ["a: &x 1\nb: *x", "a: [", "", "? [1]\n: 2", "a: 1\n b: 2"])
def test_what_is_not_plain_yaml_is_refused_with_its_line(text):
    with pytest.raises(SpecError, match=r"a\.yaml:\d+: "):
        parse(text)


def test_the_line_of_every_key_is_known():
    document = parse("a:\n  - x: 1\n  - x: 2\n")
    assert document.at(("a", 1, "x")) == "a.yaml:3"
    assert document.at(("a", 1, "nowhere")) == "a.yaml:3"
    assert document.at() == "a.yaml:1"


@pytest.mark.parametrize("text", ['{"a": 1, "a": 2}', '{"a": NaN}', '{"a": }', "[1,]"])
def test_json_is_read_as_strictly(text):
    with pytest.raises(SpecError, match=r"a\.json"):
        bundle.parse_json(text, "a.json")

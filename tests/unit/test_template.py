from urllib.parse import parse_qs, unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.content import Content
from connector.errors import InvalidInput
from connector.runtime.template import MISSING, fill, fill_headers, fill_path, fill_query


def test_a_path_value_is_one_encoded_segment():
    assert fill_path("/me/messages/{id}", {"id": "AA/b+c=="}) == "/me/messages/AA%2Fb%2Bc%3D%3D"


def test_a_guest_user_name_is_encoded():
    assert (
        fill_path("/users/{u}", {"u": "ann_x.com#EXT#@contoso.com"})
        == "/users/ann_x.com%23EXT%23@contoso.com"
    )


def test_plus_keeps_the_slashes_between_segments():
    assert fill_path("/root:/{+path}:/content", {"path": "Reports/50 %/é.txt"}) == (
        "/root:/Reports/50%20%25/%C3%A9.txt:/content"
    )


@pytest.mark.parametrize("value", ["", ".", "..", "a/../b", "a//b", "../x", "a\nb", "a\x00"])
def test_a_path_that_would_lead_elsewhere_is_refused(value):
    with pytest.raises(InvalidInput) as caught:
        fill_path("/root:/{+path}:/content", {"path": value} if value else {"path": "/"})
    assert caught.value.problems[0][0] == "path"


@pytest.mark.parametrize("value", [":/content", "x:/delete", "a?b", "a#b", "a\\b"])
def test_addressing_signs_in_a_segment_stay_data(value):
    filled = fill_path("/items/{id}", {"id": value})
    assert not set(filled.removeprefix("/items/")) & set(":/?#\\")
    assert unquote(filled).removeprefix("/items/") == value


@pytest.mark.parametrize(
    "value",
    ["me/../users", "/me//x", "https://evil.test/v1.0/me", "me?x=1", "me#x", "me\\x", "me/%2e%2e/x", "."],
)
def test_a_verbatim_path_cannot_leave_the_api(value):
    with pytest.raises(InvalidInput):
        fill_path("/{!path}", {"path": value})


def test_a_verbatim_path_keeps_its_signs():
    assert (
        fill_path("/{!path}", {"path": "/me/drive/root:/a b.txt:/content"})
        == "/me/drive/root:/a%20b.txt:/content"
    )


def test_a_quote_inside_a_literal_is_doubled():
    assert fill_path("/root/search(q='{q}')", {"q": "O'Brien"}) == "/root/search(q='O%27%27Brien')"


def test_q_04_a_hostile_value_is_one_literal():
    value = 'O\'Brien & "x" + % # é'
    query = fill_query({"$filter": "subject eq '{v}'", "$top": "{n}"}, {"v": value, "n": 5})
    assert parse_qs(query) == {"$filter": ["subject eq 'O''Brien & \"x\" + % # é'"], "$top": ["5"]}


def test_q_05_an_injected_filter_stays_data():
    query = fill_query({"$filter": "subject eq '{v}'"}, {"v": "' or 1 eq 1 or subject eq '"})
    assert parse_qs(query)["$filter"] == ["subject eq ''' or 1 eq 1 or subject eq '''"]


def test_q_06_search_text_stays_inside_its_quotes():
    query = fill_query({"$search": '"{v}"'}, {"v": 'x" OR from:boss \\'})
    assert parse_qs(query)["$search"] == ['"x\\" OR from:boss \\\\"']


@given(st.text(st.characters(exclude_categories=["Cs"]), min_size=1))
def test_any_text_comes_back_from_a_quoted_literal(value):
    literal = parse_qs(fill_query({"f": "'{v}'"}, {"v": value}), keep_blank_values=True)["f"][0]
    assert literal[0] == literal[-1] == "'"
    assert literal[1:-1].replace("''", "'") == value
    assert literal[1:-1].count("'") % 2 == 0


def test_keys_without_a_value_disappear_from_a_query():
    assert fill_query({"$select": "{s}", "$top": "{t}", "$count": "true"}, {"t": 3}) == "$top=3&$count=true"


def test_lists_and_booleans_become_text_in_a_query():
    assert (
        fill_query({"$select": "{s}", "x": "{b}"}, {"s": ["id", "name"], "b": False})
        == "$select=id,name&x=false"
    )


def test_a_whole_query_can_be_an_input():
    assert fill_query("{q}", {"q": {"$top": 5, "$filter": "a eq 'b'"}}) == "$top=5&$filter=a%20eq%20%27b%27"
    assert fill_query("{q}", {}) == ""


@pytest.mark.parametrize("value", ["a\r\nX: y", 'a"b', "é"])
def test_a_header_value_cannot_break_out(value):
    with pytest.raises(InvalidInput):
        fill_headers({"Prefer": 'outlook.timezone="{z}"'}, {"z": value})


def test_a_place_alone_keeps_the_type_of_its_value():
    event = {"subject": "x", "attendees": []}
    assert fill({"event": "{event}", "n": "{n}"}, {"event": event, "n": 0}) == {"event": event, "n": 0}


def test_an_object_that_loses_every_key_disappears():
    template = {"name": "{name}", "parentReference": {"id": "{id}", "driveId": "{drive}"}}
    assert fill(template, {"name": "x"}) == {"name": "x"}
    assert fill(template, {}) is MISSING
    assert fill({"always": {}}, {}) == {"always": {}}


def test_a_property_of_an_input_can_be_named():
    assert fill_path("/users/{user.upn}", {"user": {"upn": "a@b.c"}}) == "/users/a@b.c"


def test_content_in_a_body_becomes_base64():
    assert fill({"contentBytes": "{c}"}, {"c": Content.from_bytes(b"hi")}) == {"contentBytes": "aGk="}

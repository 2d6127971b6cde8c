"""Documented requests made again by our methods: same verb, path, query, headers and body.

For each example the inputs are found by reading a method's templates backwards. With them the method
makes its request as in a real call, and both are compared; then the documented answer is held
against the method's output schema. What our own defaults and constants add to a query, to a header or
to a body is no difference; whatever else is missing or too much is one.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote

from connector.content import Content
from connector.errors import ConnectorError
from connector.proof.csdl import Metadata
from connector.proof.documented import Example, is_placeholder, option_name
from connector.proof.inversion import SAMPLE_BYTES, Inversion, Mismatch
from connector.proof.paths import PathError, Resolved, Segment, resolve
from connector.proof.requests import Variant
from connector.runtime import template
from connector.runtime.call import Call
from connector.runtime.check import check_output
from connector.runtime.engine import prepare
from connector.spec.model import Method
from connector.wire import Request

_CONTINUING = frozenset({"$skiptoken", "$deltatoken", "$skip", "token"})
"""Options that a listing of Graph puts into the link to what comes next."""
_COMPARED_HEADERS = ("consistencylevel", "if-match", "if-none-match")
_PREFERENCE = re.compile(r'((?:"[^"]*"|[^,"])+)')


@dataclass
class Tally:
    """What came of the examples: by method those made again and all, and what is left out, and why."""

    matched: dict[str, int] = field(default_factory=dict)
    total: dict[str, int] = field(default_factory=dict)
    failed: dict[str, list[tuple[str, str]]] = field(default_factory=dict)
    left_out: dict[str, str] = field(default_factory=dict)
    seen: set[str] = field(default_factory=set)


def try_examples(
    examples: Iterable[Example], methods: Mapping[str, tuple[Method, tuple[Variant, ...]]], metadata: Metadata
) -> Tally:
    """Every example against every method with its verb and path.

    One that several methods can make counts for each of them; one that none of them can make, for
    the method that comes nearest to it. Where a method asks for more, or offers less, than Graph does,
    other uses of the same request count only when they stand on the method's own page.
    """
    tally = Tally()
    for example in examples:
        tally.seen.add(example.id)
        if reason := example.unusable():
            tally.left_out[example.id] = reason
            continue
        try:
            path = resolve(metadata, example.path)
        except PathError as error:
            tally.left_out[example.id] = f"its path means nothing: {error}"
            continue
        attempts = [
            (method, _attempt(example, path, method, variant, metadata))
            for method, variants in methods.values()
            for variant in variants
            if _is_candidate(example, path, method, variant)
        ]
        _count(example, attempts, tally)
    return tally


def _count(example: Example, attempts: list[tuple[Method, Mismatch | None]], tally: Tally) -> None:
    made = {method.name for method, mismatch in attempts if mismatch is None}
    missed = [
        (method, mismatch)
        for method, mismatch in attempts
        if mismatch is not None and not (mismatch.other_use and example.page != _page(method))
    ]
    if not made and missed:
        method, mismatch = min(missed, key=lambda one: (example.page != _page(one[0]), len(str(one[1]))))
        tally.failed.setdefault(method.name, []).append((example.id, str(mismatch)))
        tally.total[method.name] = tally.total.get(method.name, 0) + 1
    for name in made:
        tally.matched[name] = tally.matched.get(name, 0) + 1
        tally.total[name] = tally.total.get(name, 0) + 1
    if not made and not missed:
        tally.left_out[example.id] = (
            f"no method uses its request so: {attempts[0][1]}" if attempts else "no method makes its request"
        )


def _page(method: Method) -> str:
    return method.docs.partition("?")[0].rstrip("/").rpartition("/")[2]


def _is_candidate(example: Example, path: Resolved, method: Method, variant: Variant) -> bool:
    """Whether it is the same request: verb, path and kind of body."""
    if variant.role not in ("main", "small") or variant.resolved is None or variant.verb != example.verb:
        return False
    sends_bytes = variant.role == "small" and variant.spec.body is None
    if (example.raw is not None) != sends_bytes and (example.raw is not None or example.body is not None):
        return False
    ours, theirs = variant.resolved.segments, path.segments
    return len(ours) == len(theirs) and all(
        one.kind == other.kind and one.name == other.name and _fits_arguments(one, other, method)
        for one, other in zip(ours, theirs, strict=True)
    )


def _fits_arguments(ours: Segment, theirs: Segment, method: Method) -> bool:
    listing = method.flow.type in ("paged", "delta")
    return {*ours.arguments} == {*theirs.arguments} or (listing and {*theirs.arguments} <= _CONTINUING)


def _attempt(
    example: Example, path: Resolved, method: Method, variant: Variant, metadata: Metadata
) -> Mismatch | None:
    """Makes the request of the example with the method; None when it is the same."""
    try:
        _make(example, path, method, variant, metadata)
    except Mismatch as mismatch:
        return mismatch
    return None


def _make(example: Example, path: Resolved, method: Method, variant: Variant, metadata: Metadata) -> None:
    found = Inversion(method, metadata)
    found.values.update(variant.fixed)
    assert variant.resolved is not None
    for ours, theirs in zip(variant.resolved.segments, path.segments, strict=True):
        if ours.text and ours.kind in ("key", "address"):
            found.text(ours.text, theirs.text)
        for name, text in ours.arguments.items():
            found.text(text, theirs.arguments[name])
    cursor = _cursor(example, path, method)
    if cursor is None:
        _invert_query(found, variant, example)
    _invert_headers(found, variant, example)
    expected = _invert_body(found, variant, example)
    lacking = [name for name in method.input.get("required", ()) if name not in found.values]
    if variant.role == "main" and method.content_inputs & set(lacking):
        lacking = [name for name in lacking if name not in method.content_inputs]
        found.values |= {name: _large_content(method, found.content_size) for name in method.content_inputs}
    if lacking:
        raise Mismatch(f"the example does not give the required {', '.join(lacking)}", other_use=True)
    try:
        call, flow, request = prepare(Call(method, found.values, cursor=cursor))
    except ConnectorError as error:
        raise Mismatch(" ".join(str(error).split())) from None
    _compare(request, example, path, metadata)
    if variant.spec.body is not None and cursor is None:
        sent = template.fill(
            variant.spec.body, {**_without_defaults(call.params, found.values), **flow.values()}
        )
        sent = {} if sent is template.MISSING else sent
        if sent != (expected or {}):
            raise Mismatch(f"the body would be {_short(sent)}, not {_short(expected)}")
    _compare_answer(example, method, variant, found)


def _without_defaults(params: Mapping[str, Any], given: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in params.items() if name in given}


def _cursor(example: Example, path: Resolved, method: Method) -> str | None:
    """The request as a cursor, where it continues a listing that was begun by another."""
    arguments = {name for segment in path.segments for name in segment.arguments}
    continuing = _CONTINUING & {*(name for name, _ in example.query), *arguments}
    if method.flow.type not in ("paged", "delta") or not continuing:
        return None
    query = "&".join(f"{name}={value}" for name, value in example.query)
    return f"{example.path}?{query}" if query else example.path


def _invert_query(found: Inversion, variant: Variant, example: Example) -> None:
    templates = variant.spec.query if isinstance(variant.spec.query, Mapping) else {}
    known = {option_name(name): text for name, text in templates.items()}
    for name, value in example.query:
        if name not in known:
            raise Mismatch(f"the method has no input for the query option {name}", other_use=True)
        if isinstance(known[name], str) and "{" in known[name]:
            found.text(known[name], str(value))


def _invert_headers(found: Inversion, variant: Variant, example: Example) -> None:
    templates = variant.spec.headers if isinstance(variant.spec.headers, Mapping) else {}
    for name, text in templates.items():
        said = example.headers.get(name.lower())
        if said is None or "{" not in text:
            continue
        if name.lower() != "prefer":
            found.text(text, said)
            continue
        theirs = _preferences(said)
        for preference, value in _preferences(text).items():
            if preference in theirs and "{" in value:
                found.text(value, theirs[preference])


def _invert_body(found: Inversion, variant: Variant, example: Example) -> Any:
    """The example's body in our spelling, its inputs taken out of it."""
    if example.raw is not None:
        found.values |= {name: example.raw.encode() for name in found.content_inputs}
        return None
    if variant.spec.body is None or example.body is None:
        if example.body:
            raise Mismatch("the method sends no body")
        return None
    resolved = variant.resolved
    assert resolved is not None
    if resolved.operation is not None and resolved.last.kind == "action":
        return found.body(variant.spec.body, example.body, None, resolved.operation.parameters)
    return found.body(variant.spec.body, example.body, resolved.type.one if resolved.type else None, {})


def _large_content(method: Method, size: int | None) -> Content:
    """Bytes that nobody reads, of the size that makes an upload open a session."""
    small = method.flow.options.get("small", {}).get("up_to_bytes", 0)
    return Content(lambda start: io.BytesIO(SAMPLE_BYTES), max(size or 0, small + 1))


def _compare(request: Request, example: Example, path: Resolved, metadata: Metadata) -> None:
    target, _, query = request.url.partition("?")
    if request.verb != example.verb:
        raise Mismatch(f"the method would send {request.verb}")
    try:
        ours = resolve(metadata, target)
    except PathError as error:
        raise Mismatch(f"the method would call {target}: {error}") from None
    if ours.signature != path.signature or not all(map(_same_segment, ours.segments, path.segments)):
        raise Mismatch(f"the method would call {target}")
    sent = {option_name(name): value for name, value in _pairs(query)}
    for name, value in example.query:
        if not is_placeholder(str(value)) and _spaceless(sent.get(name)) != _spaceless(value):
            raise Mismatch(f"the query option {name} would be {sent.get(name)!r}, not {value!r}")
    headers = {name.lower(): value for name, value in request.headers.items()}
    for name in _COMPARED_HEADERS:
        said = example.headers.get(name)
        if said is not None and headers.get(name, "").lower() != said.strip().lower():
            raise Mismatch(f"the header {name} would be {headers.get(name)!r}, not {said!r}")
    preferred = _preferences(headers.get("prefer", ""))
    for name, value in _preferences(example.headers.get("prefer", "")).items():
        if preferred.get(name) != value:
            raise Mismatch(f"the preference {name} would be {preferred.get(name)!r}, not {value!r}")
    if example.raw is not None and (
        request.content is None or request.content.read() != example.raw.encode()
    ):
        raise Mismatch("the method would not send the bytes of the example")


def _pairs(query: str) -> Iterator[tuple[str, str]]:
    for part in filter(None, query.split("&")):
        name, _, value = part.partition("=")
        yield unquote(name), unquote(value)


def _same_segment(ours: Segment, theirs: Segment) -> bool:
    texts = {ours.text: theirs.text} if ours.kind in ("key", "address") else {}
    texts |= {ours.arguments[name]: theirs.arguments.get(name, "") for name in ours.arguments}
    return all(one == other or _mentions_placeholder(other) for one, other in texts.items())


def _mentions_placeholder(text: str) -> bool:
    return re.search(r"\{[^{}]*\}|<[^<>]*>", text) is not None


def _spaceless(value: str | None) -> str | None:
    """Blanks after commas mean nothing in a list of names."""
    return None if value is None else re.sub(r",\s+", ",", value)


def _preferences(header: str) -> dict[str, str]:
    """`{name: value}` of a Prefer header, names in lower case, values without quotes (RFC 7240)."""
    found = {}
    for part in _PREFERENCE.findall(header):
        name, _, value = part.strip().partition("=")
        found[name.strip().lower()] = value.strip().strip('"')
    return found


def _compare_answer(example: Example, method: Method, variant: Variant, found: Inversion) -> None:
    """The items of the documented answer against the output schema."""
    if not 200 <= example.status < 300 or not isinstance(example.answer, dict | list):
        return
    if method.flow.type in ("download", "operation") or (
        method.flow.type == "upload" and variant.role == "main"
    ):
        return
    if method.output is None:
        raise Mismatch("the documented answer has a body, but the method has no output")
    items = [example.answer]
    if method.flow.type in ("paged", "delta"):
        listed = example.answer.get("value") if isinstance(example.answer, dict) else None
        if not isinstance(listed, list):
            raise Mismatch("the documented answer is no listing")
        items = listed
    kind = variant.resolved.type.one if variant.resolved and variant.resolved.type else None
    read = [found.in_our_letters(item, method.output, kind) for item in items]
    for address, text in check_output(method, read):
        raise Mismatch(f"the documented answer does not fit the output: {address} {text}")


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) < 200 else f"{text[:200]}…"

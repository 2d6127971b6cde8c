"""Inputs as they are typed: `name=value`, JSON, files, and the target; made into what a method takes.

The input schema says what a text means: `true` is a boolean where a boolean is wanted and a text where a
text is. A dot goes into an object (`event.subject=Tea`), commas or repetition make a list, `@FILE` is the
content of a file (`@-` is standard input), and `@@` begins a text that really starts with an at sign.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Any, BinaryIO

from connector.content import Content
from connector.errors import InvalidInput, UsageError
from connector.spec.model import Method, Schema, names

_WORDS = {"true": True, "yes": True, "false": False, "no": False}


def read_params(
    method: Method, pairs: Sequence[str], given: str | None = None, target: str | None = None
) -> dict[str, Any]:
    """The input from `--param` texts, an `--input` and a `--target`; the later wins over the earlier ones.

    Raises InvalidInput with every problem, and UsageError.
    """
    params = {} if given is None else read_input(given)
    problems: list[tuple[str, str]] = []
    repeated: set[tuple[str, ...]] = set()
    for pair in pairs:
        name, separator, text = pair.partition("=")
        if not separator:
            raise UsageError(f"--param {pair!r} has no value. Write --param {pair}=VALUE.")
        keys = tuple(name.split("."))
        try:
            schema = _schema_at(method, keys)
            _place(params, keys, _value(schema, text, name), append=keys in repeated)
            repeated.add(keys)
        except ValueError as error:
            problems.append((name, str(error)))
    if target is not None:
        _aim(method, params, target)
    if problems:
        raise InvalidInput(method.name, problems)
    return params


def read_input(given: str) -> dict[str, Any]:
    """The object of `--input`: JSON itself, `@FILE`, or `-` for standard input. Raises UsageError."""
    document = read_json(given, "--input")
    if not isinstance(document, dict):
        raise UsageError('--input must be a JSON object such as {"name": "value"}.')
    return document


def read_json(given: str, option: str) -> Any:
    """JSON itself, or that of `@FILE`, or of `-`. Raises UsageError, which names the option."""
    if given == "-":
        text = sys.stdin.read()
    elif given.startswith("@"):
        text = _read_file(given[1:], option)
    else:
        text = given
    try:
        return json.loads(text)
    except ValueError as error:
        raise UsageError(f"{option} is not JSON: {error}. A file is given as {option} @FILE.") from None


def _read_file(path: str, option: str) -> str:
    try:
        return sys.stdin.read() if path == "-" else Path(path).read_text(encoding="utf-8")
    except OSError as error:
        raise UsageError(
            f"{option}: {path} cannot be read ({error.strerror or type(error).__name__})."
        ) from None
    except UnicodeDecodeError:
        raise UsageError(f"{option}: {path} is no text in UTF-8.") from None


def _schema_at(method: Method, keys: Sequence[str]) -> Schema:
    """What the schema says of an input, or of a property in one. Raises ValueError for what it excludes."""
    schema: Schema = method.input
    for key in keys:
        known = dict(_properties(schema))
        if key in known:
            schema = known[key]
        elif known and not _is_open(schema):
            close = get_close_matches(key, list(known), 2)
            hint = f"did you mean {names(close)}?" if close else f"known are: {', '.join(known)}"
            raise ValueError(f"is not known; {hint}")
        elif not known and not _may_be(schema, "object"):
            raise ValueError("goes into something that is no object")
        else:
            schema = {}
    return schema


def _properties(schema: Schema) -> Iterator[tuple[str, Schema]]:
    yield from schema.get("properties", {}).items()
    for part in ("allOf", "anyOf", "oneOf"):
        for member in schema.get(part, ()):
            if isinstance(member, Mapping):
                yield from _properties(member)


def _is_open(schema: Schema) -> bool:
    closed = (schema.get("additionalProperties"), schema.get("unevaluatedProperties"))
    return False not in closed and all(
        _is_open(member) for member in schema.get("allOf", ()) if isinstance(member, Mapping)
    )


def types_of(schema: Schema) -> frozenset[str]:
    """The JSON types that a schema accepts; empty where it accepts any."""
    stated = schema.get("type", ())
    found = {stated} if isinstance(stated, str) else set(stated)
    for value in (*schema.get("enum", ()), *([schema["const"]] if "const" in schema else ())):
        found.add(_type_of(value))
    for part in ("anyOf", "oneOf", "allOf"):
        for member in schema.get(part, ()):
            if isinstance(member, Mapping):
                found |= types_of(member)
    if "properties" in schema:
        found.add("object")
    return frozenset(found)


def _type_of(value: Any) -> str:
    kinds = ((bool, "boolean"), (str, "string"), (int, "integer"), (float, "number"), (list, "array"))
    return next(
        (name for kind, name in kinds if isinstance(value, kind)), "null" if value is None else "object"
    )


def _may_be(schema: Schema, kind: str) -> bool:
    types = types_of(schema)
    return not types or kind in types


def _value(schema: Schema, text: str, name: str) -> Any:
    """`text` as the schema wants it. Raises ValueError with what is wanted instead."""
    if schema.get("contentEncoding") == "base64":
        return _content(text, name)
    types = types_of(schema)
    if text.startswith("@") and (not types or types & {"string", "object", "array"}):
        text = text[1:] if text.startswith("@@") else _read_file(text[1:], f"--param {name}")
    if not types:
        return _guessed(text)
    if (text.startswith("{") and "object" in types) or (text.startswith("[") and "array" in types):
        return _parsed(text)
    if "array" in types:
        items = _items_of(schema)
        return [_value(items, part.strip(), name) for part in text.split(",") if part.strip()]
    return _scalar(types, text)


def _scalar(types: frozenset[str], text: str) -> Any:
    if "boolean" in types and text.lower() in _WORDS:
        return _WORDS[text.lower()]
    if types & {"integer", "number"}:
        try:
            return int(text)
        except ValueError:
            pass
    if "number" in types:
        try:
            return float(text)
        except ValueError:
            pass
    if "string" in types:
        return text
    if "null" in types and text in ("", "null"):
        return None
    if "object" in types:
        return _parsed(text)
    wanted = {"boolean": "true or false", "integer": "a whole number", "number": "a number"}
    raise ValueError(f"must be {names([wanted[kind] for kind in sorted(types & wanted.keys())])}")


def _items_of(schema: Schema) -> Schema:
    """What the elements of a list may be."""
    if isinstance(schema.get("items"), Mapping):
        found: Schema = schema["items"]
        return found
    members = [member for part in ("anyOf", "oneOf", "allOf") for member in schema.get(part, ())]
    return next((found for member in members if (found := _items_of(member))), {"type": "string"})


def _parsed(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError as error:
        raise ValueError(f"must be JSON here: {error}") from None


def _guessed(text: str) -> Any:
    """Where any value will do: JSON if it is JSON, else the text."""
    try:
        return json.loads(text)
    except ValueError:
        return text


def _content(text: str, name: str) -> Content:
    if not text.startswith("@"):
        raise ValueError(f"takes a file: write {name}=@FILE, or {name}=@- for standard input")
    if text == "@-":
        stream: BinaryIO = sys.stdin.buffer
        return Content.from_stream(stream)
    try:
        return Content.from_path(text[1:])
    except OSError as error:
        raise ValueError(f"{text[1:]} cannot be read ({error.strerror or type(error).__name__})") from None


def _place(params: dict[str, Any], keys: Sequence[str], value: Any, *, append: bool) -> None:
    *above, last = keys
    for key in above:
        inner = params.setdefault(key, {})
        if not isinstance(inner, dict):
            raise ValueError(f"{key} has a value already, which is no object")
        params = inner
    if append and isinstance(params.get(last), list) and isinstance(value, list):
        params[last] += value
    else:
        params[last] = value


def _aim(method: Method, params: dict[str, Any], target: str) -> None:
    """Sets the input that chooses the target: `me`, or `user=ann@contoso.com`. Raises UsageError."""
    kind, _, value = target.partition("=")
    prefixes = method.target.prefixes if method.target else ()
    inputs = {prefix: name for name, prefix in method.target_inputs.items()}
    known = [f"{prefix.name}=…" if prefix.name in inputs else prefix.name for prefix in prefixes]
    if not known:
        raise UsageError(f"{method.name} has no target: leave --target out.")
    if kind not in {prefix.name for prefix in prefixes} or bool(value) != (kind in inputs):
        raise UsageError(f"--target {target!r} does not suit {method.name}. Write {names(known)}.")
    for name in method.target_inputs:
        params.pop(name, None)
    if kind in inputs:
        params[inputs[kind]] = value

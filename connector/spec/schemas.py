"""JSON Schemas: one self-contained schema from many files, and the check of values against it.

Schemas enter under their path in the bundle, and a `$ref` is relative to the file that it stands in, so
an editor, this module and the disk agree on what it means; nothing is ever fetched. The check is
done by jsonschema-rs, compiled once for a method, at its first call; where that package has no wheel,
by jsonschema. Both find the same faults, and a test holds them to it.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

from connector.bundle import Address
from connector.errors import SpecError

Problem = tuple[Address, str]
Check = Callable[[Any], list[Problem]]
"""Gives every fault of a value as (address, message); an empty list when there is none."""

_ANNOTATIONS = frozenset(
    {"title", "description", "default", "examples", "$comment", "deprecated", "readOnly", "writeOnly"}
)
_CLOSING = ("additionalProperties", "unevaluatedProperties")


def resolve(schema: Any, file: str, files: Mapping[str, Any]) -> Any:
    """`schema` of `file` with every `$ref` replaced by what it refers to, flattened where that is the same.

    `files` maps bundle paths to documents. Raises SpecError when a reference leads nowhere or to itself.
    """
    return _resolve(schema, file, files, ())


def _resolve(schema: Any, file: str, files: Mapping[str, Any], above: tuple[str, ...]) -> Any:
    if isinstance(schema, list):
        return [_resolve(item, file, files, above) for item in schema]
    if not isinstance(schema, dict):
        return schema
    here = {
        key: value if key in ("default", "example", "examples", "enum", "const", "x-picker")
        else _resolve(value, file, files, above)
        for key, value in schema.items()
        if key not in ("$ref", "$defs", "$schema")
    }  # fmt: skip
    if "$ref" in schema:
        address, found, found_file = look_up(schema["$ref"], file, files)
        if address in above:
            raise SpecError([f"{file}: {schema['$ref']} refers to itself"])
        here = _merge(_resolve(found, found_file, files, (*above, address)), here)
    return _flatten(here)


def look_up(reference: str, file: str, files: Mapping[str, Any]) -> tuple[str, Any, str]:
    """The address, the schema and the file that `reference`, in `file`, means. Raises SpecError."""
    path, _, pointer = reference.partition("#")
    target = posixpath.normpath(posixpath.join(posixpath.dirname(file), path)) if path else file
    if target not in files:
        raise SpecError([f"{file}: {reference!r} leads to {target}, which is not in the bundle"])
    found = files[target]
    for key in filter(None, pointer.split("/")):
        key = key.replace("~1", "/").replace("~0", "~")
        if not isinstance(found, dict) or key not in found:
            raise SpecError([f"{file}: {reference!r} leads nowhere: {target} has no {key!r} there"])
        found = found[key]
    return f"{target}#{pointer}", found, target


def _merge(referred: Any, beside: dict[str, Any]) -> dict[str, Any]:
    """`{$ref: referred, **beside}` without the `$ref`."""
    if referred is True:
        return beside
    if not isinstance(referred, dict):
        return {"allOf": [referred], **beside}
    if all(_is_annotation(key) for key in beside):
        return {**referred, **beside}
    united = _unite(referred, beside)
    return united if united is not None else {"allOf": [referred], **beside}


def _is_annotation(key: str) -> bool:
    return key in _ANNOTATIONS or key.startswith("x-")


def _flatten(schema: dict[str, Any]) -> dict[str, Any]:
    """`schema` with those members of its `allOf` drawn in that say the same beside it."""
    kept = []
    for member in schema.get("allOf", ()):
        rest = {key: value for key, value in schema.items() if key != "allOf"}
        united = _unite(member, rest) if isinstance(member, dict) else None
        if united is None:
            kept.append(member)
        else:
            schema = {**united, "allOf": schema["allOf"]}
    if "allOf" in schema:
        schema = {key: value for key, value in schema.items() if key != "allOf"}
        if kept:
            schema["allOf"] = kept
    return schema


def _unite(inner: dict[str, Any], outer: dict[str, Any]) -> dict[str, Any] | None:
    """Both schemas as one, or None where that would change what is accepted."""
    if any(key in inner for key in _CLOSING) and any(
        key in outer for key in ("properties", "allOf", *_CLOSING)
    ):
        return None
    if "additionalProperties" in outer and ("properties" in inner or "patternProperties" in inner):
        return None
    united = {**inner, **outer}
    for key in set(inner) & set(outer):
        if _is_annotation(key) or inner[key] == outer[key]:
            continue
        if key == "properties" and not set(inner[key]) & set(outer[key]):
            united[key] = {**inner[key], **outer[key]}
        elif key == "required":
            united[key] = [*inner[key], *(name for name in outer[key] if name not in inner[key])]
        else:
            return None
    return united


def property_names(schema: Any) -> Iterator[str]:
    """The properties that a resolved schema names, wherever they stand."""
    if isinstance(schema, Mapping):
        yield from schema.get("properties", {})
        for member in (*schema.get("allOf", ()), *schema.get("anyOf", ()), *schema.get("oneOf", ())):
            yield from property_names(member)


def compile_check(schema: Any, *, formats: bool) -> Check:
    """The check of values against a resolved schema.

    `formats` asserts `format` (dates, GUIDs): right for input, while Graph's answers hold addresses
    and dates that strict formats refuse.
    """
    try:
        from jsonschema_rs import Draft202012Validator
    except ImportError:
        return compile_reference_check(schema, formats=formats)
    validator = Draft202012Validator(schema, validate_formats=formats)

    def check(value: Any) -> list[Problem]:
        if validator.is_valid(value):
            return []
        return _in_order(map(_from_rust, validator.iter_errors(value)), schema)

    return check


def compile_reference_check(schema: Any, *, formats: bool) -> Check:
    """As `compile_check`, by the jsonschema package: the reference, and the fallback."""
    from jsonschema import Draft202012Validator, FormatChecker

    validator = Draft202012Validator(schema, format_checker=FormatChecker() if formats else None)

    def check(value: Any) -> list[Problem]:
        return _in_order(map(_from_python, validator.iter_errors(value)), schema)

    return check


@dataclass(frozen=True, slots=True)
class _Fault:
    """What either validator says of one fault, in the same words."""

    path: Address
    keyword: str
    rule: Any
    instance: Any
    rule_path: Address
    branches: tuple[tuple[_Fault, ...], ...] = ()


def _from_rust(error: Any) -> _Fault:
    details = error.kind.as_dict()
    branches = details.get("context", ())
    return _Fault(
        tuple(error.instance_path),
        error.kind.name,
        error.kind.value,
        error.instance,
        tuple(error.schema_path),
        tuple(tuple(map(_from_rust, branch)) for branch in branches),
    )


def _from_python(error: Any) -> _Fault:
    branches: dict[int, list[_Fault]] = {}
    for inner in error.context:
        branches.setdefault(inner.schema_path[0], []).append(_from_python(inner))
    return _Fault(
        tuple(error.absolute_path),
        error.validator,
        error.validator_value,
        error.instance,
        tuple(error.absolute_schema_path),
        tuple(tuple(found) for found in branches.values()),
    )


def _in_order(faults: Iterable[_Fault], schema: Any) -> list[Problem]:
    found = {problem for fault in faults for problem in _explain(fault, schema)}
    return sorted(found, key=lambda problem: (tuple(map(str, problem[0])), problem[1]))


_LIMITS = {
    "minimum": "must be at least {}", "maximum": "must be at most {}",
    "exclusiveMinimum": "must be more than {}", "exclusiveMaximum": "must be less than {}",
    "minLength": "must have at least {} characters", "maxLength": "must have at most {} characters",
    "minItems": "must have at least {} items", "maxItems": "must have at most {} items",
    "minProperties": "must have at least {} properties", "maxProperties": "must have at most {} properties",
    "multipleOf": "must be a multiple of {}", "const": "must be {!r}",
}  # fmt: skip
_FORMATS = {
    "date-time": "a date and time such as 2026-05-04T09:00:00Z", "date": "a date such as 2026-05-04",
    "time": "a time such as 09:00:00", "duration": "a duration such as PT1H", "email": "an e-mail address",
    "uuid": "a GUID such as 0f8fad5b-d9cb-469f-a165-70867728950e", "uri": "an absolute URL",
}  # fmt: skip


def _explain(fault: _Fault, schema: Any) -> Iterator[Problem]:
    """One fault in words that name the remedy, never quoting the value: it may be a secret."""
    path, keyword, rule, instance = fault.path, fault.keyword, fault.rule, fault.instance
    if keyword == "required":
        for name in [rule] if isinstance(rule, str) else (name for name in rule if name not in instance):
            yield (*path, name), "is required"
    elif keyword in ("additionalProperties", "unevaluatedProperties"):
        holder = _at(schema, fault.rule_path[:-1])
        known = sorted(set(property_names(holder)))
        for name in rule if isinstance(rule, list) else _unknown(instance, known, holder):
            yield (*path, name), _not_known(name, known)
    elif keyword == "enum":
        yield path, f"must be one of: {', '.join(str(value) for value in rule if value is not None)}"
    elif keyword == "type":
        types = [rule] if isinstance(rule, str) else list(rule)
        yield path, f"must be {' or '.join(map(_article, types))}, not {_article(_type(instance))}"
    elif keyword == "format":
        yield path, f"must be {_FORMATS.get(str(rule), f'of the format {rule}')}"
    elif keyword == "pattern":
        yield path, f"must match the pattern {rule}"
    elif keyword in ("anyOf", "oneOf"):
        meant = [branch for branch in fault.branches if not any(_misses(inner, path) for inner in branch)]
        if len(meant) == 1:
            for inner in meant[0]:
                yield from _explain(inner, schema)
        else:
            yield path, "fits none of the accepted forms"
    elif keyword in _LIMITS:
        yield path, _LIMITS[keyword].format(rule)
    elif keyword == "uniqueItems":
        yield path, "must not hold the same value twice"
    elif keyword == "not":
        reason = _at(schema, fault.rule_path[:-1]).get("description", "the other inputs exclude it")
        yield path, f"is not possible here: {reason}"
    else:
        yield path, f"is refused by the rule {keyword!r}"


def _at(schema: Any, path: Address) -> Any:
    """The part of `schema` that a path of keywords leads to; `{}` where it leaves the document."""
    found = schema
    for key in path:
        try:
            found = found[key]
            if key == "$ref":
                found = look_up(found, "", {"": schema})[1]
        except (LookupError, TypeError, SpecError):
            return {}
    return found


def _misses(fault: _Fault, path: Address) -> bool:
    """Whether a branch of anyOf was not even meant: the value itself has another type."""
    return fault.keyword in ("type", "enum", "const") and fault.path == path


def _unknown(instance: Mapping[str, Any], known: list[str], holder: Any) -> list[str]:
    """The properties of `instance` that neither a name nor a pattern of the schema allows."""
    patterns = holder.get("patternProperties", {}) if isinstance(holder, Mapping) else {}
    return [
        name
        for name in instance
        if name not in known and not any(re.search(pattern, name) for pattern in patterns)
    ]


def _not_known(name: str, known: list[str]) -> str:
    close = get_close_matches(name, known, 2)
    if close:
        return f"is not known; did you mean {' or '.join(close)}?"
    return f"is not known; known are: {', '.join(known)}" if known else "is not known"


def _type(value: Any) -> str:
    kinds = ((bool, "boolean"), (str, "string"), ((int, float), "number"), (list, "array"), (dict, "object"))
    return next((name for kind, name in kinds if isinstance(value, kind)), "null")


def _article(name: str) -> str:
    return "null" if name == "null" else f"{'an' if name[0] in 'aeio' else 'a'} {name}"

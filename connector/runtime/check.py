"""A method's input and output against its schemas: compiled at its first call, once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from connector.content import Content
from connector.errors import ConsentRequired, InvalidInput
from connector.runtime.build import choose_path
from connector.spec import schemas
from connector.spec.model import Method, Mode, Prefix

_compiled: dict[int, tuple[Method, schemas.Check, schemas.Check | None]] = {}


def check_input(method: Method, params: Mapping[str, Any]) -> dict[str, Any]:
    """The input with defaults filled in and files opened.

    Raises InvalidInput with every problem: those of the schema, and targets that Graph refuses. Bytes
    may be a `Content`, `bytes`, or text in base64.
    """
    values = {**method.defaults, **{name: value for name, value in params.items() if value is not None}}
    problems: list[tuple[str, str]] = []
    for name in method.content_inputs & values.keys():
        try:
            values[name] = as_content(values[name])
        except ValueError as error:
            problems.append((name, str(error)))
    plain = {name: "" if name in method.content_inputs else value for name, value in values.items()}
    input_check, _ = _checks(method)
    problems += [(".".join(map(str, address)), text) for address, text in input_check(plain)]
    problems += _exclusions(method, params)
    if problems:
        raise InvalidInput(method.name, sorted(problems))
    choose_path(method.request, method, values)
    return values


def check_mode(method: Method, prefix: Prefix | None, mode: Mode) -> None:
    """Refuses what Graph does not offer in this mode: an app alone is nobody's `me`.

    Raises ConsentRequired or InvalidInput.
    """
    if mode not in method.scopes:
        raise ConsentRequired(
            f"{method.name} needs a signed-in user: Graph does not offer it to an app alone. "
            "Use an app of the mode delegated and connect a user, or choose another method."
        )
    if mode == "application" and prefix is not None and prefix.signed_in:
        chooser = next(iter(method.target_inputs))
        raise InvalidInput(method.name, [(chooser, "is required: an app without a user has no 'me'")])


def _exclusions(method: Method, params: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Targets that Graph refuses, known before any request."""
    given = {target for name, target in method.target_inputs.items() if params.get(name) is not None}
    target = next(iter(given), "me")
    return [
        (exclusion.input or target, f"is not possible for the target {target!r}: {exclusion.reason}")
        for exclusion in method.not_for
        if exclusion.target == target and (exclusion.input is None or params.get(exclusion.input) is not None)
    ]


def check_output(method: Method, items: Sequence[Any]) -> list[tuple[str, str]]:
    """Where the items of one answer do not fit the method's output schema."""
    _, output_check = _checks(method)
    if output_check is None:
        return []
    return [(".".join(map(str, address)), text) for address, text in output_check(list(items))]


def _checks(method: Method) -> tuple[schemas.Check, schemas.Check | None]:
    known = _compiled.get(id(method))
    if known is None:
        # A whole page is checked at once: crossing into the validator costs as much as checking an item.
        output = None if method.output is None else {"type": "array", "items": method.output}
        known = _compiled[id(method)] = (
            method,
            schemas.compile_check(method.input, formats=True),
            None if output is None else schemas.compile_check(output, formats=False),
        )
    return known[1:]


def as_content(value: Any) -> Content:
    """A `Content` from what callers give for the bytes of a file. Raises ValueError."""
    if isinstance(value, Content):
        return value
    if isinstance(value, bytes | bytearray | memoryview):
        return Content.from_bytes(bytes(value))
    if isinstance(value, str):
        return Content.from_base64(value)
    raise ValueError("must be the content of a file: a Content, bytes, or text in base64")

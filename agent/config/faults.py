"""pydantic's faults as lines a technician can act on: key: got value: reason."""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, get_args

from pydantic import BaseModel, ValidationError

from agent.masking import mask_credentials

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

#: More would scroll the first ones away.
MAX_LINES = 20
_SHOWN_CHARACTERS = 60
_NAME_REASON = (
    "must be lower case letters, digits, - and _, beginning with a letter or digit, "
    "at most 63 characters"
)
_SECTION_TYPES = {"model_type", "dict_type"}
_LIST_TYPES = {"tuple_type", "list_type"}
#: `user:password@` in a value, also where the password holds a blank, a slash or an @.
_CREDENTIALS = re.compile(r"(?<=//).*@")


def explain(error: ValidationError, schema: type[BaseModel]) -> list[str]:
    """Return one line for each fault, without any secret that the file may hold."""
    faults = _without_echoes(error.errors(include_url=False, include_context=False))
    lines = [_line(fault, schema) for fault in faults[:MAX_LINES]]
    if len(faults) > MAX_LINES:
        lines.append(f"and {len(faults) - MAX_LINES} faults more")
    return lines


def key_path(location: Sequence[str | int]) -> str:
    """Return `cameras[0].id` for ("cameras", 0, "id")."""
    path = ""
    for part in location:
        if isinstance(part, int):
            path += f"[{part}]"
        elif part != "[key]":
            name = part if re.fullmatch(r"[\w-]{1,63}", part) else shown(part)
            path += f".{name}" if path else name
    return path


def shown(value: object) -> str:
    """Return a value as it may be shown: short, one line, no credentials, YAML's own words."""
    if isinstance(value, list | dict):
        return "a list" if isinstance(value, list) else "keys with values"
    text = json.dumps(value, ensure_ascii=False, default=repr)
    text = mask_credentials(_CREDENTIALS.sub("***@", text))
    if len(text) > _SHOWN_CHARACTERS:
        return text[: _SHOWN_CHARACTERS - 1] + "…"
    return text


def _without_echoes(faults: list[ErrorDetails]) -> list[ErrorDetails]:
    """Leave out "at least 1 item after validation" of a list whose items are the fault."""
    places = [fault["loc"] for fault in faults]
    return [
        fault
        for fault in faults
        if fault["type"] != "too_short"
        or not any(
            len(p) > len(fault["loc"]) and p[: len(fault["loc"])] == fault["loc"] for p in places
        )
    ]


def _line(fault: ErrorDetails, schema: type[BaseModel]) -> str:
    location = fault["loc"]
    path = key_path(location)
    if fault["type"] == "extra_forbidden":
        return f"{path}: unknown key{_suggestion(location, schema)}"
    if fault["type"] == "value_error":
        return _section_line(path, fault["msg"].removeprefix("Value error, "))
    return f"{path}: got {_got(fault)}: {_reason(fault)}"


def _section_line(path: str, message: str) -> str:
    """Join a section's own message, which may begin with its key: `port: got 0: …`."""
    if not path:
        return message
    names_key = re.match(r"[a-z0-9_]+(\[\d+\])?: ", message) is not None
    return f"{path}.{message}" if names_key else f"{path}: {message}"


def _got(fault: ErrorDetails) -> str:
    names = [part for part in fault["loc"] if isinstance(part, str)]
    # Text in a section's place may well be `user:password`.
    is_login = fault["type"] in _SECTION_TYPES | _LIST_TYPES and isinstance(fault["input"], str)
    secret = is_login or any(name.startswith("password") for name in names)
    return "(not shown)" if secret else shown(fault["input"])


def _reason(fault: ErrorDetails) -> str:
    if fault["type"] == "string_pattern_mismatch":
        return _NAME_REASON
    if fault["type"] in _SECTION_TYPES:
        return "must be keys with values; leave it out for the defaults"
    reason = re.sub(r"^\w+ should ", "must ", fault["msg"])
    wants_text = fault["type"] in {"string_type", "literal_error", "path_type"}
    if wants_text and isinstance(fault["input"], int | float):
        return f"{reason}: put it in quotes"
    return reason


def _suggestion(location: Sequence[str | int], schema: type[BaseModel]) -> str:
    known = list(_section_at(location[:-1], schema).model_fields)
    close = difflib.get_close_matches(str(location[-1]), known, n=1)
    return f"; did you mean {close[0]}?" if close else f"; known here: {', '.join(sorted(known))}"


def _section_at(location: Sequence[str | int], schema: type[BaseModel]) -> type[BaseModel]:
    for part in location:
        field = schema.model_fields.get(str(part))
        inner = _section_in(field.annotation) if field is not None else None
        schema = inner or schema
    return schema


def _section_in(annotation: Any) -> type[BaseModel] | None:  # noqa: ANN401 (any annotation)
    """Return the section inside `Section | None`, `tuple[Section, ...]` or a mapping."""
    if isinstance(annotation, type):
        return annotation if issubclass(annotation, BaseModel) else None
    sections = (_section_in(argument) for argument in get_args(annotation))
    return next((section for section in sections if section is not None), None)

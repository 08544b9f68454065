"""YAML as far as a settings file needs it, and nothing that surprises.

Refused: duplicate keys (the last would win in silence), anchors, aliases and merge keys
(a few lines can unfold to gigabytes), tags, dates, infinite numbers, several documents.
"""

from __future__ import annotations

import math
from collections.abc import Hashable
from typing import Any, cast

import yaml

#: The shipped file has about 12 kB with its comments.
MAX_FILE_BYTES = 262_144
#: `cameras: - ignore_zones: - - [x, y]` is seven deep.
MAX_DEPTH = 16
MAX_REASON_CHARACTERS = 300


class _StrictLoader(yaml.SafeLoader):
    """SafeLoader without its traps."""

    yaml_implicit_resolvers = {  # noqa: RUF012 (a class attribute of PyYAML's)
        first: [(tag, pattern) for tag, pattern in resolvers if not tag.endswith(":timestamp")]
        for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self._depth = 0

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:  # noqa: ANN401 (PyYAML's)
        event = self.peek_event()  # type: ignore[no-untyped-call]
        if getattr(event, "anchor", None) is not None:
            raise _refusal("anchors and aliases are not allowed: write the value out", event)
        if self._depth >= MAX_DEPTH:
            raise _refusal(f"nested deeper than {MAX_DEPTH} levels", event)
        self._depth += 1
        node = super().compose_node(parent, index)
        self._depth -= 1
        return node

    def flatten_mapping(self, node: yaml.MappingNode) -> None:
        """Refuse merge keys; there is nothing to merge without aliases."""
        for key, _ in node.value:
            if key.tag == "tag:yaml.org,2002:merge":
                raise _refusal("merge keys (<<) are not allowed: write the values out", key)

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        """Refuse a key that is no text, and one that was there before."""
        self.flatten_mapping(node)
        seen: set[str] = set()
        for key_node, _ in node.value:
            if key_node.tag != "tag:yaml.org,2002:str":
                raise _refusal("a key must be text: put it in quotes", key_node)
            if key_node.value in seen:
                raise _refusal(f"key {key_node.value!r} is given twice", key_node)
            seen.add(key_node.value)
        return super().construct_mapping(node, deep=deep)

    def construct_text(self, node: yaml.ScalarNode) -> str:
        """Refuse text that is no Unicode, such as the escape of half a character."""
        text = self.construct_scalar(node)
        if any("\ud800" <= letter <= "\udfff" for letter in text):
            raise _refusal("text with half of a surrogate pair", node)
        return text

    def construct_finite(self, node: yaml.ScalarNode) -> float:
        """Refuse .inf and .nan: no setting means something with them."""
        number = self.construct_yaml_float(node)
        if not math.isfinite(number):
            raise _refusal(f"{node.value}: must be a finite number", node)
        return number

    def construct_whole(self, node: yaml.ScalarNode) -> int:
        """Refuse a number of thousands of digits before it is converted."""
        if len(node.value) > 32:
            raise _refusal("a number of more than 32 digits", node)
        return self.construct_yaml_int(node)


_PLAIN_TAGS = ("null", "bool", "seq", "map")
_StrictLoader.yaml_constructors = {
    **{
        f"tag:yaml.org,2002:{tag}": yaml.SafeLoader.yaml_constructors[f"tag:yaml.org,2002:{tag}"]
        for tag in _PLAIN_TAGS
    },
    "tag:yaml.org,2002:str": _StrictLoader.construct_text,
    "tag:yaml.org,2002:int": _StrictLoader.construct_whole,
    "tag:yaml.org,2002:float": _StrictLoader.construct_finite,
    None: yaml.SafeLoader.construct_undefined,
}


def parse(content: bytes) -> dict[str, Any]:
    """Return the one mapping in the file; only what JSON also has.

    Raises:
        ValueError: What is wrong, with line and column where there is one.
    """
    data = read(content)
    if data is None:
        raise ValueError("is empty: expected settings; write {} to run with the defaults")
    if not isinstance(data, dict):
        raise ValueError(f"expected keys with values, got {type(data).__name__}")
    return data


def read(content: bytes, max_bytes: int = MAX_FILE_BYTES) -> object:
    """Return the one value in the file, whatever it is; None when there is none.

    Raises:
        ValueError: What is wrong, with line and column where there is one.
    """
    if len(content) > max_bytes:
        raise ValueError(f"is larger than {max_bytes} bytes: this is no settings file")
    return _load(_decode(content))


def _decode(content: bytes) -> str:
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ValueError(f"is not UTF-8 (byte {error.start}): save it as UTF-8") from error


def _load(text: str) -> object:
    try:
        return yaml.load(text, Loader=_StrictLoader)  # noqa: S506 (stricter than SafeLoader)
    except yaml.reader.ReaderError as error:
        raise ValueError(f"character {error.position} cannot be in a YAML file") from error
    except yaml.MarkedYAMLError as error:
        raise ValueError(_explain(error)) from error
    except (ValueError, OverflowError) as error:
        raise ValueError(
            f"a number that cannot be read: {str(error)[:MAX_REASON_CHARACTERS]}"
        ) from error


def _explain(error: yaml.MarkedYAMLError) -> str:
    mark = error.problem_mark or error.context_mark
    place = f"line {mark.line + 1}, column {mark.column + 1}: " if mark else ""
    # Cut: it may name a key or a tag of any length.
    return f"{place}{str(error.problem or error.context)[:MAX_REASON_CHARACTERS]}"


def _refusal(problem: str, at: yaml.Node | yaml.Event) -> yaml.MarkedYAMLError:
    return yaml.MarkedYAMLError(problem=problem, problem_mark=cast("yaml.Mark", at.start_mark))

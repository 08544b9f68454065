"""Made-up inputs: good ones with something changed, always the same ones.

Two ways, because each finds what the other misses: hypothesis, which shrinks what it finds, and a
plain seeded mutator, which is fifty times as fast. `make fuzz` changes by the latter too.
"""

from __future__ import annotations

import json
import random
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from typing import Any

from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st

#: Cases of the plain mutator, for parsers of bytes that take microseconds.
FAST_CASES = 8000
#: Cases of the plain mutator where each opens a file or parses the whole settings.
SLOW_CASES = 150
_HYPOTHESIS_CASES = 150
SEED = 20261124
MAX_REFUSAL_CHARACTERS = 5000

bounded = settings(
    max_examples=_HYPOTHESIS_CASES,
    derandomize=True,
    deadline=None,
    database=None,
    phases=(Phase.explicit, Phase.generate, Phase.shrink),
    suppress_health_check=list(HealthCheck),
)

#: What parsers stumble over.
MORSELS = (
    b"", b"\0", b"\n", b"\xff", b"\xed\xa0\x80", b"null", b"true", b"-1", b"1e999", b"NaN",
    b"Infinity", b"9" * 400, b"0.1", b'"', b"'", b"{", b"}", b"[", b"]", b"[" * 2000,
    b'{"a":' * 500, b":", b",", b"&a", b"*a", b"<<: *a", b"!!python/object:os.system", b"\\ud800",
    b"\\u0000", b"../../etc/passwd", b"/", b"+", b"#", b"$SYS/", "\u202e".encode(),
    "\u2028".encode(), b"%s%n", b"A" * 5000, b"---", b"- ", b"? ", b"|", b"\t", b"\r\n",
    b"1970-01-01T00:00:00Z", b"0001-01-01T00:00:00+14:00",
)  # fmt: skip

#: What a value in JSON or YAML is replaced with: so that the form stays good.
_VALUES = (
    b"null", b"true", b"0", b"-1", b"0.5", b"1e300", b"-1e300", b"1e999", b"-1e999", b"NaN",
    b"Infinity", b"-Infinity", b"9" * 400, b"1000000000000000", b"1e18", b"[]", b"{}", b'""',
    b'"x"',
    b'"\\u0000"', b'"\\ud800"', b'"2026-13-45T99:00:00.000Z"', b'"9999-12-31T23:59:59.999Z"',
    b'"0001-01-01T00:00:00.000Z"', '"\u0661\u0662"'.encode(), b"[[[[[[[[]]]]]]]]", b"2026-99-99",
)  # fmt: skip
#: A value, not a key: a comma, a bracket or the line's end comes after it.
_VALUE = re.compile(rb'("[^"\n]{0,80}"|-?[0-9][0-9.eE+-]*|\b(?:true|false|null)\b)(?=\s*[],}\n])')
#: In a larger input there is no text to look for.
_MAX_TEXT_BYTES = 16_384

_JSON: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=70),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=10), inner, max_size=3)
    ),
    max_leaves=8,
)


def mutants(good: Sequence[bytes], count: int) -> Iterator[bytes]:
    """Yield good inputs with one to four changes each, always the same ones."""
    chance = random.Random(SEED)
    for _ in range(count):
        content = bytearray(chance.choice(good))
        for _ in range(chance.randint(1, 4)):
            change(content, chance)
        yield bytes(content)


def change(content: bytearray, chance: random.Random) -> None:
    """Change one thing: a value of a text, or any bytes."""
    at = chance.randint(0, len(content))
    end = min(len(content), at + chance.choice((0, 1, 2, 5, 30)))
    kind = chance.randrange(6)
    if kind >= 4:
        _change_value(content, chance)
    elif kind == 0:
        content[at:end] = chance.choice(MORSELS)
    elif kind == 1:
        content[at:end] = chance.randbytes(end - at)
    elif kind == 2:
        content[at:at] = content[chance.randint(0, len(content)) :][:200]
    else:
        del content[at:end]


def _change_value(content: bytearray, chance: random.Random) -> None:
    if len(content) > _MAX_TEXT_BYTES:
        return
    spans = [match.span() for match in _VALUE.finditer(content)]
    if spans:
        begin, end = chance.choice(spans)
        content[begin:end] = chance.choice(_VALUES)


def changed_json(good: Sequence[dict[str, Any]]) -> st.SearchStrategy[bytes]:
    """Return JSON objects like the good ones: a value replaced, a key lost or added."""

    def apply(base: dict[str, Any], key: str | None, new: str, value: object) -> bytes:
        changed = dict(base)
        if key in changed:
            changed[key] = value
        else:
            changed[new] = value
        return json.dumps(changed).encode()

    keys = sorted({key for each in good for key in each})
    return st.builds(
        apply,
        st.sampled_from(list(good)),
        st.none() | st.sampled_from(keys),
        st.text(max_size=10),
        _JSON,
    )


def is_taken(parse: Callable[[], object], refusal: type[Exception]) -> bool:
    """Return whether an input was taken; anything but that refusal is the test's failure."""
    words = _refused(parse, refusal)
    assert len(words) < MAX_REFUSAL_CHARACTERS, "a refusal is no copy of its input"
    return not words


def count_taken(
    parse: Callable[[bytes], object], contents: Iterable[bytes], refusal: type[Exception]
) -> int:
    """Return how many of the inputs were taken."""
    return sum(is_taken(partial(parse, content), refusal) for content in contents)


def _refused(parse: Callable[[], object], refusal: type[Exception]) -> str:
    try:
        parse()
    except refusal as error:
        return str(error) or "refused"
    return ""

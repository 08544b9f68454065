"""YAML that a settings file must not hold."""

from __future__ import annotations

import time

import pytest

from agent.config.strict_yaml import MAX_FILE_BYTES, parse

BOMB = "a: &a [x, x]\n" + "".join(
    f"{chr(98 + n)}: &{chr(98 + n)} [*{chr(97 + n)}, *{chr(97 + n)}]\n" for n in range(20)
)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (BOMB.encode(), "line 1, column 4: anchors and aliases are not allowed"),
        (b"a: *b", "line 1, column 4: anchors and aliases are not allowed"),
        (b"<<: {a: 1}", "line 1, column 1: merge keys"),
        (b"a: {b: 1, b: 2}", "line 1, column 11: key 'b' is given twice"),
        (b"1: 2", "line 1, column 1: a key must be text"),
        (b"yes: 2", "a key must be text: put it in quotes"),
        (b"? [a]\n: 1", "a key must be text"),
        (b"a: !!python/object/apply:os.system [id]", "could not determine a constructor"),
        (b"a: !!binary aGk=", "could not determine a constructor"),
        (b"a: !!set {b}", "could not determine a constructor"),
        (b"a: .inf", "must be a finite number"),
        (b"a: .nan", "must be a finite number"),
        (b"a: " + b"9" * 5000, "more than 32 digits"),
        (b"a: 0b_", "a number that cannot be read"),
        (b'a: "\\ud800"', "half of a surrogate pair"),
        (b"a: \x00", "cannot be in a YAML file"),
        (b"a: 1\n---\nb: 2", "line 2, column 1"),
        (b"a: [", "line 1"),
        ("a: ü".encode("latin-1"), r"is not UTF-8 \(byte 3\)"),
        ("a: 1".encode("utf-16"), "is not UTF-8"),
        (b"a: " + b"[" * 500, "nested deeper than 16"),
        (b"#" * (MAX_FILE_BYTES + 1), "is larger than"),
    ],
)
def test_what_surprises_is_refused_with_its_place(content: bytes, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        parse(content)


def test_a_byte_order_mark_is_nothing_to_refuse() -> None:
    assert parse("\ufeffa: ü".encode()) == {"a": "ü"}


def test_a_date_stays_text() -> None:
    assert parse(b"a: 2026-01-01") == {"a": "2026-01-01"}


def test_plain_values_come_as_they_are_written() -> None:
    text = b"a: 1\nb: 1.5\nc: true\nd: null\ne: x\nf: [1, 2]\ng: {h: 1_000}"
    assert parse(text) == {
        "a": 1,
        "b": 1.5,
        "c": True,
        "d": None,
        "e": "x",
        "f": [1, 2],
        "g": {"h": 1000},
    }


@pytest.mark.parametrize("opener", ["[", "{a: ", "- ", "? "])
def test_deep_nesting_up_to_the_size_limit_ends_soon(opener: str) -> None:
    began_s = time.monotonic()
    with pytest.raises(ValueError, match=r"nested deeper|line"):
        parse((opener * (MAX_FILE_BYTES // len(opener))).encode())
    assert time.monotonic() - began_s < 5.0


@pytest.mark.parametrize("content", [b"a: !%s x", b"a: 1\na: 2\n%s: 1\n%s: 2", b"a: %s.0"])
def test_a_refusal_is_no_copy_of_the_file(content: bytes) -> None:
    long = b"9" * 5000
    with pytest.raises(ValueError, match=r".") as raised:
        parse(content.replace(b"%s", long))
    assert len(str(raised.value)) < 500

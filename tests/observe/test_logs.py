"""Log lines: their form, and that no credential is in them."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.config.credentials import with_login
from agent.config.messaging import ObserveSection
from agent.observe.logs import JsonFormatter, set_up_logging

_log = logging.getLogger("agent.test")


@pytest.fixture(autouse=True)
def _restored_logging() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    logging.captureWarnings(capture=False)


def stream(**settings: str) -> io.StringIO:
    output = io.StringIO()
    set_up_logging(ObserveSection.model_validate(settings), output)
    return output


def test_a_text_line_has_time_level_logger_and_event() -> None:
    output = stream()
    _log.info("connected host=%s", "till")
    head, _, message = output.getvalue().partition(" info agent.test: ")
    assert message == "connected host=till\n"
    assert head.endswith("Z")


def test_a_json_line_is_one_object_with_the_event_first() -> None:
    output = stream(log_format="json")
    try:
        raise ValueError("rtsp://u:hunter2@cam refused")
    except ValueError:
        _log.exception("camera_failed camera=%s", "till")
    line = json.loads(output.getvalue())
    assert line["event"] == "camera_failed"
    assert line["level"] == "error"
    assert "ValueError: rtsp://***@cam refused" in line["traceback"]


def test_the_level_of_the_settings_counts() -> None:
    output = stream(log_level="warning")
    _log.info("hidden")
    _log.warning("seen")
    assert "hidden" not in output.getvalue()
    assert "seen" in output.getvalue()


def test_setting_up_twice_does_not_double_the_lines() -> None:
    stream()
    output = stream()
    _log.info("once")
    assert output.getvalue().count("once") == 1


@pytest.mark.parametrize("log_format", ["text", "json"])
def test_foreign_text_cannot_begin_a_line_of_its_own(log_format: str) -> None:
    output = stream(log_format=log_format)
    _log.info("dropped payload=%s", "x\n2026-01-01 error forged\x1b[2J\u2028y")
    assert len(output.getvalue().splitlines()) == 1
    assert "\x1b" not in output.getvalue()


@given(
    st.text(min_size=4),
    st.sampled_from(["rtsp://cam/x", "http://cam/?u={username}&pwd={password}"]),
)
def test_no_password_of_an_address_gets_into_a_line(password: str, source: str) -> None:
    address = with_login(source, "operator", f"hunter2{password}")
    record = logging.LogRecord("agent", logging.INFO, "", 0, "open %s", (address,), None)
    assert "hunter2" not in JsonFormatter().format(record)

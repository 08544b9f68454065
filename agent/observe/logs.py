"""Logging: event name first, text or JSON, and no credentials whoever logs them."""

from __future__ import annotations

import json
import logging
import re
from datetime import UTC, datetime
from typing import TextIO

from agent.config.messaging import ObserveSection
from agent.masking import mask_credentials

#: A line break in foreign text must not begin a line of its own.
_CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f-\x9f\u2028\u2029]")


class _MaskingFormatter(logging.Formatter):
    """Masks what it is given last, so that tracebacks are covered too."""

    def message(self, record: logging.LogRecord) -> str:
        """Return the message on one line, without credentials."""
        return _CONTROL.sub(_escaped, mask_credentials(record.getMessage()))

    def trouble(self, record: logging.LogRecord) -> str:
        """Return the traceback without credentials, or nothing."""
        if not record.exc_info:
            return ""
        return mask_credentials(self.formatException(record.exc_info))


class TextFormatter(_MaskingFormatter):
    """`2026-11-24T02:00:00.123Z info agent.publish.mqtt: connected host=…`."""

    def format(self, record: logging.LogRecord) -> str:
        """Return one line, and the traceback on lines of its own."""
        head = f"{_written(record)} {record.levelname.lower()} {record.name}: "
        return "\n".join(filter(None, [head + self.message(record), self.trouble(record)]))


class JsonFormatter(_MaskingFormatter):
    """One JSON object a line; `event` is the message's first word."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the object as one line."""
        message = self.message(record)
        fields = {
            "at": _written(record),
            "level": record.levelname.lower(),
            "logger": record.name,
            "event": message.partition(" ")[0],
            "message": message,
            "process": record.process,
        }
        trouble = self.trouble(record)
        if trouble:
            fields["traceback"] = trouble
        return json.dumps(fields, ensure_ascii=False)


def set_up_logging(section: ObserveSection, stream: TextIO) -> None:
    """Send all logs of this process to one stream; replaces what was set up before."""
    handler = logging.StreamHandler(stream)
    handler.setFormatter(JsonFormatter() if section.log_format == "json" else TextFormatter())
    root = logging.getLogger()
    for old in root.handlers[:]:
        root.removeHandler(old)
    root.addHandler(handler)
    root.setLevel(section.log_level.upper())
    logging.captureWarnings(capture=True)


def _written(record: logging.LogRecord) -> str:
    moment = datetime.fromtimestamp(record.created, UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _escaped(match: re.Match[str]) -> str:
    return match.group().encode("unicode_escape").decode()

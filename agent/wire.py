"""Records as lines of JSON: the only thing that crosses from the eyes to the mouth.

JSON and a schema, not pickle: the sending process decodes hostile pictures in C++, and
must not be able to run anything in the process that has the network.
"""

from __future__ import annotations

import os
import select
import sys
from collections.abc import Iterable
from typing import Annotated, BinaryIO

from pydantic import Field, TypeAdapter, ValidationError

from agent.errors import ProtocolError
from agent.records import PipeRecord

#: An AgeEstimate is about 2.5 kB; nothing honest is longer.
MAX_RECORD_BYTES = 65536

_RECORD: TypeAdapter[PipeRecord] = TypeAdapter(Annotated[PipeRecord, Field(discriminator="kind")])


def encode(record: PipeRecord) -> bytes:
    """Return the record as UTF-8 JSON without a line break."""
    return _RECORD.dump_json(record)


def decode(line: bytes) -> PipeRecord:
    """Return the record of one line.

    Raises:
        ProtocolError: The line is too long, no JSON, or breaks the schema.
    """
    if len(line) > MAX_RECORD_BYTES:
        raise ProtocolError(f"record of {len(line)} bytes: at most {MAX_RECORD_BYTES} expected")
    try:
        return _RECORD.validate_json(line)
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False, include_input=False)[0]
        # Cut, and from None: both would else repeat in the log what a hostile sender has made up.
        place, reason = str(first["loc"])[:80], first["msg"][:200]
        raise ProtocolError(f"record refused: {place}: {reason}") from None


class RecordWriter:
    """Writes records to the pipe, whole lines only."""

    def __init__(self, pipe: BinaryIO) -> None:
        self._pipe = pipe

    def write(self, records: Iterable[PipeRecord]) -> None:
        """Send the records in order; blocks while the agent is busy."""
        lines = b"".join(encode(record) + b"\n" for record in records)
        if lines:
            self._pipe.write(lines)
            self._pipe.flush()


def private_record_pipe() -> BinaryIO:
    """Take stdout for records alone; what C++ libraries print goes to stderr from now on."""
    pipe = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    return pipe


def stdin_has_ended() -> bool:
    """Return whether the agent has closed our stdin, or sent more than it should."""
    readable, _, _ = select.select([sys.stdin], [], [], 0)
    return bool(readable)

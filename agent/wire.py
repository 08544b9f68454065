"""Records as lines of JSON: the only thing that crosses from the eyes to the mouth.

JSON and a schema, not pickle: the sending process decodes hostile pictures in C++, and
must not be able to run anything in the process that has the network.
"""

from __future__ import annotations

from typing import Annotated

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

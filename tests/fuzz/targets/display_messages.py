"""What the display hears over MQTT, through the board to the words on the screen.

One message a line: the topic's key, blank, payload; `r:` before it: retained; `t9`: time passes;
`down`, `up`: the connection.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path

from agent.display.link import Heard
from agent.display.wording import LANGUAGES, words
from agent.outcomes import Alert
from agent.publish.publisher import outcome_message
from agent.publish.topics import TopicKey
from tests.fuzz.targets import collected, sale_messages
from tests.fuzz.targets.display_side import Display
from tests.fuzz.targets.target import Entry, Target

_KEYS = {key.value.encode(): key for key in TopicKey}
ALERT = Alert(collected.EVENT_ID, "s1", "unsure", "no_evidence", "alcohol", 25, 1, 1.0, 60.0)


def seeds() -> Sequence[bytes]:
    """Return a sale from its beginning to its audit, a state, cameras, a lost connection."""
    alert = outcome_message(ALERT).payload.model_dump_json().encode()
    audit = outcome_message(collected.AUDIT).payload.model_dump_json().encode()
    scanned, opened, confirmed, _ = sale_messages.seeds()
    camera = b'{"camera_id": "till", "state": "stalled"}'
    state = b'{"cameras": [' + camera + b'], "stopped": null, "debug_view": true}'
    sale = [b"pos-sale " + opened, b"pos-sale " + scanned, b"alert " + alert]
    return [
        b"\n".join([*sale, b"display-confirm " + confirmed, b"event-sale-audit " + audit]),
        b"\n".join([*sale, b"t9", b"pos-sale " + scanned.replace(b"scanned", b"removed")]),
        b"\n".join([b"state " + state, b"camera-status " + camera, b"r:state " + state]),
        b"\n".join([b"availability offline", b"availability online", b"down lost", b"up"]),
    ]


@contextmanager
def opened(folder: Path) -> Iterator[Entry]:
    """Give a display that lives on."""
    del folder
    display = Display()

    def entry(content: bytes) -> None:
        for line in content.split(b"\n")[:30]:
            _tell(display, line)
        display.turned.turn()
        screen = display.service.screen()
        for language in LANGUAGES:
            json.dumps(asdict(words(screen, language)))

    yield entry
    display.close()


def _tell(display: Display, line: bytes) -> None:
    retained, line = line.startswith(b"r:"), line.removeprefix(b"r:")
    name, _, payload = line.partition(b" ")
    listener = display.link.listener
    if name in _KEYS:
        expiry_s = float(len(payload) % 7 * 20) or None
        listener.heard(Heard(_KEYS[name], payload, retained, expiry_s))
    elif name == b"up":
        listener.connected()
    elif name == b"down":
        listener.disconnected(payload.decode(errors="replace"))
    elif name.startswith(b"t"):
        display.clock.advance_to(display.clock.now_s() + min(len(line), 20))


TARGET = Target(
    name="display_messages",
    cases=2500,
    modules=(
        "agent.display.heard",
        "agent.display.board",
        "agent.display.duties",
        "agent.display.service",
        "agent.display.wording",
    ),
    seeds=seeds,
    opened=opened,
)

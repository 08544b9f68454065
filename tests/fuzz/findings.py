"""What has come out of a boundary: each kind once, with the input that did it."""

from __future__ import annotations

import traceback
from dataclasses import dataclass, field
from pathlib import Path

from tests.fuzz.targets.target import Entry

REPOSITORY = Path(__file__).resolve().parents[2]


@dataclass
class Findings:
    """Calls an entry and keeps what it raises, by class and place.

    Attributes:
        kinds: The smallest input of each kind so far.
    """

    entry: Entry
    cases: int = 0
    kinds: dict[str, bytes] = field(default_factory=dict)

    def __call__(self, content: bytes) -> None:
        """Try one input."""
        self.cases += 1
        try:
            self.entry(content)
        except Exception as error:
            kind = describe(error)
            if len(content) < len(self.kinds.get(kind, content + b"x")):
                self.kinds[kind] = content


def describe(error: Exception) -> str:
    """Return what was raised and by which of our own lines, without the input."""
    frames = traceback.extract_tb(error.__traceback__)
    own = [frame for frame in frames if f"{REPOSITORY}/agent/" in frame.filename] or list(frames)
    place = Path(own[-1].filename)
    return f"{type(error).__name__} in {place.name}:{own[-1].name}"

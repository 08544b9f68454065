"""How far a target has come, in a file: a run that was stopped goes on from there."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path


@dataclass
class Progress:
    """What one target has behind it.

    Attributes:
        grown_bytes: Peak memory less that of the first case; of the worst of its processes.
        findings: What came out, with its smallest input in hexadecimal.
    """

    cases: int = 0
    seconds: float = 0.0
    grown_bytes: int = 0
    findings: dict[str, str] = field(default_factory=dict)

    def save(self, path: Path) -> None:
        """Write it; a reader sees the old one or the new one."""
        path.parent.mkdir(parents=True, exist_ok=True)
        beside = path.with_suffix(".new")
        beside.write_text(json.dumps(asdict(self)))
        beside.replace(path)

    @classmethod
    def load(cls, path: Path) -> Progress:
        """Read it; what is not there has not begun."""
        return cls(**json.loads(path.read_text())) if path.exists() else cls()

"""What the supervisor is given beside the settings file."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from agent.debug_view.settings import TapSettings
from agent.processes.keepers import Patience


@dataclass(frozen=True, slots=True)
class ChildCommands:
    """How the children are started; tests put scripts of their own here."""

    capture: tuple[str, ...] = (sys.executable, "-m", "agent.capture.process")
    vision: tuple[str, ...] = (sys.executable, "-m", "agent.vision")


@dataclass(frozen=True, slots=True)
class SupervisorOptions:
    """What is not in the settings file.

    Attributes:
        runtime_folder: For the frame socket; None: the system's temporary folder.
        commands: How the children are started.
        patience: With the vision process.
        environment: The children's; None: the agent's without its passwords.
        random_ratio: Chance for the jitter, in [0, 1); None: the system's.
        tap_settings: What vision is told of the debug view at each start; None: there is none.
    """

    runtime_folder: Path | None = None
    commands: ChildCommands = ChildCommands()
    patience: Patience = field(default_factory=Patience)
    environment: Mapping[str, str] | None = None
    random_ratio: Callable[[], float] | None = None
    tap_settings: Callable[[], TapSettings | None] | None = None

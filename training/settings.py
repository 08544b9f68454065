"""Everything a run depends on beside the data and the code."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path

from training.augment import Augmentation


@dataclass(frozen=True, slots=True)
class Settings:
    """Settings of one run.

    Attributes:
        start_from: `pretrained`, `scratch`, `widen:FILE` (a half-width run's weights), or
            a file with weights of the same width, the shipped `model.keras` too.
    """

    width: float = 0.5
    crop_px: int = 96
    passes: float = 6.0
    batch: int = 64
    learning_rate: float = 6e-4
    warmup_steps: int = 400
    weight_decay: float = 0.05
    gradient_clip: float = 2.0
    averaging_ratio: float = 0.999
    dropout_ratio: float = 0.1
    sources: tuple[str, ...] = ("utkface", "fairface")
    seed: int = 1
    start_from: str = "pretrained"
    checkpoint_steps: int = 200
    augmentation: Augmentation = field(default_factory=Augmentation)


def load_settings(path: Path | None) -> Settings:
    """Read a JSON file of settings; what it does not name keeps its default."""
    if path is None:
        return Settings()
    values = json.loads(path.read_text())
    values["augmentation"] = Augmentation(**values.get("augmentation", {}))
    values["sources"] = tuple(values.get("sources", Settings().sources))
    return Settings(**values)

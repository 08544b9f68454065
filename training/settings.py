"""Everything a run depends on beside the data and the code."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from agent.records import AGE_CLASSES
from training.augment import Augmentation


@dataclass(frozen=True, slots=True)
class Settings:
    """Settings of one run.

    Attributes:
        early_crop_px: Crops of the run's first part (progressive resolution); a small network
            input costs a fraction and teaches most of what a large one does.
        early_ratio: How much of the steps that part has.
        aligned: See `data.Faces`.
        output: `years`, a probability each, or `single`, one number trained by its absolute
            error: the plain recipe of the ablation table.
        distance_weight: See `losses.age_loss`.
        teacher: What `teacher` wrote; empty: the labels alone.
        teacher_weight: See `losses.age_loss`; counts with a teacher.
        mix_ratio: See `data.TrainingBatches`.
        start_from: `pretrained`, `scratch`, `widen:RUN` (folder of a half-width run), or
            a file with weights of the same width, the shipped `model.keras` too.
    """

    width: float = 0.5
    crop_px: int = 96
    early_crop_px: int = 64
    early_ratio: float = 0.0
    passes: float = 6.0
    batch: int = 64
    learning_rate: float = 6e-4
    warmup_steps: int = 400
    weight_decay: float = 0.05
    gradient_clip: float = 2.0
    averaging_ratio: float = 0.999
    dropout_ratio: float = 0.1
    distance_weight: float = 0.2
    teacher: str = ""
    teacher_weight: float = 0.5
    mix_ratio: float = 0.0
    sources: tuple[str, ...] = ("utkface", "fairface")
    aligned: bool = True
    output: Literal["years", "single"] = "years"
    seed: int = 1
    start_from: str = "pretrained"
    checkpoint_steps: int = 200
    augmentation: Augmentation = field(default_factory=Augmentation)

    @property
    def outputs(self) -> int:
        """Of the network."""
        return AGE_CLASSES if self.output == "years" else 1


def load_settings(path: Path | None) -> Settings:
    """Read a JSON file of settings; what it does not name keeps its default.

    `based_on` names a file beside it that gives what the file itself does not, and each
    setting of the augmentation likewise.
    """
    if path is None:
        return Settings()
    values = _values(path)
    values["augmentation"] = Augmentation(**values.get("augmentation", {}))
    values["sources"] = tuple(values.get("sources", Settings().sources))
    return Settings(**values)


def _values(path: Path) -> dict[str, Any]:
    values: dict[str, Any] = json.loads(path.read_text())
    base = _values(path.with_name(values.pop("based_on"))) if "based_on" in values else {}
    augmentation = {**base.get("augmentation", {}), **values.get("augmentation", {})}
    return {**base, **values, "augmentation": augmentation}

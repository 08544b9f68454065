"""The state of a run on disk: everything that a resumed run needs to be the same run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import keras
import numpy as np

NAME = "checkpoint.npz"


@dataclass(slots=True)
class RunProgress:
    """How far a run is.

    Attributes:
        step: Batches trained.
        best: Lowest validation score so far.
        losses: One for each step; shorter when the run began before they were kept.
    """

    step: int = 0
    best: float = float("inf")
    losses: list[float] = field(default_factory=list)


def save(folder: Path, state: Sequence[keras.Variable], progress: RunProgress) -> None:
    """Write the checkpoint; a kill meanwhile leaves the one before it intact."""
    arrays = {f"v{n}": keras.ops.convert_to_numpy(v) for n, v in enumerate(state)}
    temporary = folder / "checkpoint.tmp.npz"
    np.savez(
        temporary,
        step=progress.step,
        best=progress.best,
        losses=np.array(progress.losses, np.float32),
        **arrays,
    )
    temporary.rename(folder / NAME)


def restore(folder: Path, state: Sequence[keras.Variable]) -> RunProgress | None:
    """Assign the checkpoint to the variables, or return None when there is none."""
    path = folder / NAME
    if not path.exists():
        return None
    with np.load(path) as arrays:
        for number, variable in enumerate(state):
            variable.assign(arrays[f"v{number}"])
        losses = arrays["losses"].tolist() if "losses" in arrays else []
        return RunProgress(int(arrays["step"]), float(arrays["best"]), losses)


def load_averages(model: keras.Model, path: Path) -> None:
    """Take a network with averaged weights out of a checkpoint.

    Its state is the model's variables, the optimizer's step, then the averages.
    """
    first = len(model.variables) + 1
    with np.load(path) as arrays:
        for number, variable in enumerate(model.variables):
            variable.assign(arrays[f"v{number}"])
        for number, variable in enumerate(model.trainable_variables, start=first):
            variable.assign(arrays[f"v{number}"])

"""Trains the age network; killed at any moment, it goes on from its checkpoint.

A run is a folder: `settings.json`, `environment.json`, `metrics.csv`, `checkpoint.npz`
(weights, optimizer and step) and, at the end, `best.weights.h5`, the averaged weights
that did best on the validation split.
"""

from __future__ import annotations

import argparse
import csv
import json
import queue
import subprocess
import threading
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from importlib.metadata import version
from pathlib import Path

import keras
import numpy as np
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from agent.records import Float32Array
from training.augment import Augmentation
from training.data import Faces, TrainingBatches, load_faces
from training.evaluate import interval_metrics, predict
from training.losses import AgeLoss
from training.network import build, load_pretrained

PREFETCHED_BATCHES = 8
PRETRAINED_SAMPLE = 256


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything a run depends on beside the data and the code."""

    width: float = 0.5
    crop_px: int = 96
    passes: float = 6.0
    batch: int = 64
    learning_rate: float = 6e-4
    warmup_steps: int = 400
    weight_decay: float = 0.05
    gradient_clip: float = 2.0
    averaging_ratio: float = 0.999
    dropout_ratio: float = 0.2
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


class Run:
    """One training run in its folder."""

    def __init__(self, settings: Settings, faces: Faces, folder: Path) -> None:
        self._settings = settings
        self._faces = faces
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        indices = np.concatenate([faces.select("train", source) for source in settings.sources])
        self._batches = TrainingBatches(
            faces, indices, settings.batch, settings.crop_px, settings.augmentation, settings.seed
        )
        self._steps = max(1, int(settings.passes * self._batches.steps_per_pass))
        keras.utils.set_random_seed(settings.seed)
        keras.mixed_precision.set_global_policy("mixed_bfloat16")
        self._model = build(settings.width, settings.crop_px, settings.dropout_ratio)
        self._compile()
        self._best = float("inf")
        self._step = self._restore()

    def _compile(self) -> None:
        settings = self._settings
        schedule = keras.optimizers.schedules.CosineDecay(
            initial_learning_rate=settings.learning_rate / settings.warmup_steps,
            decay_steps=max(1, self._steps - settings.warmup_steps),
            warmup_target=settings.learning_rate,
            warmup_steps=min(settings.warmup_steps, self._steps),
        )
        optimizer = keras.optimizers.AdamW(
            schedule,
            weight_decay=settings.weight_decay,
            global_clipnorm=settings.gradient_clip,
            use_ema=True,
            ema_momentum=settings.averaging_ratio,
        )
        optimizer.exclude_from_weight_decay(var_names=["bias", "gamma", "beta"])
        self._model.compile(optimizer=optimizer, loss=AgeLoss())
        optimizer.build(self._model.trainable_variables)

    @property
    def _state(self) -> list[keras.Variable]:
        return [*self._model.variables, *self._model.optimizer.variables]

    def _restore(self) -> int:
        path = self._folder / "checkpoint.npz"
        if not path.exists():
            self._initialise()
            return 0
        with np.load(path) as arrays:
            for number, variable in enumerate(self._state):
                variable.assign(arrays[f"v{number}"])
            self._best = float(arrays["best"])
            return int(arrays["step"])

    def _initialise(self) -> None:
        start = self._settings.start_from
        if start == "pretrained":
            indices = self._batches.indices
            sample = np.random.default_rng(0).choice(indices, min(PRETRAINED_SAMPLE, len(indices)))
            crops = np.stack([self._faces.crop(i, self._settings.crop_px) for i in sample])
            load_pretrained(self._model, crops)
        elif start != "scratch":
            self._model.load_weights(start)

    def _save(self) -> None:
        arrays = {f"v{n}": keras.ops.convert_to_numpy(v) for n, v in enumerate(self._state)}
        temporary = self._folder / "checkpoint.tmp.npz"
        np.savez(temporary, step=self._step, best=self._best, **arrays)
        temporary.rename(self._folder / "checkpoint.npz")

    def train(self) -> None:
        """Train to the end, with a progress bar, validating after every pass."""
        self._write_circumstances()
        console = Console()
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
        with Progress(*columns, TimeRemainingColumn(), console=console) as progress:
            task = progress.add_task("training", total=self._steps, completed=self._step)
            losses: list[float] = []
            begun = time.monotonic()
            for images, targets in self._prefetched():
                losses.append(float(self._model.train_on_batch(images, targets)))
                self._step += 1
                if self._step % 20 == 0:
                    rate = len(losses) * self._settings.batch / (time.monotonic() - begun)
                    text = f"loss {np.mean(losses[-100:]):.3f} {rate:.0f} faces/s"
                    progress.update(task, completed=self._step, description=text)
                    if self._step % 100 == 0:
                        console.print(self._step, text)
                at_end = self._step == self._steps
                if self._step % self._batches.steps_per_pass == 0 or at_end:
                    console.print(self._validate(float(np.mean(losses))))
                    losses, begun = [], time.monotonic()
                    self._save()
                elif self._step % self._settings.checkpoint_steps == 0:
                    self._save()

    def _prefetched(self) -> Iterator[tuple[Float32Array, Float32Array]]:
        batches: queue.Queue[tuple[Float32Array, Float32Array]] = queue.Queue(PREFETCHED_BATCHES)
        first = self._step

        def fill() -> None:
            for step in range(first, self._steps):
                batches.put(self._batches(step))

        threading.Thread(target=fill, daemon=True).start()
        for _ in range(first, self._steps):
            yield batches.get()

    def _validate(self, loss: float) -> str:
        optimizer = self._model.optimizer
        own = [keras.ops.convert_to_numpy(v) for v in self._model.trainable_variables]
        for variable, average in zip(
            self._model.trainable_variables, optimizer._model_variables_moving_average, strict=True
        ):
            variable.assign(average)
        row: dict[str, float] = {"step": self._step, "loss": loss}
        for source in ("utkface", "fairface"):
            indices = self._faces.select("val", source)
            if len(indices):
                probabilities = predict(self._model, self._faces, indices, self._settings.crop_px)
                metrics = interval_metrics(probabilities, self._faces, indices)
                row |= {f"{source}_{name}": value for name, value in metrics.items()}
        score = row.get("utkface_distance_years", 0.0) + row.get("fairface_distance_years", 0.0)
        self._model.save_weights(self._folder / "last.weights.h5")
        if score <= self._best:
            self._best = score
            self._model.save_weights(self._folder / "best.weights.h5")
        for variable, value in zip(self._model.trainable_variables, own, strict=True):
            variable.assign(value)
        self._append(row)
        return "  ".join(f"{name} {value:.3f}" for name, value in row.items())

    def _append(self, row: dict[str, float]) -> None:
        path = self._folder / "metrics.csv"
        new = not path.exists()
        with path.open("a", newline="") as file:
            writer = csv.DictWriter(file, row.keys())
            if new:
                writer.writeheader()
            writer.writerow(row)

    def _write_circumstances(self) -> None:
        (self._folder / "settings.json").write_text(json.dumps(asdict(self._settings), indent=2))
        commit = subprocess.run(
            ["git", "rev-parse", "HEAD"], capture_output=True, text=True, check=False
        ).stdout.strip()
        packages = {name: version(name) for name in ("keras", "tensorflow", "numpy")}
        (self._folder / "environment.json").write_text(
            json.dumps({"commit": commit, "packages": packages}, indent=2)
        )


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--faces", type=Path, default=Path(".cache/faces"))
    parser.add_argument("--settings", type=Path, help="JSON file, see training/configs")
    parser.add_argument("--run", type=Path, required=True, help="folder of the run")
    options = parser.parse_args()
    Run(load_settings(options.settings), load_faces(options.faces), options.run).train()


if __name__ == "__main__":
    main()

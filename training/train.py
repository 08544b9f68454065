"""Trains the age network; killed at any moment, it goes on from its checkpoint.

A run is a folder: `settings.json`, `environment.json`, `metrics.csv` (one row a pass),
`losses.csv`, `curve.png`, `checkpoint.npz` (weights, optimizer and step), and the averaged
weights `last.weights.h5` and `best.weights.h5`, the best on the validation split.
"""

from __future__ import annotations

import csv
import json
import queue
import threading
from collections.abc import Iterator
from dataclasses import asdict, replace
from pathlib import Path
from typing import Annotated

import keras
import numpy as np
import typer
from rich.console import Console

from agent.records import Float32Array
from training import checkpoint, curve
from training.batch_norm import BatchNormalization
from training.batch_statistics import MEASURED_BATCHES, measure_statistics
from training.circumstances import circumstances
from training.data import Faces, TrainingBatches, load_faces
from training.live import LiveTable
from training.losses import AbsoluteError, AgeLoss
from training.network import build, load_pretrained
from training.precision import fastest_precision
from training.predict import interval_metrics, means_of
from training.serving import BEST_WEIGHTS, LAST_WEIGHTS, load_trained, statistics_batches
from training.settings import Settings, load_settings
from training.teacher import load_taught
from training.widen import widen

PREFETCHED_BATCHES = 8
PRETRAINED_SAMPLE = 256


class Run:
    """One training run in its folder."""

    def __init__(self, settings: Settings, faces: Faces, folder: Path) -> None:
        self._settings = settings
        faces = replace(faces, aligned=settings.aligned)
        self._faces = faces
        self._folder = folder
        self._console = Console()
        folder.mkdir(parents=True, exist_ok=True)
        indices = faces.select_sources("train", settings.sources)
        self._batches = TrainingBatches(
            faces,
            indices,
            settings.batch,
            settings.crop_px,
            settings.augmentation,
            settings.seed,
            settings.mix_ratio,
            load_taught(Path(settings.teacher), indices) if settings.teacher else None,
        )
        self._steps = max(1, int(settings.passes * self._batches.steps_per_pass))
        self._early_steps = int(settings.early_ratio * self._steps)
        keras.utils.set_random_seed(settings.seed)
        keras.mixed_precision.set_global_policy(fastest_precision())
        self._model = build(
            settings.width,
            None if self._early_steps else settings.crop_px,
            settings.dropout_ratio,
            BatchNormalization,
            settings.outputs,
        )
        if not (folder / checkpoint.NAME).exists():
            self._begin()
        self._compile()
        self._progress = checkpoint.restore(folder, self._state) or checkpoint.RunProgress()

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
        years = settings.output == "years"
        taught = settings.teacher_weight if settings.teacher else 0.0
        loss = AgeLoss(settings.distance_weight, taught) if years else AbsoluteError()
        self._model.compile(optimizer=optimizer, loss=loss)
        optimizer.build(self._model.trainable_variables)

    @property
    def _state(self) -> list[keras.Variable]:
        return [*self._model.variables, *self._model.optimizer.variables]

    def _begin(self) -> None:
        """Give the network its first weights; before it has an optimizer.

        The file may hold another run's optimizer, whose step would put this run at the end of
        its schedule.
        """
        start = self._settings.start_from
        if start == "pretrained":
            indices = self._batches.indices
            sample = np.random.default_rng(0).choice(indices, min(PRETRAINED_SAMPLE, len(indices)))
            load_pretrained(self._model, self._faces.crops(sample, self._settings.crop_px))
        elif start.startswith("widen:"):
            run = Path(start.removeprefix("widen:"))
            narrow = load_trained(run, load_settings(run / "settings.json"), self._faces)
            widen(narrow, self._model, np.random.default_rng(self._settings.seed))
        elif start != "scratch":
            self._model.load_weights(start)

    @property
    def losses(self) -> list[float]:
        """The loss of every step so far."""
        return self._progress.losses

    def train(self, until_step: int | None = None) -> None:
        """Train to the end, with a live table, validating after every pass.

        Args:
            until_step: Stop there as a kill would, without a checkpoint; None: at the end.
        """
        if self._progress.step < self._steps:
            self._write_circumstances()
        first, batch = self._progress.step, self._settings.batch
        live = LiveTable(self._console, self._steps, first, batch)
        with live.shown():
            for images, targets in self._prefetched():
                self.losses.append(float(self._model.train_on_batch(images, targets)))
                self._progress.step += 1
                step = self._progress.step
                live.step(step, self.losses)
                if step == until_step:
                    return
                self._after_step(step, live)

    def _after_step(self, step: int, live: LiveTable) -> None:
        ends_pass = step % self._batches.steps_per_pass == 0 or step == self._steps
        if ends_pass:
            live.end_pass(self._validate())
        if ends_pass or step % self._settings.checkpoint_steps == 0:
            checkpoint.save(self._folder, self._state, self._progress)
            curve.write(self._folder, self.losses, step)

    def _prefetched(self) -> Iterator[tuple[Float32Array, Float32Array]]:
        batches: queue.Queue[tuple[Float32Array, Float32Array]] = queue.Queue(PREFETCHED_BATCHES)
        first = self._progress.step
        early = replace(self._batches, crop_px=self._settings.early_crop_px)

        def fill() -> None:
            for step in range(first, self._steps):
                batches.put((early if step < self._early_steps else self._batches)(step))

        threading.Thread(target=fill, daemon=True).start()
        for _ in range(first, self._steps):
            yield batches.get()

    def _validate(self) -> dict[str, float]:
        """Measure and save the averaged weights, then go on with the trained ones."""
        own = [keras.ops.convert_to_numpy(v) for v in self._model.variables]
        averages = self._model.optimizer._model_variables_moving_average
        for variable, average in zip(self._model.trainable_variables, averages, strict=True):
            variable.assign(average)
        measured = statistics_batches(self._faces, self._settings)
        measure_statistics(self._model, measured, min(MEASURED_BATCHES, measured.steps_per_pass))
        row = self._measure()
        self._model.save_weights(self._folder / LAST_WEIGHTS)
        score = sum(value for name, value in row.items() if name.endswith("distance_years"))
        if score <= self._progress.best:
            self._progress.best = score
            self._model.save_weights(self._folder / BEST_WEIGHTS)
        for variable, value in zip(self._model.variables, own, strict=True):
            variable.assign(value)
        self._append(row)
        return row

    def _measure(self) -> dict[str, float]:
        recent = self.losses[-self._batches.steps_per_pass :]
        row: dict[str, float] = {"step": self._progress.step, "loss": float(np.mean(recent))}
        for source in ("utkface", "fairface"):
            indices = self._faces.select("val", source)
            if len(indices):
                means = means_of(self._model, self._faces, indices, self._settings.crop_px)
                metrics = interval_metrics(means, self._faces, indices)
                row |= {f"{source}_{name}": value for name, value in metrics.items()}
        return row

    def _append(self, row: dict[str, float]) -> None:
        """Add a row; what a killed run wrote after its checkpoint is replaced."""
        path = self._folder / "metrics.csv"
        rows: list[dict[str, float | str]] = []
        if path.exists():
            with path.open(newline="") as file:
                rows = [r for r in csv.DictReader(file) if float(r["step"]) < row["step"]]
        with path.open("w", newline="") as file:
            writer = csv.DictWriter(file, row.keys(), restval="", extrasaction="ignore")
            writer.writeheader()
            writer.writerows([*rows, row])

    def _write_circumstances(self) -> None:
        (self._folder / "settings.json").write_text(json.dumps(asdict(self._settings), indent=2))
        (self._folder / "environment.json").write_text(
            json.dumps(circumstances(self._faces.folder), indent=2)
        )


def main(
    run: Annotated[Path, typer.Option(help="folder of the run")],
    faces: Annotated[Path, typer.Option(help="what prepare wrote")] = Path(".cache/faces"),
    settings: Annotated[Path | None, typer.Option(help="see training/configs")] = None,
) -> None:
    """Train, or go on with a run that was killed."""
    Run(load_settings(settings), load_faces(faces), run).train()


if __name__ == "__main__":
    typer.run(main)

"""How high a threshold a composed customer passes unasked: what calibration counts.

The pipeline watches a clip once; the decision is then asked again and again what it would
have advised with another threshold. It asks more the higher the threshold is, so that a
bisection finds the highest one at which nobody asks.
"""

from __future__ import annotations

import multiprocessing
import sys
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from rich.progress import track

from agent.config.decision import CategoryPolicy, ChallengeSection
from agent.config.schema import Config
from agent.config.vision import CameraSection
from agent.decide.thresholds import ThresholdEntry, ThresholdTable
from training.artefact_runtime import estimate_section
from training.composed.clips import CAMERA_ID, Composer, config_of
from training.composed.faces import FaceShelf, KnownFace
from training.composed.scene import backgrounds
from training.composed.watching import Recording, Watcher, advice

#: Thresholds that are tried, in tenths of a year.
LOWEST_TENTHS, HIGHEST_TENTHS = 50, 900
#: The one target of the tables that are tried.
_TARGET_RATIO = 0.5
#: A policy that adds nothing to the threshold.
_POLICY = CategoryPolicy(legal_age_years=1, challenge_age_years=1)
CHUNK_FACES = 10


@dataclass(frozen=True, slots=True)
class Level:
    """One customer.

    Attributes:
        age_years: Labelled.
        passing_years: Unasked at every threshold below it; 0 when asked at any.
    """

    age_years: int
    passing_years: float


def decision_config(model: Path) -> Config:
    """Return the default settings with that model and a policy that leaves it to the threshold."""
    config = config_of(CameraSection(id=CAMERA_ID), estimate_section(model))
    challenge = ChallengeSection(
        categories={"alcohol": _POLICY},
        max_false_pass_ratio=_TARGET_RATIO,
        accompanied_child_below_years=0,
    )
    return config.model_copy(update={"challenge": challenge})


def passing_years(recording: Recording, config: Config) -> float:
    """Return half a tenth above the highest threshold at which nobody asks, or 0.

    Args:
        recording: With a sale.
        config: From `decision_config`.
    """

    def passes(tenths: int) -> bool:
        return advice(recording, config, _table(tenths / 10)) == "none"

    low, high = LOWEST_TENTHS - 1, HIGHEST_TENTHS
    while high - low > 1:  # passes at low (or low is below all), asks at high
        middle = (low + high) // 2
        low, high = (middle, high) if passes(middle) else (low, middle)
    return (low + 0.5) / 10 if low >= LOWEST_TENTHS else 0.0


def _table(threshold_years: float) -> ThresholdTable:
    entry = ThresholdEntry(
        legal_age_years=_POLICY.legal_age_years,
        max_false_pass_ratio=_TARGET_RATIO,
        threshold_years=threshold_years,
    )
    return ThresholdTable(model_sha256="0" * 64, rule="fused_mean_years", tables=(entry,))


@dataclass(frozen=True, slots=True)
class _Chunk:
    """Faces of one piece of work; every face has a number for its own chance."""

    model: Path
    faces: tuple[tuple[int, KnownFace], ...]
    seed: int


def _levels_of(chunk: _Chunk) -> list[Level]:
    cv2.setNumThreads(1)
    config = decision_config(chunk.model)
    watcher = Watcher(config)
    scenes = backgrounds()
    levels = []
    for number, face in chunk.faces:
        composer = Composer(scenes, np.random.default_rng([chunk.seed, number]))
        recording = watcher.record(composer.alone(face))
        levels.append(Level(face.age_years, passing_years(recording, config)))
    return levels


def composed_levels(
    model: Path, faces: Sequence[KnownFace], workers: int, seed: int
) -> list[Level]:
    """Return the level of every face as a customer alone, in the order given.

    Args:
        model: Folder of the exported model; its manifest lies beside it.
        faces: Photographs of known age.
        workers: Processes.
        seed: Of every clip, with the face's number.
    """
    numbered = tuple(enumerate(faces))
    chunks = [
        _Chunk(model, numbered[start : start + CHUNK_FACES], seed)
        for start in range(0, len(numbered), CHUNK_FACES)
    ]
    if not chunks:
        return []
    context = multiprocessing.get_context("spawn")  # an executor: a Pool hung on an error
    with ProcessPoolExecutor(min(workers, len(chunks)), context) as pool:
        done = pool.map(_levels_of, chunks)
        return [level for part in track(done, "composed customers", len(chunks)) for level in part]


def calibration_faces(
    data: Path, seed: int, minors: tuple[int, int], adults: int
) -> tuple[list[KnownFace], list[KnownFace]]:
    """Return the faces that choose the thresholds, and those that show who is asked.

    Args:
        data: Folder with `labels.csv` and its zip files.
        seed: Of the order in which the adults are taken.
        minors: Ages in years, from and to, of those who choose.
        adults: How many of 25 years and more; of 18-24 every one is taken.

    Returns:
        Everybody of the minors' ages in the calibration and validation splits; and adults of
        the validation split alone, whose ages are as the data have them.
    """
    random = np.random.default_rng(seed)
    shelves = [FaceShelf(data, split, random) for split in ("calibration", "val")]
    everyone = sys.maxsize
    choosing = [face for shelf in shelves for face in shelf.take(everyone, *minors)]
    val = FaceShelf(data, "val", random)
    return choosing, [*val.take(everyone, 18, 24), *val.take(adults, 25)]

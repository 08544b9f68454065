"""The prepared faces as batches; a batch depends on nothing but the seed and its number."""

from __future__ import annotations

import csv
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from agent.estimate.align import TEMPLATE_RATIO, similarity, warp
from agent.records import Float32Array, UInt8Array
from training.augment import Augmentation, jittered_crop
from training.losses import ROW_LENGTH, SHARE, target_row
from training.splits import split_of

IntArray = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Faces:
    """The cache that `prepare` wrote.

    Attributes:
        folder: Of the cache.
        rows: Of labels.csv, one a photograph.
        splits: From `splits.split_of`.
        images: (n, 160, 160, 3) uint8, RGB.
        first: (n, 6, 2) keypoints of the first look, NaN where it found nothing.
        second: Likewise of the second look.
        aligned: Whether crops are turned and scaled by the keypoints; else they are upright
            boxes around them, for the ablation table.
    """

    folder: Path
    rows: list[dict[str, str]]
    splits: npt.NDArray[np.str_]
    images: UInt8Array
    first: Float32Array
    second: Float32Array
    aligned: bool = True

    @property
    def found(self) -> npt.NDArray[np.bool_]:
        """(n,) whether the first look saw a face."""
        seen: npt.NDArray[np.bool_] = ~np.isnan(self.first[:, 0, 0])
        return seen

    def photographs(self, split: str, source: str | None = None) -> IntArray:
        """Return the indices of a split's photographs, found or not."""
        chosen = self.splits == split
        if source is not None:
            chosen &= np.array([row["source"] == source for row in self.rows])
        return np.flatnonzero(chosen)

    def select(self, split: str, source: str | None = None) -> IntArray:
        """Return the indices of a split's photographs in which a face was found."""
        indices = self.photographs(split, source)
        return indices[self.found[indices]]

    def select_sources(self, split: str, sources: Iterable[str]) -> IntArray:
        """Return `select` of several sources, one after the other."""
        return np.concatenate([self.select(split, source) for source in sources])

    def keypoints(self, index: int) -> Float32Array:
        """Return (4, 2): the second look's points, or the first's when it saw nothing."""
        second = self.second[index]
        if np.isnan(second[0, 0]):
            return self.first_keypoints(index)
        return second[:4] if self.aligned else upright(second[:4])

    def first_keypoints(self, index: int) -> Float32Array:
        """Return (4, 2): the first look's points."""
        first = self.first[index]
        return first[:4] if self.aligned else upright(first[:4])

    def ages(self, index: int) -> tuple[int, int]:
        """Return the labelled interval in years."""
        row = self.rows[index]
        return int(row["age_lo_years"]), int(row["age_hi_years"])

    def intervals(self, indices: Iterable[int]) -> IntArray:
        """Return (n, 2) labelled intervals in years, both ends inside."""
        return np.array([self.ages(index) for index in indices], np.int64).reshape(-1, 2)

    def exact_ages(self, indices: Iterable[int]) -> IntArray:
        """Return (n,) ages in years of photographs whose age is labelled exactly."""
        return self.intervals(indices)[:, 0]

    def crop(self, index: int, crop_px: int) -> UInt8Array:
        """Return the aligned crop without augmentation."""
        points = self.keypoints(index).astype(np.float64)
        return warp(self.images[index], similarity(points, TEMPLATE_RATIO * crop_px), crop_px)

    def crops(self, indices: Iterable[int], crop_px: int) -> UInt8Array:
        """Return (n, crop_px, crop_px, 3) aligned crops without augmentation."""
        cut = [self.crop(int(index), crop_px) for index in indices]
        return np.stack(cut) if cut else np.zeros((0, crop_px, crop_px, 3), np.uint8)


def spread_evenly(indices: IntArray, count: int) -> IntArray:
    """Return up to `count` of the indices, spread evenly over them."""
    places = np.linspace(0, len(indices) - 1, min(count, len(indices)))
    spread: IntArray = indices[places.astype(int)]
    return spread


def upright(keypoints: Float32Array) -> Float32Array:
    """Return the template's points upright in the box around the keypoints.

    Aligned at these, a crop is what a detector's box gives: neither turned nor sized by
    the eyes.

    Args:
        keypoints: (4, 2) pixels.
    """
    template = TEMPLATE_RATIO - TEMPLATE_RATIO.mean(axis=0)
    scale = (np.ptp(keypoints, axis=0) / np.ptp(template, axis=0)).max()
    middle = (keypoints.min(axis=0) + keypoints.max(axis=0)) / 2
    offset = (template.min(axis=0) + template.max(axis=0)) / 2
    points: Float32Array = ((template - offset) * scale + middle).astype(np.float32)
    return points


def load_faces(cache: Path) -> Faces:
    """Open the cache; the images stay on disk."""
    with (cache / "rows.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    with np.load(cache / "faces.npz") as arrays:
        first, second = arrays["first"], arrays["second"]
    return Faces(
        folder=cache,
        rows=rows,
        splits=np.array([split_of(row) for row in rows]),
        images=np.load(cache / "images.npy", mmap_mode="r"),
        first=first,
        second=second,
    )


@dataclass(frozen=True, slots=True, eq=False)
class TrainingBatches:
    """Batch `step` of a run: the same on every call.

    Attributes:
        mix_ratio: Share of the images that are two faces mixed (Zhang et al. 2018).
        taught: (photographs, AGE_CLASSES) probabilities of `teacher`, or None.
    """

    faces: Faces
    indices: IntArray
    batch: int
    crop_px: int
    augmentation: Augmentation
    seed: int
    mix_ratio: float = 0.0
    taught: Float32Array | None = None

    @property
    def steps_per_pass(self) -> int:
        """Batches of one pass over the photographs."""
        return len(self.indices) // self.batch

    def __call__(self, step: int) -> tuple[Float32Array, Float32Array]:
        """Return images (batch, crop_px, crop_px, 3) float32 0..255 and their targets.

        Targets are (batch, faces in an image, ROW_LENGTH).
        """
        one_pass, within = divmod(step, self.steps_per_pass)
        order = np.random.default_rng([self.seed, one_pass]).permutation(self.indices)
        chosen = order[within * self.batch : (within + 1) * self.batch]
        random = np.random.default_rng([self.seed, one_pass, within])
        images = np.empty((self.batch, self.crop_px, self.crop_px, 3), np.float32)
        targets = np.empty((self.batch, 1, ROW_LENGTH), np.float32)
        for slot, index in enumerate(chosen):
            points = self.faces.keypoints(index)
            if random.random() < 0.2:
                points = self.faces.first_keypoints(index)
            images[slot] = jittered_crop(
                self.faces.images[index], points, self.crop_px, self.augmentation, random
            )
            taught = None if self.taught is None else self.taught[index]
            targets[slot, 0] = target_row(*self.faces.ages(index), taught)
        if self.mix_ratio:
            return mixed(images, targets, self.mix_ratio, random)
        return images, targets


def mixed(
    images: Float32Array, targets: Float32Array, ratio: float, random: np.random.Generator
) -> tuple[Float32Array, Float32Array]:
    """Return each image mixed with the one before it, and the targets of both faces.

    Args:
        images: (n, crop_px, crop_px, 3).
        targets: (n, 1, ROW_LENGTH).
        ratio: Share of the images that are mixed; the others keep their face alone.
        random: Source of the shares, Beta(0.4, 0.4); the larger is the image's own.
    """
    share = random.beta(0.4, 0.4, len(images)).astype(np.float32)
    share = np.where(random.random(len(images)) < ratio, np.maximum(share, 1 - share), 1)
    pairs = np.concatenate([targets, np.roll(targets, 1, axis=0)], axis=1)
    pairs[:, 0, SHARE], pairs[:, 1, SHARE] = share, 1 - share
    own = share[:, None, None, None]
    return own * images + (1 - own) * np.roll(images, 1, axis=0), pairs

"""Reads the labelled photographs, finds their faces with the agent's detector, caches both.

The cache holds `images.npy` (count, 160, 160, 3) uint8 RGB, and `faces.npz` with the
keypoints of the first and the second look, so that a training crop of any resolution
and any jitter is one warp away.
"""

from __future__ import annotations

import argparse
import csv
import hashlib
import json
import multiprocessing
import zipfile
from pathlib import Path

import cv2
import numpy as np
from rich.progress import track

from agent.detect.blazeface import BlazeFace
from agent.detect.face_detector import CloseUpDetector, SecondLook, shifted
from agent.records import FaceBox, Float32Array, UInt8Array

IMAGE_PX = 160
CHUNK = 1000
#: Border for the full-range network on photographs that a face fills.
FULL_RANGE_BORDER_RATIO = 0.75
SECOND_LOOK_MIN_SCORE_RATIO = 0.5


def keypoint_array(box: FaceBox) -> Float32Array:
    """Return the six keypoints as (6, 2) float32 pixels."""
    k = box.keypoints
    points = (k.right_eye, k.left_eye, k.nose, k.mouth, k.right_ear, k.left_ear)
    return np.array([(p.x_px, p.y_px) for p in points], np.float32)


class PhotographDetector:
    """Finds the main face of a photograph as the agent would find it."""

    def __init__(self) -> None:
        self._full = BlazeFace("full_range", 0.5)
        short = BlazeFace("short_range", SECOND_LOOK_MIN_SCORE_RATIO)
        self._close_up = CloseUpDetector(short)
        self._second = SecondLook(short)

    def detect(self, pixels: UInt8Array) -> tuple[FaceBox | None, FaceBox | None]:
        """Return what the first and the second look found, largest face first."""
        border = int(max(pixels.shape[:2]) * FULL_RANGE_BORDER_RATIO)
        padded = cv2.copyMakeBorder(pixels, border, border, border, border, cv2.BORDER_CONSTANT)
        found = [shifted(b, -border, -border) for b in self._full.detect(padded)]
        found = found or self._close_up.detect(pixels)
        if not found:
            return None, None
        box = max(found, key=lambda b: b.width_px * b.height_px)
        return box, self._second.look(pixels, box)


def _prepare_chunk(job: tuple[int, list[dict[str, str]], Path, Path]) -> int:
    number, rows, data, out = job
    path = out / "chunks" / f"{number:04d}.npz"
    if path.exists():
        return len(rows)
    cv2.setNumThreads(1)
    detector = PhotographDetector()
    archives = {name: zipfile.ZipFile(data / name) for name in {r["shard"] for r in rows}}
    images = np.zeros((len(rows), IMAGE_PX, IMAGE_PX, 3), np.uint8)
    first = np.full((len(rows), 6, 2), np.nan, np.float32)
    second = np.full((len(rows), 6, 2), np.nan, np.float32)
    scores = np.zeros((len(rows), 2), np.float32)
    for index, row in enumerate(rows):
        encoded = np.frombuffer(archives[row["shard"]].read(row["file"]), np.uint8)
        image = cv2.cvtColor(cv2.imdecode(encoded, cv2.IMREAD_COLOR), cv2.COLOR_BGR2RGB)
        images[index] = image
        for column, (box, target) in enumerate(
            zip(detector.detect(image), (first, second), strict=True)
        ):
            if box is not None:
                target[index] = keypoint_array(box)
                scores[index, column] = box.score_ratio
    temporary = path.with_suffix(".tmp.npz")
    np.savez(temporary, images=images, first=first, second=second, scores=scores)
    temporary.rename(path)
    return len(rows)


def prepare(data: Path, out: Path, workers: int, limit: int | None = None) -> None:
    """Write the cache; finished chunks of an earlier, killed run are kept.

    Args:
        data: Folder with `labels.csv` and its zip files.
        out: Folder of the cache.
        workers: Processes.
        limit: Take only this many photographs, spread evenly; None takes all.
    """
    labels = data / "labels.csv"
    with labels.open(newline="") as file:
        rows = list(csv.DictReader(file))
    if limit is not None:
        rows = [rows[i] for i in np.linspace(0, len(rows) - 1, limit).astype(int)]
    (out / "chunks").mkdir(parents=True, exist_ok=True)
    jobs = [
        (number, rows[start : start + CHUNK], data, out)
        for number, start in enumerate(range(0, len(rows), CHUNK))
    ]
    with multiprocessing.get_context("spawn").Pool(workers) as pool:
        for _ in track(
            pool.imap(_prepare_chunk, jobs), total=len(jobs), description="finding faces"
        ):
            pass
    _join(rows, jobs, out)
    (out / "data.json").write_text(
        json.dumps({"labels_sha256": hashlib.sha256(labels.read_bytes()).hexdigest()})
    )


def _join(rows: list[dict[str, str]], jobs: list[tuple[int, list[dict[str, str]], Path, Path]], out: Path) -> None:
    images = np.lib.format.open_memmap(
        out / "images.npy", "w+", np.uint8, (len(rows), IMAGE_PX, IMAGE_PX, 3)
    )
    columns: dict[str, list[Float32Array]] = {"first": [], "second": [], "scores": []}
    for number, chunk_rows, _, _ in jobs:
        with np.load(out / "chunks" / f"{number:04d}.npz") as chunk:
            images[number * CHUNK : number * CHUNK + len(chunk_rows)] = chunk["images"]
            for name, parts in columns.items():
                parts.append(chunk[name])
    images.flush()
    np.savez(out / "faces.npz", **{name: np.concatenate(parts) for name, parts in columns.items()})
    with (out / "rows.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, rows[0].keys())
        writer.writeheader()
        writer.writerows(rows)


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--out", type=Path, default=Path(".cache/faces"))
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--limit", type=int)
    options = parser.parse_args()
    prepare(options.data, options.out, options.workers, options.limit)


if __name__ == "__main__":
    main()

"""Reads the labelled photographs, finds their faces with the agent's detector, caches both.

The cache holds `images.npy` (count, 160, 160, 3) uint8 RGB, and `faces.npz` with the
keypoints of the first and the second look, so that a training crop of any resolution
and any jitter is one warp away.
"""

from __future__ import annotations

import csv
import hashlib
import json
import multiprocessing
import os
import shutil
import zipfile
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import cv2
import numpy as np
import typer
from rich.progress import track

from agent.boxes import shifted
from agent.detect.blazeface import BlazeFace
from agent.detect.face_detector import CloseUpDetector
from agent.detect.second_look import SecondLook
from agent.records import FaceBox, Float32Array, UInt8Array

IMAGE_PX = 160
#: Photographs that one process works through before it writes them down.
CHUNK_PHOTOGRAPHS = 1000
#: Border for the full-range network on photographs that a face fills.
FULL_RANGE_BORDER_RATIO = 0.75
MIN_SCORE_RATIO = 0.5
CACHE_VERSION = 1


def keypoint_array(box: FaceBox) -> Float32Array:
    """Return the six keypoints as (6, 2) float32 pixels."""
    k = box.keypoints
    points = (k.right_eye, k.left_eye, k.nose, k.mouth, k.right_ear, k.left_ear)
    return np.array([(p.x_px, p.y_px) for p in points], np.float32)


class PhotographLooks:
    """The two looks at the main face of a photograph, as the agent has them."""

    def __init__(self) -> None:
        self._full_range = BlazeFace("full_range", MIN_SCORE_RATIO)
        short_range = BlazeFace("short_range", MIN_SCORE_RATIO)
        self._close_up = CloseUpDetector(short_range)
        self._second = SecondLook(short_range)

    def detect(self, pixels: UInt8Array) -> tuple[FaceBox | None, FaceBox | None]:
        """Return what the first and the second look found of the largest face."""
        border = int(max(pixels.shape[:2]) * FULL_RANGE_BORDER_RATIO)
        padded = cv2.copyMakeBorder(pixels, border, border, border, border, cv2.BORDER_CONSTANT)
        whole = np.ascontiguousarray(padded, np.uint8)
        found = [shifted(box, -border, -border) for box in self._full_range.detect(whole)]
        found = found or self._close_up.detect(pixels)
        if not found:
            return None, None
        box = max(found, key=lambda b: b.width_px * b.height_px)
        return box, self._second.look(pixels, box)


@dataclass(frozen=True, slots=True)
class _Chunk:
    """Photographs of one process; `path` is where it writes them."""

    rows: list[dict[str, str]]
    data: Path
    path: Path


def _prepare_chunk(chunk: _Chunk) -> None:
    if chunk.path.exists():
        return
    cv2.setNumThreads(1)
    looks = PhotographLooks()
    archives = {name: zipfile.ZipFile(chunk.data / name) for name in _shards(chunk.rows)}
    count = len(chunk.rows)
    images = np.zeros((count, IMAGE_PX, IMAGE_PX, 3), np.uint8)
    keypoints = np.full((2, count, 6, 2), np.nan, np.float32)
    scores = np.zeros((count, 2), np.float32)
    for index, row in enumerate(chunk.rows):
        images[index] = read_member(archives[row["shard"]], row["file"])
        for look, box in enumerate(looks.detect(images[index])):
            if box is not None:
                keypoints[look, index] = keypoint_array(box)
                scores[index, look] = box.score_ratio
    temporary = chunk.path.with_suffix(".tmp.npz")
    np.savez(temporary, images=images, first=keypoints[0], second=keypoints[1], scores=scores)
    temporary.rename(chunk.path)


def _shards(rows: list[dict[str, str]]) -> set[str]:
    return {row["shard"] for row in rows}


def read_member(archive: zipfile.ZipFile, name: str) -> UInt8Array:
    """Return a photograph in a zip file as (height, width, 3) uint8, RGB."""
    decoded = cv2.imdecode(np.frombuffer(archive.read(name), np.uint8), cv2.IMREAD_COLOR)
    if decoded is None:
        raise ValueError(f"{archive.filename}: {name}: not a picture: copy the archive again")
    return np.ascontiguousarray(cv2.cvtColor(decoded, cv2.COLOR_BGR2RGB), np.uint8)


def prepare(data: Path, out: Path, workers: int, limit: int | None = None) -> None:
    """Write the cache; finished chunks of an earlier, killed run are kept.

    Args:
        data: Folder with `labels.csv` and its zip files.
        out: Folder of the cache.
        workers: Processes.
        limit: Take only this many photographs, spread evenly; None takes all.
    """
    rows = _read_rows(data / "labels.csv", limit)
    description = _description(data / "labels.csv", rows)
    if (out / "data.json").exists() and json.loads((out / "data.json").read_text()) == description:
        return
    (out / "chunks").mkdir(parents=True, exist_ok=True)
    chunks = [
        _chunk(rows[start : start + CHUNK_PHOTOGRAPHS], data, out / "chunks")
        for start in range(0, len(rows), CHUNK_PHOTOGRAPHS)
    ]
    context = multiprocessing.get_context("spawn")  # an executor: a Pool hung on an error
    with ProcessPoolExecutor(min(workers, len(chunks)), context) as pool:
        done = pool.map(_prepare_chunk, chunks)
        for _ in track(done, "finding faces", len(chunks)):
            pass
    _join(rows, chunks, out)
    (out / "data.json").write_text(json.dumps(description))
    shutil.rmtree(out / "chunks")


def _read_rows(labels: Path, limit: int | None) -> list[dict[str, str]]:
    with labels.open(newline="") as file:
        rows = list(csv.DictReader(file))
    if limit is None or limit >= len(rows):
        return rows
    return [rows[i] for i in np.linspace(0, len(rows) - 1, limit).astype(int)]


def _description(labels: Path, rows: list[dict[str, str]]) -> dict[str, Any]:
    return {
        "labels_sha256": hashlib.sha256(labels.read_bytes()).hexdigest(),
        "photographs": len(rows),
        "version": CACHE_VERSION,
    }


def _chunk(rows: list[dict[str, str]], data: Path, folder: Path) -> _Chunk:
    """Name a chunk after its photographs, so that another selection never reuses it."""
    names = "\n".join(row["file"] for row in rows)
    digest = hashlib.sha256(names.encode()).hexdigest()[:16]
    return _Chunk(rows, data, folder / f"{digest}.npz")


def _join(rows: list[dict[str, str]], chunks: list[_Chunk], out: Path) -> None:
    shape = (len(rows), IMAGE_PX, IMAGE_PX, 3)
    images = np.lib.format.open_memmap(out / "images.npy", "w+", np.uint8, shape)
    columns: dict[str, list[Float32Array]] = {"first": [], "second": [], "scores": []}
    written = 0
    for chunk in chunks:
        with np.load(chunk.path) as arrays:
            images[written : written + len(chunk.rows)] = arrays["images"]
            for name, parts in columns.items():
                parts.append(arrays[name])
        written += len(chunk.rows)
    images.flush()
    joined: dict[str, Any] = {name: np.concatenate(parts) for name, parts in columns.items()}
    np.savez(out / "faces.npz", **joined)
    with (out / "rows.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, rows[0].keys())
        writer.writeheader()
        writer.writerows(rows)


def main(
    shared: Annotated[
        Path, typer.Option(envvar="CHECKOUT_SHARED_DIR", help="folder that holds data/")
    ] = Path("../shared"),
    data: Annotated[
        Path | None, typer.Option(help="folder with labels.csv and its zip files; none: shared")
    ] = None,
    out: Annotated[Path, typer.Option(help="folder of the cache")] = Path(".cache/faces"),
    workers: Annotated[int, typer.Option(help="processes", min=1)] = os.cpu_count() or 1,
    limit: Annotated[int | None, typer.Option(help="photographs, spread evenly", min=1)] = None,
) -> None:
    """Find the faces of every labelled photograph; a killed run goes on."""
    prepare(data or shared / "data", out, workers, limit)


if __name__ == "__main__":
    typer.run(main)

"""Photographs through the agent's whole pipeline for still pictures."""

from __future__ import annotations

import zipfile
from pathlib import Path

import numpy as np
from rich.progress import track

from agent import assemble_vision
from agent.config.schema import Config
from agent.records import AGE_CLASSES, Float32Array
from training.artefact_runtime import estimate_section
from training.data import Faces, IntArray
from training.prepare import read_member


def predict_photographs(
    model: Path, data: Path, faces: Faces, indices: IntArray
) -> tuple[IntArray, Float32Array]:
    """Return the indices in which a face was found, and (n, 101) probabilities of the largest.

    Args:
        model: Folder of the model; its parent is the models folder.
        data: Folder of labels.csv and its zip files.
        faces: Tells each photograph's place; its cached pixels are not used.
        indices: Photographs to look at.
    """
    config = Config().model_copy(update={"estimate": estimate_section(model)})
    pipeline, _ = assemble_vision.photograph_pipeline(config)
    archives: dict[str, zipfile.ZipFile] = {}
    found, rows = [], []
    for index in track(indices, "photographs"):
        row = faces.rows[index]
        shard = row["shard"]
        if shard not in archives:
            archives[shard] = zipfile.ZipFile(data / shard)
        seen = pipeline.faces(read_member(archives[shard], row["file"]))
        if seen:
            found.append(index)
            rows.append(seen[0].distribution.probabilities)
    return np.array(found, np.int64), np.array(rows, np.float32).reshape(-1, AGE_CLASSES)

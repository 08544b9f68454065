"""Saves a Keras model with its kernels in half precision."""

from __future__ import annotations

import shutil
import tempfile
import zipfile
from pathlib import Path
from typing import Any

import h5py
import keras
import numpy as np

_WEIGHTS = "model.weights.h5"


def save_half(model: keras.Model, path: Path) -> None:
    """Write a `.keras` file whose kernels are float16; `keras.saving.load_model` reads it.

    Keras casts to the variables' own float32 when it loads. Vectors (bias, mean,
    variance, …) stay float32: they are small, and a variance may exceed float16's range.
    """
    with tempfile.TemporaryDirectory() as folder:
        full, weights = Path(folder) / "full.keras", Path(folder) / _WEIGHTS
        model.save(full)
        with zipfile.ZipFile(full) as source:
            source.extract(_WEIGHTS, folder)
            halved = weights.with_suffix(".half")
            with h5py.File(weights) as before, h5py.File(halved, "w") as after:
                _copy_halved(before, after)
            with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as target:
                for name in source.namelist():
                    _write(target, name, source.read(name) if name != _WEIGHTS else None, halved)


def _write(target: zipfile.ZipFile, name: str, content: bytes | None, halved: Path) -> None:
    """Add a member with a fixed date, so that equal models give equal files."""
    member = zipfile.ZipInfo(name)
    member.compress_type = zipfile.ZIP_DEFLATED
    if content is not None:
        target.writestr(member, content)
        return
    with halved.open("rb") as source, target.open(member, "w") as file:
        shutil.copyfileobj(source, file)


def _copy_halved(before: Any, after: Any) -> None:
    for key, value in before.attrs.items():
        after.attrs[key] = value
    for key, item in before.items():
        if isinstance(item, h5py.Group):
            _copy_halved(item, after.create_group(key))
        else:
            content = item[()]
            is_kernel = np.ndim(content) >= 2 and content.dtype == np.float32
            dataset = after.create_dataset(
                key, data=content.astype(np.float16) if is_kernel else content
            )
            for name, value in item.attrs.items():
                dataset.attrs[name] = value

"""Writes a model's entry into `models/manifest.json`, through the classes that read it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pydantic import JsonValue

from agent.estimate.artefact import (
    MANIFEST_NAME,
    Artefact,
    FileEntry,
    Licence,
    Manifest,
    ModelEntry,
    ModelInput,
    Runtime,
    load_manifest,
)

LICENCE = Licence(
    usage="research use",
    reason=(
        "trained on UTKFace (non-commercial research) and FairFace (CC BY 4.0), "
        "from open_nsfw weights (BSD-2-Clause)"
    ),
)
_FILES: dict[Runtime, tuple[str, ...]] = {
    "openvino": ("model.xml", "model.bin"),
    "tensorflow": ("model.keras",),
}


def write_entry(
    folder: Path,
    crop_px: int,
    width: float,
    precisions: Mapping[Runtime, str],
    metrics: Mapping[str, Any],
) -> None:
    """Enter a model into the manifest beside its folder; other models' entries stay.

    Args:
        folder: Of the model, with the files of both runtimes.
        crop_px: Width and height of the input.
        width: Share of ResNet50's bottleneck channels.
        precisions: Of each runtime's weights.
        metrics: Measured by `export`.
    """
    entry = ModelEntry(
        name=folder.name,
        created=datetime.now(UTC).replace(microsecond=0),
        topology="ResNet50" if width == 1 else f"ResNet50, width {width:g}",
        licence=LICENCE,
        input=ModelInput(crop_px=crop_px),
        artefacts={
            runtime: Artefact(
                precision=precisions[runtime],
                files=tuple(FileEntry.of(folder / name) for name in names),
            )
            for runtime, names in _FILES.items()
        },
        metrics=dict(metrics),
    )
    path = folder.parent / MANIFEST_NAME
    manifest = load_manifest(folder.parent) if path.exists() else Manifest()
    path.write_text(manifest.with_model(entry).to_json())


def add_metrics(folder: Path, metrics: Mapping[str, JsonValue]) -> None:
    """Put figures beside those that `export` wrote.

    Args:
        folder: Of a model that is in the manifest.
        metrics: By name; the same name is replaced.
    """
    manifest = load_manifest(folder.parent)
    (entry,) = (model for model in manifest.models if model.name == folder.name)
    joined = entry.model_copy(update={"metrics": {**entry.metrics, **metrics}})
    (folder.parent / MANIFEST_NAME).write_text(manifest.with_model(joined).to_json())

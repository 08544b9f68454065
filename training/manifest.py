"""`models/manifest.json`: which files a model has, what it takes, what it reached."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

MANIFEST_NAME = "manifest.json"
SCHEMA_VERSION = 1
LICENCE_CLASS = "research use"
LICENCE = (
    "Trained on UTKFace (non-commercial research) and FairFace (CC BY 4.0), "
    "from open_nsfw weights (BSD-2-Clause)"
)
#: Files of a runtime, in the model's folder.
RUNTIME_FILES = {"openvino": ("model.xml", "model.bin"), "tensorflow": ("model.keras",)}


def file_entry(path: Path) -> dict[str, Any]:
    """Return name, SHA-256 and size of a file."""
    content = path.read_bytes()
    return {
        "path": path.name,
        "sha256": hashlib.sha256(content).hexdigest(),
        "bytes": len(content),
    }


def model_entry(
    folder: Path, crop_px: int, precisions: Mapping[str, str], metrics: Mapping[str, Any]
) -> dict[str, Any]:
    """Return what the manifest says of one model.

    Args:
        folder: Of the model, with the files of `RUNTIME_FILES`.
        crop_px: Width and height of the input.
        precisions: Of each runtime's weights.
        metrics: Measured by `export`.
    """
    return {
        "licence_class": LICENCE_CLASS,
        "licence": LICENCE,
        "input": {
            "crop_px": crop_px,
            "layout": "NHWC",
            "channels": "RGB",
            "dtype": "uint8",
            "normalisation": "inside the model",
        },
        "output": {"name": "probabilities", "classes": 101},
        "artefacts": {
            runtime: {
                "precision": precisions[runtime],
                "files": [file_entry(folder / name) for name in names],
            }
            for runtime, names in RUNTIME_FILES.items()
        },
        "metrics": dict(metrics),
    }


def write_manifest(models: Path, name: str, entry: Mapping[str, Any]) -> None:
    """Put a model's entry into the manifest; other models' entries stay."""
    path = models / MANIFEST_NAME
    content = json.loads(path.read_text()) if path.exists() else {}
    content = {
        "schema_version": SCHEMA_VERSION,
        "models": content.get("models", {}) | {name: dict(entry)},
    }
    path.write_text(json.dumps(content, indent=2) + "\n")

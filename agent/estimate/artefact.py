"""What a shipped model consists of: `models/manifest.json`, and the check of its files.

The format, written by `training/export.py` and read here:

    models/
      manifest.json
      <name>/
        model.xml, model.bin     OpenVINO IR, for `runtime: openvino`
        model.keras              Keras 3 file, for `runtime: tensorflow`
        thresholds.json          calibration table, read by `agent.decide.thresholds`
        MODEL_CARD.md

    manifest.json:
    {
      "schema_version": 1,
      "models": [
        {
          "name": "age_resnet50",
          "created": "2026-11-24T02:50:00Z",
          "topology": "ResNet50, half width",
          "licence": {
            "usage": "research use",
            "reason": "trained on UTKFace (non-commercial research) and FairFace (CC BY 4.0)"
          },
          "input": {
            "crop_px": 96, "layout": "NHWC", "channels": "RGB", "dtype": "uint8",
            "normalisation": "inside the model"
          },
          "output": {"name": "probabilities", "classes": 101},
          "artefacts": {
            "openvino": {
              "precision": "int8",
              "files": [
                {"path": "model.xml", "sha256": "<64 hex digits>", "size_bytes": 361603},
                {"path": "model.bin", "sha256": "<64 hex digits>", "size_bytes": 6087092}
              ]
            },
            "tensorflow": {
              "precision": "fp16",
              "files": [{"path": "model.keras", "sha256": "…", "size_bytes": 11347953}]
            }
          },
          "metrics": {}
        }
      ]
    }

Both artefacts are the same function: input `image` (batch, crop_px, crop_px, 3), RGB 0..255,
any batch, uint8 (OpenVINO) or float32 (Keras), normalised inside; output `probabilities`
(batch, 101), calibration and softmax applied. `model.keras` consists of Keras's own layers
only and is loaded with `safe_mode=True`; its kernels may be stored as float16. `metrics` is
free JSON. Writers use the classes below, so that nothing is written that cannot be read:
`Manifest.with_model(ModelEntry(...))`, `FileEntry.of(path)`.
"""

from __future__ import annotations

import hashlib
import sys
from pathlib import Path
from typing import Annotated, Literal

from pydantic import (
    AwareDatetime,
    BaseModel,
    ConfigDict,
    Field,
    JsonValue,
    StringConstraints,
    ValidationError,
    model_validator,
)

import agent
from agent.config.vision import EstimateSection
from agent.errors import ModelError

MANIFEST_NAME = "manifest.json"
THRESHOLDS_NAME = "thresholds.json"
#: No file of a model is larger; a larger one is not even read.
MAX_FILE_BYTES = 200_000_000

Runtime = Literal["openvino", "tensorflow"]
#: A name without a folder in it: a manifest cannot point outside its model's folder.
FileName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$")]
Sha256 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]


class _Entry(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class FileEntry(_Entry):
    """One file of a model."""

    path: FileName
    sha256: Sha256
    size_bytes: int = Field(ge=1, le=MAX_FILE_BYTES)

    @classmethod
    def of(cls, path: Path) -> FileEntry:
        """Return the entry of an existing file."""
        content = path.read_bytes()
        digest = hashlib.sha256(content).hexdigest()
        return cls(path=path.name, sha256=digest, size_bytes=len(content))


class Artefact(_Entry):
    """The files of one runtime; the first is the one that the runtime opens."""

    precision: str = Field(min_length=1, max_length=20, description="such as int8, fp16")
    files: tuple[FileEntry, ...] = Field(min_length=1, max_length=8)


class Licence(_Entry):
    """What the data lets one do with the weights, and which data that is."""

    usage: Literal["research use", "commercial use"]
    reason: str = Field(min_length=1, max_length=1000)


class ModelInput(_Entry):
    """What goes in; only `crop_px` differs between models."""

    crop_px: int = Field(ge=16, le=512)
    layout: Literal["NHWC"] = "NHWC"
    channels: Literal["RGB"] = "RGB"
    dtype: Literal["uint8"] = "uint8"
    normalisation: Literal["inside the model"] = "inside the model"


class ModelOutput(_Entry):
    """What comes out: calibration and softmax are applied inside the model."""

    name: Literal["probabilities"] = "probabilities"
    classes: Literal[101] = 101


class ModelEntry(_Entry):
    """One model: what it is, what it may be used for, and its files."""

    name: FileName
    created: AwareDatetime
    topology: str = Field(min_length=1, max_length=200)
    licence: Licence
    input: ModelInput
    output: ModelOutput = ModelOutput()
    artefacts: dict[Runtime, Artefact] = Field(min_length=1)
    metrics: dict[str, JsonValue] = {}

    def artefact(self, runtime: Runtime) -> Artefact:
        """Return the files of a runtime.

        Raises:
            ModelError: The model was not exported for it.
        """
        if runtime not in self.artefacts:
            raise ModelError(
                f"model {self.name}: has no files for estimate.runtime {runtime}, only for "
                f"{', '.join(sorted(self.artefacts))}: set one of these, or export it anew"
            )
        return self.artefacts[runtime]


class Manifest(_Entry):
    """The whole of `models/manifest.json`."""

    schema_version: Literal[1] = 1
    models: tuple[ModelEntry, ...] = ()

    @model_validator(mode="after")
    def _named_once(self) -> Manifest:
        names = [model.name for model in self.models]
        if len(names) != len(set(names)):
            raise ValueError(f"models: got {', '.join(names)}: each name may stand there once")
        return self

    def with_model(self, entry: ModelEntry) -> Manifest:
        """Return the manifest with `entry` in the place of its namesake, or at the end."""
        others = tuple(model for model in self.models if model.name != entry.name)
        return Manifest(models=(*others, entry))

    def to_json(self) -> str:
        """Return the text of `manifest.json`."""
        return self.model_dump_json(indent=2) + "\n"


def models_folder(section: EstimateSection) -> Path:
    """Return the folder of `manifest.json`.

    The configured one; else the one inside the installed package; else the checkout's,
    beside the package.
    """
    if section.models_folder is not None:
        return section.models_folder
    package = Path(agent.__file__).parent
    installed = package / "models"
    return installed if (installed / MANIFEST_NAME).is_file() else package.parent / "models"


def thresholds_path(section: EstimateSection) -> Path:
    """Return the path of the calibration table of the configured model."""
    return models_folder(section) / section.model / THRESHOLDS_NAME


def load_manifest(folder: Path) -> Manifest:
    """Return the manifest of a models folder.

    Raises:
        ModelError: It is missing or breaks the schema; the message says how to mend it.
    """
    path = folder / MANIFEST_NAME
    try:
        text = path.read_bytes()
    except OSError as error:
        raise ModelError(f"{path}: cannot be read ({error.strerror}): {remedy(folder)}") from error
    try:
        return Manifest.model_validate_json(text)
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False, include_input=False)[0]
        key = ".".join(str(part) for part in first["loc"]) or "the file"
        raise ModelError(f"{path}: {key[:80]}: {first['msg'][:200]}: {remedy(folder)}") from None


def find_model(section: EstimateSection) -> ModelEntry:
    """Return the manifest's entry of the configured model.

    Raises:
        ModelError: The manifest cannot be read or does not know the model.
    """
    folder = models_folder(section)
    models = {model.name: model for model in load_manifest(folder).models}
    if section.model not in models:
        raise ModelError(
            f"{folder / MANIFEST_NAME}: estimate.model {section.model} is unknown: "
            f"expected one of {', '.join(sorted(models)) or 'none, the list is empty'}"
        )
    return models[section.model]


def verified_model(section: EstimateSection) -> ModelEntry:
    """Return the configured model's entry after the check of its runtime's files.

    Raises:
        ModelError: A file is missing or altered; the message says how to mend it.
    """
    entry = find_model(section)
    read_verified(models_folder(section), entry, section.runtime)
    return entry


def read_verified(folder: Path, entry: ModelEntry, runtime: Runtime) -> dict[str, bytes]:
    """Return the content of a runtime's files by name, each checked against the manifest.

    What is returned is what was checked: a file that is replaced afterwards is not read.

    Args:
        folder: The models folder.
        entry: Of its manifest.
        runtime: Whose files.

    Raises:
        ModelError: A file is missing or altered; the message says how to mend it.
    """
    files = entry.artefact(runtime).files
    return {file.path: _read_file(folder, folder / entry.name / file.path, file) for file in files}


def _read_file(folder: Path, path: Path, expected: FileEntry) -> bytes:
    try:
        size_bytes = path.stat().st_size
        content = path.read_bytes() if size_bytes == expected.size_bytes else b""
    except OSError as error:
        raise ModelError(f"{path}: cannot be read ({error.strerror}): {remedy(folder)}") from error
    if size_bytes != expected.size_bytes:
        raise ModelError(
            f"{path}: altered: expected {expected.size_bytes} bytes, got {size_bytes}: "
            f"{remedy(folder)}"
        )
    digest = hashlib.sha256(content).hexdigest()
    if digest != expected.sha256:
        raise ModelError(
            f"{path}: altered: expected SHA-256 {expected.sha256}, got {digest}: {remedy(folder)}"
        )
    return content


def remedy(folder: Path) -> str:
    """Return the command that brings back the files of a models folder."""
    if (folder.parent / ".git").exists():
        return f"bring it back with `git -C {folder.parent} checkout -- {folder.name}`"
    return (
        "install the agent again: `deploy/install.sh`, or "
        f"`{sys.executable} -m pip install --force-reinstall --no-deps checkout_agent-*.whl`"
    )

"""A tiny network in the shipped format, exported by the code that exports the real one."""

from __future__ import annotations

import datetime
from pathlib import Path
from typing import Any, TypeAlias

import pytest

from agent.config.vision import EstimateSection
from agent.estimate.artefact import (
    MANIFEST_NAME,
    Artefact,
    FileEntry,
    Licence,
    Manifest,
    ModelEntry,
    ModelInput,
)
from agent.records import FaceKeypoints, Point

TINY_CROP_PX = 32
Model: TypeAlias = Any


def build_tiny_network() -> Model:
    import keras

    keras.utils.set_random_seed(7)
    image = keras.Input((TINY_CROP_PX, TINY_CROP_PX, 3), name="image")
    x = keras.layers.Rescaling(1 / 64, -2.0)(image)
    x = keras.layers.ZeroPadding2D(1)(x)
    x = keras.layers.Conv2D(8, 3, strides=2)(x)
    x = keras.layers.BatchNormalization()(x)
    x = keras.layers.Activation("relu")(x)
    x = keras.layers.GlobalAveragePooling2D()(x)
    spread = keras.initializers.RandomNormal(stddev=1.0)
    x = keras.layers.Dense(101, kernel_initializer=spread, name="logits")(x)
    return keras.Model(image, keras.layers.Softmax(name="probabilities")(x), name="tiny")


def entry_of(folder: Path) -> ModelEntry:
    """Return the manifest's entry of the files in `folder`."""
    openvino = (FileEntry.of(folder / "model.xml"), FileEntry.of(folder / "model.bin"))
    return ModelEntry(
        name=folder.name,
        created=datetime.datetime(2026, 11, 24, tzinfo=datetime.UTC),
        topology="tiny",
        licence=Licence(usage="commercial use", reason="random numbers"),
        input=ModelInput(crop_px=TINY_CROP_PX),
        artefacts={
            "openvino": Artefact(precision="fp16", files=openvino),
            "tensorflow": Artefact(precision="fp16", files=(FileEntry.of(folder / "model.keras"),)),
        },
    )


@pytest.fixture(scope="session")
def tiny_models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A models folder with one tiny model named `tiny`; not to be changed."""
    from training.keras_model import save_half
    from training.openvino_model import convert, save

    models = tmp_path_factory.mktemp("tiny") / "models"
    folder = models / "tiny"
    folder.mkdir(parents=True)
    network = build_tiny_network()
    save_half(network, folder / "model.keras")
    save(convert(network), folder / "model.xml")
    (models / MANIFEST_NAME).write_text(Manifest(models=(entry_of(folder),)).to_json())
    return models


@pytest.fixture
def tiny_section(tiny_models: Path) -> EstimateSection:
    return EstimateSection(model="tiny", models_folder=tiny_models, device="cpu")


@pytest.fixture
def fake_models(tmp_path: Path) -> Path:
    """A models folder whose files are not networks; may be changed."""
    models = tmp_path / "models"
    folder = models / "fake"
    folder.mkdir(parents=True)
    for name in ("model.xml", "model.bin", "model.keras"):
        (folder / name).write_bytes(f"content of {name}".encode())
    (models / MANIFEST_NAME).write_text(Manifest(models=(entry_of(folder),)).to_json())
    return models


@pytest.fixture
def fake_section(fake_models: Path) -> EstimateSection:
    return EstimateSection(model="fake", models_folder=fake_models, device="cpu")


@pytest.fixture
def frontal() -> FaceKeypoints:
    """A face that looks into the camera, eyes 40 px apart."""
    return FaceKeypoints(
        right_eye=Point(40, 40),
        left_eye=Point(80, 40),
        nose=Point(60, 65),
        mouth=Point(60, 84),
        right_ear=Point(20, 45),
        left_ear=Point(100, 45),
    )

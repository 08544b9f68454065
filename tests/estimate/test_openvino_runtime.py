from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.config.vision import EstimateSection
from agent.errors import EstimateError, ModelError
from agent.estimate.artefact import (
    ModelEntry,
    ModelInput,
    Runtime,
    load_manifest,
    read_verified,
)
from agent.estimate.openvino_runtime import OpenVinoEstimator, choose_device
from agent.estimate.runtime import load_estimator
from agent.records import AgeDistribution, Float32Array, UInt8Array

CROP_PX = 32


def crops(count: int, seed: int = 0) -> UInt8Array:
    """Return crops of noise, each about a colour of its own."""
    random = np.random.default_rng(seed)
    colours = random.integers(0, 200, (count, 1, 1, 3))
    return (colours + random.integers(0, 56, (count, CROP_PX, CROP_PX, 3))).astype(np.uint8)


def table(answers: list[AgeDistribution]) -> Float32Array:
    return np.array([answer.probabilities for answer in answers], np.float32)


@pytest.fixture(scope="module")
def tiny(tiny_models: Path) -> OpenVinoEstimator:
    section = EstimateSection(model="tiny", models_folder=tiny_models, device="cpu")
    estimator, _ = load_estimator(section)
    assert isinstance(estimator, OpenVinoEstimator)
    return estimator


@settings(deadline=None, max_examples=25)
@given(count=st.integers(1, 33), seed=st.integers(0, 5))
def test_every_face_gets_the_answer_it_gets_alone(
    tiny: OpenVinoEstimator, count: int, seed: int
) -> None:
    batch = crops(count, seed)
    alone = [tiny.estimate(each[None])[0] for each in batch]
    assert table(tiny.estimate(batch)) == pytest.approx(table(alone), abs=1e-3)


def test_the_answers_are_those_of_the_network_that_was_exported(
    tiny: OpenVinoEstimator, tiny_models: Path
) -> None:
    import keras

    network = keras.saving.load_model(tiny_models / "tiny" / "model.keras", compile=False)
    expected = np.asarray(network(crops(8).astype(np.float32)))
    assert np.ptp(expected, axis=0).max() > 0.01
    assert table(tiny.estimate(crops(8))) == pytest.approx(expected, abs=2e-3)


def test_crops_of_another_size_are_refused(tiny: OpenVinoEstimator) -> None:
    with pytest.raises(EstimateError, match=r"expected crops \(batch, 32, 32, 3\)"):
        tiny.estimate(np.zeros((1, 64, 64, 3), np.uint8))


def test_a_file_replaced_after_the_check_is_not_read(
    tiny_models: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    models = tmp_path / "models"
    shutil.copytree(tiny_models, models)
    section = EstimateSection(model="tiny", models_folder=models, device="cpu")

    def read_then_replace(folder: Path, entry: ModelEntry, runtime: Runtime) -> dict[str, bytes]:
        content = read_verified(folder, entry, runtime)
        for path in (models / "tiny").iterdir():
            path.write_bytes(b"something else")
        return content

    monkeypatch.setattr("agent.estimate.runtime.read_verified", read_then_replace)
    estimator, _ = load_estimator(section)
    assert len(estimator.estimate(crops(3))) == 3


def test_files_that_are_no_network_are_refused(fake_section: EstimateSection) -> None:
    with pytest.raises(ModelError, match="model fake: OpenVINO cannot read it"):
        load_estimator(fake_section)


def test_a_network_of_another_input_is_refused(tiny_models: Path) -> None:
    entry = load_manifest(tiny_models).models[0]
    files = read_verified(tiny_models, entry, "openvino")
    other = entry.model_copy(update={"input": ModelInput(crop_px=64)})
    with pytest.raises(ModelError, match=r"expected \[\?,64,64,3\] u8 -> \[\?,101\], got \[\?,32,"):
        OpenVinoEstimator(EstimateSection(device="cpu"), other, files)


@pytest.mark.parametrize(
    ("wanted", "available", "chosen"),
    [
        ("cpu", ["CPU", "GPU"], "CPU"),
        ("auto", ["CPU"], "CPU"),
        ("auto", ["CPU", "GPU"], "GPU"),
        ("gpu", ["CPU", "GPU.0", "GPU.1"], "GPU.0"),
    ],
)
def test_the_device_is_the_wanted_one(wanted: str, available: list[str], chosen: str) -> None:
    assert choose_device(wanted, available) == chosen


def test_a_gpu_that_is_not_there_is_said() -> None:
    with pytest.raises(ModelError, match=r"estimate\.device: gpu: OpenVINO finds no GPU"):
        choose_device("gpu", ["CPU"])


def test_neither_tensorflow_nor_telemetry_is_imported(tiny_models: Path) -> None:
    code = (
        "import sys\n"
        "from pathlib import Path\n"
        "from agent.config.vision import EstimateSection\n"
        "from agent.estimate.runtime import load_estimator\n"
        f"folder = Path({str(tiny_models)!r})\n"
        "load_estimator(EstimateSection(model='tiny', models_folder=folder))\n"
        "loaded = {name.split('.')[0] for name, module in sys.modules.items() if module}\n"
        "assert 'openvino' in loaded\n"
        "assert not loaded & {'tensorflow', 'keras', 'openvino_telemetry'}, loaded\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)

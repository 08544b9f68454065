"""The artefacts compute what the trained network does."""

import keras
import numpy as np
import pytest

from training.age_calibration import AgeCalibration
from training.export import parity
from training.keras_model import save_half
from training.openvino_model import calibrated, convert, quantise, run
from training.serving import with_probabilities

TINY_PX = 32


@pytest.fixture(scope="module")
def tiny() -> keras.Model:
    keras.utils.set_random_seed(1)
    image = keras.Input((TINY_PX, TINY_PX, 3), name="image")
    x = keras.layers.Rescaling(1 / 64, -1.0)(image)
    for filters in (8, 16):
        x = keras.layers.Conv2D(filters, 3, strides=2, padding="same")(x)
        x = keras.layers.BatchNormalization()(x)
        x = keras.layers.Activation("relu")(x)
    x = keras.layers.GlobalAveragePooling2D()(x)
    return keras.Model(image, keras.layers.Dense(101)(x))


@pytest.fixture(scope="module")
def crops() -> np.ndarray:
    random = np.random.default_rng(2)
    level = random.integers(0, 200, (24, 1, 1, 3))
    return (level + random.integers(0, 55, (24, TINY_PX, TINY_PX, 3))).astype(np.uint8)


def test_a_parity_of_equal_answers_is_zero() -> None:
    answers = np.eye(101, dtype=np.float32)[[20, 40]]

    found = parity(answers, answers, np.array([22, 40]))

    assert (found.mae_years, found.mae_loss_years, found.max_probability_difference) == (1, 0, 0)


@pytest.mark.slow
def test_keras_fp16_and_openvino_equal_keras_fp32(
    tiny: keras.Model, crops: np.ndarray, tmp_path_factory: pytest.TempPathFactory
) -> None:
    years = np.linspace(0.8, 1.2, 101, dtype=np.float32)
    calibration = AgeCalibration(scale=years, bias=years - 1)
    serving = with_probabilities(tiny, calibration)
    expected = keras.ops.convert_to_numpy(serving(crops.astype(np.float32)))
    path = tmp_path_factory.mktemp("model") / "model.keras"
    save_half(serving, path)
    loaded = keras.saving.load_model(path, compile=False, safe_mode=True)

    in_keras = keras.ops.convert_to_numpy(loaded(crops.astype(np.float32)))
    plain = convert(tiny)
    in_openvino = run(calibrated(plain, calibration), crops, batch=7)
    in_int8 = run(calibrated(quantise(plain, crops), calibration), crops)

    assert np.allclose(expected.sum(axis=1), 1, atol=1e-5)
    assert 0 < np.abs(in_keras - expected).max() < 1e-3
    assert np.abs(in_openvino - expected).max() < 5e-3
    assert np.abs((in_int8 - expected) @ np.arange(101)).max() < 1.0

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.config.vision import EstimateSection
from agent.errors import EstimateError, ModelError
from agent.estimate.artefact import load_manifest, read_verified
from agent.estimate.keras_runtime import (
    KerasEstimator,
    OutOfMemoryError,
    in_mixed_precision,
    load_network,
    make_predict,
    padded_size,
)
from agent.estimate.runtime import load_estimator
from agent.records import AgeDistribution, Float32Array, UInt8Array

CROP_PX = 32
Model: TypeAlias = Any
Tensor: TypeAlias = Any


def crops(count: int, seed: int = 0) -> UInt8Array:
    """Return crops of noise, each about a colour of its own."""
    random = np.random.default_rng(seed)
    colours = random.integers(0, 200, (count, 1, 1, 3))
    return (colours + random.integers(0, 56, (count, CROP_PX, CROP_PX, 3))).astype(np.uint8)


def table(answers: list[AgeDistribution]) -> Float32Array:
    return np.array([answer.probabilities for answer in answers], np.float32)


class SmallDevice:
    """A network on a device with room for so many crops; says the first pixel's year."""

    def __init__(self, room: int) -> None:
        self.room = room
        self.batches: list[int] = []

    def __call__(self, batch: UInt8Array) -> Float32Array:
        self.batches.append(len(batch))
        if len(batch) > self.room:
            raise OutOfMemoryError("no room")
        return np.eye(101, dtype=np.float32)[batch[:, 0, 0, 0] % 101]


def numbered(count: int) -> UInt8Array:
    return np.repeat(np.arange(count, dtype=np.uint8), 4 * 4 * 3).reshape(count, 4, 4, 3)


@given(count=st.integers(1, 40), max_batch=st.integers(1, 32), room=st.integers(1, 64))
def test_every_crop_is_answered_in_order_in_batches_of_powers_of_two(
    count: int, max_batch: int, room: int
) -> None:
    device = SmallDevice(room)
    answers = KerasEstimator(device, 4, max_batch).estimate(numbered(count))
    assert [round(answer.mean_years) for answer in answers] == list(range(count))
    assert all(size.bit_count() == 1 and size < 2 * max_batch for size in device.batches)


@given(st.integers(1, 1000))
def test_the_padded_size_is_the_next_power_of_two(batch: int) -> None:
    assert padded_size(batch).bit_count() == 1
    assert batch <= padded_size(batch) < 2 * batch


def test_out_of_memory_halves_the_batch_and_says_so(caplog: pytest.LogCaptureFixture) -> None:
    device = SmallDevice(room=4)
    estimator = KerasEstimator(device, 4, 16)
    with caplog.at_level(logging.WARNING):
        assert len(estimator.estimate(numbered(16))) == 16
    assert device.batches == [16, 8, 4, 4, 4, 4]
    assert (estimator.halvings, estimator.largest_batch) == (2, 4)
    assert "out_of_memory batch=16 next=8" in caplog.text
    assert "out_of_memory batch=8 next=4" in caplog.text


def test_the_batch_stays_halved() -> None:
    device = SmallDevice(room=4)
    estimator = KerasEstimator(device, 4, 8)
    estimator.estimate(numbered(8))
    device.batches.clear()
    estimator.estimate(numbered(8))
    assert device.batches == [4, 4]


def test_no_room_for_one_crop_is_an_error_that_says_what_to_do() -> None:
    with pytest.raises(EstimateError, match=r"out of memory with one crop: .*device: cpu"):
        KerasEstimator(SmallDevice(room=0), 4, 8).estimate(numbered(3))


def test_warming_up_runs_every_size_once() -> None:
    device = SmallDevice(room=64)
    KerasEstimator(device, 4, 12).warm_up()
    assert device.batches == [1, 2, 4, 8, 16]


def test_nan_refuses_the_batch() -> None:
    def broken(batch: UInt8Array) -> Float32Array:
        return np.full((len(batch), 101), np.nan, np.float32)

    with pytest.raises(EstimateError, match="no number"):
        KerasEstimator(broken, 4, 8).estimate(numbered(1))


# The real library with the tiny network, on the CPU.


@pytest.fixture(scope="module")
def network(tiny_models: Path) -> Model:
    import keras

    entry = load_manifest(tiny_models).models[0]
    return load_network(keras, entry, read_verified(tiny_models, entry, "tensorflow"))


@pytest.fixture(scope="module")
def tiny(tiny_models: Path) -> KerasEstimator:
    section = EstimateSection(
        model="tiny", models_folder=tiny_models, device="cpu", runtime="tensorflow"
    )
    estimator, entry = load_estimator(section)
    assert entry.name == "tiny"
    assert isinstance(estimator, KerasEstimator)
    return estimator


@pytest.mark.parametrize("count", [1, 2, 3, 5, 16, 33])
def test_every_face_gets_the_answer_it_gets_alone(tiny: KerasEstimator, count: int) -> None:
    batch = crops(count)
    alone = [tiny.estimate(each[None])[0] for each in batch]
    assert table(tiny.estimate(batch)) == pytest.approx(table(alone), abs=1e-3)


def test_both_runtimes_agree(tiny: KerasEstimator, tiny_section: EstimateSection) -> None:
    openvino, _ = load_estimator(tiny_section)
    expected = table(openvino.estimate(crops(9)))
    assert table(tiny.estimate(crops(9))) == pytest.approx(expected, abs=2e-3)


def test_xla_gives_the_same_answers(network: Model) -> None:
    import tensorflow

    plain = make_predict(tensorflow, network, use_xla=False)(crops(4))
    compiled = make_predict(tensorflow, network, use_xla=True)(crops(4))
    assert compiled == pytest.approx(plain, abs=1e-4)


def test_mixed_precision_computes_in_half_and_answers_nearly_the_same(network: Model) -> None:
    import keras
    import tensorflow

    mixed = in_mixed_precision(keras, network)
    kinds = {type(layer).__name__: layer.compute_dtype for layer in mixed.layers}
    assert kinds["Conv2D"] == "float16"
    assert kinds["Dense"] == kinds["Softmax"] == kinds["Rescaling"] == "float32"
    assert {str(weight.dtype) for weight in mixed.weights} == {"float32"}
    plain = make_predict(tensorflow, network, use_xla=False)(crops(4))
    half = make_predict(tensorflow, mixed, use_xla=False)(crops(4))
    assert half == pytest.approx(plain, abs=5e-3)
    assert (half != plain).any()


@pytest.mark.slow  # TensorFlow waits 10 s for memory to come free
def test_tensorflows_own_out_of_memory_is_known_as_such() -> None:
    import tensorflow

    class Greedy:
        """Asks for 1 PiB: more than there are addresses, whatever the kernel overcommits."""

        input_shape = (None, CROP_PX, CROP_PX, 3)

        def __call__(self, image: Tensor, training: bool) -> Tensor:
            huge = tensorflow.broadcast_to(tensorflow.reduce_sum(image), (1 << 24, 1 << 24))
            return tensorflow.reduce_max(tensorflow.sort(huge), axis=1)

    with pytest.raises(OutOfMemoryError):
        make_predict(tensorflow, Greedy(), use_xla=False)(crops(2))


def test_a_gpu_that_is_not_there_is_said(tiny_models: Path) -> None:
    import tensorflow

    if tensorflow.config.list_physical_devices("GPU"):
        pytest.skip("this machine has a GPU")
    section = EstimateSection(
        model="tiny", models_folder=tiny_models, device="gpu", runtime="tensorflow"
    )
    with pytest.raises(ModelError, match=r"estimate\.device: gpu: TensorFlow finds no GPU"):
        load_estimator(section)


def test_a_file_that_is_no_network_is_refused(fake_section: EstimateSection) -> None:
    section = fake_section.model_copy(update={"runtime": "tensorflow"})
    with pytest.raises(ModelError, match=r"model fake: Keras cannot read model\.keras"):
        load_estimator(section)

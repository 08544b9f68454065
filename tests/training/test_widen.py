"""Widening keeps the function and gives exactly Keras' ResNet50."""

import keras
import numpy as np
import pytest

from training.network import build
from training.widen import widen

CROP_PX = 64


@pytest.mark.slow
def test_the_widened_network_is_keras_resnet50_and_computes_what_the_narrow_one_did() -> None:
    random = np.random.default_rng(0)
    keras.utils.set_random_seed(0)
    narrow, wide = build(0.5, CROP_PX), build(1.0, CROP_PX)
    for layer in narrow.layers:  # statistics as after training, not the initial 0 and 1
        if isinstance(layer, keras.layers.BatchNormalization):
            gamma, beta, mean, variance = layer.get_weights()
            noise = random.normal(0, 0.2, gamma.shape)
            layer.set_weights([gamma + noise, beta + noise, mean, variance * 1.5])
    faces = random.uniform(0, 255, (4, CROP_PX, CROP_PX, 3)).astype(np.float32)
    before = keras.ops.convert_to_numpy(narrow(faces, training=False))

    widen(narrow, wide, random, noise_ratio=0.0)
    exact = keras.ops.convert_to_numpy(wide(faces, training=False))
    widen(narrow, wide, random)
    noisy = keras.ops.convert_to_numpy(wide(faces, training=False))

    spread = float(before.std())
    assert np.abs(exact - before).max() < 1e-3 * spread
    assert 0 < np.abs(noisy - before).mean() < 0.02 * spread

    reference = keras.applications.ResNet50(
        include_top=False, weights=None, input_shape=(CROP_PX, CROP_PX, 3)
    )
    ours = {layer.name: layer for layer in wide.layers if layer.weights}
    del ours["logits"]
    theirs = {layer.name: layer for layer in reference.layers if layer.weights}
    assert ours.keys() == theirs.keys()
    for name, layer in theirs.items():
        assert [w.shape for w in ours[name].weights] == [w.shape for w in layer.weights], name

"""Augmentation: the same seed gives the same crop, and every effect can be switched off."""

from dataclasses import fields, replace
from pathlib import Path

import numpy as np
import pytest

from agent.records import UInt8Array
from tests.training.faces import noise_faces
from training.augment import Augmentation, degrade, jittered_crop

NONE = Augmentation(**{field.name: 0.0 for field in fields(Augmentation)})


@pytest.fixture
def crop() -> UInt8Array:
    return np.random.default_rng(1).integers(40, 200, (96, 96, 3), np.uint8)


def test_the_same_seed_gives_the_same_crop_and_another_seed_another(tmp_path: Path) -> None:
    faces = noise_faces(1, tmp_path)

    def cut(seed: int) -> UInt8Array:
        random = np.random.default_rng(seed)
        return jittered_crop(faces.images[0], faces.keypoints(0), 64, Augmentation(), random)

    assert np.array_equal(cut(5), cut(5))
    assert not np.array_equal(cut(5), cut(6))


def test_without_strength_only_the_flip_is_left(tmp_path: Path) -> None:
    faces = noise_faces(1, tmp_path)
    plain = faces.crop(0, 64)
    cuts = [
        jittered_crop(faces.images[0], faces.keypoints(0), 64, NONE, np.random.default_rng(seed))
        for seed in range(12)
    ]

    plain_or_flipped = [np.array_equal(c, plain) or np.array_equal(c, plain[:, ::-1]) for c in cuts]

    assert all(plain_or_flipped)
    assert 0 < sum(np.array_equal(c, plain) for c in cuts) < 12


EFFECTS = ("colour", "grey", "low_resolution", "blur", "noise", "jpeg", "h264", "cover")


@pytest.mark.parametrize("effect", EFFECTS)
def test_each_effect_changes_the_crop_and_keeps_its_form(effect: str, crop: UInt8Array) -> None:
    settings = replace(NONE, **{f"{effect}_ratio": 1.0})

    for seed in range(20):
        result = degrade(crop.copy(), settings, np.random.default_rng(seed))

        assert result.shape == crop.shape
        assert result.dtype == np.uint8
        assert not np.array_equal(result, crop)


def test_the_given_crop_is_left_alone(crop: UInt8Array) -> None:
    before = crop.copy()
    everything = replace(NONE, **{f"{effect}_ratio": 1.0 for effect in EFFECTS})

    degrade(crop, everything, np.random.default_rng(0))

    assert np.array_equal(crop, before)

"""Batches depend on the seed and the step, and on nothing else."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from agent.estimate.align import TEMPLATE_RATIO
from agent.records import AGE_CLASSES
from tests.training.faces import noise_faces
from training.augment import Augmentation
from training.data import TrainingBatches, upright


def batches(folder: Path, seed: int = 1, count: int = 10) -> TrainingBatches:
    faces = noise_faces(count, folder)
    return TrainingBatches(faces, faces.select("train"), 3, 32, Augmentation(), seed)


def test_a_batch_is_the_same_whatever_was_asked_before(tmp_path: Path) -> None:
    one, other = batches(tmp_path), batches(tmp_path)
    for step in (0, 1, 7):
        other(step)

    for here, there in zip(one(4), other(4), strict=True):
        assert np.array_equal(here, there)


def test_another_seed_or_step_gives_another_batch(tmp_path: Path) -> None:
    images, _ = batches(tmp_path)(4)

    assert not np.array_equal(images, batches(tmp_path)(5)[0])
    assert not np.array_equal(images, batches(tmp_path, seed=2)(4)[0])


def test_one_pass_shows_no_photograph_twice(tmp_path: Path) -> None:
    some = batches(tmp_path)

    ages = np.concatenate(
        [some(step)[1][:, 0, AGE_CLASSES + 1] for step in range(some.steps_per_pass)]
    )

    assert some.steps_per_pass == 3
    assert len(set(ages.tolist())) == 9


def test_a_mixed_image_holds_both_faces_by_the_shares_of_their_targets(tmp_path: Path) -> None:
    plain = batches(tmp_path)
    images, targets = plain(4)

    mixed_images, mixed_targets = replace(plain, mix_ratio=1.0)(4)

    share = mixed_targets[:, 0, -1]
    assert ((share >= 0.5) & (share < 1)).any()
    assert mixed_targets.sum(axis=1)[:, -1] == pytest.approx(1)
    assert np.array_equal(mixed_targets[:, 1, :-1], np.roll(targets[:, 0, :-1], 1, axis=0))
    part = share[:, None, None, None]
    expected = part * images + (1 - part) * np.roll(images, 1, axis=0)
    np.testing.assert_allclose(mixed_images, expected, rtol=1e-5)


def test_what_the_teacher_says_is_in_the_targets(tmp_path: Path) -> None:
    taught = np.random.default_rng(0).dirichlet(np.ones(AGE_CLASSES), 10).astype(np.float32)
    some = replace(batches(tmp_path), taught=taught)

    said = some(0)[1][:, 0, AGE_CLASSES + 3 : -1]

    assert all((taught == row).all(axis=1).any() for row in said)


def test_a_photograph_without_a_face_is_counted_but_not_selected(tmp_path: Path) -> None:
    faces = noise_faces(4, tmp_path)
    first = faces.first.copy()
    first[2] = np.nan
    faces = replace(faces, first=first)

    assert faces.photographs("train").tolist() == [0, 1, 2, 3]
    assert faces.select("train").tolist() == [0, 1, 3]
    assert faces.select("train", "fairface").tolist() == []


def test_the_second_looks_points_are_preferred(tmp_path: Path) -> None:
    faces = noise_faces(2, tmp_path)
    second = faces.second.copy()
    second[1] = np.nan
    faces = replace(faces, second=second)

    assert np.array_equal(faces.keypoints(0), faces.second[0, :4])
    assert np.array_equal(faces.keypoints(1), faces.first[1, :4])


def test_upright_points_take_neither_turn_nor_eye_distance_from_the_face() -> None:
    straight = (TEMPLATE_RATIO * 100).astype(np.float32)
    turn = np.array([[0.94, -0.34], [0.34, 0.94]])

    same, turned = upright(straight), upright((straight @ turn.T).astype(np.float32))

    assert np.allclose(same, straight, atol=1e-3)
    assert turned[0, 1] == pytest.approx(turned[1, 1], abs=0.2)  # the eyes are level


def test_faces_that_are_not_aligned_have_upright_points(tmp_path: Path) -> None:
    faces = replace(noise_faces(2, tmp_path), aligned=False)

    assert np.allclose(faces.keypoints(0), upright(faces.second[0, :4]))
    assert np.allclose(faces.first_keypoints(0), upright(faces.first[0, :4]))

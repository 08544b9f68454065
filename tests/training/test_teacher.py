"""A teacher is the mean of networks, each photograph seen both ways round."""

from pathlib import Path

import keras
import numpy as np
import pytest

from agent.records import AGE_CLASSES
from tests.training.faces import noise_faces
from training.network import build
from training.teacher import load_taught, mean_logits

CROP_PX = 32


@pytest.mark.slow
def test_the_mean_is_over_networks_and_mirror_images(tmp_path: Path) -> None:
    keras.utils.set_random_seed(0)
    faces = noise_faces(5, tmp_path)
    models = {build(0.0625, CROP_PX): CROP_PX, build(0.0625, 2 * CROP_PX): 2 * CROP_PX}
    indices = np.array([0, 3])

    found = mean_logits(models, faces, indices)

    every = []
    for model, crop_px in models.items():
        crops = np.stack([faces.crop(index, crop_px) for index in indices]).astype(np.float32)
        for view in (crops, crops[:, :, ::-1].copy()):
            every.append(keras.ops.convert_to_numpy(model(view, training=False)))
    np.testing.assert_allclose(found, np.mean(every, axis=0), rtol=1e-3, atol=1e-3)


def test_a_teacher_that_was_not_shown_a_photograph_is_refused(tmp_path: Path) -> None:
    taught = np.full((4, AGE_CLASSES), 1 / AGE_CLASSES, np.float32)
    taught[2] = np.nan
    np.save(tmp_path / "teacher.npy", taught)

    assert load_taught(tmp_path / "teacher.npy", np.array([0, 1, 3])).shape == taught.shape
    for photographs in ([1, 2], [3, 4]):
        with pytest.raises(ValueError, match=r"other photographs.*training\.teacher"):
            load_taught(tmp_path / "teacher.npy", np.array(photographs))

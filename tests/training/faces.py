"""A small cache of prepared faces, without the detector: noise with keypoints."""

from pathlib import Path

import numpy as np

from agent.estimate.align import TEMPLATE_RATIO
from training.data import Faces
from training.prepare import IMAGE_PX


def noise_faces(count: int, folder: Path, split: str = "train") -> Faces:
    """Return `count` noisy photographs with plausible keypoints and ages 5 years apart."""
    random = np.random.default_rng(3)
    points = np.zeros((count, 6, 2), np.float32)
    points[:, :4] = TEMPLATE_RATIO * 100 + 30 + random.normal(0, 2, (count, 4, 2))
    ages = [str(20 + 5 * (number % 10)) for number in range(count)]
    rows = [
        {"source": "utkface", "age_lo_years": age, "age_hi_years": age, "sex": "", "ancestry": ""}
        for age in ages
    ]
    images = random.integers(0, 256, (count, IMAGE_PX, IMAGE_PX, 3), np.uint8)
    for number, age in enumerate(ages):  # something to learn: older is brighter
        images[number] = images[number] // 4 + 2 * int(age)
    return Faces(
        folder=folder,
        rows=rows,
        splits=np.array([split] * count),
        images=images,
        first=points,
        second=points + 1,
    )

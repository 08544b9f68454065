"""The robustness table: every effect of the contract, measured on the faces given."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from agent.records import UInt8Array
from tests.training.faces import noise_faces
from training.artefact_runtime import ArtefactRuntime
from training.robustness import HEADING, Robustness, cells, levels

EFFECTS = {
    "none", "blur", "motion blur", "darkness", "face width", "JPEG", "H.264", "covered",
}  # fmt: skip


def test_every_effect_of_a_register_is_there() -> None:
    assert {level.effect for level in levels()} == EFFECTS


def test_every_change_changes_a_picture_and_keeps_its_form() -> None:
    pixels: UInt8Array = np.random.default_rng(1).integers(0, 255, (160, 160, 3), np.uint8)
    for level in levels():
        if level.effect in ("none", "face width"):
            continue
        changed = level.change(pixels)
        assert (changed.shape, changed.dtype) == (pixels.shape, pixels.dtype), level
        assert not np.array_equal(changed, pixels), level


@pytest.mark.slow
def test_small_and_dark_faces_are_refused_and_the_errors_are_the_models(
    repository: Path, tmp_path: Path
) -> None:
    faces = noise_faces(3, tmp_path)
    runtime = ArtefactRuntime(repository / "models" / "age_resnet50")
    rows = Robustness(faces, np.arange(3), runtime).report()
    by_level = {(row["effect"], row["strength"]): row for row in rows}
    crops = faces.crops(range(3), runtime.crop_px)
    ages = faces.exact_ages(range(3))
    means = runtime.predict(crops) @ np.arange(101)
    assert by_level["none", "-"]["mae_years"] == pytest.approx(np.abs(means - ages).mean(), 1e-4)
    assert by_level["face width", "24 px"]["refused_ratio"] == 1.0
    assert by_level["darkness", "8% of the light"]["refused_ratio"] == 1.0
    assert sum(row["faces"] for row in rows if row["effect"] == "yaw") <= 3
    assert all(len(cells(row)) == len(HEADING) for row in rows)

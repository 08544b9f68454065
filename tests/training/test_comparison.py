"""Two packages on the same photographs: what one of them misses does not flatter it."""

from pathlib import Path

import numpy as np
import pytest

from tests.training.faces import noise_faces
from training.comparison import comparison_report, sample


def test_errors_are_compared_where_both_found_a_face() -> None:
    ages = np.array([20, 30, 40], np.float32)

    report = comparison_report(ages, {"a": [22.0, 34.0, 70.0], "b": [20.0, 31.0, None]})

    first, second = report["rows"]
    assert report["found_by_all"] == 2
    assert first["mae_years"] == pytest.approx(3.0)
    assert first["mae_where_found_years"] == pytest.approx(12.0)
    assert (second["faces_found"], second["mae_years"]) == (2, pytest.approx(0.5))


def test_nobody_found_anything() -> None:
    report = comparison_report(np.array([20], np.float32), {"a": [None], "b": [3.0]})

    assert [row["mae_years"] for row in report["rows"]] == [None, None]


def test_the_sample_is_spread_over_people_of_10_to_70(tmp_path: Path) -> None:
    faces = noise_faces(30, tmp_path, split="test")
    faces.rows[0]["age_lo_years"] = faces.rows[0]["age_hi_years"] = "80"

    chosen = sample(faces, "test", 5)

    assert len(set(chosen.tolist())) == 5
    assert 0 not in chosen
    assert chosen[-1] == 29

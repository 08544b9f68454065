"""The plots of the card are drawn from the robustness table's rows."""

from pathlib import Path

import cv2

from training.plots import write_robustness_plots
from training.robustness import levels


def test_errors_by_size_and_blur_are_drawn(tmp_path: Path) -> None:
    rows = [
        {
            "effect": level.effect,
            "value": level.value,
            "mae_years": 5.0,
            "mae_of_passed_years": None,
        }
        for level in levels()
    ]

    files = write_robustness_plots(rows, tmp_path)

    assert [file.name for file in files] == ["error_by_face_size.png", "error_by_blur.png"]
    assert all(cv2.imread(str(file)) is not None for file in files)


def test_levels_that_are_drawn_have_numbers() -> None:
    drawn = [level for level in levels() if level.effect in ("face width", "blur", "motion blur")]

    assert len(drawn) == 14
    assert all(level.value is not None for level in drawn)


def test_without_rows_there_is_no_plot(tmp_path: Path) -> None:
    assert write_robustness_plots([], tmp_path) == []
    assert list(tmp_path.iterdir()) == []

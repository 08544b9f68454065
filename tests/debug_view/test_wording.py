"""What a technician reads beside a face."""

from __future__ import annotations

from dataclasses import replace

import pytest

from agent.config.vision import QualitySection
from agent.debug_view.sights import AgeSight
from agent.debug_view.wording import lines, standing
from agent.estimate.quality import Look, Refusal
from tests.debug_view.sighted import examined, seen

LIMITS = QualitySection()


@pytest.mark.parametrize(
    ("refusal", "text"),
    [
        ("too_small", "too small: 31 px between the eyes, min 12"),
        ("turned_away", "turned away: 62°, max 55°"),
        ("tilted", "tilted: 48°, max 45°"),
        ("too_dark", "too dark: 19, min 25"),
        ("too_bright", "too bright: 19, max 200"),
        ("blurred", "blurred: sharpness 7, min 20"),
    ],
)
def test_a_refused_face_says_why_with_its_figure_and_the_limit(refusal: Refusal, text: str) -> None:
    face = seen(examination=examined(refusal, Look(sharpness=7.0, brightness=19.0)))
    assert lines(face, LIMITS)[0] == text
    assert standing(face) == "refused"


def test_a_good_face_says_its_quality_size_age_and_names() -> None:
    assert lines(seen(age=AgeSight(34.4, 8.6)), LIMITS) == (
        "good, quality 0.81",
        "face 100 px, eyes 31 px",
        "age 34 ± 9",
        "visit 3f2a, track 12, score 0.87",
    )


def test_a_face_without_visit_or_estimate_has_no_line_of_them() -> None:
    assert lines(seen(visit_id=None), LIMITS)[1:] == (
        "face 100 px, eyes 31 px",
        "track 12, score 0.87",
    )


def test_what_is_no_customer_says_so_first() -> None:
    outside, doubtful = seen(is_inside=False), seen(is_confirmed=False)
    assert (standing(outside), standing(doubtful)) == ("outside", "unsure")
    assert lines(outside, LIMITS)[0] == "outside the customer zone"
    assert lines(doubtful, LIMITS)[0] == "not confirmed as a face"


def test_a_face_that_the_second_look_does_not_find_is_refused() -> None:
    face = replace(seen(), examination=None)
    assert standing(face) == "refused"
    assert lines(face, LIMITS)[:2] == ("not found by the second look", "face 100 px")

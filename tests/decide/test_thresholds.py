from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.decide.thresholds import explain_missing, load_thresholds
from agent.errors import ModelError
from tests.decide.factories import SHA, entry, table


def write(path: Path, text: str) -> Path:
    file = path / "thresholds.json"
    file.write_text(text, encoding="utf-8")
    return file


def test_a_written_table_is_read_again(tmp_path: Path) -> None:
    made = table(entry(), entry(max_false_pass_ratio=0.02, threshold_years=31.0))
    assert load_thresholds(write(tmp_path, made.model_dump_json()), SHA) == made


def test_lookup_takes_the_largest_target_that_is_not_laxer() -> None:
    made = table(
        entry(max_false_pass_ratio=0.02, threshold_years=31.0),
        entry(max_false_pass_ratio=0.05, threshold_years=28.0),
        entry(max_false_pass_ratio=0.10, threshold_years=26.0),
    )
    for asked, expected in ((0.02, 31.0), (0.05, 28.0), (0.07, 28.0), (0.5, 26.0)):
        found = made.lookup(18, asked)
        assert found is not None
        assert found.threshold_years == expected


def test_lookup_never_takes_a_laxer_target_or_another_legal_age() -> None:
    made = table(entry(max_false_pass_ratio=0.05))
    assert made.lookup(18, 0.049) is None
    assert made.lookup(21, 0.05) is None


def test_lookup_steps_over_a_target_that_the_data_cannot_support() -> None:
    made = table(
        entry(max_false_pass_ratio=0.02, threshold_years=31.0),
        entry(max_false_pass_ratio=0.05, threshold_years=None, reason_if_null="too few"),
    )
    found = made.lookup(18, 0.05)
    assert found is not None
    assert found.threshold_years == 31.0


@given(
    st.lists(st.tuples(st.sampled_from([16, 18, 21]), st.floats(0, 1), st.floats(1, 60))),
    st.sampled_from([16, 18, 21]),
    st.floats(0, 1),
)
def test_what_lookup_finds_is_always_strict_enough(
    rows: list[tuple[int, float, float]], legal_age_years: int, asked: float
) -> None:
    entries = [
        entry(legal_age_years=age, max_false_pass_ratio=ratio, threshold_years=years)
        for age, ratio, years in rows
    ] or [entry(legal_age_years=30)]
    found = table(*entries).lookup(legal_age_years, asked)
    if found is not None:
        assert found.legal_age_years == legal_age_years
        assert found.max_false_pass_ratio <= asked


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"rule": "single_crop"}, "rule"),
        ({"schema_version": 2}, "schema_version"),
        ({"model_sha256": "abc"}, "model_sha256"),
        ({"tables": [entry(threshold_years=None)]}, "reason_if_null"),
        ({"tables": [entry(threshold_years=-3.0)]}, "threshold_years"),
        ({"tables": [entry(extra=1)]}, "extra"),
    ],
)
def test_a_broken_table_is_refused_with_file_and_key(
    tmp_path: Path, change: dict[str, object], named: str
) -> None:
    good = json.loads(table().model_dump_json())
    file = write(tmp_path, json.dumps(good | change))
    with pytest.raises(ModelError) as raised:
        load_thresholds(file)
    assert str(file) in str(raised.value)
    assert named in str(raised.value)


def test_a_nan_threshold_is_refused(tmp_path: Path) -> None:
    text = table().model_dump_json().replace("28.0", "NaN")
    with pytest.raises(ModelError, match="threshold_years"):
        load_thresholds(write(tmp_path, text))


def test_a_missing_file_says_how_to_mend_it(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"cannot be read.*install the model again"):
        load_thresholds(tmp_path / "none.json")


def test_the_table_of_other_weights_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="measured with weights 0000"):
        load_thresholds(write(tmp_path, table().model_dump_json()), "1" * 64)


def test_what_is_missing_is_explained_to_the_technician() -> None:
    made = table(
        entry(),
        entry(max_false_pass_ratio=0.02, threshold_years=None, reason_if_null="12 people only"),
    )
    assert explain_missing(made, 18, 0.05) is None
    assert "0.02: 12 people only" in (explain_missing(made, 18, 0.03) or "")
    assert "legal age 21" in (explain_missing(made, 21, 0.05) or "")
    assert "thresholds.json" in (explain_missing(None, 18, 0.05) or "")


def test_a_refusal_is_no_copy_of_the_file(tmp_path: Path) -> None:
    path = tmp_path / "thresholds.json"
    path.write_text(table(entry()).model_dump_json()[:-1] + f',"{"k" * 10_000}":1' + "}")
    with pytest.raises(ModelError, match="kkk") as raised:
        load_thresholds(path)
    assert len(str(raised.value)) < 500

"""The calibration table beside the model: which fused estimate may pass unprompted.

`models/<name>/thresholds.json`, written by `training/calibrate.py`:

    {
      "schema_version": 1,
      "model_sha256": "<64 hex digits: SHA-256 of the weights the table was measured with>",
      "rule": "fused_mean_years",
      "tables": [
        {
          "legal_age_years": 18,
          "max_false_pass_ratio": 0.05,
          "threshold_years": 27.5,
          "reason_if_null": null,
          "challenged_18_24_ratio": 0.93,
          "challenged_25_plus_ratio": 0.17,
          "false_pass": {"ratio": 0.04, "low": 0.02, "high": 0.08, "n": 250}
        },
        {
          "legal_age_years": 18,
          "max_false_pass_ratio": 0.02,
          "threshold_years": null,
          "reason_if_null": "12 people under 18 cannot support 0.02",
          "challenged_18_24_ratio": null,
          "challenged_25_plus_ratio": null,
          "false_pass": null
        }
      ]
    }

The rule: who has a fused mean below `threshold_years` is asked. `false_pass` is the measured
share of people under the legal age who pass at that threshold, with its 95 % interval and the
number of people. One entry for each legal age and target; a target the data cannot support has
`threshold_years: null` and says why.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationError,
    model_validator,
)

from agent.errors import ModelError

Ratio = Annotated[float, Field(ge=0.0, le=1.0, allow_inf_nan=False)]
Years = Annotated[float, Field(gt=0.0, le=101.0, allow_inf_nan=False)]
Sha256 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class FalsePass(_Table):
    """Measured share of people under the legal age who pass, with its 95 % interval."""

    ratio: Ratio
    low: Ratio
    high: Ratio
    n: int = Field(ge=1, description="people, not photographs")


class ThresholdEntry(_Table):
    """The threshold for one legal age and one target."""

    legal_age_years: int = Field(ge=1, le=30)
    max_false_pass_ratio: Ratio
    threshold_years: Years | None
    reason_if_null: str | None = None
    challenged_18_24_ratio: Ratio | None = None
    challenged_25_plus_ratio: Ratio | None = None
    false_pass: FalsePass | None = None

    @model_validator(mode="after")
    def _explained(self) -> ThresholdEntry:
        if self.threshold_years is None and not self.reason_if_null:
            raise ValueError("threshold_years is null: reason_if_null must say why")
        return self


class ThresholdTable(_Table):
    """The whole file."""

    schema_version: Literal[1] = 1
    model_sha256: Sha256
    rule: Literal["fused_mean_years"]
    tables: tuple[ThresholdEntry, ...]

    def lookup(self, legal_age_years: int, max_false_pass_ratio: float) -> ThresholdEntry | None:
        """Return the usable entry with the largest target not above the one asked for.

        Never a laxer target and never another legal age. None: nothing in the table supports
        the policy; the challenge policy is then `unsure` about everyone who looks old enough.
        """
        usable = [
            entry
            for entry in self.tables
            if entry.legal_age_years == legal_age_years
            and entry.max_false_pass_ratio <= max_false_pass_ratio
            and entry.threshold_years is not None
        ]
        return max(usable, key=_laxest_then_oldest, default=None)


def explain_missing(
    table: ThresholdTable | None, legal_age_years: int, max_false_pass_ratio: float
) -> str | None:
    """Return why nobody can pass under that policy, for the technician; None when it is well."""
    if table is None:
        return "the model has no thresholds.json: everybody is asked"
    if table.lookup(legal_age_years, max_false_pass_ratio) is not None:
        return None
    reasons = [
        f"{entry.max_false_pass_ratio:g}: {entry.reason_if_null}"
        for entry in table.tables
        if entry.legal_age_years == legal_age_years and entry.threshold_years is None
    ]
    because = f" ({'; '.join(reasons)})" if reasons else ""
    return (
        f"no threshold for legal age {legal_age_years} with at most {max_false_pass_ratio:g} "
        f"false passes{because}: everybody is asked; raise challenge.max_false_pass_ratio "
        "or install a model that supports it"
    )


def _laxest_then_oldest(entry: ThresholdEntry) -> tuple[float, float]:
    return entry.max_false_pass_ratio, entry.threshold_years or 0.0


def load_thresholds(path: Path, model_sha256: str | None = None) -> ThresholdTable:
    """Return the table of `path`.

    Args:
        path: `thresholds.json` in the model's folder.
        model_sha256: Of the weights in use; None skips the comparison.

    Raises:
        ModelError: The file is missing, breaks the schema, or belongs to other weights.
    """
    remedy = "install the model again, or make the table with training/calibrate.py"
    try:
        text = path.read_bytes()
    except OSError as error:
        raise ModelError(f"{path}: cannot be read ({error.strerror}): {remedy}") from error
    try:
        table = ThresholdTable.model_validate_json(text)
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False, include_input=False)[0]
        key = ".".join(str(part) for part in first["loc"])
        raise ModelError(f"{path}: {key[:80]}: {first['msg'][:200]}: {remedy}") from None
    if model_sha256 is not None and table.model_sha256 != model_sha256:
        raise ModelError(
            f"{path}: measured with weights {table.model_sha256[:12]}…, "
            f"but {model_sha256[:12]}… are installed: {remedy}"
        )
    return table

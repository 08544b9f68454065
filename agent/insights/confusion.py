"""The model's confusion of age groups, and how sums are corrected for it. Pure but for `load`.

Somebody of group h counts on average `mean_probability[h][g]` for group g. A sum over many is
therefore the true count seen through that matrix, and differences between neighbouring groups
look smaller than they are. The correction asks which true counts would be seen like that: the
expectation maximisation for such mixtures (Richardson 1972, Lucy 1974), which keeps counts
positive and the total as it is. It rests on the people of the shop being confused like the
people the matrix was measured with.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from agent.errors import ModelError

Float64Array = npt.NDArray[np.float64]
Ratio = Annotated[float, Field(ge=0.0, le=1.0, allow_inf_nan=False)]

CONFUSION_NAME = "group_confusion.json"
#: More change the shares by less than 0.001 (2026-11); fewer leave the dilution in.
ITERATIONS = 200
_TINY = 1e-12


class GroupConfusion(BaseModel):
    """`models/<name>/group_confusion.json`, written by `training/group_confusion.py`.

    Attributes:
        mean_probability: [true group][group]: what people of a group count for on average.
        people: How many of each group it was measured with.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    schema_version: Literal[1] = 1
    model_sha256: str = Field(pattern=r"^[0-9a-f]{64}$")
    measured_on: str
    groups: tuple[str, ...]
    people: tuple[int, ...]
    mean_probability: tuple[tuple[Ratio, ...], ...]

    @model_validator(mode="after")
    def _square(self) -> GroupConfusion:
        size = len(self.groups)
        rows = self.mean_probability
        if len(rows) != size or len(self.people) != size or any(len(r) != size for r in rows):
            raise ValueError("mean_probability, people: expected one row for each group")
        if any(abs(sum(row) - 1.0) > 0.01 for row in rows):
            raise ValueError("mean_probability: every row must sum to 1")
        return self


def load_confusion(
    model_folder: Path, groups: tuple[str, ...], model_sha256: str
) -> GroupConfusion | None:
    """Return the model's confusion; None when it was measured for other groups or weights.

    Raises:
        ModelError: The file breaks its schema.
    """
    path = model_folder / CONFUSION_NAME
    if not path.is_file():
        return None
    try:
        confusion = GroupConfusion.model_validate_json(path.read_bytes())
    except (OSError, ValidationError) as error:
        raise ModelError(f"{path}: cannot be used: install the model again") from error
    fits = confusion.groups == groups and confusion.model_sha256 == model_sha256
    return confusion if fits else None


def corrected(sums: Float64Array, confusion: GroupConfusion | None) -> Float64Array:
    """Return the true counts that would most likely be seen as these sums.

    Args:
        sums: (groups, n) sums of probabilities, n columns independent of each other.
        confusion: None: the sums are returned as they are.
    """
    if confusion is None:
        return sums
    seen_as = np.array(confusion.mean_probability, dtype=np.float64)
    seen_as /= seen_as.sum(axis=1, keepdims=True)
    true: Float64Array = np.repeat(sums.sum(axis=0, keepdims=True), len(sums), axis=0) / len(sums)
    for _ in range(ITERATIONS):
        expected = seen_as.T @ true
        true = true * (seen_as @ (sums / np.maximum(expected, _TINY)))
    return true

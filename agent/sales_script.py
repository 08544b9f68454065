"""Scripted sales: what a till would have sent, at the video's own times.

    - {at_s: -1.0, sale_id: s1, step: opened}
    - {at_s: -0.5, sale_id: s1, step: item_scanned, category: alcohol, product_id: beer}
    - {at_s: 4, sale_id: s1, step: closed}

`at_s` may be negative: before the video's first frame. The steps' order in the file does not
matter; equal times keep it.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from agent.errors import ConfigError
from agent.outcomes import SaleMessage, SaleStep

#: A file larger than this is no script.
MAX_SCRIPT_BYTES = 1_000_000


class ScriptedStep(BaseModel):
    """One line of the script."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    at_s: float = Field(allow_inf_nan=False, ge=-3600, le=86400)
    sale_id: str = Field(min_length=1, max_length=64)
    step: SaleStep
    product_id: str = Field("", max_length=64)
    category: str = Field("", max_length=64)
    restricted: bool | None = Field(None, description="none: when it has a category")
    quantity: int = Field(1, ge=1, le=1000)
    source: Literal["point_of_sale", "display"] = "point_of_sale"
    message_id: str | None = Field(None, min_length=1, description="none: numbered")
    sender_clock_off_s: float = Field(0.0, allow_inf_nan=False)


_STEPS = TypeAdapter(tuple[ScriptedStep, ...])


class SalesScript:
    """Hands out the steps as the video's time passes."""

    def __init__(self, steps: Sequence[ScriptedStep], start_wall_s: float) -> None:
        numbered = sorted(enumerate(steps), key=lambda pair: pair[1].at_s)
        self._waiting = [
            (step.at_s, _message(step, number, start_wall_s)) for number, step in numbered
        ]

    def next_at_s(self) -> float | None:
        """Return the time of the next step, None after the last."""
        return self._waiting[0][0] if self._waiting else None

    def take_until(self, at_s: float) -> list[tuple[float, SaleMessage]]:
        """Return the steps up to and at that time, with their times, each once.

        The caller moves its clock to a step's time before it hands the message on.
        """
        due = [pair for pair in self._waiting if pair[0] <= at_s]
        self._waiting = self._waiting[len(due) :]
        return due


def load_sales_script(path: Path) -> tuple[ScriptedStep, ...]:
    """Return the steps of a YAML file.

    Raises:
        ConfigError: It cannot be read, is no YAML, or a step is wrong: names file, key, value.
    """
    try:
        text = path.read_bytes()
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {error.strerror}") from error
    if len(text) > MAX_SCRIPT_BYTES:
        raise ConfigError(f"{path}: got {len(text)} bytes: at most {MAX_SCRIPT_BYTES} expected")
    try:
        data = yaml.safe_load(text)
    except (yaml.YAMLError, UnicodeDecodeError, RecursionError) as error:
        reason = " ".join(str(error).split())
        raise ConfigError(f"{path}: is no YAML: {reason}") from error
    try:
        return _STEPS.validate_python(data)
    except ValidationError as error:
        raise ConfigError(f"{path}: {_explain(error)}") from error


def _explain(error: ValidationError) -> str:
    first = error.errors()[0]
    key = ".".join(str(part) for part in first["loc"]) or "the file"
    got = "" if first["type"] == "missing" else f" got {first['input']!r:.60}:"
    return f"{key}:{got} {first['msg']}"


def _message(step: ScriptedStep, number: int, start_wall_s: float) -> SaleMessage:
    restricted = step.restricted if step.restricted is not None else bool(step.category)
    return SaleMessage(
        message_id=step.message_id or f"script-{number}",
        sale_id=step.sale_id,
        step=step.step,
        occurred_wall_s=start_wall_s + step.at_s + step.sender_clock_off_s,
        source=step.source,
        product_id=step.product_id,
        category=step.category,
        restricted=restricted,
        quantity=step.quantity,
    )

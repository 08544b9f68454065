"""Scripted sales: what a till would have sent, at the video's own times.

    - {at_s: -1.0, sale_id: s1, type: opened}
    - at_s: -0.5
      sale_id: s1
      type: item_scanned
      item: {product_id: beer, category: alcohol, restricted: true}
    - {at_s: 3, sale_id: s1, type: id_checked, source: display}
    - {at_s: 4, sale_id: s1, type: closed}

`at_s` may be negative: before the video's first frame. The steps' order in the file does not
matter; equal times keep it. A step looks like a `pos/sale` message but for its time;
`held_back_s` lets it arrive later than it happened, `sender_clock_off_s` sets the till's clock.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError, model_validator

from agent.config import strict_yaml
from agent.errors import ConfigError
from agent.outcomes import SaleMessage, SaleStep

#: A file larger than this is no script.
MAX_SCRIPT_BYTES = 1_000_000
_ITEM_STEPS = frozenset({"item_scanned", "item_removed"})


class ScriptedItem(BaseModel):
    """What was scanned or removed."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    product_id: str = Field(min_length=1, max_length=64)
    category: str = Field(min_length=1, max_length=63)
    restricted: bool
    quantity: int = Field(1, ge=1, le=10_000)


class ScriptedStep(BaseModel):
    """One line of the script."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    at_s: float = Field(allow_inf_nan=False, ge=-3600, le=86400)
    sale_id: str = Field(min_length=1, max_length=64)
    type: SaleStep
    item: ScriptedItem | None = None
    source: Literal["point_of_sale", "display"] = "point_of_sale"
    message_id: str | None = Field(None, min_length=1, max_length=64, description="none: numbered")
    sender_clock_off_s: float = Field(
        0.0, allow_inf_nan=False, ge=-86400, le=86400, description="the till's clock is ahead by"
    )
    held_back_s: float = Field(
        0.0, allow_inf_nan=False, ge=0, le=86400, description="arrives so much later: an outage"
    )

    @property
    def arrives_at_s(self) -> float:
        """When the agent hears of it."""
        return self.at_s + self.held_back_s

    @model_validator(mode="after")
    def _item_where_it_belongs(self) -> ScriptedStep:
        if (self.type in _ITEM_STEPS) != (self.item is not None):
            raise ValueError("item: expected with item_scanned and item_removed, and only there")
        if self.source == "display" and self.type not in ("id_checked", "id_refused"):
            raise ValueError("type: a display can only send id_checked or id_refused")
        return self


_STEPS = TypeAdapter(tuple[ScriptedStep, ...])


class SalesScript:
    """Hands out the steps as the video's time passes."""

    def __init__(self, steps: Sequence[ScriptedStep], start_wall_s: float) -> None:
        numbered = sorted(enumerate(steps), key=lambda pair: pair[1].arrives_at_s)
        self._waiting = [
            (step.arrives_at_s, _message(step, number, start_wall_s)) for number, step in numbered
        ]

    @property
    def next_at_s(self) -> float | None:
        """Time of the next step, None after the last."""
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
        with path.open("rb") as file:
            content = file.read(MAX_SCRIPT_BYTES + 1)
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {error.strerror}") from error
    if len(content) > MAX_SCRIPT_BYTES:
        raise ConfigError(f"{path}: at most {MAX_SCRIPT_BYTES} bytes expected")
    try:
        data = strict_yaml.read(content, MAX_SCRIPT_BYTES)
    except ValueError as error:
        reason = " ".join(str(error).split())
        raise ConfigError(f"{path}: is no YAML: {reason[:300]}") from error
    try:
        return _STEPS.validate_python(data)
    except ValidationError as error:
        raise ConfigError(f"{path}: {_explain(error)}") from error


def _explain(error: ValidationError) -> str:
    first = error.errors()[0]
    key = ".".join(str(part) for part in first["loc"]) or "the file"
    got = "" if first["type"] == "missing" else f" got {first['input']!r:.60}:"
    return f"{key[:80]}:{got} {first['msg'][:200]}"


def _message(step: ScriptedStep, number: int, start_wall_s: float) -> SaleMessage:
    item = step.item
    return SaleMessage(
        message_id=step.message_id or f"script-{number}",
        sale_id=step.sale_id,
        step=step.type,
        occurred_wall_s=start_wall_s + step.at_s + step.sender_clock_off_s,
        source=step.source,
        product_id=item.product_id if item else "",
        category=item.category if item else "",
        restricted=item.restricted if item else False,
        quantity=item.quantity if item else 1,
    )

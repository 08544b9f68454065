"""The payloads that come in, from the point of sale and from the cashier's display.

Everybody on the store's network may try to send one, so they are measured before they are
parsed, and whatever is not exactly as described is refused.
"""

from __future__ import annotations

import datetime
from typing import Annotated, Literal, TypeVar

from pydantic import (
    AwareDatetime,
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationError,
    model_validator,
)

from agent.errors import ProtocolError
from agent.outcomes import SaleMessage, SaleStep
from agent.publish.events import Identifier

#: An honest message is about 300 bytes.
MAX_INBOUND_BYTES = 4096
_EARLIEST = datetime.datetime(2000, 1, 1, tzinfo=datetime.UTC)
_LATEST = datetime.datetime(2200, 1, 1, tzinfo=datetime.UTC)
_ITEM_STEPS = frozenset({"item_scanned", "item_removed"})

Category = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9_-]{0,62}$")]


class Received(BaseModel):
    """What every kind begins with."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    # Not Literal[1]: that takes true for 1.
    schema_version: int = Field(ge=1, le=1)
    message_id: Identifier = Field(description="The sender's own; one seen before is ignored.")
    occurred_at: AwareDatetime = Field(description="RFC 3339 with its offset.")

    @model_validator(mode="after")
    def _plausible(self) -> Received:
        if not _EARLIEST <= self.occurred_at < _LATEST:
            raise ValueError("occurred_at: expected a date between 2000 and 2200")
        return self


class Inbound(Received):
    """What the steps of a sale begin with."""

    sale_id: Identifier


class SaleItem(BaseModel):
    """One line of the basket."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    product_id: Identifier
    category: Category = Field(description="Such as `alcohol`.")
    restricted: bool = Field(description="The till knows it as age-restricted.")
    quantity: int = Field(1, ge=1, le=10_000)


class SalePayload(Inbound):
    """One step of a sale, from the point of sale."""

    type: SaleStep
    item: SaleItem | None = Field(None, description="With item_scanned and item_removed only.")

    @model_validator(mode="after")
    def _item_where_it_belongs(self) -> SalePayload:
        if (self.type in _ITEM_STEPS) != (self.item is not None):
            raise ValueError(f"item: expected with {sorted(_ITEM_STEPS)} and with nothing else")
        return self


class ConfirmPayload(Inbound):
    """The cashier's tap on the display."""

    action: Literal["id_checked", "id_refused"]


class HelloPayload(Received):
    """A display is there, or there again, and does not know what stands."""


_InboundType = TypeVar("_InboundType", bound=Received)


def parse_sale(content: bytes) -> SaleMessage:
    """Return the step of a sale that the point of sale reports.

    Raises:
        ProtocolError: Too large, no JSON, or not as the schema says.
    """
    payload = _validated(SalePayload, content)
    item = payload.item
    if item is None:
        return SaleMessage(
            message_id=payload.message_id,
            sale_id=payload.sale_id,
            step=payload.type,
            occurred_wall_s=payload.occurred_at.timestamp(),
        )
    return SaleMessage(
        message_id=payload.message_id,
        sale_id=payload.sale_id,
        step=payload.type,
        occurred_wall_s=payload.occurred_at.timestamp(),
        product_id=item.product_id,
        category=item.category,
        restricted=item.restricted,
        quantity=item.quantity,
    )


def parse_confirm(content: bytes) -> SaleMessage:
    """Return the step of a sale that the cashier's display reports.

    Raises:
        ProtocolError: Too large, no JSON, or not as the schema says.
    """
    payload = _validated(ConfirmPayload, content)
    return SaleMessage(
        message_id=payload.message_id,
        sale_id=payload.sale_id,
        step=payload.action,
        occurred_wall_s=payload.occurred_at.timestamp(),
        source="display",
    )


def parse_hello(content: bytes) -> None:
    """Check the greeting of a display.

    Raises:
        ProtocolError: Too large, no JSON, or not as the schema says.
    """
    _validated(HelloPayload, content)


def _validated(model: type[_InboundType], content: bytes) -> _InboundType:
    if len(content) > MAX_INBOUND_BYTES:
        raise ProtocolError(f"message of {len(content)} bytes: at most {MAX_INBOUND_BYTES}")
    try:
        return model.model_validate_json(content)
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False, include_input=False)[0]
        place = ".".join(str(part) for part in first["loc"]) or "message"
        # From None: the cause would print the hostile content into the log.
        raise ProtocolError(f"{place[:80]}: {first['msg'][:200]}") from None

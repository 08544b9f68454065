"""Messages as a till or a cashier's display sends them: for simulators and tests."""

from __future__ import annotations

import datetime

from agent.outcomes import SaleMessage
from agent.publish.sales import ConfirmPayload, SaleItem, SalePayload
from agent.publish.topics import TopicKey

_SCHEMA_VERSION = 1


def till_message(message: SaleMessage) -> tuple[TopicKey, bytes]:
    """Return where a step of a sale goes and what it is: the reverse of `parse_sale`.

    Raises:
        ValueError: The step breaks the published schema.
    """
    occurred_at = datetime.datetime.fromtimestamp(message.occurred_wall_s, datetime.UTC)
    if message.source == "display":
        confirm = ConfirmPayload.model_validate(
            {
                "schema_version": _SCHEMA_VERSION,
                "message_id": message.message_id,
                "sale_id": message.sale_id,
                "occurred_at": occurred_at,
                "action": message.step,
            }
        )
        return TopicKey.CONFIRM, confirm.model_dump_json().encode()
    sale = SalePayload(
        schema_version=_SCHEMA_VERSION,
        message_id=message.message_id,
        sale_id=message.sale_id,
        occurred_at=occurred_at,
        type=message.step,
        item=_item(message),
    )
    return TopicKey.SALE, sale.model_dump_json(exclude_none=True).encode()


def _item(message: SaleMessage) -> SaleItem | None:
    if message.step not in ("item_scanned", "item_removed"):
        return None
    return SaleItem(
        product_id=message.product_id,
        category=message.category,
        restricted=message.restricted,
        quantity=message.quantity,
    )

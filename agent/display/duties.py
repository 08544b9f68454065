"""In which sales ID is due, as the display has heard it. Pure.

An alert is shown until

- an ID check is recorded, by the till or on a display, or
- the till closes the sale, or its audit comes, or
- the till takes the last restricted goods of its category off (when the sale was heard from its
  beginning, so that this is known), or
- it is not renewed: the agent issues a standing duty again long before it expires.

A refusal does not end it: the goods still have to go.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, replace

from agent.decide.sale import Sale
from agent.display.screen import HeardAlert
from agent.outcomes import SaleMessage

#: An alert that was on its way when ID was checked comes within this. One that comes later says
#: that the agent has not heard of the check, so it is shown.
CROSSING_S = 10.0
#: The till has ended a sale: what is still said about it is no longer live, for so long.
ENDED_MEMORY_S = 1800.0
MAX_SALES = 64
MAX_SEEN = 2048


@dataclass(frozen=True, slots=True)
class Standing:
    """An alert that stands; times are the display's monotonic ones."""

    alert: HeardAlert
    first_at_s: float
    expires_at_s: float
    refused: bool = False


@dataclass(slots=True)
class _Heard:
    """A sale as far as the till has told it since the display is connected."""

    sale: Sale
    whole: bool = False
    checked_at_s: float | None = None
    ended_at_s: float | None = None


class Duties:
    """The alerts that stand, by sale."""

    def __init__(self) -> None:
        self._standing: dict[str, Standing] = {}
        self._sales: dict[str, _Heard] = {}
        self._seen: deque[str] = deque(maxlen=MAX_SEEN)
        self._dismissed: deque[str] = deque(maxlen=MAX_SALES)

    def clear(self) -> None:
        """Forget all: what happened while nobody listened is unknown."""
        self._standing.clear()
        self._sales.clear()
        self._seen.clear()

    def standing(self, now_s: float) -> list[Standing]:
        """Return what stands, the newest first."""
        left = [each for each in self._standing.values() if each.expires_at_s > now_s]
        return sorted(left, key=lambda each: each.first_at_s, reverse=True)

    def find(self, event_id: str, now_s: float) -> HeardAlert | None:
        """Return the standing alert with this id."""
        alerts = [each.alert for each in self.standing(now_s)]
        return next((alert for alert in alerts if alert.event_id == event_id), None)

    def alert(self, alert: HeardAlert, lifetime_s: float, now_s: float) -> None:
        """Take an alert, new or issued again."""
        if self._is_over(alert, now_s):
            return
        before = self._standing.get(alert.sale_id)
        expires_at_s = now_s + lifetime_s
        if before is not None and before.alert.event_id == alert.event_id:
            self._standing[alert.sale_id] = replace(before, expires_at_s=expires_at_s)
            return
        if before is None and len(self._standing) >= MAX_SALES:
            del self._standing[min(self._standing, key=lambda key: self._standing[key].first_at_s)]
        self._standing[alert.sale_id] = Standing(alert, now_s, expires_at_s)

    def _is_over(self, alert: HeardAlert, now_s: float) -> bool:
        if alert.event_id in self._dismissed:
            return True
        heard = self._sales.get(alert.sale_id)
        if heard is None:
            return False
        if heard.ended_at_s is not None:
            return now_s - heard.ended_at_s < ENDED_MEMORY_S
        return heard.checked_at_s is not None and now_s - heard.checked_at_s < CROSSING_S

    def step(self, message: SaleMessage, now_s: float) -> bool:
        """Take a step of a sale; return whether an ID check for a standing alert is in it."""
        if message.message_id in self._seen:
            return False
        self._seen.append(message.message_id)
        if message.source == "display":
            heard = self._heard(message.sale_id, now_s)
        else:
            heard = self._sale_now(message, now_s)
            heard.sale.sender_last_wall_s = max(
                heard.sale.sender_last_wall_s, message.occurred_wall_s
            )
        if message.step == "closed":
            self._end(heard, now_s)
        elif message.step in ("item_scanned", "item_removed"):
            self._move(heard, message)
        elif message.step == "id_refused":
            self._refuse(message.sale_id)
        elif message.step == "id_checked":
            heard.checked_at_s = now_s
            return self._standing.pop(message.sale_id, None) is not None
        return False

    def audited(self, sale_id: str, now_s: float) -> None:
        """Take note that the agent has closed the books of a sale."""
        self._end(self._heard(sale_id, now_s), now_s)

    def dismiss(self, event_id: str) -> None:
        """Take an alert off that belongs to no sale."""
        self._dismissed.append(event_id)
        if "" in self._standing and self._standing[""].alert.event_id == event_id:
            del self._standing[""]

    def _heard(self, sale_id: str, now_s: float) -> _Heard:
        if sale_id not in self._sales:
            if len(self._sales) >= MAX_SALES:
                del self._sales[next(iter(self._sales))]
            self._sales[sale_id] = _Heard(Sale(sale_id, "", opened_at_s=now_s))
        return self._sales[sale_id]

    def _sale_now(self, message: SaleMessage, now_s: float) -> _Heard:
        """Return the sale, a new one when the till uses the number of an ended one again."""
        begins = message.step in ("opened", "item_scanned")
        old = self._sales.get(message.sale_id)
        if old is not None and begins and _begins_after(message, old):
            del self._sales[message.sale_id]
        heard = self._heard(message.sale_id, now_s)
        heard.whole |= message.step == "opened" and not heard.sale.items
        return heard

    def _move(self, heard: _Heard, message: SaleMessage) -> None:
        heard.sale.add_item_step(message)
        standing = self._standing.get(message.sale_id)
        if standing is None or message.step == "item_scanned" or not heard.whole:
            return
        if standing.alert.category not in heard.sale.categories_left():
            del self._standing[message.sale_id]

    def _refuse(self, sale_id: str) -> None:
        standing = self._standing.get(sale_id)
        if standing is not None:
            self._standing[sale_id] = replace(standing, refused=True)

    def _end(self, heard: _Heard, now_s: float) -> None:
        heard.ended_at_s = now_s
        standing = self._standing.pop(heard.sale.sale_id, None)
        if standing is not None:
            # Outlives the connection: the agent may send what it has sent before once more.
            self._dismissed.append(standing.alert.event_id)


def _begins_after(message: SaleMessage, heard: _Heard) -> bool:
    later = message.occurred_wall_s > heard.sale.sender_last_wall_s
    return later and heard.ended_at_s is not None

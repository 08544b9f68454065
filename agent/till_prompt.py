"""What a person types at the simulated till, line by line, as messages. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection
from dataclasses import dataclass

from agent.errors import InputError
from agent.outcomes import SaleMessage, SaleStep

HELP = """\
open [SALE]                   begin a sale (scan begins one by itself)
scan CATEGORY [PRODUCT] [xN]  an item, such as: scan alcohol beer-6 x2
remove CATEGORY [PRODUCT]     take it off again
id [display]                  ID checked, recorded at the till, or at the display
refuse [display]              the customer shows none
close                         end of the sale
sale SALE                     go on with another open sale: two at once
help, quit"""
_WORD = re.compile(r"[A-Za-z0-9._:-]{1,64}")
_COUNT = re.compile(r"x([1-9][0-9]{0,3})")
_STEPS: dict[str, SaleStep] = {
    "scan": "item_scanned",
    "remove": "item_removed",
    "id": "id_checked",
    "refuse": "id_refused",
    "close": "closed",
}


@dataclass(frozen=True, slots=True)
class _Item:
    category: str
    product_id: str
    quantity: int


class TypedTill:
    """Keeps the number of the sale; everything else stands in the line.

    Args:
        restricted: Categories that the till knows as age-restricted.
        wall_s: Returns seconds since 1970.
        prefix: Of sale and message ids, different in each run.
    """

    def __init__(
        self, restricted: Collection[str], wall_s: Callable[[], float], prefix: str
    ) -> None:
        self._restricted = frozenset(restricted)
        self._wall_s = wall_s
        self._prefix = prefix
        self._messages = 0
        self._sales = 0
        self.sale_id: str | None = None

    def read(self, line: str) -> list[SaleMessage]:
        """Return the messages of a line; none of an empty one.

        Raises:
            InputError: It cannot be understood: says what was expected.
        """
        words = line.split()
        if not words:
            return []
        verb, rest = words[0].lower(), words[1:]
        if not all(_WORD.fullmatch(word) for word in rest):
            raise InputError("expected words of letters, digits and . _ : -")
        if verb == "open":
            return [self._open(rest)]
        if verb == "sale":
            self._switch(rest)
            return []
        if verb not in _STEPS:
            raise InputError(f"got {verb[:20]}: expected open, sale, {', '.join(_STEPS)}; try help")
        return self._step(verb, rest)

    def _step(self, verb: str, rest: list[str]) -> list[SaleMessage]:
        item = _item(verb, rest) if verb in ("scan", "remove") else None
        if item is None and rest not in ([], ["display"]):
            raise InputError(f"got {' '.join(rest)[:40]}: expected {verb} alone, or {verb} display")
        by_display = item is None and rest == ["display"]
        if by_display and verb == "close":
            raise InputError("a display cannot close a sale")
        opened = [self._open([])] if self.sale_id is None and verb == "scan" else []
        message = self._message(_STEPS[verb], item, by_display)
        if verb == "close":
            self.sale_id = None
        return [*opened, message]

    def _open(self, rest: list[str]) -> SaleMessage:
        if len(rest) > 1:
            raise InputError("expected open, or open SALE")
        self._sales += 1
        self.sale_id = rest[0] if rest else f"{self._prefix}-{self._sales}"
        return self._message("opened", None, by_display=False)

    def _switch(self, rest: list[str]) -> None:
        if len(rest) != 1:
            raise InputError("expected sale SALE")
        self.sale_id = rest[0]

    def _message(self, step: SaleStep, item: _Item | None, by_display: bool) -> SaleMessage:
        if self.sale_id is None:
            raise InputError("no sale is open: open or scan first")
        self._messages += 1
        return SaleMessage(
            message_id=f"{self._prefix}-m{self._messages}",
            sale_id=self.sale_id,
            step=step,
            occurred_wall_s=self._wall_s(),
            source="display" if by_display else "point_of_sale",
            product_id=item.product_id if item else "",
            category=item.category if item else "",
            restricted=item is not None and item.category in self._restricted,
            quantity=item.quantity if item else 1,
        )


def _item(verb: str, words: list[str]) -> _Item:
    rest = list(words)
    count = _COUNT.fullmatch(rest[-1]) if len(rest) > 1 else None
    if count is not None:
        rest.pop()
    if not 1 <= len(rest) <= 2:
        raise InputError(f"expected {verb} CATEGORY [PRODUCT] [xN], such as: {verb} alcohol beer")
    category = rest[0].lower()
    if not re.fullmatch(r"[a-z0-9][a-z0-9_-]{0,62}", category):
        raise InputError(f"got category {category[:40]}: expected letters, digits, - and _")
    product_id = rest[1] if len(rest) == 2 else category
    return _Item(category, product_id, int(count.group(1)) if count else 1)

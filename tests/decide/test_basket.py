"""Baskets and offers of a register in video time."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pytest

from agent.clock import ReplayClock
from agent.config.decision import AgeGroupSection, ChallengeSection
from agent.config.insights import BasketSection, OfferSection
from agent.decide.age_group import group_names
from agent.decide.basket import MAX_STEPS
from agent.decide.offer_table import GroupOffers, OfferedProduct, OfferTable
from agent.decide.sale_store import MemorySaleStore
from agent.outcomes import Basket, Goods, Offer, Outcome, SaleStep
from agent.register import Register
from tests.decide.factories import START_WALL_S, CountedIds, Till, table

MILK: dict[str, Any] = {"category": "dairy", "product_id": "milk", "restricted": False}
BREAD: dict[str, Any] = {"category": "bakery", "product_id": "bread", "restricted": False}


@dataclass(frozen=True)
class ShopSettings:
    challenge: ChallengeSection = field(default_factory=ChallengeSection)
    age_groups: AgeGroupSection = field(default_factory=AgeGroupSection)
    baskets: BasketSection = field(default_factory=lambda: BasketSection(enabled=True))
    offers: OfferSection = field(default_factory=OfferSection)


class Shop(Till):
    """A till with baskets on, and offers when it is given a table."""

    def __init__(self, settings: ShopSettings | None = None, store: MemorySaleStore | None = None):  # noqa: ANN204
        super().__init__()
        self.clock = ReplayClock(START_WALL_S)
        self.store = store or MemorySaleStore()
        self.register = Register(
            settings or ShopSettings(), self.clock, self.sent.append, table(), CountedIds(),
            self.store,
        )  # fmt: skip

    @property
    def baskets(self) -> list[Basket]:
        return [outcome for outcome in self.sent if isinstance(outcome, Basket)]

    @property
    def offers(self) -> list[Offer]:
        return [outcome for outcome in self.sent if isinstance(outcome, Offer)]

    def buy(self, from_s: float, until_s: float, sale_id: str = "s1", **goods: Any) -> None:  # noqa: ANN401
        self.pos("opened", from_s, sale_id)
        self.pos("item_scanned", from_s + 0.1, sale_id, **(goods or MILK))
        self.pos("closed", until_s, sale_id)
        self.pass_to(until_s + 2.0)


def most_probable(basket: Basket) -> str:
    return max(basket.group_probabilities, key=lambda pair: pair[1])[0]


def test_a_basket_tells_goods_and_age_group_and_neither_sale_nor_moment() -> None:
    shop = Shop()
    shop.enter(0.0)
    shop.see(30, 3.0, crops=6)
    shop.pos("opened", 4.0, "secret-sale")
    shop.pos("item_scanned", 4.1, "secret-sale", **MILK, quantity=3)
    shop.pos("item_scanned", 4.2, "secret-sale", **BREAD)
    shop.pos("item_removed", 4.3, "secret-sale", **BREAD)
    shop.pos("item_removed", 4.4, "secret-sale", **MILK)
    shop.pos("closed", 9.0, "secret-sale")
    assert shop.baskets == []
    shop.pass_to(10.5)
    [basket] = shop.baskets
    assert basket.lines == ((Goods("dairy", "milk"), 2),)
    assert most_probable(basket) == "25-34"
    assert basket.hour_wall_s == START_WALL_S // 3600 * 3600
    assert basket.event_id.startswith("analytics-")
    assert "secret-sale" not in repr(basket)


def test_without_the_setting_there_is_no_basket() -> None:
    shop = Shop(ShopSettings(baskets=BasketSection()))
    shop.see(30, 3.0)
    shop.buy(4.0, 9.0)
    assert shop.baskets == []


def test_the_customer_before_and_the_one_after_do_not_count() -> None:
    shop = Shop()
    shop.see(70, 3.0, "before")
    shop.pos("opened", 4.0)
    shop.leave(5.0, "before")
    shop.see(30, 6.0, "customer")
    shop.pos("item_scanned", 7.0, **MILK)
    shop.see(8, 18.5, "after")
    shop.pos("closed", 20.0)
    shop.pass_to(22.0)
    assert most_probable(shop.baskets[0]) == "25-34"


def test_two_people_are_a_mixture_and_a_child_beside_an_adult_does_not_buy() -> None:
    shop = Shop()
    shop.see(22, 2.0, "young")
    shop.see(57, 2.0, "old")
    shop.see(5, 2.0, "child")
    shop.buy(3.0, 10.0)
    shares = dict(shop.baskets[0].group_probabilities)
    assert shares["0-9"] < 0.01
    assert shares["18-24"] == pytest.approx(shares["50-64"], abs=0.2)
    assert sum(shares.values()) == pytest.approx(1.0)


def test_a_crowd_nobody_and_somebody_unseen_are_unknown() -> None:
    shop = Shop()
    shop.buy(1.0, 2.0, "nobody")
    shop.enter(5.0, "without-evidence")
    shop.buy(6.0, 8.0, "unseen")
    for number in range(4):
        shop.see(30 + number, 11.0, f"v{number}")
    shop.buy(12.0, 14.0, "crowd")
    assert [basket.group_probabilities for basket in shop.baskets] == [(), (), ()]


def test_a_basket_that_was_not_seen_from_its_start_is_none() -> None:
    store = MemorySaleStore()
    first = Shop(store=store)
    first.pos("opened", 1.0)
    first.pos("item_scanned", 2.0, **MILK)
    restarted = Shop(store=store)
    restarted.pos("item_scanned", 3.0, message_id="m9", **BREAD)
    restarted.pos("closed", 4.0, message_id="m10")
    restarted.pass_to(8.0)
    assert restarted.baskets == []


def test_repeated_and_overtaken_messages_give_one_basket() -> None:
    shop = Shop()
    shop.pos("item_scanned", 1.1, **MILK, message_id="a", sent_at_s=1.1)
    shop.pos("item_scanned", 1.2, **MILK, message_id="a", sent_at_s=1.1)
    shop.pos("opened", 1.3, sent_at_s=1.0)
    shop.pos("closed", 2.0, message_id="c", sent_at_s=2.0)
    shop.pos("item_scanned", 2.5, **BREAD, sent_at_s=1.9)
    shop.pass_to(4.0)
    shop.pos("closed", 5.0, sent_at_s=2.0)
    shop.pass_to(9.0)
    [basket] = shop.baskets
    assert basket.lines == ((Goods("dairy", "milk"), 1), (Goods("bakery", "bread"), 1))


def test_a_sale_number_used_again_is_another_basket() -> None:
    shop = Shop()
    shop.buy(1.0, 2.0)
    shop.buy(5.0, 6.0)
    assert len(shop.baskets) == 2


def test_a_back_log_is_not_attributed_to_who_stands_there_now() -> None:
    shop = Shop()
    shop.see(30, 100.0)
    steps: tuple[tuple[SaleStep, float], ...] = (
        ("opened", 1.0), ("item_scanned", 2.0), ("closed", 3.0),
    )  # fmt: skip
    for step, sent_at_s in steps:
        goods = MILK if step == "item_scanned" else {}
        shop.pos(step, 100.0, sent_at_s=sent_at_s, told_late=True, **goods)
    shop.pass_to(104.0)
    [basket] = shop.baskets
    assert basket.group_probabilities == ()


def test_an_endless_sale_and_one_of_too_many_steps_give_no_basket() -> None:
    shop = Shop(ShopSettings(challenge=ChallengeSection(sale_max_s=60.0)))
    shop.pos("opened", 1.0, "endless")
    shop.pos("item_scanned", 2.0, "endless", **MILK)
    shop.pos("opened", 3.0, "huge")
    for number in range(MAX_STEPS + 1):
        shop.pos("item_scanned", 3.0 + number / 1000, "huge", **MILK)
    shop.pos("closed", 5.0, "huge")
    shop.pass_to(70.0)
    shop.pos("closed", 71.0, "endless")
    shop.pass_to(80.0)
    assert shop.baskets == []


def test_a_stop_sends_the_baskets_of_closed_sales_only() -> None:
    shop = Shop()
    shop.pos("opened", 1.0, "open")
    shop.pos("item_scanned", 1.1, "open", **MILK)
    shop.pos("opened", 1.2, "closed")
    shop.pos("item_scanned", 1.3, "closed", **BREAD)
    shop.pos("closed", 1.4, "closed")
    shop.register.finish()
    assert [basket.lines[0][0].product_id for basket in shop.baskets] == ["bread"]


def offers_shop(**offers: Any) -> Shop:  # noqa: ANN401
    settings = ShopSettings(offers=OfferSection(**offers))
    shop = Shop(settings)
    liked = {
        "18-24": [("alcohol", "beer", 9.0), ("drinks", "cola", 3.0)],
        "25-34": [("drinks", "cola", 2.0), ("dairy", "oat", 2.5)],
        "65+": [("tea", "black-tea", 4.0)],
    }
    groups = tuple(
        GroupOffers(
            group=name,
            products=tuple(
                OfferedProduct(category=category, product_id=product, lift=lift, baskets=50)
                for category, product, lift in liked.get(name, [])
            ),
        )
        for name in group_names(settings.age_groups)
    )
    shop.register.use_offers(OfferTable(groups=groups))
    return shop


def shown(shop: Shop) -> list[list[str]]:
    return [[goods.product_id for goods in offer.goods] for offer in shop.offers]


def test_an_offer_fits_the_age_group_and_comes_once_a_visit() -> None:
    shop = offers_shop()
    shop.see(80, 1.0, crops=2)
    assert shown(shop) == []
    shop.see(80, 2.0, crops=6)
    shop.see(80, 40.0, crops=6)
    [[first, *_]] = shown(shop)
    assert first == "black-tea"
    assert shop.offers[0].expires_wall_s - shop.offers[0].occurred_wall_s == 30.0


def test_age_restricted_goods_are_never_offered_and_the_groups_are_weighed() -> None:
    shop = offers_shop(products=2)
    shop.see(26, 2.0, crops=6)
    assert shown(shop) == [["cola", "oat"]]


def test_offers_keep_their_distance_and_come_when_it_has_passed() -> None:
    shop = offers_shop(min_interval_s=10.0)
    shop.see(80, 1.0, "first")
    shop.see(30, 4.0, "second")
    assert len(shop.offers) == 1
    shop.pass_to(12.0)
    assert len(shop.offers) == 2


def test_a_visit_that_has_ended_is_offered_nothing_and_without_a_table_nobody_is() -> None:
    shop = offers_shop()
    shop.see(80, 1.0, crops=2)
    shop.leave(1.5)
    shop.pass_to(5.0)
    without: list[Outcome] = Shop().sent
    assert (shop.offers, without) == ([], [])

"""The model's real age error between the customer and the report.

The tables of the README's section come from `python -m tests.insights.test_age_error`.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from rich.console import Console
from rich.table import Table

from agent.insights.confusion import (
    CONFUSION_NAME,
    Float64Array,
    GroupConfusion,
    corrected,
)
from agent.insights.offers import learn_offers
from agent.insights.report import make_report
from tests.insights.shop import MIX, PLANTED, PRODUCTS, Shop, age_error

BASKETS = 20_000
SEEDS = range(20)
PREFERENCE = 4.0
MODEL = Path(__file__).parents[2] / "models" / "age_resnet50"

#: Shares of the groups in percent.
MIXES = {
    "as in UTKFace test": tuple(age_error()["people"]),
    "supermarket": MIX,
    "students": (1, 2, 40, 30, 15, 8, 4),
    "club night": (1, 2, 60, 20, 10, 5, 2),
    "pensioners": (1, 1, 4, 10, 20, 30, 34),
    "school": (10, 50, 10, 10, 15, 4, 1),
}


def shipped_confusion() -> GroupConfusion:
    return GroupConfusion.model_validate_json((MODEL / CONFUSION_NAME).read_bytes())


def counted(mix: tuple[float, ...]) -> dict[str, Float64Array]:
    """Return the shares of the groups as each way of counting gives them, faces of UTKFace test."""
    true = np.array(mix, dtype=np.float64) / sum(mix)
    people = np.array(age_error()["people"], dtype=np.float64)
    sums = np.array(age_error()["mean_probability"]).T @ true
    sums /= sums.sum()
    most_probable = (np.array(age_error()["most_probable"]) / people[:, None]).T @ true
    by_correction = corrected(sums[:, None], shipped_confusion())[:, 0]
    return {
        "true": true,
        "most probable": most_probable,
        "sum": sums,
        "sum, corrected": by_correction,
    }


def wrong_share(shares: Float64Array, true: Float64Array) -> float:
    """Return the share of people who are counted in a wrong group, net."""
    return float(np.abs(shares - true).sum() / 2)


@pytest.mark.parametrize("mix", MIXES.values(), ids=MIXES.keys())
def test_what_the_report_says_is_nearer_to_the_truth_than_counting_the_most_probable(
    mix: tuple[float, ...],
) -> None:
    shares = counted(mix)
    reported = wrong_share(shares["sum, corrected"], shares["true"])
    assert reported < 0.75 * wrong_share(shares["most probable"], shares["true"])


def test_sums_are_unbiased_for_the_mix_that_the_model_was_made_for() -> None:
    shares = counted(MIXES["as in UTKFace test"])
    assert wrong_share(shares["sum"], shares["true"]) < 0.05
    assert wrong_share(shares["most probable"], shares["true"]) > 0.07


def test_the_correction_brings_every_skewed_mix_nearer_still() -> None:
    for name, mix in list(MIXES.items())[1:]:
        shares = counted(mix)
        bound = 0.15 if name == "club night" else 0.12
        after = wrong_share(shares["sum, corrected"], shares["true"])
        assert after < min(bound, wrong_share(shares["sum"], shares["true"]))


def test_the_correction_keeps_the_total_and_undoes_the_confusion() -> None:
    confusion = shipped_confusion()
    true = np.random.default_rng(1).uniform(100, 1000, (len(MIX), 5))
    seen = np.array(confusion.mean_probability).T @ true
    found = corrected(seen, confusion)
    assert found.sum(axis=0) == pytest.approx(seen.sum(axis=0), rel=1e-6)
    before, after = np.abs(seen - true).sum(), np.abs(found - true).sum()
    assert after < 0.3 * before
    assert corrected(seen, None) is seen


def recovered(seed: int, preference: float, how: str) -> tuple[int, float]:
    """Return of how many groups the planted products are the first offered, and their lift."""
    shop = Shop.of(seed, preference)
    sales = shop.sell(seed, BASKETS)
    probabilities = sales.certain() if how == "true groups" else sales.seen()
    if how == "most probable group":
        probabilities = np.eye(len(MIX))[probabilities.argmax(axis=1)]
    confusion = shipped_confusion() if how == "sums, corrected" else None
    report = make_report(sales.counts(probabilities), confusion, min_baskets=20)
    table = learn_offers(report, PLANTED)
    hits = 0
    for group, offers in enumerate(table.groups):
        liked = {f"p{number}" for number in shop.liked[group]}
        hits += {product.product_id for product in offers.products} == liked
    planted = {
        (name, f"p{number}")
        for name, products in zip(age_error()["groups"], shop.liked, strict=True)
        for number in products
    }
    lifts = [row.lift for row in report.lifts if (row.group, row.product_id) in planted]
    return hits, float(np.mean(lifts))


def test_the_planted_products_are_recovered_through_the_models_error() -> None:
    results = [recovered(seed, PREFERENCE, "sums, corrected") for seed in SEEDS]
    complete = sum(hits == len(MIX) for hits, _ in results)
    assert complete >= 0.95 * len(SEEDS)


def test_without_the_correction_the_error_dilutes_the_lift() -> None:
    _, true_lift = recovered(0, PREFERENCE, "true groups")
    _, seen_lift = recovered(0, PREFERENCE, "sums")
    _, corrected_lift = recovered(0, PREFERENCE, "sums, corrected")
    assert seen_lift < 0.75 * true_lift
    assert corrected_lift > 0.85 * true_lift


def test_intervals_hold_the_true_lift_as_often_as_they_say() -> None:
    held = []
    for seed in range(5):
        shop = Shop.of(seed, 2.0)
        sales = shop.sell(seed, BASKETS)
        report = make_report(sales.counts(sales.certain()), None, min_baskets=20)
        overall = shop.rates @ np.array(MIX)
        for row in report.lifts:
            product, group = int(row.product_id[1:]), age_error()["groups"].index(row.group)
            held.append(row.low <= shop.rates[product, group] / overall[product] <= row.high)
    assert len(held) > 0.8 * 5 * PRODUCTS * len(MIX)
    assert 0.92 <= np.mean(held) <= 0.98


def main() -> None:
    """Print the tables of the docs."""
    console = Console(width=110)
    mixes = Table("mix", *(f"{name}: wrong group" for name in list(counted(MIX))[1:]))
    for name, mix in MIXES.items():
        shares = counted(mix)
        wrong = [wrong_share(shares[how], shares["true"]) for how in list(shares)[1:]]
        mixes.add_row(name, *(f"{value:.1%}" for value in wrong))
    console.print(mixes)
    lifts = Table("preference", "how", "planted lift found", "groups right", "all 7 right")
    for preference in (2.0, 3.0, 4.0):
        for how in ("true groups", "most probable group", "sums", "sums, corrected"):
            results = [recovered(seed, preference, how) for seed in SEEDS]
            lifts.add_row(
                f"{preference:.0f}",
                how,
                f"{np.mean([lift for _, lift in results]):.2f}",
                f"{np.mean([hits for hits, _ in results]):.1f} of 7",
                f"{sum(hits == 7 for hits, _ in results)} of {len(SEEDS)}",
            )
    console.print(lifts)


if __name__ == "__main__":
    main()

"""A simulated shop with known preferences, seen through the shipped model's real age error.

The error is `fixtures/age_group_error.json`: what the model said about UTKFace's test faces,
averaged over eight of them each (`python -m training.group_confusion --aggregate`).
"""

from __future__ import annotations

import functools
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from agent.insights.counts import BUCKETS, Counts

Float64Array = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]

#: Customers by age group; 0-9 rarely pay.
MIX = (0.02, 0.05, 0.12, 0.20, 0.27, 0.20, 0.14)
PRODUCTS = 60
PLANTED = 3


@functools.cache
def age_error() -> dict[str, Any]:
    """Return the aggregate of the model's answers on UTKFace test."""
    file = Path(__file__).parents[1] / "fixtures" / "age_group_error.json"
    return dict(json.loads(file.read_text()))


@dataclass(frozen=True)
class Shop:
    """Rates of every product in every group; `liked[group]` are the planted products."""

    rates: Float64Array
    liked: IntArray

    @classmethod
    def of(cls, seed: int, preference: float) -> Shop:
        """Return a shop in which each group buys three products so many times as often."""
        random = np.random.default_rng(seed)
        rates = np.repeat(random.uniform(0.02, 0.06, PRODUCTS)[:, None], len(MIX), axis=1)
        liked = random.permutation(PRODUCTS)[: PLANTED * len(MIX)].reshape(len(MIX), PLANTED)
        for group, products in enumerate(liked):
            rates[products, group] *= preference
        return cls(rates, liked)

    def sell(self, seed: int, baskets: int) -> Sales:
        """Return so many baskets."""
        random = np.random.default_rng(1000 + seed)
        true = random.choice(len(MIX), baskets, p=MIX)
        return Sales(true, random.random((baskets, PRODUCTS)) < self.rates[:, true].T, seed)


@dataclass(frozen=True)
class Sales:
    """True groups (n,) and goods (n, products) of baskets."""

    true: IntArray
    goods: npt.NDArray[np.bool_]
    seed: int

    def certain(self) -> Float64Array:
        """Return probabilities of a model that never errs."""
        probabilities: Float64Array = np.eye(len(MIX))[self.true]
        return probabilities

    def seen(self) -> Float64Array:
        """Return what the shipped model says of such people."""
        random = np.random.default_rng(2000 + self.seed)
        probabilities = np.zeros((len(self.true), len(MIX)))
        for group, name in enumerate(age_error()["groups"]):
            rows = np.array(age_error()["prototypes"][name])
            mine = np.flatnonzero(self.true == group)
            weights = rows[:, 0] / rows[:, 0].sum()
            probabilities[mine] = rows[random.choice(len(rows), len(mine), p=weights), 1:]
        probabilities /= probabilities.sum(axis=1, keepdims=True)
        return probabilities

    def counts(self, probabilities: Float64Array) -> Counts:
        """Return the sums that DuckDB would make of these baskets."""
        bucket = np.random.default_rng(self.seed).integers(0, BUCKETS, len(self.true))
        parts = [bucket == number for number in range(BUCKETS)]
        return Counts(
            groups=tuple(age_error()["groups"]),
            products=tuple(("goods", f"p{number}") for number in range(PRODUCTS)),
            baskets=np.array([float(part.sum()) for part in parts]),
            people=np.array([probabilities[part].sum(axis=0) for part in parts]),
            with_product=np.array([self.goods[part].sum(axis=0) for part in parts], np.float64),
            bought=np.array([probabilities[p].T @ self.goods[p].astype(np.float64) for p in parts]),
        )

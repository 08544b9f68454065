"""Measures the whole decision on visits composed from photographs of known age.

`python -m training.composed_visits` takes UTKFace's test split, draws each face as a customer
who moves before a till's camera, and sends the frames through the agent's own pipeline and
register: detector, tracker, visits, quality gate, network, evidence, policy, sale. Nothing is
written but the figures.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import cv2
import numpy as np
import typer
from rich.console import Console
from rich.progress import track
from rich.table import Table

from agent.config.vision import CameraSection, EstimateSection
from training.composed.clips import (
    CAMERA_ID,
    VISIT_KINDS,
    ZONED_CAMERA,
    Clip,
    Composer,
    config_of,
)
from training.composed.faces import FaceShelf
from training.composed.figures import (
    AloneResult,
    alone_result,
    decision_figures,
    error_figures,
    right_visits,
    spread_figures,
    subset_spread_years,
    visit_figures,
)
from training.composed.scene import backgrounds
from training.composed.watching import Watcher

#: Every crop, for the spread of disjoint subsets.
_EVERY_FRAME = EstimateSection(
    rate_hz=60.0, settled_crops=1000, settled_rate_hz=60.0, max_wait_ms=0.0
)
_LONG_STAY_S = 24.0


@dataclass(frozen=True, slots=True)
class Amount:
    """How much is composed.

    Attributes:
        visits: Customers with the split's own mix of ages.
        minors: More of 14-17 years, for the false passes.
        young_adults: More of 18-24 years.
        long_visits: Of 200 crops and more, for the spread.
        clips: Of each kind in which visits are counted.
    """

    visits: int = 200
    minors: int = 60
    young_adults: int = 60
    long_visits: int = 16
    clips: int = 16


def compose(data: Path, split: str, amount: Amount, seed: int) -> dict[str, Any]:
    """Return the figures of everything that is measured.

    Args:
        data: Folder with `labels.csv` and its zip files.
        split: `test` to report, `val` to choose constants.
        amount: How much.
        seed: Of every choice.
    """
    cv2.setNumThreads(1)
    random = np.random.default_rng(seed)
    shelf = FaceShelf(data, split, random)
    composer = Composer(backgrounds(), random)
    mixed, minors, young = alone_results(shelf, composer, amount)
    return {
        "split": split,
        "seed": seed,
        "errors": error_figures(mixed),
        "decision": decision_figures([*mixed, *minors, *young]),
        "spread": spread_figures(list(_spreads(shelf, composer, amount.long_visits, random))),
        "visits": count_visits(data, split, amount.clips, seed),
    }


def count_visits(data: Path, split: str, clips: int, seed: int) -> dict[str, Any]:
    """Return how many visits were right, by kind of clip.

    Its choices are its own: they do not hang on how much else is composed.
    """
    random = np.random.default_rng([seed, 1])
    shelf = FaceShelf(data, split, random)
    return visit_figures(_counted_visits(shelf, Composer(backgrounds(), random), clips))


def alone_results(
    shelf: FaceShelf, composer: Composer, amount: Amount
) -> tuple[list[AloneResult], list[AloneResult], list[AloneResult]]:
    """Return the customers of the split's own age mix, then more minors, then young adults."""
    watcher = Watcher(config_of(CameraSection(id=CAMERA_ID)))
    faces = [
        shelf.take(amount.visits),
        shelf.take(amount.minors, 14, 17),
        shelf.take(amount.young_adults, 18, 24),
    ]
    names = ("customers", "14-17 years", "18-24 years")
    mixed, minors, young = (
        [_alone(watcher, composer.alone(face)) for face in track(group, name)]
        for group, name in zip(faces, names, strict=True)
    )
    return mixed, minors, young


def _alone(watcher: Watcher, clip: Clip) -> AloneResult:
    watched = watcher.watch(clip)
    # A customer lost and found again has two visits; the register judges by the youngest.
    visits = sorted(watched.estimates.values(), key=len, reverse=True)
    return alone_result(clip.truth[0].age_years, visits[0] if visits else [], watched.advice)


def _spreads(
    shelf: FaceShelf, composer: Composer, count: int, random: np.random.Generator
) -> Iterable[float]:
    watcher = Watcher(config_of(CameraSection(id=CAMERA_ID), _EVERY_FRAME))
    for face in track(shelf.take(count), "long visits"):
        watched = watcher.watch(composer.alone(face, _LONG_STAY_S))
        for estimates in watched.estimates.values():
            spread_years = subset_spread_years(estimates, random)
            if spread_years is not None:
                yield spread_years


def _counted_visits(shelf: FaceShelf, composer: Composer, clips: int) -> dict[str, tuple[int, int]]:
    watchers = {False: Watcher(config_of(CameraSection(id=CAMERA_ID)))}
    watchers[True] = Watcher(config_of(ZONED_CAMERA))
    counted: dict[str, tuple[int, int]] = {}
    for kind in VISIT_KINDS:
        right = total = 0
        for _ in track(range(clips), kind):
            clip = composer.visits(kind, shelf.take(3, low_years=5))
            watched = watchers[kind == "ignore_zone"].watch(clip)
            pair = right_visits(clip.truth, watched.visits)
            right, total = right + pair[0], total + pair[1]
        counted[kind] = (right, total)
    return counted


def tables(figures: dict[str, Any]) -> list[Table]:
    """Return the figures for a terminal."""
    return [_error_table(figures), _decision_table(figures["decision"]), _visit_table(figures)]


def _error_table(figures: dict[str, Any]) -> Table:
    errors, spread = figures["errors"], figures["spread"]
    title = f"{errors['visits']} composed visits, UTKFace {figures['split']}"
    table = Table("figure", "value", "95 % interval", title=title)
    table.add_row("visits without evidence", str(errors["without_evidence"]), "")
    table.add_row("crops per visit", f"{errors['crops_per_visit']:.1f}", "")
    for name in ("single_mae", "three_crops_mae", "fused_mae", "gain"):
        each = errors[f"{name}_years"]
        table.add_row(
            f"{name.replace('_', ' ')}, years",
            f"{each['value']:.2f}",
            f"{each['low']:.2f} to {each['high']:.2f}",
        )
    table.add_row("inside the fused 90 % interval", *_ratio_cells(errors["coverage_ratio"]))
    if spread["visits"]:
        text = f"{spread['mean_years']:.2f} (largest {spread['largest_years']:.2f})"
        table.add_row("spread of 20 subsets of 10 crops, years", text, f"{spread['visits']} visits")
    return table


def _decision_table(decision: dict[str, Any]) -> Table:
    table = Table(
        "age", "customers", "passed unasked", "challenged", "unsure", title="The decision"
    )
    for band, shares in decision.items():
        cells = (" ".join(_ratio_cells(shares[k])) for k in ("passed", "challenged", "unsure"))
        table.add_row(band, str(shares["passed"]["n"]), *cells)
    return table


def _visit_table(figures: dict[str, Any]) -> Table:
    table = Table("clips", "visits right", "share", "95 % interval", title="Visits")
    for kind, share in figures["visits"].items():
        table.add_row(
            kind.replace("_", " "), f"{share['count']}/{share['n']}", *_ratio_cells(share)
        )
    return table


def _ratio_cells(share: dict[str, float]) -> Sequence[str]:
    return f"{share['value']:.1%}", f"({share['low']:.1%} to {share['high']:.1%})"


def main(
    shared: Annotated[
        Path, typer.Option(envvar="CHECKOUT_SHARED_DIR", help="folder that holds data/")
    ] = Path("../shared"),
    split: Annotated[str, typer.Option(help="test to report, val to choose constants")] = "test",
    out: Annotated[Path | None, typer.Option(help="JSON file for the figures")] = None,
    visits: Annotated[int, typer.Option(help="customers", min=2)] = 200,
    seed: Annotated[int, typer.Option(help="of every choice")] = 20261124,
) -> None:
    """Compose visits, run them through the agent, and print what came out."""
    share = visits / 200
    amount = Amount(
        visits=visits,
        minors=max(2, round(60 * share)),
        young_adults=max(2, round(60 * share)),
        long_visits=max(1, round(16 * share)),
        clips=max(1, round(16 * share)),
    )
    figures = compose(shared / "data", split, amount, seed)
    console = Console()
    for table in tables(figures):
        console.print(table)
    if out is not None:
        out.write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    typer.run(main)

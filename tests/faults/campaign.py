"""Breaks a running agent, again and again, and counts what came of it: `make faults`.

    python -m tests.faults.campaign --times 50 --seed 1

Real Mosquitto behind TLS and a password, a real agent with two cameras over HTTP that go on in
real time, a till that sells without pause. One fault at a time, at a random moment of a seeded
script; all faults stand in `tests.faults.plans`.
"""

from __future__ import annotations

import argparse
import signal
import sys
import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

from agent.commands.demo import demo_clip
from tests.faults.plans import PLANS
from tests.faults.report import Memory, head
from tests.faults.scene import Scene, battlefield
from tests.faults.trial import Plan, inflict

#: So many audits are heard before memory is measured first: caches are full then.
_WARM_AUDITS = 30


@dataclass(frozen=True)
class Paper:
    """Where the table goes, line by line.

    Attributes:
        out: A file, too.
    """

    screen: TextIO
    out: Path | None

    def write(self, text: str) -> None:
        """Write a line at once: a campaign that is broken off leaves what it has."""
        self.screen.write(text)
        self.screen.flush()
        if self.out is not None:
            with self.out.open("a", encoding="utf-8") as file:
                file.write(text)


def fight(scene: Scene, kills: int, plans: Iterable[Plan], paper: Paper) -> Iterator[str]:
    """Inflict everything, one after another; yield each aim that was missed."""
    for plan in plans:
        if lack := plan.need():
            paper.write(f"| {plan.name} | 0: needs {lack} |\n")
            yield f"{plan.name}: not tried: needs {lack}"
            continue
        row = inflict(scene, plan, plan.times(kills))
        paper.write(row.line)
        yield from (*row.wrongs, *row.delays)


def memory_since(scene: Scene, before_bytes: dict[str, int]) -> list[Memory]:
    """Return how the processes have grown."""
    after_bytes = scene.resident_bytes()
    return [Memory(name, before_bytes[name], after_bytes[name]) for name in before_bytes]


def main() -> int:
    """Run the long campaign and print its table; return 1 when an aim was missed."""
    options = _options()
    # Ended as by Ctrl-C: broker, agent and cameras are ended with it.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    if options.out is not None:
        options.out.parent.mkdir(parents=True, exist_ok=True)
        options.out.unlink(missing_ok=True)
    paper = Paper(sys.stdout, options.out)
    plans = [plan for plan in PLANS if any(word in plan.name for word in options.only)]
    with (
        tempfile.TemporaryDirectory(prefix="faults-") as folder,
        battlefield(Path(folder), demo_clip(), options.seed, options.freeze_s) as scene,
    ):
        scene.wait(
            lambda: len(scene.witness.diary.on("event/sale-audit")) >= _WARM_AUDITS, "audits"
        )
        before_bytes = scene.resident_bytes()
        paper.write(head())
        missed = list(fight(scene, options.times, plans, paper))
        memory = memory_since(scene, before_bytes)
    paper.write("\nMemory: " + "; ".join(each.line for each in memory) + "\n")
    paper.write(f"The agent took {scene.start_s:.1f} s to start.\n")
    missed += [wrong for each in memory for wrong in each.wrongs]
    paper.write("".join(f"MISSED {each}\n" for each in missed) or "All aims reached.\n")
    return 1 if missed else 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--times", type=int, default=50, help="how often each process is killed")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument(
        "--freeze-s",
        type=float,
        default=30.0,
        help="how long the broker stands still; others: a third",
    )
    parser.add_argument(
        "--only", nargs="+", default=[""], help="faults whose name holds one of these words"
    )
    parser.add_argument("--out", type=Path, help="write the table into this file, too")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())

"""One fault, inflicted several times: what is due, what came of it, how long it took."""

from __future__ import annotations

import datetime
import time
import uuid
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Literal

from agent.publish.sales import HelloPayload
from tests.brokers import wait_until
from tests.faults.report import Row
from tests.faults.scene import PATIENCE_S, TOPIC, Scene
from tests.faults.till import Sale

#: A fault comes at a random moment of so long.
MOMENT_S = 1.5
SHOWN_AGAIN_WITHIN_S = 10.0


@dataclass(frozen=True)
class Inflicted:
    """What a fault came to.

    Attributes:
        mended_s: When it was over (monotonic).
        noticed_s: How long the agent took to say so; None: it need not.
        kills: How often the agent was killed.
    """

    mended_s: float
    noticed_s: float | None = None
    kills: int = 0


Fault = Callable[[Scene], Inflicted]


def nothing() -> str:
    """Return that a plan needs nothing of the machine."""
    return ""


@dataclass(frozen=True)
class Plan:
    """A fault and how often it comes: slow ones less often.

    Attributes:
        fault: Breaks something, mends it, and says when.
        share: Of the times that each process is killed.
        shows_again: An alert that is due has to be shown again after it: by itself, since the
            display may have missed it, or at least when a display asks.
        ground: What has to be laid before and taken away after all of it.
        need: Returns what the machine lacks for it, or empty.
        in_tests: Whether the short form has it too.
    """

    name: str
    fault: Fault
    share: float = 0.1
    shows_again: Literal["", "by itself", "when asked"] = ""
    ground: Callable[[Scene], AbstractContextManager[None]] = lambda _: nullcontext()
    need: Callable[[], str] = nothing
    in_tests: bool = True

    def times(self, kills: int) -> int:
        """Return how often it comes when each process is killed so many times."""
        return max(1, round(kills * self.share))


@dataclass
class _Tally:
    """What has come of the trials so far."""

    recovery_s: float = 0.0
    noticed_s: float | None = None
    kills: int = 0
    shown: int = 0

    def add(self, done: Inflicted, recovery_s: float) -> None:
        self.recovery_s = max(self.recovery_s, recovery_s)
        self.kills += done.kills
        if done.noticed_s is not None:
            self.noticed_s = max(self.noticed_s or 0.0, done.noticed_s)


def inflict(scene: Scene, plan: Plan, times: int) -> Row:
    """Inflict a fault several times, wait for recovery each time, and count."""
    began_s = time.monotonic()
    tally = _Tally()
    with plan.ground(scene):
        for _ in range(times):
            _try_once(scene, plan, tally)
    closed = [sale for sale in scene.till.sales if (sale.closed_at_s or 0.0) >= began_s]
    diary, ids = scene.witness.diary, scene.ledger.event_ids
    wait_until(lambda: diary.count(closed, ids).lost == 0, PATIENCE_S / 2)
    row = Row(
        plan.name,
        times,
        diary.count(closed, ids),
        tally.recovery_s,
        tally.kills,
        tally.shown if plan.shows_again else None,
        tally.noticed_s,
    )
    scene.rows.append(row)
    return row


def _try_once(scene: Scene, plan: Plan, tally: _Tally) -> None:
    time.sleep(scene.chance.uniform(0.0, MOMENT_S))
    held = _hold(scene) if plan.shows_again else None
    began_s = time.monotonic()
    done = plan.fault(scene)
    tally.add(done, _normal_s(scene, done.mended_s) - done.mended_s)
    if plan.shows_again == "when asked":
        scene.witness.publish(f"{TOPIC}/display/hello", _hello())
    if held is not None:
        tally.shown += _is_shown_again(scene, held, began_s)
        scene.till.finish(held, checked=True)


def _hold(scene: Scene) -> Sale:
    """Open a sale that stays open, and return it when its alert has been shown."""
    sale = scene.till.open()
    scene.wait(lambda: scene.witness.diary.alerts_of(sale), f"the alert of {sale.sale_id}")
    return sale


def _is_shown_again(scene: Scene, sale: Sale, since_s: float) -> bool:
    """Return whether the alert of a sale comes again, as the same event."""
    before = scene.witness.diary.alerts_of(sale)[0].payload["event_id"]
    return wait_until(
        lambda: any(
            alert.at_s >= since_s and alert.payload["event_id"] == before
            for alert in scene.witness.diary.alerts_of(sale)
        ),
        SHOWN_AGAIN_WITHIN_S,
    )


def _hello() -> bytes:
    """Return what a display says that was started anew."""
    now = datetime.datetime.now(datetime.UTC)
    hello = HelloPayload(schema_version=1, message_id=uuid.uuid4().hex, occurred_at=now)
    return hello.model_dump_json().encode()


def _normal_s(scene: Scene, mended_s: float) -> float:
    """Return since when all was well: sales are asked for and audited, and the agent says so."""
    since: list[float] = []

    def is_normal() -> bool:
        found = [_asked_s(scene, mended_s), _audited_s(scene, mended_s), scene.clean_since_s()]
        since[:] = [each for each in found if each is not None]
        return len(since) == len(found)

    scene.wait(is_normal, f"normal again; it says: {scene.degraded()}")
    return max(mended_s, *since)


def _asked_s(scene: Scene, mended_s: float) -> float | None:
    """Return when the first sale opened since was asked for."""
    sales = _latest(scene, lambda sale: sale.opened_at_s >= mended_s)
    heard = [alert.at_s for sale in sales for alert in scene.witness.diary.alerts_of(sale)]
    return min(heard, default=None)


def _audited_s(scene: Scene, mended_s: float) -> float | None:
    """Return when the first sale closed since was audited."""
    sales = _latest(scene, lambda sale: (sale.closed_at_s or mended_s) >= mended_s)
    closed = [sale for sale in sales if sale.closed_at_s is not None]
    heard = [scene.witness.diary.audit_of(sale) for sale in closed]
    return min((audit.at_s for audit in heard if audit is not None), default=None)


def _latest(scene: Scene, is_late: Callable[[Sale], bool]) -> list[Sale]:
    """Return the newest sales of which it is so; one held open may lie among them."""
    return [sale for sale in scene.till.sales[-200:] if is_late(sale)]

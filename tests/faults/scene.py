"""Everything that takes part in the campaign: started together, ended together."""

from __future__ import annotations

import random
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil

from tests.brokers import Mosquitto, wait_until
from tests.faults.disk import SmallDisk
from tests.faults.ledger import Ledger
from tests.faults.live_camera import LiveCamera
from tests.faults.proxy import Proxy
from tests.faults.report import Row
from tests.faults.till import Till
from tests.faults.trust import USER, Trust
from tests.faults.witness import Witness
from tests.running_agent import REPOSITORY, RunningAgent

TOPIC = "checkout/v1/demo-store/till-1"
#: Longest wait for anything; it fails the campaign, it is no target.
PATIENCE_S = 60.0
CAMERAS = ("first", "second")
#: A reason that stands until the next start, so that it is seen by somebody.
_TOLD_FOR_GOOD = "was unusable and lies at"


@dataclass
class Scene:
    """Everything that takes part.

    Attributes:
        models: The agent's own copy of the model files.
        freeze_s: How long the broker stands still; other faults last a third of it.
        start_s: How long the agent took to start: a machine with other work to do is slow.
        rows: What has been counted, one a fault.
    """

    folder: Path
    broker: Mosquitto
    trust: Trust
    proxy: Proxy
    disk: SmallDisk
    agent: RunningAgent
    cameras: dict[str, LiveCamera]
    till: Till
    witness: Witness
    ledger: Ledger
    chance: random.Random
    freeze_s: float
    start_s: float = 0.0
    rows: list[Row] = field(default_factory=list)

    @property
    def lasting_s(self) -> float:
        return self.freeze_s / 3

    @property
    def models(self) -> Path:
        return self.folder / "models"

    @property
    def outbox(self) -> Path:
        return self.disk.folder / "outbox.sqlite3"

    def camera_state(self, camera_id: str) -> str:
        """Return the last state that the agent has published of a camera."""
        said = self.witness.diary.on(f"camera/{camera_id}/status")
        return str(said[-1].payload["state"]) if said else "unknown"

    def degraded(self) -> str:
        """Return what the agent last said is not as it should be."""
        said = self.witness.diary.on("/state")
        return "; ".join(said[-1].payload["degraded"]) if said else ""

    def clean_since_s(self) -> float | None:
        """Return since when the agent says that all is well; None: it does not."""
        since_s = None
        for heard in reversed(self.witness.diary.on("/state")):
            if not _is_clean(heard.payload):
                break
            since_s = heard.at_s
        return since_s

    def wait(self, condition: Callable[[], object], what: str) -> None:
        """Wait until something has come true, or end the campaign."""
        if not wait_until(condition, PATIENCE_S):
            raise AssertionError(f"not within {PATIENCE_S:.0f} s: {what}\n{self.agent.log[-6000:]}")

    def resident_bytes(self) -> dict[str, int]:
        """Return the memory of the agent process and of the vision process."""
        processes = {"agent": psutil.Process(self.agent.pid)}
        for child in self.agent.children("vision"):
            processes["vision"] = child
        return {name: int(each.memory_info().rss) for name, each in processes.items()}


def _is_clean(state: dict[str, Any]) -> bool:
    reasons = [each for each in state["degraded"] if _TOLD_FOR_GOOD not in each]
    online = [each for each in state["cameras"] if each["state"] == "online"]
    return not reasons and len(online) == len(CAMERAS)


@contextmanager
def battlefield(folder: Path, clip: Path, seed: int, freeze_s: float) -> Iterator[Scene]:
    """Start everything, wait until the first sales are audited, and end it all afterwards."""
    with ExitStack() as stack:
        cameras = {name: stack.enter_context(LiveCamera(clip)) for name in CAMERAS}
        trust = Trust(folder / "trust")
        broker = Mosquitto(folder / "broker", extra=trust.listeners()).start()
        stack.callback(broker.stop)
        proxy = Proxy(trust.ports["good"])
        stack.callback(proxy.stop)
        witness = Witness(broker.port)
        stack.callback(witness.close)
        till = Till(broker.port, f"{TOPIC}/pos/sale", seed)
        stack.callback(till.close)
        disk = SmallDisk(folder / "disk")
        stack.callback(disk.close)
        ledger = Ledger(disk.folder / "outbox.sqlite3")
        stack.callback(ledger.close)
        shutil.copytree(REPOSITORY / "models", folder / "models")
        agent = RunningAgent(folder, settings(folder, trust, proxy, cameras)).start()
        stack.callback(agent.end_if_alive)
        scene = Scene(
            folder, broker, trust, proxy, disk, agent, cameras, till, witness, ledger,
            random.Random(seed), freeze_s,
        )  # fmt: skip
        began_s = time.monotonic()
        scene.wait(scene.clean_since_s, "cameras and vision")
        scene.start_s = time.monotonic() - began_s
        till.start()
        stack.callback(till.stop)
        scene.wait(lambda: len(witness.diary.on("event/sale-audit")) >= 2, "the first audits")
        # As its timer would have: the sessions of agent and consumer outlive a killed broker.
        broker.save()
        yield scene


def settings(
    folder: Path, trust: Trust, proxy: Proxy, cameras: dict[str, LiveCamera]
) -> dict[str, object]:
    """Return settings under which every sale of alcohol is due a challenge; times are default."""
    return {
        "cameras": [{"id": name, "source": camera.address} for name, camera in cameras.items()],
        # No table supports it, so that there is no advice but to ask.
        "challenge": {"max_false_pass_ratio": 0.0, "unsure_after_s": 0.2},
        "estimate": {"models_folder": str(folder / "models")},
        "mqtt": {
            "port": proxy.port,
            "username": USER,
            "password_file": str(trust.password_file),
            "tls": {"ca_file": str(trust.ca_file)},
        },
        "outbox": {"path": str(folder / "disk" / "outbox.sqlite3")},
    }

"""Soak 1: real frames through the real daemon, as systemd would run it, and then a kill.

Live cameras show a real clip over HTTP in real time, a till sells without pause, and a
subscriber counts. At the end the agent is killed: nothing may be left of it.
"""

from __future__ import annotations

import contextlib
import re
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from agent.commands.demo import demo_clip
from agent.processes.private_folder import PrivateFolder
from tests.brokers import Mosquitto, free_port, wait_until
from tests.faults.live_camera import LiveCamera
from tests.faults.till import Till
from tests.running_agent import RunningAgent
from tests.soak.samples import Held, Sample, held_by
from tests.soak.subscriber import CountingConsumer

TOPIC = "checkout/v1/demo-store/till-1/pos/sale"
PATIENCE_S = 90.0
#: A dead agent's children are gone within so long, on a machine with other work to do.
GONE_S = 15.0
_KINDS = ("agent", "vision", "capture")


@dataclass
class Store:
    """A running agent, its cameras, its till and who listens."""

    agent: RunningAgent
    consumer: CountingConsumer
    http_port: int
    runtime_folder: Path
    began_s: float = field(default_factory=time.monotonic)

    def metrics(self) -> dict[str, float]:
        """Return the sums of the metrics page by name; empty while it cannot be read."""
        address = f"http://127.0.0.1:{self.http_port}/metrics"
        sums: dict[str, float] = {}
        with contextlib.suppress(OSError), urllib.request.urlopen(address, timeout=10) as page:
            for name, value in re.findall(r"^(\w+)(?:{.*})? (\S+)$", page.read().decode(), re.M):
                sums[name] = sums.get(name, 0.0) + float(value)
        return sums

    def frames(self) -> int:
        """Return how many frames were worked through."""
        return int(self.metrics().get("checkout_vision_frames_total", 0))

    def processes(self) -> dict[str, list[psutil.Process]]:
        """Return the agent's processes by kind."""
        return {
            "agent": [psutil.Process(self.agent.pid)],
            "vision": self.agent.children("vision"),
            "capture": self.agent.children("capture"),
        }

    def sample(self) -> Sample:
        """Look at everything."""
        held = {
            kind: sum((held_by(each) for each in processes), start=Held())
            for kind, processes in self.processes().items()
        }
        total = sum(held.values(), start=Held())
        sums = self.metrics()
        return Sample(
            at_s=time.monotonic() - self.began_s,
            done=int(sums.get("checkout_vision_frames_total", 0)),
            agent_mb=held["agent"].memory_mb,
            vision_mb=held["vision"].memory_mb,
            capture_mb=held["capture"].memory_mb,
            threads=total.threads,
            open_files=total.open_files,
            memfds=total.memfds,
            named_segments=total.named_segments,
            outbox_rows=int(sums.get("checkout_outbox_rows", 0)),
            outbox_kb=sums.get("checkout_outbox_bytes", 0.0) / 1e3,
            events=self.consumer.events,
        )


@contextmanager
def opened(folder: Path, cameras: int) -> Iterator[Store]:
    """Start everything, wait for the first frames, and end it all afterwards."""
    with ExitStack() as stack:
        shown = [stack.enter_context(LiveCamera(demo_clip(), seed)) for seed in range(cameras)]
        broker = Mosquitto(folder / "broker").start()
        stack.callback(broker.stop)
        consumer = CountingConsumer(broker.port)
        stack.callback(consumer.close)
        runtime = folder / "runtime"
        runtime.mkdir()
        port = free_port()
        settings = {
            "cameras": [
                {"id": f"c{number}", "source": camera.address}
                for number, camera in enumerate(shown)
            ],
            "mqtt": {"port": broker.port},
            "outbox": {"path": str(folder / "outbox.sqlite3"), "resend_window_s": 10},
            "observe": {"http_port": port},
        }
        agent = RunningAgent(folder / "agent", settings, {"TMPDIR": str(runtime)}).start()
        stack.callback(agent.end_if_alive)
        store = Store(agent, consumer, port, runtime)
        assert wait_until(lambda: store.frames() > 0, PATIENCE_S), agent.log[-8000:]
        till = Till(broker.port, TOPIC, seed=1)
        stack.callback(till.close)
        till.start()
        stack.callback(till.stop)
        yield store


def soak(
    folder: Path, frames: int, every_s: float, told: Callable[[Sample], None], cameras: int = 4
) -> list[Sample]:
    """Run until so many frames were worked through; return what was seen on the way.

    Args:
        folder: For broker, agent and its files.
        frames: How many.
        every_s: Time between samples.
        told: Called with each sample.
        cameras: How many cameras.

    Raises:
        AssertionError: The agent died, made nothing of what it saw, or left something behind.
    """
    samples: list[Sample] = []
    with opened(folder, cameras) as store:
        while not samples or samples[-1].done < frames:
            time.sleep(every_s)
            assert store.agent.runs, store.agent.log[-8000:]
            samples.append(store.sample())
            told(samples[-1])
        assert store.consumer.count("sale-audit") > 0
        kill_and_look(store)
    return samples


def kill_and_look(store: Store) -> None:
    """SIGKILL the agent; its children end at once, its folder with the next agent's start.

    Raises:
        AssertionError: Something is left behind.
    """
    assert store.sample().named_segments == 0, "a named segment would outlive its processes"
    living = [each for kind in _KINDS for each in store.processes()[kind]]
    store.agent.kill()
    left: list[psutil.Process] = []

    def are_gone() -> bool:
        left[:] = [each for each in living if each.is_running() and each.status() != "zombie"]
        return not left

    assert wait_until(are_gone, GONE_S), left
    assert len(list(store.runtime_folder.iterdir())) == 1, "a killed agent cannot tidy up"
    PrivateFolder(store.runtime_folder).remove()  # as the next agent does
    assert list(store.runtime_folder.iterdir()) == []

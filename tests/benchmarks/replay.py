"""Speed of a replay, latency of the daemon, memory of all processes: `make bench`.

Reported, not asserted: a figure of one machine on one day. The speed is a ratio, video time
over real time; run it on a quiet machine.
"""

from __future__ import annotations

import argparse
import contextlib
import re
import signal
import statistics
import subprocess
import tempfile
import threading
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import psutil
import yaml
from rich.console import Console
from rich.table import Table

from agent.commands.demo import demo_clip
from tests.brokers import Mosquitto, free_port, wait_until
from tests.end_to_end.command_line import AGENT, REPOSITORY
from tests.end_to_end.film import showing
from tests.streams.http_streams import serving

WIDTH_PX, HEIGHT_PX = 640, 480
REPEATS = 4
SAMPLE_S = 0.1


def large_clip(folder: Path) -> Path:
    """Return the demo's clip, four times over, at 640 x 480 and 30 frames a second."""
    path = folder / "clip.mp4"
    scale = f"scale={WIDTH_PX}:{HEIGHT_PX}"
    source = ["-stream_loop", str(REPEATS - 1), "-i", str(demo_clip())]
    coding = ["-vf", scale, "-c:v", "libx264", "-preset", "fast", "-an", str(path)]
    subprocess.run(["ffmpeg", "-v", "error", *source, *coding], check=True, timeout=120)
    return path


class PeakMemory:
    """Samples the proportional set size of a process and all its children."""

    def __init__(self, process_id: int) -> None:
        self._process = psutil.Process(process_id)
        self._stopping = threading.Event()
        self.peak_bytes = 0

    def watch(self) -> None:
        """Sample until stopped or the process is gone."""
        with contextlib.suppress(psutil.Error):
            while not self._stopping.wait(SAMPLE_S):
                self.peak_bytes = max(self.peak_bytes, self._sample_bytes())

    def stop(self) -> None:
        """End the sampling."""
        self._stopping.set()

    def _sample_bytes(self) -> int:
        total = 0
        for process in (self._process, *self._process.children(recursive=True)):
            with contextlib.suppress(psutil.Error):
                total += process.memory_full_info().pss
        return total


@contextlib.contextmanager
def measured(command: list[str]) -> Iterator[tuple[subprocess.Popen[str], PeakMemory]]:
    """Run a command and watch its memory."""
    process = subprocess.Popen(command, cwd=REPOSITORY, stderr=subprocess.PIPE, text=True)
    memory = PeakMemory(process.pid)
    thread = threading.Thread(target=memory.watch)
    thread.start()
    try:
        yield process, memory
    finally:
        memory.stop()
        thread.join()


def replay_speed(clip: Path, cameras: int) -> tuple[float, int]:
    """Return the multiple of real time and the peak memory of a replay."""
    command = [*AGENT, "replay", *[str(clip)] * cameras, "--jsonl", "/dev/null"]
    with measured(command) as (process, memory):
        _, said = process.communicate(timeout=300)
    found = re.search(r"([\d.]+) x real time", said)
    if found is None:
        raise SystemExit(said)
    return float(found[1]), memory.peak_bytes


def daemon_latency(folder: Path, seconds: float) -> tuple[dict[str, float], int]:
    """Return quantiles of frame to decision in seconds, and the peak memory, live."""
    broker = Mosquitto(folder / "broker").start()
    port = free_port()
    with serving(showing(demo_clip(), scale=3)) as camera:
        config = folder / "config.yaml"
        settings = {
            "cameras": [{"source": f"http://127.0.0.1:{camera.port}/"}],
            "mqtt": {"port": broker.port},
            "outbox": {"path": str(folder / "outbox.sqlite3")},
            "estimate": {"settled_rate_hz": 8.0},
            "observe": {"http_port": port},
        }
        config.write_text(yaml.safe_dump(settings))
        with measured([*AGENT, "run", "--config", str(config)]) as (process, memory):
            if not wait_until(lambda: histogram(port), 60):
                raise SystemExit("the daemon made no estimate")
            time.sleep(seconds)
            quantiles = {name: quantile(histogram(port), q) for name, q in QUANTILES.items()}
            process.send_signal(signal.SIGTERM)
            process.communicate(timeout=30)
    broker.stop()
    return quantiles, memory.peak_bytes


QUANTILES = {"median": 0.5, "95th percentile": 0.95}


def histogram(port: int) -> list[tuple[float, float]]:
    """Return the latency histogram as (upper bound in seconds, cumulative count)."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=5) as page:
            text = page.read().decode()
    except OSError:
        return []
    pattern = r'checkout_frame_to_decision_seconds_bucket\{le="([^"]+)"\} (\S+)'
    buckets = [(float(bound), float(count)) for bound, count in re.findall(pattern, text)]
    return buckets if buckets and buckets[-1][1] else []


def quantile(buckets: list[tuple[float, float]], ratio: float) -> float:
    """Return the upper bound of the bucket that holds the quantile, in seconds."""
    wanted = ratio * buckets[-1][1]
    return next(bound for bound, count in buckets if count >= wanted)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=3, help="replays of each kind")
    parser.add_argument("--seconds", type=float, default=15.0, help="of the live measurement")
    options = parser.parse_args()
    table = Table(title="benchmark", show_header=False)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        clip = large_clip(folder)
        for cameras in (1, 4):
            runs = [replay_speed(clip, cameras) for _ in range(options.runs)]
            speeds = sorted(speed for speed, _ in runs)
            table.add_row(
                f"replay of {cameras} x {WIDTH_PX} x {HEIGHT_PX}, multiple of real time",
                f"{statistics.median(speeds):.1f} ({speeds[0]:.1f} to {speeds[-1]:.1f})",
            )
            table.add_row(
                f"peak memory of all processes, {cameras} camera(s)",
                f"{max(peak for _, peak in runs) / 1e6:.0f} MB",
            )
        latency, peak_bytes = daemon_latency(folder, options.seconds)
        for label, value in latency.items():
            table.add_row(f"frame to decision, live, {label}", f"at most {value * 1000:.0f} ms")
        table.add_row("peak memory of the daemon", f"{peak_bytes / 1e6:.0f} MB")
    Console().print(table)


if __name__ == "__main__":
    main()

"""`checkout-agent replay`: the whole pipeline on recordings, in the video's own time."""

from __future__ import annotations

import datetime
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TextIO

from rich.console import Console

from agent import assemble
from agent.announcer import Announcer
from agent.capture.settings import CaptureMode
from agent.clock import ReplayClock, SystemClock
from agent.commands.broker import EmbeddedBroker
from agent.commands.replay_report import MessageCounter, closing_table, progress_bar
from agent.commands.terminal import plain
from agent.config.load import LoadedConfig
from agent.config.messaging import MqttSection, ObserveSection
from agent.config.vision import CameraSection
from agent.decide.sale_store import MemorySaleStore
from agent.errors import BrokerError, InputError, SourceError
from agent.loop import AgentLoop, ReplayedTill, ReplayLoop, Totals
from agent.observe.logs import set_up_logging
from agent.observe.metrics import Metrics
from agent.publish.mqtt import MqttPublisher
from agent.publish.publisher import FanOut, JsonLinesPublisher, Publisher
from agent.records import CameraStatus, CaptureEnded, VisionProgress
from agent.sales_script import SalesScript, load_sales_script

#: How long the end waits until the broker has acknowledged everything.
FLUSH_S = 10.0
#: How long a broker may take to accept us.
CONNECT_S = 5.0
STOP_S = 3.0
_POLL_S = 0.2


@dataclass(frozen=True, slots=True)
class ReplayOptions:
    """What the command line asked for."""

    videos: tuple[Path, ...]
    embedded_broker: bool = False
    realtime: bool = False
    start_at: str = "2026-01-01T12:00:00Z"
    jsonl: str | None = None
    sales: Path | None = None
    broker_from_config: bool = False


def replay(options: ReplayOptions, loaded: LoadedConfig) -> int:
    """Replay the recordings; return the exit code.

    Raises:
        AgentError: A recording, an option, the model or the broker cannot be used.
    """
    console = Console(stderr=True)
    # What goes wrong is said by the command itself, in one line.
    set_up_logging(ObserveSection(log_level="error"), sys.stderr)
    start_wall_s = parse_start(options.start_at)
    loaded = with_videos(loaded, options.videos)
    steps = load_sales_script(options.sales) if options.sales else ()
    script = SalesScript(steps, start_wall_s)
    clock = ReplayClock(start_wall_s, min(0.0, script.next_at_s or 0.0))
    with ExitStack() as stack:
        counter = MessageCounter()
        publishers: list[Publisher] = [counter]
        if options.jsonl is not None:
            stream = stack.enter_context(_json_stream(options.jsonl))
            publishers.append(JsonLinesPublisher(stream, assemble.topic_tree(loaded.config)))
        mqtt = _broker(options, loaded, clock, stack, console)
        if mqtt is not None:
            publishers.append(mqtt)
        run = ReplayRun(loaded, clock, script, FanOut(publishers), options.realtime)
        totals = run.run(console)
        if mqtt is not None and not mqtt.flush(FLUSH_S):
            raise BrokerError(f"the broker has not acknowledged everything within {FLUSH_S:.0f} s")
    console.print(closing_table(totals, counter, totals.vision.at_s, run.seconds))
    if run.warnings:
        raise SourceError("\n".join(run.warnings))
    return 0


def parse_start(text: str) -> float:
    """Return seconds since 1970 of an RFC 3339 time.

    Raises:
        InputError: It is no such time, or has no offset.
    """
    expected = "expected RFC 3339 such as 2026-01-01T12:00:00Z"
    try:
        moment = datetime.datetime.fromisoformat(text)
    except ValueError as error:
        raise InputError(f"--start-at: got {text}: {expected}") from error
    if moment.tzinfo is None:
        raise InputError(f"--start-at: got {text}: the offset is missing: {expected}")
    return moment.timestamp()


def with_videos(loaded: LoadedConfig, videos: Sequence[Path]) -> LoadedConfig:
    """Return the config with the recordings in place of its cameras; zones are kept."""
    for video in videos:
        _refuse_unusable(video)
    configured = loaded.config.cameras
    more = [CameraSection(id=f"video-{n + 1}") for n in range(len(configured), len(videos))]
    cameras = tuple(
        camera.model_copy(update={"source": str(video.resolve()), "username": None})
        for camera, video in zip((*configured, *more), videos, strict=False)
    )
    return loaded.with_config(loaded.config.model_copy(update={"cameras": cameras}))


def _refuse_unusable(video: Path) -> None:
    if not video.exists():
        raise InputError(f"{video}: no such file: check the name")
    if not video.is_file():
        raise InputError(f"{video}: is not a file: give a video file")
    try:
        str(video.resolve()).encode()
    except UnicodeEncodeError as error:
        # Settings travel to the capture process as JSON.
        raise InputError(f"{video}: its name is not UTF-8: rename it") from error


class ReplayRun:
    """Everything of one replay but its publishers.

    Args:
        loaded: The settings, with the recordings as cameras.
        clock: The video's.
        till: What it says.
        publisher: Takes the messages.
        realtime: Pace the recordings like cameras.
    """

    def __init__(
        self,
        loaded: LoadedConfig,
        clock: ReplayClock,
        till: ReplayedTill,
        publisher: Publisher,
        realtime: bool,
    ) -> None:
        config = loaded.config
        entry = assemble.verified_model(config.estimate)
        metrics = Metrics()
        self._cameras = [camera.id for camera in config.cameras]
        self._clock = clock
        part = assemble.model_part(entry)
        self._announcer = Announcer(publisher, clock, loaded.digest, part, metrics)
        register = assemble.register(
            config, clock, self._announcer.outcome, MemorySaleStore(), entry
        )
        mode: CaptureMode = "replay_realtime" if realtime else "replay"
        self._source = assemble.supervisor(loaded, SystemClock(), mode, clock.start_wall_s)
        self._loop = AgentLoop(self._source, register, self._announcer, metrics)
        pace = pacemaker(clock) if realtime else _no_pace
        self._replaying = ReplayLoop(self._loop, register, clock, till, pace)
        #: Recordings that ended early.
        self.warnings: list[str] = []
        #: Seconds from the first frame to the last.
        self.seconds = 0.0

    def run(self, console: Console) -> Totals:
        """Replay to the end and return what was seen.

        Raises:
            SourceError: A recording cannot be read.
        """
        self._announcer.state()
        with progress_bar(console) as show:
            self._replaying.lead_in()
            for camera_id in self._cameras:
                self._announcer.camera(CameraStatus(camera_id, "online", self._clock.wall_s()))
            self._source.start()
            try:
                self._work_through(show)
                self._replaying.finish()
            finally:
                self._source.stop(STOP_S)
        self._announcer.stop("the recording is over")
        return self._loop.totals

    def _work_through(self, show: Callable[[Totals], None]) -> None:
        begun_s: float | None = None
        going = True
        while going:
            for record in self._source.poll(_POLL_S):
                going = self._replaying.handle(record) and going
                if begun_s is None and isinstance(record, VisionProgress):
                    begun_s = time.monotonic()
                if isinstance(record, CaptureEnded) and record.warning:
                    self.warnings.append(record.warning)
            show(self._loop.totals)
        self.seconds = time.monotonic() - (begun_s or time.monotonic())


def pacemaker(clock: ReplayClock) -> Callable[[float], None]:
    """Return a function that sleeps until a virtual instant has come in real time."""
    offset_s = time.monotonic() - clock.now_s()

    def pace(at_s: float) -> None:
        # Only the lead-in and the end sleep here; between frames the reader keeps the pace.
        time.sleep(max(0.0, at_s + offset_s - time.monotonic()))

    return pace


def _no_pace(at_s: float) -> None:
    """Do not wait for the instant `at_s`."""


@contextmanager
def _json_stream(target: str) -> Iterator[TextIO]:
    if target == "-":
        yield sys.stdout
        return
    try:
        with Path(target).open("w", encoding="utf-8") as stream:
            yield stream
    except OSError as error:
        raise InputError(f"--jsonl: {target}: {error.strerror}: give another file") from error


def _broker(
    options: ReplayOptions,
    loaded: LoadedConfig,
    clock: ReplayClock,
    stack: ExitStack,
    console: Console,
) -> MqttPublisher | None:
    """Return a publisher that is connected, or None when no broker is wanted."""
    if options.embedded_broker:
        broker = stack.enter_context(EmbeddedBroker())
        console.print(f"embedded broker at mqtt://127.0.0.1:{broker.port}")
        loaded = embedded(loaded, broker.port)
    elif not options.broker_from_config:
        return None
    # An outbox of its own: a recording must not mix with the events of the real register.
    folder = Path(stack.enter_context(TemporaryDirectory(prefix="checkout-replay-")))
    publisher = assemble.mqtt_publisher(loaded, clock, folder / "outbox.sqlite3")
    publisher.start()
    stack.callback(publisher.stop, STOP_S)
    if connects(publisher):
        return publisher
    mqtt = loaded.config.mqtt
    text = f"broker {mqtt.host}:{mqtt.port}: {publisher.status.reason}"
    if options.jsonl is None:
        raise BrokerError(f"{text}: start it, correct mqtt.*, or use --embedded-broker")
    console.print(plain(f"{text}: going on with --jsonl alone", "yellow"), soft_wrap=True)
    return None


def connects(publisher: MqttPublisher) -> bool:
    """Wait for the first connection; return whether there is one."""
    deadline_s = time.monotonic() + CONNECT_S
    while not publisher.status.connected and time.monotonic() < deadline_s:
        time.sleep(_POLL_S / 10)
    return publisher.status.connected


def embedded(loaded: LoadedConfig, port: int) -> LoadedConfig:
    """Return the config with the embedded broker, which speaks MQTT 3.1.1 without a password."""
    prefix = loaded.config.mqtt.prefix
    mqtt = MqttSection(host="127.0.0.1", port=port, protocol="3.1.1", prefix=prefix)
    return loaded.with_config(loaded.config.model_copy(update={"mqtt": mqtt}))

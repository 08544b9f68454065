"""`checkout-agent run`: the daemon of a register."""

from __future__ import annotations

import logging
import signal
import sys
from functools import partial
from types import FrameType

from agent import assemble
from agent.announcer import Announcer
from agent.clock import SystemClock
from agent.commands.debug_view import announcement, token_for
from agent.config.load import LoadedConfig, read_service_environment
from agent.loop import AgentLoop
from agent.observe.health import Health, HealthServer
from agent.observe.logs import set_up_logging
from agent.observe.metrics import Metrics
from agent.observe.progress import Progress
from agent.observe.watchdog import SystemdNotifier, Watchdog
from agent.processes.debug_view_keeper import DebugViewKeeper
from agent.publish.mqtt import PublisherStatus

_log = logging.getLogger(__name__)

#: Shares of the 5 s within which SIGTERM must be done.
STOP_PROCESSES_S = 2.0
FLUSH_S = 1.0
STOP_PUBLISHER_S = 1.5
#: Slow facts (outbox, degraded reasons) are looked at so often.
SURVEY_INTERVAL_S = 1.0
#: The state is said again so often, changed or not: a display takes it as a sign of life.
HEARTBEAT_S = 5.0


class StopRequest:
    """Set by SIGTERM and SIGINT."""

    def __init__(self) -> None:
        self.signal_name: str | None = None

    def install(self) -> None:
        """Handle both signals from now on."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._ask)

    def _ask(self, number: int, frame: FrameType | None) -> None:
        self.signal_name = signal.Signals(number).name


class Daemon:
    """The agent's main loop with everything round it.

    Args:
        loaded: The settings.
        stop: Ends the loop.
        debug_view_token: What a browser has to show to see the picture; None: no debug view.
    """

    def __init__(
        self, loaded: LoadedConfig, stop: StopRequest, debug_view_token: str | None = None
    ) -> None:
        config = loaded.config
        self._stop = stop
        self._clock = SystemClock()
        self._metrics = Metrics()
        service = read_service_environment()
        self._progress = Progress(self._clock, config.observe.progress_timeout_s)
        self._watchdog = Watchdog(
            SystemdNotifier(service), self._progress, self._clock, service.watchdog_s
        )
        entry = assemble.verified_model(config.estimate)
        part = assemble.model_part(entry)
        self._metrics.model(entry.name, part.sha256, config.estimate.runtime)
        self._publisher = assemble.mqtt_publisher(loaded, self._clock, config.outbox.path)
        self._discovery = assemble.discovery(loaded, self._publisher.send)
        self._announcer = Announcer(
            self._publisher, self._clock, loaded.digest, part, self._metrics
        )
        self._register = assemble.register(
            config, self._clock, self._announcer.outcome, assemble.sale_store(config), entry
        )
        self._debug_view: DebugViewKeeper | None = None
        if debug_view_token is not None:
            announce = partial(announcement, loaded, debug_view_token)
            self._debug_view = assemble.debug_view(loaded, self._clock, debug_view_token, announce)
        tap_settings = None if self._debug_view is None else self._debug_view.tap_settings
        self._source = assemble.supervisor(loaded, self._clock, "live", 0.0, tap_settings)
        self._loop = AgentLoop(self._source, self._register, self._announcer, self._metrics)
        self._health = self._health_server(config.observe.http_port)
        self._surveyed_s = float("-inf")
        self._connects = 0
        self._greetings = 0
        self._said_s = float("-inf")
        self._publisher_moved_s = float("-inf")

    def run(self) -> None:
        """Go round until a stop is asked for."""
        self._publisher.start()
        if self._debug_view is not None:
            self._debug_view.start()
            self._announcer.debug_view(is_on=True)
        self._source.start()
        if self._health is not None:
            self._health.start()
        self._discovery.begin()
        self._announcer.vision("the vision process is starting")
        self._progress.report("decision")
        self._watchdog.ready()
        try:
            while self._stop.signal_name is None:
                self._round()
        finally:
            self._end()

    def _round(self) -> None:
        self._loop.step(self._publisher.inbound(), self._clock.now_s)
        self._progress.report("decision")
        if self._debug_view is not None:
            self._debug_view.step()
            self._announcer.debug_view(self._debug_view.is_on)
        if self._clock.now_s() - self._surveyed_s >= SURVEY_INTERVAL_S:
            self._surveyed_s = self._clock.now_s()
            self._survey()
        self._watchdog.step()

    def _survey(self) -> None:
        """Look at what changes slowly, and say so when it has changed."""
        status = self._publisher.status
        if self._publisher.progress_at_s > self._publisher_moved_s:
            self._publisher_moved_s = self._publisher.progress_at_s
            self._progress.report("publisher")
        for process in self._source.moving:
            self._progress.report(process)
        greetings = status.inbound.get("hello", 0)
        if status.connected and (status.connects, greetings) != (self._connects, self._greetings):
            self._connects, self._greetings = status.connects, greetings
            self._register.reissue()
            self._say_state()  # after the alerts: a display then knows that it has all of them
        elif self._clock.now_s() - self._said_s >= HEARTBEAT_S:
            self._say_state()
        if status.connected and not status.waiting:
            self._discovery.delivered()
        self._measure(status)
        self._announcer.outbox(status.dropped)
        unsaved = self._register.not_saved
        self._announcer.degraded(*status.degraded, *([unsaved] if unsaved else []))
        self._watchdog.status(self._line())

    def _measure(self, status: PublisherStatus) -> None:
        """Put what the parts have counted into the metrics."""
        metrics = self._metrics
        metrics.broker(status.connected, status.connects)
        metrics.inbound(status.inbound)
        metrics.outbox(status.waiting, status.size_bytes, self._publisher.oldest_age_s())
        metrics.outbox_dropped(status.dropped)
        metrics.processes(self._source.restarts, self._source.protocol_errors)
        metrics.stages(self._loop.latencies.items())
        metrics.stages(status.latencies.items())
        metrics.loops(self._progress.silences_s())

    def _say_state(self) -> None:
        self._said_s = self._clock.now_s()
        self._announcer.state()

    def _line(self) -> str:
        status = self._publisher.status
        broker = "broker connected" if status.connected else f"broker: {status.reason}"
        vision = self._loop.totals.vision
        return f"{vision.frames} frames, {vision.visits} visits, {broker}, {status.waiting} waiting"

    def _end(self) -> None:
        _log.info("stopping reason=%s", self._stop.signal_name)
        self._watchdog.stopping()
        if self._debug_view is not None:
            self._debug_view.stop()
            self._announcer.debug_view(is_on=False)
        self._source.stop(STOP_PROCESSES_S)
        self._register.finish()
        self._announcer.stop(f"stopped by {self._stop.signal_name or 'an error'}")
        self._publisher.flush(FLUSH_S)
        self._publisher.stop(STOP_PUBLISHER_S)
        if self._health is not None:
            self._health.stop()

    def _health_server(self, port: int | None) -> HealthServer | None:
        if port is None:
            return None
        return HealthServer(port, self._health_now, self._metrics.page)

    def _health_now(self) -> Health:
        stalled = self._progress.stalled()
        cameras = self._announcer.cameras_online
        status = self._publisher.status
        reasons = [f"no progress: {name}" for name in stalled]
        reasons += [] if cameras else ["no camera is online"]
        reasons += [] if status.connected else [f"broker: {status.reason}"]
        return Health(alive=not stalled, ready=not reasons, reasons=tuple(reasons))


def run(loaded: LoadedConfig, debug_view: bool = False) -> int:
    """Run the daemon until SIGTERM or SIGINT; return the exit code.

    Args:
        loaded: The settings.
        debug_view: Whether the technician asks for the live picture.

    Raises:
        AgentError: The model, the outbox or a setting cannot be used.
    """
    token = token_for(loaded) if debug_view else None
    set_up_logging(loaded.config.observe, sys.stderr)
    stop = StopRequest()
    stop.install()
    Daemon(loaded, stop, token).run()
    return 0

"""Keep one process alive each: a camera's capture, and the vision process."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass

from agent.capture.reconnect import Backoff
from agent.capture.watch import CameraWatch
from agent.clock import Clock
from agent.errors import AgentError, ChildError, SourceError
from agent.processes.child_process import ChildProcess
from agent.processes.child_records import Lane
from agent.records import (
    CameraStatus,
    CaptureEnded,
    CaptureProgress,
    PipeRecord,
    VisionProgress,
    VisionRestarted,
)

logger = logging.getLogger(__name__)

SupervisorRecord = PipeRecord | CameraStatus | VisionRestarted


class CameraKeeper:
    """One camera's capture process: started, watched, killed when it hangs, started again.

    Args:
        camera_id: The camera.
        start: Starts a process; may raise `AgentError`, which is a failure like another.
        watch: Judges the camera.
        backoff: Between two tries; None in a replay, where an end is final.
        clock: The machine's.
        lane: Reads the pipes.
    """

    def __init__(
        self,
        camera_id: str,
        start: Callable[[], ChildProcess],
        watch: CameraWatch,
        backoff: Backoff | None,
        clock: Clock,
        lane: Lane,
    ) -> None:
        self._camera_id = camera_id
        self._start = start
        self._watch = watch
        self._backoff = backoff
        self._clock = clock
        self.lane = lane
        self._due_s: float | None = None
        self._error = ""
        self._was_killed = False
        self.child: ChildProcess | None = None
        self.has_finished = False
        self.restarts = 0

    @property
    def is_stuck(self) -> bool:
        """Whether a process that was killed is still there: no new one can be started."""
        return self.child is not None and self._was_killed

    def start(self) -> list[SupervisorRecord]:
        """Start the first or the next process."""
        self._error = ""
        self._was_killed = False
        self._due_s = None
        try:
            self.child = self._start()
        except (AgentError, OSError) as error:
            return self._failed(str(error))
        return _some(self._watch.started())

    def step(self) -> list[SupervisorRecord]:
        """Return what is new, and do what is due.

        Raises:
            SourceError: The recording of a replay cannot be read.
            ChildError: The capture process of a replay has died.
        """
        if self.child is None:
            due = self._due_s is not None and self._clock.now_s() >= self._due_s
            return self._restart() if due else []
        ended = self.child.has_ended()
        records = self.lane.read(self.child, to_end=ended)
        new = [made for record in records for made in self._handle(record)]
        if ended:
            return new + self._bury()
        if self._backoff is not None:
            new += _some(self._watch.check())
            self._kill_if_hanging()
        return new

    def _handle(self, record: PipeRecord) -> list[SupervisorRecord]:
        if isinstance(record, CaptureProgress):
            return [record, *_some(self._watch.progressed(record))]
        if isinstance(record, CaptureEnded):
            self._error = record.error
            self.has_finished = not record.error
        return [record]

    def _restart(self) -> list[SupervisorRecord]:
        self.restarts += 1
        return self.start()

    def _kill_if_hanging(self) -> None:
        if self.child is not None and self._watch.must_be_killed:
            self._error = "hung and was started again"
            self._was_killed = True
            self.child.kill()
        elif self._backoff is not None and self._watch.is_steady:
            self._backoff.reset()

    def _bury(self) -> list[SupervisorRecord]:
        child = self.child
        if child is None:
            return []
        reason = self._reason(child)
        child.reap(0.0)
        self.child = None
        if self._backoff is not None:
            return self._failed(reason)
        if self._error:
            raise SourceError(self._error)
        if not self.has_finished:
            raise ChildError(f"camera {self._camera_id}: {reason}")
        return []

    def _reason(self, child: ChildProcess) -> str:
        if self._error:
            cause = self.lane.decoder_cause(child)
            return f"{self._error} ({cause})" if cause else self._error
        return ": ".join(
            filter(None, (f"the capture process {child.end}", self.lane.last_word(child)))
        )

    def _failed(self, reason: str) -> list[SupervisorRecord]:
        if self._backoff is None:
            raise SourceError(reason)
        delay_s = self._backoff.next_delay_s()
        self._due_s = self._clock.now_s() + delay_s
        logger.warning(
            "camera_lost camera=%s retry_in_s=%.1f reason=%s", self._camera_id, delay_s, reason
        )
        return _some(self._watch.lost(reason))


@dataclass(frozen=True, slots=True)
class Patience:
    """How long the vision process may be silent.

    Attributes:
        start_s: Until its first record: it loads the networks (1 s, with TensorFlow 10 s,
            on a till that boots several times that).
        silence_s: Later; its heartbeat comes ten times a second, but compiling a batch size
            for a GPU can take a while.
        steady_s: Since its first record: who dies after that is started again at once, who dies
            sooner waits longer each time. A start costs 2 s of a processor.
    """

    start_s: float = 120.0
    silence_s: float = 20.0
    steady_s: float = 5.0


class VisionKeeper:
    """The vision process: started again when it died or hangs; final in a replay.

    Args:
        start: Starts a process.
        backoff: Between two tries; None in a replay.
        clock: The machine's.
        lane: Reads the pipes.
        patience: How long it may be silent.
    """

    def __init__(
        self,
        start: Callable[[], ChildProcess],
        backoff: Backoff | None,
        clock: Clock,
        lane: Lane,
        patience: Patience,
    ) -> None:
        self._start = start
        self._backoff = backoff
        self._clock = clock
        self.lane = lane
        self._patience = patience
        self._heard_at_s = 0.0
        self._spoken_at_s: float | None = None
        self._hung = False
        self._due_s: float | None = None
        self.child: ChildProcess | None = None
        self.has_finished = False
        self.restarts = 0

    @property
    def is_stuck(self) -> bool:
        """Whether a process that was killed is still there: no new one can be started."""
        return self.child is not None and self._hung

    def start(self) -> list[SupervisorRecord]:
        """Start the first or the next process.

        Raises:
            AgentError: It cannot be started, in a replay; live, that is a death like another.
            OSError: The same.
        """
        self._due_s = None
        self._spoken_at_s = None
        self._hung = False
        self._heard_at_s = self._clock.now_s()
        try:
            self.child = self._start()
        except (AgentError, OSError) as error:
            if self._backoff is None:
                raise
            return self._failed(self._backoff, f"the vision process cannot be started: {error}")
        return []

    def step(self) -> list[SupervisorRecord]:
        """Return what is new, and do what is due.

        Raises:
            ChildError: The vision process of a replay has died or hangs.
        """
        if self.child is None:
            return self._restart_if_due()
        ended = self.child.has_ended()
        records = self.lane.read(self.child, to_end=ended)
        self._listen(records)
        if ended:
            return [*records, *self._bury()]
        has_spoken = self._spoken_at_s is not None
        limit_s = self._patience.silence_s if has_spoken else self._patience.start_s
        if self._clock.now_s() - self._heard_at_s > limit_s:
            self._hung = True
            self.child.kill()
        elif self._backoff is not None and self._is_steady:
            self._backoff.reset()
        return list(records)

    @property
    def _is_steady(self) -> bool:
        """Whether it has worked for long enough to forget its failures."""
        if self._spoken_at_s is None:
            return False
        return self._clock.now_s() - self._spoken_at_s >= self._patience.steady_s

    def _listen(self, records: list[PipeRecord]) -> None:
        if not records:
            return
        self._heard_at_s = self._clock.now_s()
        if self._spoken_at_s is None:
            self._spoken_at_s = self._heard_at_s
        self.has_finished |= any(
            isinstance(record, VisionProgress) and record.finished for record in records
        )

    def _bury(self) -> list[SupervisorRecord]:
        child = self.child
        if child is None:
            return []
        last_word = self.lane.last_word(child)
        child.reap(0.0)
        self.child = None
        reason = "hung and was killed" if self._hung else child.end
        detail = ": ".join(filter(None, (f"the vision process {reason}", last_word)))
        if self._backoff is None:
            if self.has_finished:
                return []
            raise ChildError(detail)
        return self._failed(self._backoff, detail)

    def _failed(self, backoff: Backoff, detail: str) -> list[SupervisorRecord]:
        delay_s = backoff.next_delay_s()
        self._due_s = self._clock.now_s() + delay_s
        logger.error("vision_lost retry_in_s=%.1f reason=%s", delay_s, detail)
        return [VisionRestarted(self._clock.now_s(), detail)]

    def _restart_if_due(self) -> list[SupervisorRecord]:
        if self._due_s is None or self._clock.now_s() < self._due_s:
            return []
        self.restarts += 1
        return self.start()


def _some(status: CameraStatus | None) -> list[SupervisorRecord]:
    return [] if status is None else [status]

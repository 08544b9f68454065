"""Starts, watches and ends the processes that see; the agent process never blocks on one."""

from __future__ import annotations

import json
import os
import random
import selectors
import time
from functools import partial

from agent.capture.reconnect import Backoff
from agent.capture.settings import CaptureMode, CaptureSettings
from agent.capture.watch import CameraWatch
from agent.clock import Clock
from agent.config.load import LoadedConfig
from agent.config.vision import CameraSection
from agent.errors import AgentError
from agent.masking import mask_camera_addresses
from agent.processes.child_process import ChildProcess
from agent.processes.child_records import Lane, is_from_capture, is_from_vision
from agent.processes.keepers import CameraKeeper, SupervisorRecord, VisionKeeper
from agent.processes.options import SupervisorOptions
from agent.processes.private_folder import PrivateFolder
from agent.records import VisionProgress

#: The first death of a process that worked costs no waiting; a crash loop at most a third of one
#: processor (2 s of start in 6); and what made it crash is over 10 s after it was mended.
_VISION_BACKOFF_INITIAL_S = 0.2
_VISION_BACKOFF_MAX_S = 4.0
#: Of the time to stop: how much the children have before SIGTERM, and before SIGKILL.
_ASKED_RATIO = 0.5
_TERMINATED_RATIO = 0.8
_STOP_STEP_S = 0.02
#: How long SIGKILL may take to take effect.
_REAP_S = 1.0


class Supervisor:
    """The vision process and one capture process a camera.

    Use it from the main thread alone: a child dies with the thread that started it.

    Args:
        loaded: The settings go to the vision process, each camera's address to its capture;
            passwords are read at every start.
        clock: The machine's, also in a replay: it measures hanging.
        mode: `live`, or a kind of replay, in which every end is final.
        start_wall_s: Wall time of a recording's first frame.
        options: The rest.
    """

    def __init__(
        self,
        loaded: LoadedConfig,
        clock: Clock,
        mode: CaptureMode = "live",
        start_wall_s: float = 0.0,
        options: SupervisorOptions | None = None,
    ) -> None:
        self._config = loaded.config
        self._address_of = loaded.camera_address
        self._without_login = loaded.without_login
        self._clock = clock
        self._mode: CaptureMode = mode
        self._start_wall_s = start_wall_s
        self._options = options or SupervisorOptions()
        self._random_ratio = self._options.random_ratio or random.SystemRandom().random
        self._folder: PrivateFolder | None = None
        self._failure: AgentError | None = None
        self._early: list[SupervisorRecord] = []
        self._finish: list[SupervisorRecord] = []
        self._is_live = mode == "live"
        self._vision = self._vision_keeper()
        self._cameras = {camera.id: self._camera_keeper(camera) for camera in loaded.config.cameras}

    @property
    def protocol_errors(self) -> int:
        """How many lines of the children were refused."""
        return sum(keeper.lane.protocol_errors for keeper in self._keepers)

    @property
    def restarts(self) -> dict[str, int]:
        """How often each process was started again: `vision`, and `capture/<camera id>`."""
        return {name: keeper.restarts for name, keeper in self._named.items()}

    @property
    def moving(self) -> tuple[str, ...]:
        """The processes that work or are being started again, by the same names.

        A camera without pictures or a vision process that died is no standstill: its next
        process is on its way. One that cannot even be killed is.
        """
        return tuple(name for name, keeper in self._named.items() if not keeper.is_stuck)

    @property
    def process_ids(self) -> dict[str, int]:
        """The process ids of the children that live, by the same names."""
        named = ((name, keeper.child) for name, keeper in self._named.items())
        return {name: child.process_id for name, child in named if child is not None}

    def start(self) -> None:
        """Start all of them.

        Raises:
            SourceError: In a replay: a recording's process cannot be started.
        """
        self._folder = PrivateFolder(self._options.runtime_folder)
        for keeper in self._keepers:
            self._early += keeper.start()

    def poll(self, timeout_s: float) -> list[SupervisorRecord]:
        """Return what has arrived, waiting at most `timeout_s` for the first.

        Raises:
            SourceError: A replay's recording cannot be read; raised after its last records.
            ChildError: A replay's process has died.
        """
        if self._failure is not None:
            raise self._failure
        new, self._early = self._early, []
        self._wait(0.0 if new else timeout_s)
        for keeper in self._keepers:
            try:
                new += keeper.step()
            except AgentError as error:
                self._failure = error
        new = self._finish_last(new)
        if self._failure is not None and not new:
            raise self._failure
        return new

    def stop(self, timeout_s: float) -> None:
        """End all of them within `timeout_s`: ask, then SIGTERM, then SIGKILL.

        What they still say is not returned: poll until they are done before, if it matters.
        """
        began_s = time.monotonic()
        children = self._children()
        for child in children:
            child.ask_to_stop()
        self._wait_for(children, began_s + _ASKED_RATIO * timeout_s)
        for child in children:
            child.terminate()
        self._wait_for(children, began_s + _TERMINATED_RATIO * timeout_s)
        for child in children:
            child.kill()
            child.reap(_REAP_S)
        for keeper in self._keepers:
            keeper.child = None
        if self._folder is not None:
            self._folder.remove()
            self._folder = None

    @property
    def _keepers(self) -> tuple[VisionKeeper | CameraKeeper, ...]:
        return (self._vision, *self._cameras.values())

    @property
    def _named(self) -> dict[str, VisionKeeper | CameraKeeper]:
        cameras = {f"capture/{name}": keeper for name, keeper in self._cameras.items()}
        return {"vision": self._vision, **cameras}

    def _finish_last(self, new: list[SupervisorRecord]) -> list[SupervisorRecord]:
        """Hold a replay's finish back until every recording has told its end, or its fault."""
        self._finish += [each for each in new if _is_finish(each)]
        others = [each for each in new if not _is_finish(each)]
        if all(keeper.has_finished for keeper in self._cameras.values()):
            others += self._finish
            self._finish = []
        return others

    def _children(self) -> list[ChildProcess]:
        return [keeper.child for keeper in self._keepers if keeper.child is not None]

    def _wait(self, timeout_s: float) -> None:
        with selectors.PollSelector() as selector:
            for child in self._children():
                for descriptor in child.descriptors:
                    selector.register(descriptor, selectors.EVENT_READ)
            selector.select(timeout_s)

    @staticmethod
    def _wait_for(children: list[ChildProcess], deadline_s: float) -> None:
        """Wait for their ends, emptying their pipes so that none hangs in a write."""
        while children and time.monotonic() < deadline_s:
            for child in children.copy():
                child.read()
                if child.has_ended():
                    child.reap(0.0)
                    children.remove(child)
            time.sleep(_STOP_STEP_S if children else 0.0)

    def _vision_keeper(self) -> VisionKeeper:
        lane = Lane("vision", is_from_vision, is_quiet=not self._is_live)
        backoff = self._backoff(_VISION_BACKOFF_INITIAL_S, _VISION_BACKOFF_MAX_S)
        return VisionKeeper(self._start_vision, backoff, self._clock, lane, self._options.patience)

    def _camera_keeper(self, camera: CameraSection) -> CameraKeeper:
        section = self._config.capture
        return CameraKeeper(
            camera.id,
            partial(self._start_capture, camera),
            CameraWatch(camera.id, section, self._clock),
            self._backoff(section.backoff_initial_s, section.backoff_max_s),
            self._clock,
            Lane(
                f"capture/{camera.id}",
                partial(is_from_capture, camera_id=camera.id),
                is_quiet=not self._is_live,
                mask=partial(self._masked, camera),
            ),
        )

    def _backoff(self, initial_s: float, max_s: float) -> Backoff | None:
        """Return None in a replay: there is no second try."""
        if not self._is_live:
            return None
        jitter_ratio = self._config.capture.backoff_jitter_ratio
        return Backoff(initial_s, max_s, jitter_ratio, self._random_ratio)

    def _start_vision(self) -> ChildProcess:
        given = self._options.tap_settings
        tap = None if given is None else given()
        settings = {
            "config": self._config.model_dump(mode="json"),
            "socket_path": self._socket_path,
            "lossless": not self._is_live,
            "debug_view": None if tap is None else tap.model_dump(),
        }
        line = json.dumps(settings).encode()
        return ChildProcess(self._options.commands.vision, line, self._environment())

    def _start_capture(self, camera: CameraSection) -> ChildProcess:
        section = self._config.capture
        settings = CaptureSettings(
            camera_id=camera.id,
            address=self._address_of(camera),
            shown_source=camera.source,
            mode=self._mode,
            socket_path=self._socket_path,
            width_px=camera.width_px,
            height_px=camera.height_px,
            rate_hz=camera.rate_hz,
            open_timeout_s=section.open_timeout_s,
            read_timeout_s=section.read_timeout_s,
            start_wall_s=self._start_wall_s,
        )
        line = settings.model_dump_json().encode()
        return ChildProcess(self._options.commands.capture, line, self._environment())

    @property
    def _socket_path(self) -> str:
        if self._folder is None:
            raise AgentError("the supervisor was not started")
        return str(self._folder.path / "frames")

    def _environment(self) -> dict[str, str]:
        """Return the children's environment: they have no use for the broker's password."""
        given = self._options.environment
        secret = {camera.password_env for camera in self._config.cameras}
        secret |= {self._config.mqtt.password_env, self._config.debug_view.token_env}
        inherited = os.environ if given is None else given
        return {name: value for name, value in inherited.items() if name not in secret}

    def _masked(self, camera: CameraSection, text: str) -> str:
        return mask_camera_addresses(self._without_login(camera, text))


def _is_finish(record: SupervisorRecord) -> bool:
    return isinstance(record, VisionProgress) and record.finished

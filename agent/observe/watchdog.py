"""The service manager's watchdog, fed only while every loop goes round."""

from __future__ import annotations

import errno
import logging
import socket
from typing import Protocol

from agent.clock import Clock
from agent.config.load import ServiceEnvironment
from agent.observe.progress import Progress

_log = logging.getLogger(__name__)

#: systemd advises to ping at half of the period; a third leaves room for one slow round.
PINGS_IN_PERIOD = 3


class Notifier(Protocol):
    """Tells the service manager how the service is."""

    def notify(self, *assignments: str) -> None:
        """Send assignments such as READY=1; a manager that does not listen is no fault."""
        ...


class SystemdNotifier:
    """Sends datagrams to systemd's notify socket; without systemd it does nothing."""

    def __init__(self, environment: ServiceEnvironment) -> None:
        self._address = _socket_address(environment.notify_socket)
        self._socket: socket.socket | None = None
        if self._address is not None:
            self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC)
            # A full socket must not stop the loop that it watches.
            self._socket.setblocking(False)

    def notify(self, *assignments: str) -> None:
        """Send assignments such as READY=1; what cannot be delivered is logged, not raised."""
        if self._socket is None or self._address is None:
            return
        # A line break in a value would be a second assignment.
        lines = [assignment.replace("\n", " ") for assignment in assignments]
        try:
            self._socket.sendto("\n".join(lines).encode(), self._address)
        except OSError as error:
            name = errno.errorcode.get(error.errno or 0, "unknown")
            _log.warning("notify_failed error=%s", name)

    def close(self) -> None:
        """Close the socket; later notifications are dropped."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None


class Watchdog:
    """Turns the loops' progress into pings.

    Args:
        notifier: The way to systemd.
        progress: What the loops report to.
        clock: Times the pings.
        period_s: A ping is due at least so often; None: no watchdog is set.
    """

    def __init__(
        self, notifier: Notifier, progress: Progress, clock: Clock, period_s: float | None
    ) -> None:
        self._notifier = notifier
        self._progress = progress
        self._clock = clock
        self._interval_s = None if period_s is None else period_s / PINGS_IN_PERIOD
        self._pinged_s: float | None = None
        self._stalled: tuple[str, ...] = ()
        self._status = ""

    def ready(self) -> None:
        """Tell that the agent has started; the first ping goes with it."""
        self._notifier.notify("READY=1")
        self.step()

    def status(self, text: str) -> None:
        """Show a line in `systemctl status`; sent when it has changed."""
        if text != self._status:
            self._status = text
            self._notifier.notify(f"STATUS={text}")

    def stopping(self) -> None:
        """Tell that the end was asked for."""
        self._notifier.notify("STOPPING=1")

    def step(self) -> tuple[str, ...]:
        """Ping when it is due and everything moves; call it in every round of the main loop.

        Returns:
            The loops that are stalled. While there are any, no ping is sent, so that systemd
            starts the agent anew.
        """
        stalled = self._progress.stalled()
        if stalled != self._stalled:
            self._report(stalled)
        if not stalled and self._is_due():
            self._pinged_s = self._clock.now_s()
            self._notifier.notify("WATCHDOG=1")
        return stalled

    def _is_due(self) -> bool:
        if self._interval_s is None:
            return False
        return self._pinged_s is None or self._clock.now_s() - self._pinged_s >= self._interval_s

    def _report(self, stalled: tuple[str, ...]) -> None:
        self._stalled = stalled
        if stalled:
            _log.error("loops_stalled loops=%s", ",".join(stalled))
            self.status(f"no progress: {', '.join(stalled)}")
        else:
            _log.info("loops_moving")
            self.status("running")


def _socket_address(name: str | None) -> str | None:
    """Return the address; systemd writes an abstract socket's first byte as @."""
    if name is not None and name.startswith("@"):
        return f"\0{name[1:]}"
    return name

"""The watchdog against a notify socket of our own, as systemd would hold it."""

from __future__ import annotations

import contextlib
import logging
import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from agent.clock import ReplayClock
from agent.config.load import ServiceEnvironment
from agent.observe.progress import Progress
from agent.observe.watchdog import SystemdNotifier, Watchdog


@contextlib.contextmanager
def notify_socket(address: str) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.bind(address)
        listener.setblocking(False)
        yield listener


def received(listener: socket.socket) -> list[str]:
    messages = []
    with contextlib.suppress(BlockingIOError):
        while True:
            messages.append(listener.recv(4096).decode())
    return messages


class FakeNotifier:
    """Keeps what was sent."""

    def __init__(self) -> None:
        self.sent: list[str] = []

    def notify(self, *assignments: str) -> None:
        self.sent += assignments


class Service:
    """A watchdog with a period of 30 s and loops that time out after 10 s."""

    def __init__(self, period_s: float | None = 30.0) -> None:
        self.clock = ReplayClock()
        self.notifier = FakeNotifier()
        self.progress = Progress(self.clock, timeout_s=10.0)
        self.watchdog = Watchdog(self.notifier, self.progress, self.clock, period_s)

    def run(self, until_s: int, *moving: str) -> None:
        for second in range(int(self.clock.now_s()), until_s + 1):
            self.clock.advance_to(second)
            for loop in moving:
                self.progress.report(loop)
            self.watchdog.step()


@pytest.mark.parametrize("abstract", [False, True])
def test_messages_arrive_at_path_and_abstract_sockets(tmp_path: Path, abstract: bool) -> None:
    name = f"checkout-test-{os.getpid()}" if abstract else str(tmp_path / "notify")
    with notify_socket(f"\0{name}" if abstract else name) as listener:
        notifier = SystemdNotifier(ServiceEnvironment(f"@{name}" if abstract else name))
        notifier.notify("READY=1", "STATUS=two\nlines")
        assert received(listener) == ["READY=1\nSTATUS=two lines"]
        notifier.close()
        notifier.notify("READY=1")
        assert received(listener) == []


def test_without_systemd_nothing_happens() -> None:
    SystemdNotifier(ServiceEnvironment()).notify("READY=1")


def test_a_manager_that_went_away_is_logged_and_not_raised(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        notifier = SystemdNotifier(ServiceEnvironment(str(tmp_path / "gone")))
        notifier.notify("READY=1")
        notifier.close()
    assert caplog.messages == ["notify_failed error=ENOENT"]


def test_a_full_socket_does_not_block_the_loop(tmp_path: Path) -> None:
    path = str(tmp_path / "notify")
    with notify_socket(path) as listener:
        notifier = SystemdNotifier(ServiceEnvironment(path))
        for _ in range(2000):
            notifier.notify("WATCHDOG=1")
        notifier.close()
        assert 0 < len(received(listener)) < 2000


def test_ready_comes_first_and_pings_three_times_a_period() -> None:
    service = Service(period_s=30.0)
    service.watchdog.ready()
    service.run(60, "decide")
    assert service.notifier.sent == ["READY=1", *["WATCHDOG=1"] * 7]


def test_one_stalled_loop_stops_the_pings_and_its_return_resumes_them() -> None:
    service = Service()
    service.watchdog.ready()
    service.run(9, "decide", "publish")
    service.notifier.sent.clear()
    service.run(60, "decide")
    assert service.notifier.sent == ["WATCHDOG=1", "STATUS=no progress: publish"]
    assert service.watchdog.step() == ("publish",)
    service.run(61, "decide", "publish")
    assert service.notifier.sent[2:] == ["STATUS=running", "WATCHDOG=1"]


def test_without_a_watchdog_stalls_are_told_but_nothing_is_pinged() -> None:
    service = Service(period_s=None)
    service.watchdog.ready()
    service.progress.report("decide")
    service.run(60)
    assert service.notifier.sent == ["READY=1", "STATUS=no progress: decide"]


def test_a_status_is_sent_when_it_changes_only() -> None:
    service = Service()
    for text in ("a", "a", "b"):
        service.watchdog.status(text)
    service.watchdog.stopping()
    assert service.notifier.sent == ["STATUS=a", "STATUS=b", "STOPPING=1"]

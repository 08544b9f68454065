"""The campaign's own instruments: what they break is broken, what they see is so."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from agent.clock import ReplayClock
from agent.config.messaging import OutboxSection
from agent.publish.outbox import Outbox
from agent.publish.outbox_table import Parcel
from tests.faults.disk import SmallDisk, mounting_fault
from tests.faults.ledger import Ledger
from tests.faults.proxy import Proxy
from tests.streams.http_streams import serving


@pytest.fixture
def proxy() -> Iterator[Proxy]:
    with serving(echo) as server:
        made = Proxy(server.port)
        yield made
        made.stop()


def echo(connection: socket.socket, stopping: threading.Event) -> None:
    """Say back what is heard."""
    while data := connection.recv(4096):
        connection.sendall(data)


def ask(client: socket.socket, word: bytes, timeout_s: float = 5.0) -> float:
    """Send a word, wait until it has come back, and return how long that took."""
    client.settimeout(timeout_s)
    began_s = time.monotonic()
    client.sendall(word)
    heard = b""
    while len(heard) < len(word):
        data = client.recv(4096)
        if not data:
            raise ConnectionError("closed")
        heard += data
    assert heard == word
    return time.monotonic() - began_s


def test_the_proxy_passes_delays_and_throttles(proxy: Proxy) -> None:
    with socket.create_connection(("127.0.0.1", proxy.port)) as client:
        assert ask(client, b"word") < 0.3
        proxy.delay_s = 0.2
        assert ask(client, b"word") >= 0.4
        proxy.heal()
        proxy.rate_bytes_s = 1000
        assert ask(client, b"x" * 500) >= 0.5


@pytest.mark.parametrize("direction", ["up", "down"])
def test_what_the_proxy_holds_comes_when_it_is_healed(proxy: Proxy, direction: str) -> None:
    with socket.create_connection(("127.0.0.1", proxy.port)) as client:
        ask(client, b"word")
        proxy.held = frozenset({direction})  # type: ignore[arg-type]
        with pytest.raises(TimeoutError):
            ask(client, b"held", timeout_s=0.3)
        proxy.heal()
        client.settimeout(5.0)
        assert client.recv(10) == b"held"


def test_a_cut_connection_is_closed_and_the_next_one_works(proxy: Proxy) -> None:
    with socket.create_connection(("127.0.0.1", proxy.port)) as client:
        ask(client, b"word")
        proxy.cut(with_reset=True)
        with pytest.raises(ConnectionError):
            ask(client, b"lost")
    with socket.create_connection(("127.0.0.1", proxy.port)) as client:
        ask(client, b"word")


def test_the_ledger_sees_what_is_committed_and_survives_a_broken_file(tmp_path: Path) -> None:
    path = tmp_path / "outbox.sqlite3"
    ledger = Ledger(path)
    ledger.look()
    outbox = Outbox(OutboxSection(path=path), ReplayClock())
    audit = Parcel("e1", "c/event/sale-audit", b'{"sale_id": "s1"}', 1, False, 2)
    outbox.commit([audit, Parcel("e2", "c/alert", b'{"sale_id": "s2"}', 1, False, 0)])
    ledger.look()
    assert ledger.event_ids == {"s1": {"e1"}}
    outbox.close()
    path.write_bytes(b"noise" * 1000)
    ledger.look()
    assert ledger.has("s1")
    ledger.close()


def test_a_full_disk_takes_no_byte_and_a_read_only_one_no_file(tmp_path: Path) -> None:
    if lack := mounting_fault():
        pytest.skip(f"needs {lack}")
    disk = SmallDisk(tmp_path / "disk")
    try:
        disk.fill()
        with pytest.raises(OSError, match="No space left"):
            (disk.folder / "more").write_bytes(b"x")
        disk.make_room()
        (disk.folder / "more").write_bytes(b"x")
        disk.make_read_only()
        with pytest.raises(OSError, match="Read-only"):
            (disk.folder / "still more").touch()
        disk.make_writable()
        (disk.folder / "still more").touch()
    finally:
        disk.close()
    assert list(disk.folder.iterdir()) == []

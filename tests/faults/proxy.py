"""A TCP proxy on loopback between agent and broker, through which a bad network is played.

It passes bytes and knows nothing of what they mean, so that TLS goes through it as well.
"""

from __future__ import annotations

import contextlib
import select
import socket
import struct
import threading
from typing import Literal

from tests.brokers import HOST

#: `up` is from the agent to the broker.
Direction = Literal["up", "down"]
_CHUNK_BYTES = 65536
_STEP_S = 0.02
#: SO_LINGER of 0 s: a close sends RST instead of FIN.
_AT_ONCE = struct.pack("ii", 1, 0)


class Link:
    """One connection: two sockets and the threads that carry bytes between them."""

    def __init__(self, proxy: Proxy, agent: socket.socket, broker: socket.socket) -> None:
        self._proxy = proxy
        self._ends = {"up": (agent, broker), "down": (broker, agent)}
        self._over = threading.Event()
        self._threads = [
            threading.Thread(target=self._carry, args=(direction,), daemon=True)
            for direction in ("up", "down")
        ]

    def start(self) -> None:
        """Begin to carry."""
        for thread in self._threads:
            thread.start()

    def end(self, *, with_reset: bool = False) -> None:
        """Close both sides; what is on its way is lost."""
        self._over.set()
        for end in self._ends["up"]:
            with contextlib.suppress(OSError):
                if with_reset:
                    end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _AT_ONCE)
                else:
                    end.shutdown(socket.SHUT_RDWR)
            end.close()

    def join(self) -> None:
        """Wait for those of its threads that were started."""
        for thread in self._threads:
            if thread.ident is not None:
                thread.join()

    def _carry(self, direction: Direction) -> None:
        source, target = self._ends[direction]
        with contextlib.suppress(OSError, ValueError):  # closed by the other direction, or by us
            while self._carry_chunk(direction, source, target):
                pass
        self.end()

    def _carry_chunk(
        self, direction: Direction, source: socket.socket, target: socket.socket
    ) -> bool:
        """Carry what there is; return whether the link goes on."""
        if not select.select([source], [], [], _STEP_S)[0]:
            return not self._over.is_set()
        rate_bytes_s = self._proxy.rate_bytes_s
        data = source.recv(_CHUNK_BYTES if rate_bytes_s is None else max(1, rate_bytes_s // 10))
        pause_s = self._proxy.delay_s
        if rate_bytes_s is not None:
            pause_s += len(data) / rate_bytes_s
        if not data or self._over.wait(pause_s):
            return False
        while direction in self._proxy.held:
            if self._over.wait(_STEP_S):
                return False
        target.sendall(data)
        return True


class Proxy:
    """Accepts on `port` and connects each client to `target_port`.

    Attributes:
        target_port: For connections that begin from now on.
        delay_s: Added to each chunk, in both directions.
        rate_bytes_s: At most so much in each direction; None: as it comes.
        held: Directions in which nothing is passed on: the bytes wait.
    """

    def __init__(self, target_port: int) -> None:
        self.target_port = target_port
        self.delay_s = 0.0
        self.rate_bytes_s: int | None = None
        self.held: frozenset[Direction] = frozenset()
        self._links: list[Link] = []
        self._stopping = threading.Event()
        self._listener = socket.create_server((HOST, 0))
        self._listener.settimeout(_STEP_S)
        self.port: int = self._listener.getsockname()[1]
        self._thread = threading.Thread(target=self._accept, daemon=True)
        self._thread.start()

    def cut(self, *, with_reset: bool = False) -> None:
        """End every connection there is; with RST as a machine that has forgotten it."""
        links, self._links = self._links, []
        for link in links:
            link.end(with_reset=with_reset)
        for link in links:
            link.join()

    def heal(self) -> None:
        """Pass everything on again, at once."""
        self.delay_s, self.rate_bytes_s, self.held = 0.0, None, frozenset()

    def stop(self) -> None:
        """Close everything."""
        self._stopping.set()
        self._thread.join()
        self._listener.close()
        self.cut()

    def _accept(self) -> None:
        while not self._stopping.is_set():
            with contextlib.suppress(TimeoutError):
                agent, _ = self._listener.accept()
                self._connect(agent)

    def _connect(self, agent: socket.socket) -> None:
        try:
            broker = socket.create_connection((HOST, self.target_port))
        except OSError:  # the broker is dead: as if there were no proxy
            agent.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _AT_ONCE)
            agent.close()
            return
        for end in (agent, broker):
            end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        link = Link(self, agent, broker)
        self._links.append(link)  # first: what carries can be cut
        link.start()

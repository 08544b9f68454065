"""A broker inside the process, for the demo and for tests: amqtt, MQTT 3.1.1, loopback only."""

from __future__ import annotations

import asyncio
import logging
import threading
from functools import partial
from types import TracebackType

from amqtt.broker import Broker
from amqtt.contexts import BrokerConfig, ListenerConfig, ListenerType

from agent.errors import BrokerError

HOST = "127.0.0.1"
_START_TIMEOUT_S = 10.0
_STOP_TIMEOUT_S = 5.0
_LISTENER = "default"
#: Who asks gets in; no plugin that writes files, logs each packet or fills `$SYS`.
_PLUGINS = {"amqtt.plugins.authentication.AnonymousAuthPlugin": {"allow_anonymous": True}}
logger = logging.getLogger(__name__)


class EmbeddedBroker:
    """Runs from `start` to `stop`; forgets everything then. Also a context manager."""

    def __init__(self, port: int = 0) -> None:
        """Start nothing yet; port 0: the system gives a free one."""
        self._asked_port = port
        self._port = 0
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stop_asked: asyncio.Event | None = None
        self._started = threading.Event()
        self._failure: Exception | None = None
        self._thread = threading.Thread(target=self._run, name="broker", daemon=True)

    @property
    def port(self) -> int:
        """The port it listens on; 0 before `start`."""
        return self._port

    def start(self) -> None:
        """Start and wait until it listens.

        Raises:
            BrokerError: It does not, for example because the port is in use.
        """
        # Its warnings tell of clients that come and go: nothing a cashier's demo should show.
        logging.getLogger("amqtt").setLevel(logging.CRITICAL)
        logging.getLogger("transitions").setLevel(logging.CRITICAL)
        self._thread.start()
        if not self._started.wait(_START_TIMEOUT_S):
            raise BrokerError(f"the embedded broker did not start within {_START_TIMEOUT_S:.0f} s")
        if self._failure is not None:
            raise BrokerError(
                f"the embedded broker cannot listen on {HOST}:{self._asked_port}: {self._failure}: "
                "stop what uses the port"
            ) from self._failure

    def stop(self) -> None:
        """End all connections and the thread; harmless when it was stopped before."""
        loop, stop_asked = self._loop, self._stop_asked
        if loop is not None and stop_asked is not None and self._thread.is_alive():
            loop.call_soon_threadsafe(stop_asked.set)
        if self._thread.ident is not None:
            self._thread.join(_STOP_TIMEOUT_S)

    def __enter__(self) -> EmbeddedBroker:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def _run(self) -> None:
        try:
            asyncio.run(self._serve())
        except Exception as error:
            # The thread's end is the only thing lost; `start` tells, or the log.
            logger.debug("embedded_broker_ended", exc_info=True)
            self._failure = error
        finally:
            self._started.set()

    async def _serve(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._stop_asked = asyncio.Event()
        # The listener is ours: amqtt takes no port 0 and would not say which one it got.
        listener = ListenerConfig(type=ListenerType.EXTERNAL)
        broker = Broker(BrokerConfig(listeners={_LISTENER: listener}, plugins=_PLUGINS))
        await broker.start()
        server = await asyncio.start_server(
            partial(broker.stream_connected, listener_name=_LISTENER), HOST, self._asked_port
        )
        self._port = server.sockets[0].getsockname()[1]
        self._started.set()
        await self._stop_asked.wait()
        server.close()
        await broker.shutdown()

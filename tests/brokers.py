"""A real Mosquitto that tests start, kill, freeze and restart, and a consumer of its own kind."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from paho.mqtt.client import Client, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion

HOST = "127.0.0.1"
_DAEMON_PATH = f"{os.environ.get('PATH', os.defpath)}:/usr/sbin:/sbin"


def free_port() -> int:
    """Return a port that was free a moment ago."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


def wait_until(condition: Callable[[], object], timeout_s: float = 10.0) -> bool:
    """Return whether the condition came true in time."""
    end_s = time.monotonic() + timeout_s
    while time.monotonic() < end_s:
        if condition():
            return True
        time.sleep(0.01)
    return bool(condition())


def accepts(port: int) -> bool:
    """Return whether something listens on the port."""
    with socket.socket() as probe:
        probe.settimeout(0.5)
        return probe.connect_ex((HOST, port)) == 0


@dataclass(frozen=True)
class Certificates:
    """A CA of the test's own, and what it has signed; all PEM files."""

    folder: Path

    @property
    def ca(self) -> Path:
        return self.folder / "ca.pem"

    def certificate(self, name: str) -> Path:
        return self.folder / f"{name}.pem"

    def key(self, name: str) -> Path:
        return self.folder / f"{name}.key"

    def make_ca(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        self._openssl(
            "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
            "-subj", "/CN=test CA", "-days", "2", "-keyout", "ca.key", "-out", "ca.pem",
            "-addext", "basicConstraints=critical,CA:TRUE",
            "-addext", "keyUsage=critical,keyCertSign,cRLSign",
        )  # fmt: skip

    def sign(self, name: str, host: str = HOST, *, expired: bool = False) -> None:
        """Make `name`.pem and `name`.key for a host's name or address."""
        kind = "IP" if host.replace(".", "").isdigit() else "DNS"
        extensions = self.folder / f"{name}.ext"
        extensions.write_text(f"subjectAltName={kind}:{host}\nauthorityKeyIdentifier=keyid\n")
        self._openssl(
            "req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
            "-subj", f"/CN={name}", "-keyout", f"{name}.key", "-out", f"{name}.csr",
        )  # fmt: skip
        self._openssl(
            "x509", "-req", "-in", f"{name}.csr", "-CA", "ca.pem", "-CAkey", "ca.key",
            "-CAcreateserial", "-days", "-1" if expired else "2", "-extfile", extensions.name,
            "-out", f"{name}.pem",
        )  # fmt: skip

    def _openssl(self, *arguments: str) -> None:
        subprocess.run(["openssl", *arguments], cwd=self.folder, check=True, capture_output=True)


@dataclass
class Mosquitto:
    """A Mosquitto on a port of its own, with its files in `folder`.

    Attributes:
        passwords: User names and passwords; empty: anonymous is let in.
        tls: The CA and a certificate named `server`.
        client_certificates: Ask the clients for theirs (mutual TLS).
        extra: More lines of its configuration.
    """

    folder: Path
    passwords: dict[str, str] = field(default_factory=dict)
    tls: Certificates | None = None
    client_certificates: bool = False
    extra: str = ""
    port: int = field(default_factory=free_port)
    _process: subprocess.Popen[bytes] | None = None

    def start(self) -> Mosquitto:
        """Start it, again on the same port with the same files, and wait until it listens."""
        self.folder.mkdir(parents=True, exist_ok=True)
        configuration = self.folder / "mosquitto.conf"
        configuration.write_text(self._configuration())
        program = shutil.which("mosquitto", path=_DAEMON_PATH)
        assert program is not None, "mark the test with mosquitto"
        with (self.folder / "mosquitto.log").open("ab") as log:
            self._process = subprocess.Popen(
                [program, "-c", str(configuration)], stdout=log, stderr=log
            )
        assert wait_until(lambda: accepts(self.port)), self.log
        return self

    def _configuration(self) -> str:
        lines = [
            f"listener {self.port} {HOST}",
            f"allow_anonymous {'false' if self.passwords else 'true'}",
            "persistence true",
            f"persistence_location {self.folder}/",
            "autosave_interval 3600",  # only `save` and a clean stop write the file
            "max_queued_messages 0",
            "log_type all",
        ]
        if os.geteuid() == 0:
            lines.append("user root")
        if self.passwords:
            lines.append(f"password_file {self._password_file()}")
        if self.tls is not None:
            lines += [
                f"cafile {self.tls.ca}",
                f"certfile {self.tls.certificate('server')}",
                f"keyfile {self.tls.key('server')}",
                f"require_certificate {str(self.client_certificates).lower()}",
            ]
        return "\n".join([*lines, self.extra, ""])

    def _password_file(self) -> Path:
        file = self.folder / "passwords"
        file.write_text("".join(f"{user}:{secret}\n" for user, secret in self.passwords.items()))
        file.chmod(0o600)
        subprocess.run(["mosquitto_passwd", "-U", str(file)], check=True)
        return file

    def save(self) -> None:
        """Let it write its memory to disk now, as it does on its timer."""
        database = self.folder / "mosquitto.db"
        before = database.stat().st_mtime_ns if database.exists() else 0
        self._signal(signal.SIGUSR1)
        assert wait_until(lambda: database.exists() and database.stat().st_mtime_ns > before)

    def kill(self) -> None:
        """SIGKILL: what it has not saved is lost."""
        self._signal(signal.SIGKILL)
        self._reap()

    def stop(self) -> None:
        """End it cleanly."""
        if self._process is not None:
            self._signal(signal.SIGCONT)
            self._signal(signal.SIGTERM)
            self._reap()

    def freeze(self) -> None:
        """SIGSTOP: the connections stay, nothing answers."""
        self._signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Let a frozen one go on."""
        self._signal(signal.SIGCONT)

    @property
    def log(self) -> str:
        """What it has logged."""
        return (self.folder / "mosquitto.log").read_text()

    def _signal(self, number: int) -> None:
        assert self._process is not None
        self._process.send_signal(number)

    def _reap(self) -> None:
        assert self._process is not None
        self._process.wait(10)
        self._process = None


@dataclass(frozen=True)
class Received:
    """A message as a consumer sees it."""

    topic: str
    payload: bytes
    qos: int
    retain: bool
    expiry_s: int | None

    @property
    def json(self) -> dict[str, Any]:
        return dict(json.loads(self.payload))


class Consumer:
    """Subscribes everything below a prefix, in a session that outlives its connections."""

    def __init__(
        self,
        port: int,
        prefix: str = "checkout",
        protocol: MQTTProtocolVersion = MQTTProtocolVersion.MQTTv311,
        login: tuple[str, str] | None = None,
    ) -> None:
        self.messages: list[Received] = []
        #: Called at once with topic and payload of each message, in the client's thread.
        self.on_arrival: Callable[[str, bytes], None] = lambda topic, payload: None
        self._subscribed = threading.Event()
        is_v5 = protocol == MQTTProtocolVersion.MQTTv5
        self._client = Client(
            CallbackAPIVersion.VERSION2,
            client_id="consumer",
            protocol=protocol,
            clean_session=None if is_v5 else False,
        )
        if login is not None:
            self._client.username_pw_set(*login)
        self._client.reconnect_delay_set(1, 1)
        self._prefix = prefix
        self._client.on_connect = self._subscribe
        self._client.on_subscribe = lambda *_: self._subscribed.set()
        self._client.on_message = self._take
        self._client.connect(HOST, port, keepalive=5)
        self._client.loop_start()
        assert self._subscribed.wait(10)

    def _subscribe(self, *_: object) -> None:
        self._client.subscribe(f"{self._prefix}/#", qos=1)

    def _take(self, _client: Client, _data: object, message: MQTTMessage) -> None:
        self.on_arrival(message.topic, bytes(message.payload))
        expiry_s = getattr(message.properties, "MessageExpiryInterval", None)
        self.messages.append(
            Received(message.topic, bytes(message.payload), message.qos, message.retain, expiry_s)
        )

    def publish(self, topic: str, payload: bytes, *, retain: bool = False) -> None:
        """Send something and wait until the broker has it."""
        self._client.publish(topic, payload, qos=1, retain=retain).wait_for_publish(10)

    def of(self, topic_end: str) -> list[Received]:
        """Return what came on topics that end so."""
        return [each for each in list(self.messages) if each.topic.endswith(topic_end)]

    def event_ids(self, topic_end: str) -> list[str]:
        """Return the event ids on these topics, in order of arrival."""
        return [each.json["event_id"] for each in self.of(topic_end)]

    def close(self) -> None:
        """End the connection and the thread."""
        self._client.disconnect()
        self._client.loop_stop()

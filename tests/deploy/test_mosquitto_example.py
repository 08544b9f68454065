"""The example broker of deploy/mosquitto: it starts as it is, and lets each role do its own."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from agent.clock import SystemClock
from agent.config.messaging import MqttSection, OutboxSection
from agent.ids import new_analytics_id
from agent.outcomes import AgeGroupSeen
from agent.publish.mqtt import MqttPublisher
from agent.publish.outbox import Outbox
from agent.publish.publisher import outcome_message
from agent.publish.topics import TopicTree
from tests.brokers import HOST, Certificates, Mosquitto, wait_until

EXAMPLE = Path(__file__).parents[2] / "deploy" / "mosquitto"
BASE = "checkout/v1/demo-store/till-1"
USERS = {
    "agent": "agent-demo-store-till-1",
    "pos": "pos-demo-store-till-1",
    "display": "display-demo-store-till-1",
    "data": "data-team",
}
pytestmark = pytest.mark.mosquitto


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mosquitto]:
    """The example's own lines, with its files and port moved to where a test may have them."""
    folder = tmp_path_factory.mktemp("example")
    certificates = Certificates(folder / "certs")
    certificates.make_ca()
    certificates.sign("server")
    (folder / "checkout-acl").write_bytes((EXAMPLE / "acl").read_bytes())
    made = ExampleBroker(folder, passwords=dict.fromkeys(USERS.values(), "secret"))
    made.start()
    yield made
    made.stop()


class ExampleBroker(Mosquitto):
    def _configuration(self) -> str:
        self._password_file().rename(self.folder / "checkout-passwords")
        text = (EXAMPLE / "mosquitto.conf").read_text()
        text = text.replace("/etc/mosquitto", str(self.folder))
        text = text.replace("/var/lib/mosquitto", str(self.folder))
        return text.replace("listener 8883", f"listener {self.port} {HOST}\nuser root")


def command(broker: Mosquitto, program: str, role: str, topic: str, *more: str) -> list[str]:
    return [
        program, "-h", HOST, "-p", str(broker.port), "-V", "5", "-q", "1",
        "--cafile", str(broker.folder / "certs" / "ca.pem"),
        "-u", USERS[role], "-P", "secret", "-t", topic, *more,
    ]  # fmt: skip


def reaches(broker: Mosquitto, writer: str, reader: str, topic: str) -> bool:
    listening = subprocess.Popen(
        command(broker, "mosquitto_sub", reader, f"{BASE}/{topic}", "-C", "1", "-W", "1"),
        stdout=subprocess.PIPE,
    )
    time.sleep(0.3)
    subprocess.run(
        command(broker, "mosquitto_pub", writer, f"{BASE}/{topic}", "-m", "x"),
        check=False,
        capture_output=True,
    )
    output, _ = listening.communicate(timeout=5)
    return output == b"x\n"


@pytest.mark.parametrize(
    ("writer", "reader", "topic", "expected"),
    [
        ("agent", "display", "alert", True),
        ("agent", "data", "event/age-group", True),
        ("pos", "agent", "pos/sale", True),
        ("display", "agent", "display/confirm", True),
        ("display", "agent", "display/hello", True),
        ("agent", "display", "event/sale-audit", True),
        ("agent", "display", "event/age-group", False),
        ("agent", "data", "alert", False),
        ("pos", "display", "alert", False),
        ("pos", "agent", "display/confirm", False),
        ("display", "agent", "pos/sale", False),
        ("agent", "display", "display/confirm", False),
        ("data", "display", "alert", False),
    ],
)
def test_a_role_may_do_its_own_and_nothing_else(
    broker: Mosquitto, writer: str, reader: str, topic: str, expected: bool
) -> None:
    assert reaches(broker, writer, reader, topic) is expected


def test_a_stranger_is_not_let_in(broker: Mosquitto) -> None:
    attempt = command(broker, "mosquitto_pub", "agent", f"{BASE}/alert", "-m", "x")
    attempt[attempt.index("secret")] = "wrong"
    assert subprocess.run(attempt, check=False, capture_output=True).returncode != 0


def test_the_agent_works_with_it_over_tls(broker: Mosquitto, tmp_path: Path) -> None:
    outbox = Outbox(OutboxSection(path=tmp_path / "outbox.sqlite3"), SystemClock())
    section = MqttSection.model_validate(
        {
            "port": broker.port,
            "username": USERS["agent"],
            "tls": {"ca_file": broker.folder / "certs" / "ca.pem"},
        }
    )
    tree = TopicTree("checkout", "demo-store", "till-1")
    publisher = MqttPublisher(section, tree, outbox, "secret")
    publisher.start()
    try:
        seen = AgeGroupSeen(new_analytics_id(), "till", "unknown", (), 1.0, 0, time.time())
        publisher.publish(outcome_message(seen))
        assert publisher.flush(5), publisher.status
    finally:
        publisher.stop(5)
        outbox.close()


def test_a_message_that_the_acl_refuses_is_said_and_kept(
    broker: Mosquitto, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    outbox = Outbox(OutboxSection(path=tmp_path / "outbox.sqlite3"), SystemClock())
    section = MqttSection.model_validate(
        {
            "port": broker.port,
            "username": USERS["data"],
            "tls": {"ca_file": broker.folder / "certs" / "ca.pem"},
        }
    )
    tree = TopicTree("checkout", "demo-store", "till-1")
    publisher = MqttPublisher(section, tree, outbox, "secret")
    publisher.start()
    try:
        seen = AgeGroupSeen(new_analytics_id(), "till", "unknown", (), 1.0, 0, time.time())
        publisher.publish(outcome_message(seen))
        assert wait_until(lambda: "publish_refused" in caplog.text)
        assert "Not authorized" in caplog.text
        assert publisher.status.waiting == 1
    finally:
        publisher.stop(5)
        outbox.close()

"""What a till may do wrong, through a real Mosquitto, with the real daemon (but its eyes)."""

from __future__ import annotations

import contextlib
import itertools
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from agent.config.load import load_config
from agent.outcomes import SaleMessage, SaleStep
from agent.publish.till import till_message
from agent.publish.topics import TopicTree
from tests.brokers import Consumer, Mosquitto, wait_until
from tests.end_to_end.command_line import REPOSITORY

pytestmark = pytest.mark.mosquitto
TREE = TopicTree("checkout", "demo-store", "till-1")
#: Start of Python and the first connect, or an answer, on a machine with other work to do.
START_S, ANSWER_S = 60.0, 20.0
#: Of who stands there: far under any threshold.
AGE_YEARS = 20.0
_numbers = itertools.count(1)


@dataclass
class Agent:
    """The daemon with its files in `folder`; seen over MQTT only."""

    folder: Path
    broker: Mosquitto
    consumer: Consumer
    process: subprocess.Popen[bytes] | None = field(default=None)

    @property
    def config(self) -> Path:
        return self.folder / "config.yaml"

    def start(self) -> None:
        self.folder.mkdir(exist_ok=True)
        self.config.write_text(
            yaml.safe_dump(
                {
                    "mqtt": {"port": self.broker.port, "backoff_max_s": 1.0},
                    "outbox": {"path": "outbox.sqlite3"},
                    "challenge": {"evidence_max_age_s": 60.0},
                }
            )
        )
        program = [sys.executable, "-m", "tests.streams.seeing_stand_in"]
        online = self.online
        with (self.folder / "agent.log").open("ab") as log:
            self.process = subprocess.Popen(
                [*program, str(self.config), str(AGE_YEARS)],
                cwd=REPOSITORY,
                env=os.environ | {"PYTHONPATH": str(REPOSITORY)},
                stdout=log,
                stderr=log,
            )
        assert wait_until(lambda: self.online > online, START_S), self.log

    @property
    def online(self) -> int:
        words = [each.payload for each in self.consumer.of("/availability") if not each.retain]
        return words.count(b"online")

    @property
    def log(self) -> str:
        return (self.folder / "agent.log").read_text(errors="replace")

    def kill(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.wait(20)

    def alerts(self, sale_id: str) -> list[dict[str, Any]]:
        return [m.json for m in self.consumer.of("/alert") if m.json["sale_id"] == sale_id]

    def audits(self, sale_id: str) -> list[dict[str, Any]]:
        found = [m.json for m in self.consumer.of("/sale-audit") if m.json["sale_id"] == sale_id]
        return list({each["event_id"]: each for each in found}.values())

    def alert(self, sale_id: str) -> dict[str, Any]:
        assert wait_until(lambda: self.alerts(sale_id), ANSWER_S), self.log
        return self.alerts(sale_id)[0]

    def audit(self, sale_id: str) -> dict[str, Any]:
        assert wait_until(lambda: self.audits(sale_id), ANSWER_S), self.log
        return self.audits(sale_id)[0]


@dataclass
class Till:
    """A till whose clock may be wrong."""

    consumer: Consumer
    sale_id: str
    clock_off_s: float = 0.0

    def step(self, step: SaleStep, at_wall_s: float | None = None, **changes: Any) -> SaleMessage:  # noqa: ANN401  (fields of a message)
        item = step in ("item_scanned", "item_removed")
        occurred = time.time() if at_wall_s is None else at_wall_s
        message = SaleMessage(
            message_id=f"m{next(_numbers)}-{os.getpid()}",
            sale_id=self.sale_id,
            step=step,
            occurred_wall_s=occurred + self.clock_off_s,
            product_id="beer" if item else "",
            category="alcohol" if item else "",
            restricted=item,
        )
        return replace(message, **changes)

    def send(self, *messages: SaleMessage) -> None:
        for message in messages:
            key, content = till_message(message)
            self.consumer.publish(TREE.path(key), content)

    def say(self, *steps: SaleStep) -> None:
        self.send(*[self.step(step) for step in steps])


@contextlib.contextmanager
def running(folder: Path) -> Iterator[Agent]:
    folder.mkdir(exist_ok=True)
    broker = Mosquitto(folder / "broker").start()
    consumer = Consumer(broker.port)
    agent = Agent(folder / "agent", broker, consumer)
    try:
        agent.start()
        yield agent
    finally:
        agent.kill()
        consumer.close()
        broker.stop()


@pytest.fixture(scope="module")
def agent(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Agent]:
    """One daemon for the tests that do not break it; each test has sales of its own."""
    with running(tmp_path_factory.mktemp("till")) as agent:
        yield agent


def test_a_whole_sale_gives_one_alert_and_one_audit(agent: Agent) -> None:
    till = Till(agent.consumer, "whole")
    till.say("opened", "item_scanned")
    assert agent.alert("whole")["advice"] == "challenge"
    till.send(till.step("id_checked", source="display"))
    till.say("closed")
    audit = agent.audit("whole")
    assert (audit["result"], audit["id_checked_by"]) == ("conscientious", "display")
    assert len(agent.alerts("whole")) == 1


def test_messages_that_come_twice_count_once(agent: Agent) -> None:
    till = Till(agent.consumer, "twice")
    messages = [till.step("opened"), till.step("item_scanned"), till.step("closed")]
    till.send(*messages[:2], *messages[:2])
    agent.alert("twice")
    till.send(messages[2], *messages)
    assert agent.audit("twice")["result"] == "missed_challenge"
    after = Till(agent.consumer, "after-twice")
    after.say("opened", "item_scanned", "closed")
    agent.audit("after-twice")
    assert (len(agent.alerts("twice")), len(agent.audits("twice"))) == (1, 1)


def test_a_scan_that_overtakes_its_opening_is_the_same_sale(agent: Agent) -> None:
    till = Till(agent.consumer, "overtaken")
    opened, scanned = till.step("opened"), till.step("item_scanned")
    till.send(scanned, opened)
    agent.alert("overtaken")
    till.say("closed")
    assert agent.audit("overtaken")["challenge_due"] is True
    assert (len(agent.alerts("overtaken")), len(agent.audits("overtaken"))) == (1, 1)


def test_a_scan_that_comes_just_after_the_close_is_audited_without_an_alert(agent: Agent) -> None:
    till = Till(agent.consumer, "late-scan")
    opened, scanned, closed = (till.step(s) for s in ("opened", "item_scanned", "closed"))
    till.send(opened, closed, scanned)
    audit = agent.audit("late-scan")
    assert (audit["categories"], audit["result"]) == (["alcohol"], "no_evidence")
    assert agent.alerts("late-scan") == []


def test_goods_taken_off_again_leave_nothing_due(agent: Agent) -> None:
    till = Till(agent.consumer, "put-back")
    till.say("opened", "item_scanned")
    agent.alert("put-back")
    till.say("item_removed", "closed")
    assert agent.audit("put-back")["result"] == "not_due"


def test_two_sales_at_once_have_a_duty_each(agent: Agent) -> None:
    first, second = Till(agent.consumer, "left"), Till(agent.consumer, "right")
    first.say("opened", "item_scanned")
    second.say("opened", "item_scanned")
    assert agent.alert("left")["event_id"] != agent.alert("right")["event_id"]
    first.say("id_checked")
    second.say("closed")
    first.say("closed")
    assert agent.audit("left")["result"] == "conscientious"
    assert agent.audit("right")["result"] == "missed_challenge"


@pytest.mark.parametrize("clock_off_s", [-600.0, 600.0])
def test_a_till_whose_clock_is_ten_minutes_off_gets_its_alert(
    clock_off_s: float, tmp_path: Path
) -> None:
    with running(tmp_path / "off") as agent:
        till = Till(agent.consumer, "off", clock_off_s)
        till.say("opened", "item_scanned")
        agent.alert("off")
        till.say("id_checked", "closed")
        assert agent.audit("off")["result"] == "conscientious"


def test_a_back_log_after_an_outage_is_audited_and_alerts_nobody(tmp_path: Path) -> None:
    with running(tmp_path / "outage") as agent:
        usual = Till(agent.consumer, "usual")
        usual.say("opened", "item_scanned", "closed")
        agent.audit("usual")
        online = agent.online
        agent.broker.stop()
        agent.broker.start()
        assert wait_until(lambda: agent.online > online, START_S), agent.log
        five_minutes_ago = time.time() - 300
        till = Till(agent.consumer, "back-log")
        steps: list[SaleStep] = ["opened", "item_scanned", "closed"]
        till.send(*[till.step(step, five_minutes_ago + n) for n, step in enumerate(steps)])
        assert agent.audit("back-log")["result"] == "no_evidence"
        assert agent.alerts("back-log") == []
        now = Till(agent.consumer, "now")
        now.say("opened", "item_scanned")
        agent.alert("now")


def test_an_open_sale_survives_kill_9_and_its_alert_comes_again_with_the_same_id(
    tmp_path: Path,
) -> None:
    with running(tmp_path / "killed") as agent:
        till = Till(agent.consumer, "open")
        till.say("opened", "item_scanned")
        before = agent.alert("open")
        agent.kill()
        agent.start()
        assert wait_until(lambda: len(agent.alerts("open")) > 1, ANSWER_S), agent.log
        after = agent.alerts("open")[-1]
        assert after["event_id"] == before["event_id"]
        assert {each["event_id"] for each in agent.alerts("open")} == {before["event_id"]}
        till.say("closed")
        audit = agent.audit("open")
        assert (audit["result"], audit["shown_at"]) == ("missed_challenge", before["occurred_at"])


SCRIPT = """
- {at_s: 0, sale_id: scripted, type: opened}
- at_s: 0.1
  sale_id: scripted
  type: item_scanned
  item: {product_id: gin, category: alcohol, restricted: true}
- {at_s: 1.5, sale_id: scripted, type: id_checked, source: display}
- {at_s: 1.6, sale_id: scripted, type: closed}
"""


def simulate(agent: Agent, *arguments: str, typed: str = "") -> str:
    command = [sys.executable, "-m", "agent.cli", "simulate-pos", *arguments]
    done = subprocess.run(
        [*command, "--config", str(agent.config)],
        input=typed, capture_output=True, text=True, timeout=100, cwd=REPOSITORY, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_a_scripted_till_sees_the_alert_and_the_audit(agent: Agent, tmp_path: Path) -> None:
    script = tmp_path / "sales.yaml"
    script.write_text(SCRIPT)
    shown = simulate(agent, str(script), "--linger-s", "30")
    assert "ALERT scripted: ask for ID" in shown
    assert "AUDIT scripted: conscientious (challenge due; ID checked by display)" in shown


def test_a_typed_till_makes_a_whole_sale(agent: Agent) -> None:
    typed = "open typed\nscan dairy milk x2\nscan alcohol beer\nfly\nclose\n"
    shown = simulate(agent, "--linger-s", "30", typed=typed)
    assert "ALERT typed: ask for ID" in shown
    assert "got fly" in shown
    assert agent.audit("typed")["categories"] == ["alcohol"]


def test_the_audit_command_collects_what_the_agent_says(agent: Agent) -> None:
    from agent.audit.archive import AuditArchive
    from agent.commands.audit import collect

    loaded = load_config(agent.config)
    archive = loaded.config.audit.path
    collect(loaded, stop_after_s=0.0)  # subscribed: from now on the broker keeps them for it
    till = Till(agent.consumer, "collected")
    till.say("opened", "item_scanned", "closed")
    sent = agent.audit("collected")
    collect(loaded, stop_after_s=2.0)
    with AuditArchive(archive) as kept:
        found = {sale.event_id: sale for sale in kept.sales(0, 4e9)}
    assert found[sent["event_id"]].register_id == "till-1"
    assert found[sent["event_id"]].result == "missed_challenge"

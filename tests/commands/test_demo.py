"""The demo's till: what it says goes over the broker, and only what comes back counts."""

from __future__ import annotations

import pytest

from agent.commands.demo import ARRIVAL_S, BrokerTill
from agent.outcomes import SaleMessage
from agent.sales_script import SalesScript, ScriptedStep


def step(at_s: float, name: str) -> ScriptedStep:
    return ScriptedStep.model_validate(
        {"at_s": at_s, "sale_id": "s1", "type": name, "message_id": f"m-{name}"}
    )


class Broker:
    """Brings what was said when it is told to."""

    def __init__(self) -> None:
        self.said: list[SaleMessage] = []
        self._arrived: list[SaleMessage] = []

    def deliver(self) -> None:
        self._arrived, self.said = self.said, []

    def hear(self) -> list[SaleMessage]:
        arrived, self._arrived = self._arrived, []
        return arrived


@pytest.fixture
def broker() -> Broker:
    return Broker()


def till(broker: Broker) -> BrokerTill:
    script = SalesScript([step(-1.0, "opened"), step(1.0, "closed")], 1_000.0)
    return BrokerTill(script, broker.said.append, broker.hear)


def test_a_step_counts_when_the_broker_has_brought_it(broker: Broker) -> None:
    speaking = till(broker)

    assert speaking.take_until(-0.9) == []
    assert [message.step for message in broker.said] == ["opened"]
    broker.deliver()
    ((at_s, heard),) = speaking.take_until(-0.8)

    assert (at_s, heard.step) == (-0.8, "opened")


def test_the_end_waits_for_the_last_step_to_arrive(broker: Broker) -> None:
    speaking = till(broker)
    speaking.take_until(1.0)
    assert speaking.next_at_s == 1.0

    broker.deliver()
    assert len(speaking.take_until(1.1)) == 2

    assert speaking.next_at_s is None


def test_a_step_that_never_arrives_does_not_hold_up_the_end(broker: Broker) -> None:
    speaking = till(broker)
    speaking.take_until(1.0)

    speaking.take_until(1.1 + ARRIVAL_S)

    assert speaking.next_at_s is None

"""What stands on the screen after what was heard: by example, and whatever was heard."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import hypothesis.strategies as st
import pytest
from hypothesis import given, settings

from agent.display.board import RECORDED_S, Board
from agent.display.duties import CROSSING_S
from agent.display.heard import HeardState
from agent.display.screen import HeardAlert, Screen
from agent.outcomes import SaleMessage, SaleStep

STALE_S = 15.0
LIFETIME_S = 60.0


def state(
    cameras: dict[str, str] | None = None, stopped: str | None = None, debug_view: bool = False
) -> HeardState:
    listed = [{"camera_id": k, "state": v} for k, v in (cameras or {"till": "online"}).items()]
    content = {"cameras": listed, "stopped": stopped, "debug_view": debug_view}
    return HeardState.model_validate(content)


@dataclass
class Story:
    """A board that time passes for; the agent gives signs of life unless it is told not to."""

    board: Board = field(default_factory=lambda: Board(STALE_S, LIFETIME_S))
    now_s: float = 1000.0
    told: int = 0

    def ready(self) -> Story:
        self.board.connected(self.now_s)
        self.board.availability("online", self.now_s)
        self.board.state(state(), False, self.now_s)
        return self

    def wait(self, seconds: float, alive: bool = True) -> Story:
        self.now_s += seconds
        if alive:
            self.board.state(state(), False, self.now_s)
        return self

    def alert(
        self, sale_id: str = "s1", event_id: str = "e1", category: str = "alcohol",
        reason: str = "looks_under_challenge_age", retained: bool = False,
    ) -> Story:  # fmt: skip
        heard = HeardAlert(event_id, sale_id, reason, category, 25, 1)
        self.board.alert(heard, retained, None, self.now_s)
        return self

    def step(
        self, step: SaleStep, sale_id: str = "s1", *, at_s: float | None = None,
        category: str = "", display: bool = False, retained: bool = False,
        message_id: str = "",
    ) -> Story:  # fmt: skip
        self.told += 1
        message = SaleMessage(
            message_id=message_id or f"m{self.told}", sale_id=sale_id, step=step,
            occurred_wall_s=self.now_s + self.told * 1e-3 if at_s is None else at_s,
            source="display" if display else "point_of_sale",
            product_id="p" if category else "", category=category, restricted=bool(category),
        )  # fmt: skip
        self.board.sale(message, retained, self.now_s)
        return self

    @property
    def screen(self) -> Screen:
        return self.board.screen(self.now_s)

    @property
    def kind(self) -> str:
        return self.screen.kind

    @property
    def fault(self) -> str | None:
        return self.screen.fault

    @property
    def asked(self) -> list[str]:
        """The sale asked about, and how many more."""
        screen = self.screen
        assert screen.kind == "ask", screen
        assert screen.alert is not None
        return [screen.alert.sale_id, str(screen.more)]


@pytest.fixture
def story() -> Story:
    return Story().ready()


# Faults


def test_nothing_is_live_before_the_broker_is_reached() -> None:
    assert Story().screen == Screen("fault", "connecting")


def test_a_lost_broker_is_a_fault_with_its_reason(story: Story) -> None:
    story.board.disconnected("Connection refused")
    assert story.screen == Screen("fault", "broker_offline", "Connection refused")


def test_what_the_broker_has_kept_is_no_sign_of_life() -> None:
    story = Story()
    story.board.connected(story.now_s)
    story.board.availability("online", story.now_s)
    story.board.state(state(), True, story.now_s)
    assert story.fault == "connecting"
    story.wait(STALE_S, alive=False)
    assert story.fault == "stale"


def test_without_a_word_of_the_agent_it_is_offline() -> None:
    story = Story()
    story.board.connected(story.now_s)
    assert story.fault == "connecting"
    story.wait(2.0, alive=False)
    assert story.fault == "agent_offline"


@pytest.mark.parametrize("word", ["offline", "", "ONLINE", "on"])
def test_only_the_word_online_is_online(story: Story, word: str) -> None:
    story.board.availability(word, story.now_s)
    assert story.fault == "agent_offline"


def test_an_agent_that_is_back_must_speak_first(story: Story) -> None:
    story.board.availability("offline", story.now_s)
    story.board.availability("online", story.now_s)
    assert story.fault == "connecting"
    assert story.wait(0.1).kind == "idle"


def test_silence_of_the_agent_is_stale_whatever_stood(story: Story) -> None:
    story.alert().wait(STALE_S - 0.1, alive=False)
    assert story.kind == "ask"
    story.wait(0.1, alive=False)
    assert (story.kind, story.fault) == ("fault", "stale")
    assert story.screen.alert is not None
    assert story.wait(0.1).kind == "ask"


@pytest.mark.parametrize(
    ("cameras", "fault", "detail"),
    [
        ({"till": "offline"}, "camera_offline", "till"),
        ({"till": "stalled"}, "camera_stalled", "till"),
        ({"till": "online", "side": "stalled"}, "camera_stalled", "side"),
        ({"till": "offline", "side": "stalled"}, "camera_offline", "side, till"),
        ({"till": "bewitched"}, "camera_offline", "till"),
    ],
)
def test_every_camera_without_pictures_is_a_fault(
    story: Story, cameras: dict[str, str], fault: str, detail: str
) -> None:
    story.board.state(state(cameras), False, story.now_s)
    assert (story.fault, story.screen.detail) == (fault, detail)
    assert story.alert().kind == "ask", "an alert is more urgent than a camera"


def test_a_camera_says_itself_that_it_is_gone(story: Story) -> None:
    story.board.camera("till", "stalled", False)
    assert story.fault == "camera_stalled"


def test_the_kept_state_of_a_camera_that_was_taken_away_does_not_count(story: Story) -> None:
    story.board.camera("old", "offline", True)
    assert story.kind == "idle"


def test_an_agent_without_cameras_is_starting(story: Story) -> None:
    story.board.state(HeardState(), False, story.now_s)
    assert story.fault == "camera_starting"


def test_an_agent_that_says_it_has_stopped_is_offline(story: Story) -> None:
    story.board.state(state(stopped="SIGTERM"), False, story.now_s)
    assert story.fault == "agent_offline"


def test_a_watching_technician_is_shown(story: Story) -> None:
    story.board.state(state(debug_view=True), False, story.now_s)
    assert story.screen == Screen("idle", debug_view=True)


# Alerts


def test_an_alert_asks_and_can_be_confirmed(story: Story) -> None:
    story.alert()
    assert story.asked == ["s1", "0"]
    assert story.screen.can_confirm


def test_a_kept_alert_is_none(story: Story) -> None:
    assert story.alert(retained=True).kind == "idle"


def test_an_alert_that_is_not_renewed_ends_and_one_that_is_stays(story: Story) -> None:
    story.alert()
    for _ in range(10):
        story.wait(LIFETIME_S / 2).alert()
        assert story.kind == "ask"
    story.wait(LIFETIME_S - 1)
    assert story.kind == "ask"
    assert story.wait(1).kind == "idle"


@pytest.mark.parametrize("display", [True, False])
def test_a_recorded_check_ends_it(story: Story, display: bool) -> None:
    story.alert().step("id_checked", display=display)
    assert story.kind == "recorded"
    assert story.wait(RECORDED_S).kind == "idle"


def test_an_alert_that_crosses_its_check_stays_away_but_a_later_one_is_shown(story: Story) -> None:
    story.alert().step("id_checked", display=True).wait(1).alert()
    assert story.kind == "recorded"
    story.wait(CROSSING_S).alert()
    assert story.kind == "ask", "the agent has not heard of the check"


def test_a_refusal_stays_until_the_goods_are_gone(story: Story) -> None:
    story.step("opened").step("item_scanned", category="alcohol")
    story.alert().step("id_refused", display=True)
    assert story.kind == "refused"
    assert story.wait(5).alert().kind == "refused"
    assert story.step("item_removed", category="alcohol").kind == "idle"


def test_after_a_refusal_a_new_duty_asks_again(story: Story) -> None:
    story.alert().step("id_refused").alert(event_id="e2", category="tobacco")
    assert story.kind == "ask"


def test_a_closed_sale_ends_it_and_what_comes_later_is_ignored(story: Story) -> None:
    assert story.alert().step("closed").kind == "idle"
    assert story.alert().kind == "idle"
    assert story.alert(event_id="e2").kind == "idle"


def test_an_audited_sale_ends_it(story: Story) -> None:
    story.alert()
    story.board.audited("s1", True, story.now_s)
    assert story.kind == "ask", "a kept audit is of another day"
    story.board.audited("s1", False, story.now_s)
    assert story.kind == "idle"


def test_a_till_may_use_a_number_again(story: Story) -> None:
    story.alert().step("closed").wait(1).step("opened").alert(event_id="e2")
    assert story.asked == ["s1", "0"]


def test_a_scan_that_was_overtaken_by_the_close_opens_nothing(story: Story) -> None:
    story.alert().step("closed", at_s=50.0).step("item_scanned", category="alcohol", at_s=49.0)
    assert story.alert().kind == "idle"


def test_goods_taken_off_end_it_only_when_all_of_the_category_are_known_to_be_gone(
    story: Story,
) -> None:
    story.step("opened").step("item_scanned", category="alcohol", message_id="a")
    story.step("item_scanned", category="alcohol", message_id="a")  # repeated on the way
    story.step("item_scanned", category="alcohol").alert()
    assert story.step("item_removed", category="alcohol").kind == "ask"
    assert story.step("item_removed", category="alcohol").kind == "idle"


def test_in_a_sale_that_was_not_heard_from_its_beginning_goods_taken_off_end_nothing(
    story: Story,
) -> None:
    story.alert().step("item_scanned", category="alcohol")
    assert story.step("item_removed", category="alcohol").kind == "ask"


def test_the_newest_of_several_sales_is_shown_and_stays_in_front(story: Story) -> None:
    story.alert().wait(1).alert("s2", "e2").wait(1).alert()
    assert story.asked == ["s2", "1"]
    assert story.step("closed", "s2").asked == ["s1", "0"]


def test_an_alert_without_a_sale_is_dismissed_for_good(story: Story) -> None:
    story.alert("", "e1")
    story.board.dismiss("e1", story.now_s)
    assert story.alert("", "e1").kind == "recorded"
    assert story.alert("", "e2").kind == "ask"


def test_a_lost_connection_forgets_all_and_only_the_agent_brings_it_back(story: Story) -> None:
    story.alert()
    story.board.disconnected("gone")
    assert story.screen.alert is not None
    assert not story.screen.can_confirm
    story.ready()
    assert story.kind == "idle"
    assert story.alert().kind == "ask"


def test_an_alert_of_a_closed_sale_that_is_sent_once_more_after_an_outage_is_not_shown(
    story: Story,
) -> None:
    story.alert().step("closed")
    story.board.disconnected("gone")
    assert story.ready().alert().kind == "idle"


def test_a_flood_of_sales_keeps_the_newest(story: Story) -> None:
    for number in range(200):
        story.now_s += 0.001
        story.alert(f"s{number}", f"e{number}")
    assert story.asked == ["s199", "63"]


# Whatever is heard

SALES = ("s1", "s2", "")
EVENTS = st.one_of(
    st.tuples(st.just("wait"), st.sampled_from([0.1, 1.0, 5.0, 14.9, 15.0, 61.0])),
    st.tuples(st.just("alert"), st.sampled_from(SALES), st.sampled_from("abc"), st.booleans()),
    st.tuples(
        st.just("step"),
        st.sampled_from(
            ["opened", "item_scanned", "item_removed", "id_checked", "id_refused", "closed"]
        ),
        st.sampled_from(("s1", "s2")),
        st.booleans(),
    ),
    st.tuples(st.just("state"), st.booleans(), st.sampled_from(["online", "stalled", "offline"])),
    st.tuples(st.just("availability"), st.sampled_from(["online", "offline", "x"])),
    st.tuples(st.just("connected")),
    st.tuples(st.just("disconnected")),
    st.tuples(st.just("audited"), st.sampled_from(("s1", "s2"))),
)


def play(story: Story, event: tuple[Any, ...]) -> None:
    board, (kind, *rest) = story.board, event
    if kind == "wait":
        story.wait(rest[0], alive=False)
    elif kind == "alert":
        story.alert(rest[0], rest[1], retained=rest[2])
    elif kind == "step":
        step, sale_id, display = rest
        category = "alcohol" if step.startswith("item") else ""
        story.step(step, sale_id, category=category, display=display)
    elif kind == "state":
        board.state(state({"till": rest[1]}), rest[0], story.now_s)
    elif kind == "availability":
        board.availability(rest[0], story.now_s)
    elif kind == "connected":
        board.connected(story.now_s)
    elif kind == "disconnected":
        board.disconnected("gone")
    else:
        board.audited(rest[0], False, story.now_s)


@dataclass
class Truth:
    """The plain rules, kept beside the board: what may at most be live."""

    connected: bool = False
    online: bool = False
    sign_at_s: float = float("-inf")
    heard: dict[tuple[str, str], float] = field(default_factory=dict)
    synced: bool = False

    def take(self, event: tuple[Any, ...], now_s: float) -> None:
        kind, *rest = event
        if kind in ("connected", "disconnected"):
            self.__init__(connected=kind == "connected", sign_at_s=now_s)  # type: ignore[misc]  # begins anew
        elif kind == "alert" and not rest[2]:
            self.heard[rest[0], rest[1]] = self.sign_at_s = now_s
        elif kind == "state" and not rest[0]:
            self.sign_at_s, self.synced = now_s, True
        elif kind == "availability":
            was, self.online = self.online, rest[0] == "online"
            if self.online and not was:
                self.sign_at_s = now_s
        elif kind == "audited" or (kind == "step" and rest[0] in ("id_checked", "closed")):
            sale_id = rest[0] if kind == "audited" else rest[1]
            self.heard = {key: at_s for key, at_s in self.heard.items() if key[0] != sale_id}


@settings(max_examples=400, deadline=None)
@given(st.lists(EVENTS, max_size=40), st.booleans())
def test_no_history_shows_an_old_alert_as_live_or_claims_to_be_well(
    events: list[tuple[Any, ...]], begin_ready: bool
) -> None:
    story, truth = Story(), Truth()
    start: list[tuple[Any, ...]] = [("connected",), ("availability", "online")]
    for event in [*(start if begin_ready else []), *events]:
        play(story, event)
        truth.take(event, story.now_s)
        screen = story.screen
        assert screen.kind in ("idle", "ask", "refused", "recorded", "fault")
        if screen.kind == "fault":
            assert screen.fault is not None
            continue
        assert truth.connected
        assert story.now_s - truth.sign_at_s < STALE_S, "no sign of life"
        if screen.kind in ("ask", "refused"):
            assert screen.alert is not None
            key = (screen.alert.sale_id, screen.alert.event_id)
            assert story.now_s - truth.heard[key] < LIFETIME_S
        else:
            assert truth.synced


@settings(max_examples=200, deadline=None)
@given(st.lists(EVENTS, max_size=30))
def test_whatever_went_before_a_new_alert_of_a_new_sale_is_shown(
    events: list[tuple[Any, ...]],
) -> None:
    story = Story().ready()
    for event in events:
        play(story, event)
    story.ready().alert("fresh", "f1")
    assert story.asked == ["fresh", "0"]

"""The pages and their guard, without a broker."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator

import pytest
from h11 import LocalProtocolError
from pydantic import BaseModel
from starlette.testclient import TestClient
from starlette.types import Message, Scope, Send

from agent.clock import ReplayClock
from agent.display.access import CONTENT_SECURITY_POLICY, COOKIE, proof
from agent.display.board import Board
from agent.display.heard import HeardState
from agent.display.link import Listener
from agent.display.pages import MAX_TAP_BYTES, Pages
from agent.display.screen import HeardAlert
from agent.display.service import DisplayService
from agent.errors import BrokerError
from agent.publish.sales import ConfirmPayload
from agent.publish.topics import TopicKey

TOKEN = "a-token-of-some-length"


class FakeLink:
    """Keeps what is published, or refuses it."""

    def __init__(self, listener: Listener) -> None:
        self.listener = listener
        self.published: list[tuple[TopicKey, BaseModel]] = []
        self.refuses = False

    def start(self) -> None:
        """Connect to nothing."""

    def stop(self) -> None:
        """End nothing."""

    def publish(self, key: TopicKey, payload: BaseModel, timeout_s: float) -> None:
        if self.refuses:
            raise BrokerError("no")
        self.published.append((key, payload))


class Display:
    """A board with one standing alert, its pages, and a browser."""

    def __init__(self, token: str | None = None) -> None:
        self.board = Board(15.0, 60.0)
        self.links: list[FakeLink] = []
        service = DisplayService(self.board, ReplayClock(), self._make_link)
        self.board.connected(0.0)
        self.board.availability("online", 0.0)
        self.board.state(HeardState(), False, 0.0)
        self.alert("s1", "e1")
        app = Pages(service, "en", "shop <1>").app(token)
        self.browser = TestClient(app, base_url="http://127.0.0.1:8090", follow_redirects=False)

    def _make_link(self, listener: Listener) -> FakeLink:
        self.links.append(FakeLink(listener))
        return self.links[-1]

    @property
    def link(self) -> FakeLink:
        return self.links[0]

    def alert(self, sale_id: str, event_id: str) -> None:
        heard = HeardAlert(event_id, sale_id, "no_evidence", "alcohol", 25, 0)
        self.board.alert(heard, False, None, 0.0)

    def tap(self, event_id: str = "e1", action: str = "id_checked", **headers: str) -> int:
        content = {"event_id": event_id, "action": action}
        return self.browser.post("/tap", json=content, headers=headers).status_code


@pytest.fixture
def display() -> Iterator[Display]:
    made = Display()
    with made.browser:
        yield made


def test_the_page_comes_in_the_language_that_is_asked_for(display: Display) -> None:
    english, russian = (display.browser.get(path).text for path in ("/", "/?lang=ru"))
    assert '<html lang="en">' in english
    assert "Refused" in english
    assert '<html lang="ru">' in russian
    assert "Документ проверен" in russian
    assert display.browser.get("/?lang=<script>").text == english


def test_what_is_put_into_the_page_is_escaped(display: Display) -> None:
    assert "shop &lt;1&gt;" in display.browser.get("/").text


def test_no_page_asks_another_server_for_anything_or_holds_inline_code(display: Display) -> None:
    for path in ("/", "/page.css", "/page.js", "/icon.svg"):
        answer = display.browser.get(path)
        assert answer.status_code == 200
        assert answer.headers["Content-Security-Policy"] == CONTENT_SECURITY_POLICY
        text = answer.text.replace("http://www.w3.org/2000/svg", "")
        assert "//" not in re.sub(r"^\s*//.*$| // .*$", "", text, flags=re.MULTILINE)
        assert not re.search(r"<script(?! src=\"page.js\")|<style|\son\w+=|\sstyle=", text)


@pytest.mark.parametrize("path", ["/", "/page.js", "/tap", "/nothing"])
def test_every_answer_carries_the_security_headers(display: Display, path: str) -> None:
    headers = display.browser.get(path).headers
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["X-Frame-Options"] == "DENY"
    assert headers["Referrer-Policy"] == "no-referrer"
    assert headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize("action", ["id_checked", "id_refused"])
def test_a_tap_is_told_to_the_agent(display: Display, action: str) -> None:
    assert display.tap(action=action) == 204
    key, payload = display.link.published[0]
    assert key is TopicKey.CONFIRM
    assert isinstance(payload, ConfirmPayload)
    assert (payload.sale_id, payload.action) == ("s1", action)
    assert display.board.screen(0.0).kind == "ask", "it changes when the broker brings it back"


def test_a_tap_for_what_no_longer_stands_is_told_to_nobody(display: Display) -> None:
    assert display.tap("e0") == 409
    assert display.link.published == []


def test_a_tap_that_cannot_be_sent_says_so(display: Display) -> None:
    display.link.refuses = True
    assert display.tap() == 503


def test_an_alert_without_a_sale_is_taken_off_here(display: Display) -> None:
    display.alert("", "e2")
    assert display.tap("e2") == 204
    assert display.link.published == []
    assert display.board.find("e2", 0.0) is None


@pytest.mark.parametrize("content", [b"", b"{}", b'{"event_id": "e1", "action": "approve"}'])
def test_a_tap_that_makes_no_sense_is_refused(display: Display, content: bytes) -> None:
    headers = {"Content-Type": "application/json"}
    assert display.browser.post("/tap", content=content, headers=headers).status_code == 400


def test_a_tap_that_is_too_long_is_refused(display: Display) -> None:
    headers = {"Content-Type": "application/json"}
    content = b" " * (MAX_TAP_BYTES + 1)
    assert display.browser.post("/tap", content=content, headers=headers).status_code == 413


def test_a_foreign_page_can_neither_read_nor_tap(display: Display) -> None:
    assert display.browser.get("/", headers={"Host": "evil.example"}).status_code == 403
    assert display.tap(Origin="http://evil.example") == 403
    form = display.browser.post("/tap", data={"event_id": "e1", "action": "id_checked"})
    assert form.status_code == 403
    assert display.link.published == []
    assert display.tap(Origin="http://127.0.0.1:8090") == 204


@pytest.mark.parametrize("host", ["localhost:8090", "[::1]:8090", "127.0.0.1"])
def test_this_machine_has_several_names(display: Display, host: str) -> None:
    assert display.browser.get("/", headers={"Host": host}).status_code == 200


# With a token


@pytest.fixture
def guarded() -> Iterator[Display]:
    made = Display(TOKEN)
    with made.browser:
        yield made


@pytest.mark.parametrize("path", ["/", "/page.js", "/screens", "/?token=", "/?token=wröng"])
def test_without_the_token_nothing_is_shown(guarded: Display, path: str) -> None:
    answer = guarded.browser.get(path)
    assert answer.status_code == 401
    assert answer.headers["X-Frame-Options"] == "DENY"


def test_the_token_is_shown_once_and_then_a_cookie(guarded: Display) -> None:
    answer = guarded.browser.get(f"/?lang=ru&token={TOKEN}")
    assert answer.status_code == 303
    assert answer.headers["Location"] == "/?lang=ru"
    cookie = answer.headers["Set-Cookie"]
    assert TOKEN not in cookie
    assert "HttpOnly" in cookie
    assert "samesite=strict" in cookie.lower()
    assert guarded.browser.get("/", headers={"Host": "till-1.store"}).status_code == 200
    assert guarded.tap() == 204


@pytest.mark.parametrize(
    "cookie", [f"{COOKIE}={TOKEN}", f"{COOKIE}=", f"{COOKIE}={proof('other')}", "=;=\x07"]
)
def test_a_made_up_cookie_opens_nothing(guarded: Display, cookie: str) -> None:
    assert guarded.browser.get("/", headers={"Cookie": cookie}).status_code == 401


def test_a_program_shows_the_token_in_a_header(guarded: Display) -> None:
    good, bad = (
        guarded.browser.get("/", headers={"Authorization": f"Bearer {token}"}).status_code
        for token in (TOKEN, TOKEN + "x")
    )
    assert (good, bad) == (200, 401)


@pytest.mark.parametrize("origin", ["http://[", "http://[x]]"])
def test_an_origin_that_is_no_address_is_refused(display: Display, origin: str) -> None:
    assert display.tap(Origin=origin) == 403


async def _answered(display: Display, messages: list[Message], send: Send) -> None:
    async def receive() -> Message:
        return messages.pop(0)

    host = [(b"host", b"127.0.0.1"), (b"content-type", b"application/json")]
    scope: Scope = {
        "type": "http", "method": "POST", "path": "/tap", "headers": host, "query_string": b"",
    }  # fmt: skip
    await display.browser.app(scope, receive, send)


def test_a_browser_that_leaves_in_the_middle_of_a_tap_leaves_no_error(display: Display) -> None:
    sent: list[Message] = []

    async def send(message: Message) -> None:
        sent.append(message)

    part: Message = {"type": "http.request", "body": b'{"event', "more_body": True}
    asyncio.run(_answered(display, [part, {"type": "http.disconnect"}], send))
    assert sent[0]["status"] == 400
    assert display.link.published == []


def test_nothing_is_added_to_what_the_server_has_refused_itself(display: Display) -> None:
    async def send(message: Message) -> None:
        raise LocalProtocolError("the server has answered 400")

    whole: Message = {"type": "http.request", "body": b"{}", "more_body": False}
    asyncio.run(_answered(display, [whole], send))
    assert display.link.published == []

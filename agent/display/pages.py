"""The display's pages: the page itself, its stream of screens, and the cashier's tap."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from dataclasses import asdict
from html import escape
from importlib.resources import files
from string import Template
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import HTMLResponse, PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route

from agent.display.access import Guard
from agent.display.service import DisplayService
from agent.display.wording import LANGUAGES, Language, texts, words
from agent.errors import BrokerError

#: The page takes longer silence for a loss; its own limit is in page.js.
HEARTBEAT_S = 1.0
#: Browsers watching at once; a register has one or two.
MAX_WATCHERS = 16
MAX_TAP_BYTES = 1024
_RECONNECT_MS = 500


class _Tap(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    event_id: str = Field(min_length=1, max_length=64)
    action: Literal["id_checked", "id_refused"]


class Pages:
    """Answers the browser.

    Args:
        service: What is shown.
        language: Unless the address asks for another one.
        place: Store and register, shown small.
    """

    def __init__(self, service: DisplayService, language: Language, place: str) -> None:
        self._service = service
        self._language = language
        self._place = place
        self._watchers = 0
        self._template = Template(_asset("page.html"))

    def app(self, token: str | None) -> Guard:
        """Return the application, with its guard before it."""
        routes = [
            Route("/", self.page),
            Route("/page.css", _file("page.css", "text/css")),
            Route("/page.js", _file("page.js", "text/javascript")),
            Route("/icon.svg", _file("icon.svg", "image/svg+xml")),
            Route("/screens", self.screens),
            Route("/tap", self.tap, methods=["POST"]),
        ]
        return Guard(Starlette(routes=routes), token)

    async def page(self, request: Request) -> Response:
        """Return the page, with its fixed words in it."""
        language = self._language_of(request)
        fixed = {key.replace(".", "_"): escape(text) for key, text in texts(language).items()}
        html = self._template.substitute(fixed, lang=language, place=escape(self._place))
        return HTMLResponse(html)

    async def screens(self, request: Request) -> Response:
        """Return an endless stream: the screen whenever it changes, and every second."""
        if self._watchers >= MAX_WATCHERS:
            return PlainTextResponse("too many displays\n", 503)
        stream = self._stream(self._language_of(request))
        return StreamingResponse(stream, media_type="text/event-stream")

    async def _stream(self, language: Language) -> AsyncIterator[str]:
        """Give what stands now, each time; what a slow browser has missed is not kept."""
        self._watchers += 1
        try:
            with self._service.watching() as changed:
                yield f"retry: {_RECONNECT_MS}\n\n"
                while not self._service.closing:
                    changed.clear()
                    shown = asdict(words(self._service.screen(), language))
                    yield f"event: screen\ndata: {json.dumps(shown)}\n\n"
                    await _wait(changed, HEARTBEAT_S)
        finally:
            self._watchers -= 1

    async def tap(self, request: Request) -> Response:
        """Take the cashier's tap: 204 it is on its way, 409 that alert stands no longer."""
        try:
            body = await _read(request)
        except ClientDisconnect:
            return Response(status_code=400)  # nobody is there to read it
        if len(body) > MAX_TAP_BYTES:
            return PlainTextResponse("too long\n", 413)
        try:
            tap = _Tap.model_validate_json(body)
        except ValidationError:
            return PlainTextResponse("expected event_id and action\n", 400)
        try:
            stands = await self._service.confirm(tap.event_id, tap.action)
        except BrokerError:
            return PlainTextResponse("the broker has not taken it: tap again\n", 503)
        return Response(status_code=204 if stands else 409)

    def _language_of(self, request: Request) -> Language:
        asked = request.query_params.get("lang", "")
        return next((each for each in LANGUAGES if each == asked), self._language)


async def _read(request: Request) -> bytes:
    """Return the body as far as it matters: a longer one is read no further."""
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > MAX_TAP_BYTES:
            break
    return body


async def _wait(event: asyncio.Event, timeout_s: float) -> None:
    try:
        await asyncio.wait_for(event.wait(), timeout_s)
    except TimeoutError:
        return


def _asset(name: str) -> str:
    return (files("agent.display") / name).read_text(encoding="utf-8")


def _file(name: str, kind: str) -> Callable[[Request], Response]:
    content = _asset(name)

    def answer(_request: Request) -> Response:
        return Response(content, media_type=kind)

    return answer

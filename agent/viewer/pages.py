"""The viewer's pages: the page itself, a stream of pictures for each camera, and the status."""

from __future__ import annotations

import math
from collections.abc import AsyncIterator, Callable, Sequence
from html import escape
from importlib.resources import files
from string import Template

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import (
    HTMLResponse,
    JSONResponse,
    PlainTextResponse,
    Response,
    StreamingResponse,
)
from starlette.routing import Route

from agent.display.access import Cookie, Guard
from agent.viewer.pictures import Pictures

#: A browser opens six connections to one server, and one is for the status.
MAX_SIDE_BY_SIDE = 4
#: Streams at once: a technician with two windows.
MAX_STREAMS = 8
_BOUNDARY = "picture"
_BOUNDARY_LINE = f"--{_BOUNDARY}\r\n".encode()
#: Gone with the browser's window; of its own name because a cookie is for every port.
COOKIE = Cookie("checkout_debug_view", None)


class Pages:
    """Answers the browser.

    Args:
        pictures: Where pictures come from.
        left_s: How long the debug view still lasts.
        place: Store and register, shown small.
    """

    def __init__(self, pictures: Pictures, left_s: Callable[[], float], place: str) -> None:
        self._pictures = pictures
        self._left_s = left_s
        self._place = place
        self._streams = 0
        self._template = Template(_asset("page.html"))

    def app(self, token: str) -> Guard:
        """Return the application; its guard wants this machine's name and the token."""
        routes = [
            Route("/", self.page),
            Route("/page.css", _file("page.css", "text/css")),
            Route("/page.js", _file("page.js", "text/javascript")),
            Route("/camera/{camera_id}", self.stream),
            Route("/status", self.status),
            Route("/favicon.ico", lambda _request: Response(status_code=204)),
        ]
        return Guard(Starlette(routes=routes), token, COOKIE, is_local=True)

    async def page(self, request: Request) -> Response:
        """Return the page, with one camera or the first few side by side."""
        known = self._pictures.camera_ids
        asked = request.query_params.get("camera", "")
        shown = (asked,) if asked in known else known[:MAX_SIDE_BY_SIDE]
        links = _links(known, asked) if len(known) > 1 else ""
        figures = "".join(_figure(camera_id) for camera_id in shown)
        html = self._template.substitute(place=escape(self._place), links=links, figures=figures)
        return HTMLResponse(html)

    async def stream(self, request: Request) -> Response:
        """Return the endless stream of a camera's pictures, as browsers and FFmpeg read it."""
        camera_id = request.path_params["camera_id"]
        if camera_id not in self._pictures.camera_ids:
            return PlainTextResponse("no such camera\n", 404)
        if self._streams >= MAX_STREAMS:
            return PlainTextResponse("too many windows\n", 503)
        kind = f"multipart/x-mixed-replace; boundary={_BOUNDARY}"
        return StreamingResponse(self._parts(camera_id), media_type=kind)

    async def _parts(self, camera_id: str) -> AsyncIterator[bytes]:
        self._streams += 1
        try:
            yield _BOUNDARY_LINE
            while jpeg := await self._pictures.next(camera_id):
                yield part(jpeg)
        finally:
            self._streams -= 1

    async def status(self, _request: Request) -> Response:
        """Return how long it lasts, and how old each camera's last picture is."""
        pictures = self._pictures
        ages = {camera_id: pictures.age_s(camera_id) for camera_id in pictures.camera_ids}
        return JSONResponse({"left_s": math.ceil(max(0.0, self._left_s())), "age_s": ages})


def part(jpeg: bytes) -> bytes:
    """Return one part of the stream, the next boundary with it: browsers show it only then."""
    head = f"Content-Type: image/jpeg\r\nContent-Length: {len(jpeg)}\r\n\r\n"
    return head.encode() + jpeg + b"\r\n" + _BOUNDARY_LINE


def _figure(camera_id: str) -> str:
    name = escape(camera_id)
    return (
        f'<figure data-camera="{name}"><img src="/camera/{name}" alt="camera {name}">'
        f"<figcaption>{name}: waiting for a picture</figcaption></figure>"
    )


def _links(camera_ids: Sequence[str], asked: str) -> str:
    def link(address: str, text: str, is_shown: bool) -> str:
        here = ' aria-current="page"' if is_shown else ""
        return f'<a href="{address}"{here}>{escape(text)}</a>'

    few = len(camera_ids) <= MAX_SIDE_BY_SIDE
    together = "all" if few else f"first {MAX_SIDE_BY_SIDE}"
    first = link("/", together, asked not in camera_ids)
    one_each = (link(f"/?camera={each}", each, each == asked) for each in camera_ids)
    return "".join((first, *one_each))


def _asset(name: str) -> str:
    return (files("agent.viewer") / name).read_text(encoding="utf-8")


def _file(name: str, kind: str) -> Callable[[Request], Response]:
    content = _asset(name)

    def answer(_request: Request) -> Response:
        return Response(content, media_type=kind)

    return answer

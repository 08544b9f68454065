"""Who may see the page, and what every answer carries."""

from __future__ import annotations

import contextlib
import hashlib
import hmac
from dataclasses import dataclass
from http.cookies import CookieError, SimpleCookie
from urllib.parse import parse_qs, urlencode, urlsplit

from h11 import LocalProtocolError
from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

COOKIE = "checkout_display"
COOKIE_AGE_S = 365 * 86_400
_LOOPBACK_NAMES = frozenset({"127.0.0.1", "localhost", "::1"})
#: Nothing from anywhere but this server, nothing inline, nobody may frame it.
CONTENT_SECURITY_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
    "img-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
SECURITY_HEADERS = {
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=()",
    "Cache-Control": "no-store",
}


@dataclass(frozen=True, slots=True)
class Cookie:
    """How a browser that has shown the token is known again.

    Attributes:
        name: A cookie is for every port of a machine, so each page has its own.
        age_s: None: until the browser is closed.
    """

    name: str
    age_s: int | None


DISPLAY_COOKIE = Cookie(COOKIE, COOKIE_AGE_S)


class Guard:
    """Stands before the pages.

    Without a token the page is for this machine: a request that names another host is refused,
    so that no foreign page in the same browser can reach it by a name of its own. With a token
    the browser shows it once, as `?token=`, and from then on a cookie that proves it.

    Args:
        app: The pages.
        token: What must be known; None: nothing.
        cookie: The page's.
        is_local: The page is for this machine even with a token.
    """

    def __init__(
        self,
        app: ASGIApp,
        token: str | None,
        cookie: Cookie = DISPLAY_COOKIE,
        *,
        is_local: bool = False,
    ) -> None:
        self._app = app
        self._token = token
        self._cookie = cookie
        self._is_local = is_local or token is None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, or let the pages answer."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
        if scope["type"] != "http":
            return

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(raw=message["headers"])
                for name, value in SECURITY_HEADERS.items():
                    headers[name] = value
                message["headers"] = headers.raw
            await send(message)

        answer = self._refusal(scope) or self._app
        # The server has refused the rest of a broken request itself: there is nothing to add.
        with contextlib.suppress(LocalProtocolError):
            await answer(scope, receive, send_with_headers)

    def _refusal(self, scope: Scope) -> Response | None:
        headers = Headers(scope=scope)
        if self._is_local and _host(headers.get("host", "")) not in _LOOPBACK_NAMES:
            return PlainTextResponse("this page is for this machine\n", 403)
        if scope["method"] not in ("GET", "HEAD") and not _is_own(headers):
            return PlainTextResponse("only the page itself may do this\n", 403)
        return None if self._token is None else self._token_refusal(scope, headers, self._token)

    def _token_refusal(self, scope: Scope, headers: Headers, token: str) -> Response | None:
        if _same(_cookie(headers, self._cookie.name), proof(token)):
            return None
        if _same(headers.get("authorization", ""), f"Bearer {token}"):
            return None
        query = parse_qs(scope["query_string"].decode("latin-1"), errors="replace")
        if not _same(query.pop("token", [""])[0], token):
            return PlainTextResponse("open this page once with ?token=…\n", 401)
        # On to the same address without the token: it must not stay in the browser's history.
        path = scope["path"] if scope["path"] == "/" else "/"
        rest = urlencode(query, doseq=True)
        response = RedirectResponse(f"{path}?{rest}" if rest else path, 303)
        cookie = self._cookie
        response.set_cookie(
            cookie.name, proof(token), max_age=cookie.age_s, httponly=True, samesite="strict"
        )
        return response


def proof(token: str) -> str:
    """Return what the cookie holds: it proves the token without being it."""
    return hmac.new(token.encode(), b"checkout display", hashlib.sha256).hexdigest()


def _same(given: str, expected: str) -> bool:
    """Compare in constant time, whatever characters were sent."""
    return hmac.compare_digest(given.encode("utf-8", "replace"), expected.encode())


def _cookie(headers: Headers, name: str) -> str:
    try:
        cookies = SimpleCookie(headers.get("cookie", ""))
    except CookieError:
        return ""
    return cookies[name].value if name in cookies else ""


def _host(host: str) -> str:
    try:
        return urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return ""


def _is_own(headers: Headers) -> bool:
    """Return whether a request comes from our page: JSON, and from no other origin."""
    if headers.get("content-type", "").partition(";")[0].strip() != "application/json":
        return False
    origin = headers.get("origin")
    return origin is None or _netloc(origin) == headers.get("host", "")


def _netloc(origin: str) -> str | None:
    """Return host and port of an origin; None when it is no address."""
    try:
        return urlsplit(origin).netloc
    except ValueError:
        return None

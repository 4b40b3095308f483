"""The guard before every route: host, token, origin, size of the request; headers of every response.

Nothing is read from a request whose host is not ours (DNS rebinding), that lacks the token where one is
needed, that another site made a browser send, or that is larger than allowed.
"""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Mapping
from http.cookies import CookieError, SimpleCookie
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.responses import RedirectResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from hepatrial.web.language import chosen
from hepatrial.web.problems import response
from hepatrial.web.settings import LOOPBACK, Settings

CSRF_COOKIE, TOKEN_COOKIE, CSRF_HEADER = "hepatrial_csrf", "hepatrial_token", "x-csrf-token"
SAFE = ("GET", "HEAD", "OPTIONS")
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; "
    "connect-src 'self'; font-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
"""No inline script, no inline style, no eval, nothing from elsewhere."""

DOCUMENT_POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; img-src data:; frame-ancestors 'none'; sandbox"
)
"""Of stored reports: self-contained pages without script, whose one style sheet stands in the page."""

HEADERS = {
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "x-frame-options": "DENY",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=()",
}


class Guard:
    """ASGI middleware.

    Args:
        app: what is guarded.
        settings: of the server.
        hosts: further host names that are ours (tests).
    """

    def __init__(self, app: ASGIApp, settings: Settings, hosts: tuple[str, ...] = ()) -> None:
        self.app, self.settings = app, settings
        self.hosts = {*LOOPBACK, *hosts}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            if scope["type"] == "lifespan":
                await self.app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        cookies = read_cookies(headers.get("cookie", ""))
        csrf = cookies.get(CSRF_COOKIE, "")
        new = len(csrf) < 20
        csrf = secrets.token_urlsafe(24) if new else csrf
        scope.setdefault("state", {})["csrf"] = csrf
        answer = self._outgoing(send, csrf if new and scope["method"] in SAFE else None)
        refusal = self._refusal(scope, headers, cookies)
        if refusal is not None:
            await refusal(scope, receive, answer)
            return
        await self._limited(scope, receive, answer)

    def _refusal(self, scope: Scope, headers: Headers, cookies: Mapping[str, str]) -> Any:
        lang = chosen({}, cookies, headers)
        host = headers.get("host", "")
        name = urlsplit(f"//{host}").hostname or "" if _plain(host) else ""
        if self.settings.loopback and name not in self.hosts:
            detail, remedy = f"Host {name!r} is not this server's.", "Use the address the server printed."
            return response(421, detail, remedy, lang=lang)
        if (entry := self._token(scope, headers, cookies)) is not None:
            return entry
        if scope["method"] not in SAFE and (foreign := _foreign(scope, headers, cookies)):
            remedy = "Send the request from a page of this server; reload it first."
            return response(403, foreign, remedy, lang=lang)
        length = headers.get("content-length", "0")
        if not length.isdigit() or int(length) > self.settings.body:
            limit = f"at most {self.settings.body:,} bytes"
            return response(413, "The request is too large.", f"Send {limit}.", lang=lang)
        return None

    def _token(self, scope: Scope, headers: Headers, cookies: Mapping[str, str]) -> Any:
        wanted = self.settings.token
        if wanted is None:
            return None
        query = parse_qs(scope["query_string"].decode("latin-1"))
        given = query.pop("token", [""])[0]
        if scope["method"] == "GET" and given and _equal(given, wanted):
            rest = f"?{urlencode(query, doseq=True)}" if query else ""
            entry = RedirectResponse(scope["path"].replace("//", "/") + rest, 303)
            entry.set_cookie(TOKEN_COOKIE, wanted, httponly=True, samesite="strict")
            return entry
        bearer = headers.get("authorization", "").removeprefix("Bearer ")
        if _equal(cookies.get(TOKEN_COOKIE, ""), wanted) or _equal(bearer, wanted):
            return None
        return response(
            401,
            "This server needs its token.",
            "Open the address that the server printed, or send 'Authorization: Bearer TOKEN'.",
            headers={"WWW-Authenticate": "Bearer"},
            lang=chosen({}, cookies, headers),
        )

    async def _limited(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Count the body while it is read, for requests that do not say how long it is."""
        read = 0

        async def counted() -> Message:
            nonlocal read
            message = await receive()
            read += len(message.get("body", b""))
            if read > self.settings.body:
                raise HTTPException(413, "The request is too large.")
            return message

        await self.app(scope, counted, send)

    def _outgoing(self, send: Send, csrf: str | None) -> Send:
        async def answer(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers.setdefault(name, value)
                headers.setdefault("content-security-policy", POLICY)
                headers.setdefault("cache-control", "no-store")
                if csrf and "text/html" in headers.get("content-type", ""):
                    headers.append("set-cookie", f"{CSRF_COOKIE}={csrf}; Path=/; SameSite=Strict; HttpOnly")
            await send(message)

        return answer


def read_cookies(header: str) -> dict[str, str]:
    """Cookies of a header; none when it is malformed."""
    try:
        return {name: morsel.value for name, morsel in SimpleCookie(header[:8000]).items()}
    except CookieError:
        return {}


def _plain(host: str) -> bool:
    return bool(host) and not any(c in host for c in "/\\@ \t") and host.isprintable() and host.isascii()


def _equal(given: str, wanted: str) -> bool:
    return hmac.compare_digest(given.encode(), wanted.encode())


def _foreign(scope: Scope, headers: Headers, cookies: Mapping[str, str]) -> str:
    """Why an unsafe request looks as if another site made a browser send it; empty when it does not.

    Programs that send neither an origin nor our cookie are no browsers and need no such proof.
    """
    if headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none"):
        return "The request comes from another site."
    origin = headers.get("origin")
    if origin is not None and origin != f"{scope['scheme']}://{headers.get('host', '')}":
        return "The request comes from another origin."
    if origin is not None or CSRF_COOKIE in cookies:
        ours = cookies.get(CSRF_COOKIE, "")
        if not ours or not _equal(headers.get(CSRF_HEADER, ""), ours):
            return "The request lacks this page's secret (X-CSRF-Token)."
    return ""

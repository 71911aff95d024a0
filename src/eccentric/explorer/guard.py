"""Access control: checks of Host, Origin and token before a request is answered.

A page of another site in the same browser can send requests to a loopback address. It cannot hide its Origin, and with
DNS rebinding the Host header is the name of that site and not the loopback address.
"""

from __future__ import annotations

import hmac
import re
from http.cookies import CookieError, SimpleCookie
from typing import TYPE_CHECKING
from urllib.parse import parse_qs

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse, RedirectResponse
from starlette.websockets import WebSocketClose

if TYPE_CHECKING:
    from collections.abc import Collection

    from starlette.types import ASGIApp, Message, Receive, Scope, Send

__all__ = ["HEADERS", "Guard"]

COOKIE = "eccentric-explorer"
FRAMED = "frame-ancestors http://localhost:* http://127.0.0.1:* https://localhost:* https://127.0.0.1:*"
HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cache-Control": "no-store",
}


class Guard:
    """ASGI middleware.

    Args:
        app: application that answers the accepted requests.
        hosts: allowed values of the Host header; None allows all, which is only safe with a token.
        token: required as "?token=" in the first request and then stored in a cookie; None requires no token.
        framed: allow pages on this machine, such as a notebook, to show the page in a frame.
    """

    def __init__(
        self, app: ASGIApp, hosts: Collection[str] | None, token: str | None = None, framed: bool = False
    ) -> None:
        if hosts is None and token is None:
            raise ValueError("without a token the allowed hosts must be named")
        self.app, self.hosts, self.token = app, hosts, token
        self.headers = dict(HEADERS)
        if framed:
            policy = self.headers["Content-Security-Policy"]
            self.headers["Content-Security-Policy"] = policy.replace("frame-ancestors 'none'", FRAMED)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        refusal = self._refusal(scope)
        if scope["type"] == "websocket":
            await (WebSocketClose() if refusal else self.app)(scope, receive, send)
            return

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in self.headers.items():
                    headers[name] = value.replace("connect-src 'self'", f"connect-src 'self'{_socket(scope)}")
            await send(message)

        await (refusal or self.app)(scope, receive, send_with_headers)

    def _refusal(self, scope: Scope) -> ASGIApp | None:
        headers = Headers(scope=scope)
        host, origin = headers.get("host", ""), headers.get("origin")
        if self.hosts is not None and host.lower() not in self.hosts:
            return PlainTextResponse("this name of the server is not allowed", 403)
        if origin is not None and origin.lower() != f"http://{host.lower()}":
            return PlainTextResponse("requests from other sites are not allowed", 403)
        if self.token is None or self._matches(_cookie(headers.get("cookie", ""))):
            return None
        given = parse_qs(scope["query_string"].decode("latin-1")).get("token", [""])[0]
        if not self._matches(given):
            return PlainTextResponse("open the address that the command line printed: it holds the token", 403)
        answer = RedirectResponse("/", 303)
        answer.set_cookie(COOKIE, self.token, httponly=True, samesite="strict")
        return answer

    def _matches(self, given: str) -> bool:
        assert self.token is not None
        return hmac.compare_digest(given.encode("utf-8", "surrogateescape"), self.token.encode())


def _socket(scope: Scope) -> str:
    """The source of WebSockets of this server, which "'self'" does not include in all browsers."""
    host = Headers(scope=scope).get("host", "")
    return f" ws://{host}" if re.fullmatch(r"[\w.:\[\]-]+", host, re.ASCII) else ""


def _cookie(header: str) -> str:
    cookies: SimpleCookie = SimpleCookie()
    try:
        cookies.load(header)
    except CookieError:
        return ""
    return cookies[COOKIE].value if COOKIE in cookies else ""

"""Admits only the person who started the pages: by the address, a token, and what the browser reports of a request."""

from __future__ import annotations

import hmac
from collections.abc import Sequence

from starlette.requests import Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

ENTER = "/enter/"
"""Beginning of the address that ends in the token; as a parameter of that name it would be printed masked."""

METHODS = ("GET", "HEAD", "POST")
FROM_HERE = ("same-origin", "none")
"""Values of `Sec-Fetch-Site`: the request comes from one of these pages, or from the address bar."""

HEADERS = {
    "content-security-policy": (
        "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; frame-ancestors 'none'; "
        "base-uri 'none'"
    ),
    "cache-control": "no-store",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "referrer-policy": "same-origin",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
}


class Guard:
    """Middleware that answers 403 to whatever does not come from the person's own browser.

    A page of another site can make a browser send requests here, also under a name of its own that it has let point to
    this machine (DNS rebinding): so the host must be this one, and each request needs the token. The first address has
    it, and a cookie keeps it. Another program of this machine, on another port, is another origin.
    """

    def __init__(self, app: ASGIApp, port: int, token: str) -> None:
        """Creates the guard.

        Args:
            app: The pages.
            port: The port that they are served on.
            token: The secret in the address that the command prints.
        """
        self._app = app
        self._hosts = tuple(f"{name}:{port}" for name in ("127.0.0.1", "localhost"))
        self._token = token
        # Cookies are shared by all ports of a host.
        self._cookie = f"foundation_ui_{port}"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers a request, or passes it on."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        answer = self._refuse(request := Request(scope)) or self._take_token(request)
        await (answer or self._app)(scope, receive, _with_headers(send))

    def _refuse(self, request: Request) -> Response | None:
        """Returns the refusal of a request that another page may have caused."""
        if request.headers.getlist("host") not in [[host] for host in self._hosts]:
            return _refusal(f"this server answers at {' and '.join(self._hosts)} only")
        if request.method not in METHODS:
            return PlainTextResponse("these pages are read only", 405)
        if request.headers.get("sec-fetch-site", "none") not in FROM_HERE:
            return _refusal("the request comes from another site; open the address in the address bar")
        origin = request.headers.get("origin")
        if origin is not None and origin not in [f"http://{host}" for host in self._hosts]:
            return _refusal("the request comes from another site")
        return None

    def _take_token(self, request: Request) -> Response | None:
        """Returns a redirect that keeps the token of the address in a cookie, or a refusal without either."""
        path = request.url.path
        if path.startswith(ENTER) and self._is_token(path.removeprefix(ENTER)):
            answer = RedirectResponse("/", 303)
            answer.set_cookie(self._cookie, self._token, httponly=True, samesite="strict")
            return answer
        if self._is_token(request.cookies.get(self._cookie)):
            return None
        return _refusal("open the address that `foundation ui` has printed: it ends in a token, which is new each time")

    def _is_token(self, given: str | None) -> bool:
        return given is not None and hmac.compare_digest(given.encode(), self._token.encode())


def _refusal(reason: str) -> Response:
    return PlainTextResponse(reason, 403)


def _with_headers(send: Send) -> Send:
    """Returns `send` with the headers that every answer has."""
    added: Sequence[tuple[bytes, bytes]] = [(name.encode(), value.encode()) for name, value in HEADERS.items()]

    async def send_with_headers(message: Message) -> None:
        if message["type"] == "http.response.start":
            message = {**message, "headers": [*message.get("headers", ()), *added]}
        await send(message)

    return send_with_headers

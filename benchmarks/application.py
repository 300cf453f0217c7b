"""ASGI application of a benchmark's server: it sends the same bytes for the same request, after a fixed delay."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable, Mapping
from typing import Any

import uvicorn

from sandbox.process import exit_with_parent


class Application:
    """An ASGI application.

    Attributes:
        answer: Returns the body for a query string.
        headers: Headers of every response.
        seconds: Delay of every response.
    """

    def __init__(self, answer: Callable[[bytes], bytes], headers: Mapping[str, str], seconds: float = 0) -> None:
        self.answer, self.seconds = answer, seconds
        self.headers = [(name.encode(), value.encode()) for name, value in headers.items()]

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Answers a request."""
        del receive
        await asyncio.sleep(self.seconds)
        body = self.answer(scope["query_string"])
        headers = [*self.headers, (b"content-length", str(len(body)).encode())]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    def run(self, descriptor: int) -> None:
        """Serves on an open socket until the parent process ends."""
        exit_with_parent()
        config = uvicorn.Config(self, lifespan="off", log_level="warning", access_log=False)
        uvicorn.Server(config).run(sockets=[socket.socket(fileno=descriptor)])

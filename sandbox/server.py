"""Serves the application with uvicorn on an open socket."""

import asyncio
import socket

import uvicorn
from starlette.types import Receive, Scope, Send
from typing_extensions import override
from uvicorn.protocols.http.h11_impl import H11Protocol

from sandbox.app import build_app


class Protocol(H11Protocol):
    """HTTP protocol that gives the application its transport, so that it can reset the connection."""

    @override
    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # uvicorn says the same
        """Keep the transport for every request of this connection."""
        super().connection_made(transport)
        app = self.app

        async def with_transport(scope: Scope, receive: Receive, send: Send) -> None:
            await app({**scope, "sandbox.transport": transport}, receive, send)

        self.app = with_transport


def serve(listener: socket.socket, *, verbose: bool) -> None:
    """Serve on an open socket until the process is signalled to stop."""
    level = "info" if verbose else "warning"
    config = uvicorn.Config(build_app(), http=Protocol, log_level=level, timeout_graceful_shutdown=1)
    uvicorn.Server(config).run(sockets=[listener])

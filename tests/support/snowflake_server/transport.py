"""TCP connections: sessions are notified when a connection ends, and a fault can cut one."""

from typing import Any, ClassVar

from uvicorn.protocols.http.h11_impl import H11Protocol

from .engine import Engine


class Protocol(H11Protocol):
    """uvicorn's HTTP protocol, which also reports the end of a connection and can cut one."""

    open: ClassVar[dict[Any, "Protocol"]] = {}
    engine: Engine

    def connection_made(self, transport: Any) -> None:
        """Registers the connection by its peer."""
        super().connection_made(transport)
        Protocol.open[self.client] = self

    def connection_lost(self, exc: Exception | None) -> None:
        """Notifies the sessions that used the connection."""
        super().connection_lost(exc)
        Protocol.open.pop(self.client, None)
        for session in list(Protocol.engine.sessions.values()):
            session.peers.discard(self.client)

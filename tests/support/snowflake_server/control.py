"""Control of the server by tests: faults, the log of statements, settings, and reset."""

from typing import TYPE_CHECKING

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from .account import account_from

if TYPE_CHECKING:
    from .wire import Wire


def routes(wire: "Wire") -> list[Route]:
    """Returns the endpoints below /_control."""
    control = _Control(wire)
    return [
        Route("/_control/faults", control.faults, methods=["POST", "DELETE"]),
        Route("/_control/statements", control.statements, methods=["GET", "DELETE"]),
        Route("/_control/settings", control.settings, methods=["POST"]),
        Route("/_control/reset", control.reset, methods=["POST"]),
    ]


class _Control:
    def __init__(self, wire: "Wire") -> None:
        self._wire = wire

    async def faults(self, request: Request) -> Response:
        """Arms a fault, or removes all."""
        if request.method == "DELETE":
            self._wire.engine.faults.disarm()
            return JSONResponse({"success": True})
        try:
            self._wire.engine.faults.arm(await request.json())
        except (TypeError, ValueError) as error:
            return JSONResponse({"success": False, "message": str(error)}, status_code=400)
        return JSONResponse({"success": True})

    async def statements(self, request: Request) -> Response:
        """Returns or clears the log of statements."""
        if request.method == "DELETE":
            self._wire.engine.log.clear()
            return JSONResponse({"success": True})
        return JSONResponse([entry.as_json() for entry in self._wire.engine.log.entries()])

    async def settings(self, request: Request) -> Response:
        """Replaces the account; data and sessions are kept."""
        self._wire.engine.account = account_from(await request.json())
        return JSONResponse({"success": True})

    async def reset(self, _request: Request) -> Response:
        """Resets the server to the account of the settings."""
        for session in list(self._wire.engine.sessions.values()):
            await run_in_threadpool(self._wire.engine.close, session)
        self._wire.engine.files.clear()
        await run_in_threadpool(self._wire.begin)
        return JSONResponse({"success": True})

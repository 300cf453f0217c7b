"""How a test steers the server: faults, the log of statements, settings, and a new beginning."""

from typing import TYPE_CHECKING

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from .account import account_from

if TYPE_CHECKING:
    from .wire import Wire


def routes(wire: "Wire") -> list[Route]:
    """The endpoints below /_control."""
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
        """Arm a fault, or disarm all."""
        if request.method == "DELETE":
            self._wire.engine.faults.disarm()
            return JSONResponse({"success": True})
        try:
            self._wire.engine.faults.arm(await request.json())
        except (TypeError, ValueError) as error:
            return JSONResponse({"success": False, "message": str(error)}, status_code=400)
        return JSONResponse({"success": True})

    async def statements(self, request: Request) -> Response:
        """The log of statements."""
        if request.method == "DELETE":
            self._wire.engine.log.clear()
            return JSONResponse({"success": True})
        return JSONResponse([entry.as_json() for entry in self._wire.engine.log.entries()])

    async def settings(self, request: Request) -> Response:
        """Replace the account; data and sessions stay."""
        self._wire.engine.account = account_from(await request.json())
        return JSONResponse({"success": True})

    async def reset(self, _request: Request) -> Response:
        """Begin anew, with nothing in the account but what the settings say."""
        for session in list(self._wire.engine.sessions.values()):
            await run_in_threadpool(self._wire.engine.close, session)
        self._wire.engine.files.clear()
        await run_in_threadpool(self._wire.begin)
        return JSONResponse({"success": True})

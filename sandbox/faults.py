"""Faults on request: which requests fail, and how the failure is sent."""

import asyncio
import os
import socket
import struct
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any

from fastapi import APIRouter
from pydantic import BaseModel
from starlette.datastructures import Headers, MutableHeaders, QueryParams
from starlette.responses import HTMLResponse, JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from sandbox.vendor import Vendor, VendorError

NAMES = {
    "429": "too many requests, with Retry-After (`seconds`, default 1)",
    "500": "the vendor's internal error",
    "503": "the vendor is unavailable",
    "expired": "the token has expired",
    "reset": "the connection is reset before a byte is answered",
    "slow": "the answer dribbles in over `seconds` (default 2)",
    "truncated": "the body stops half-way although the response looks complete",
    "html": "status 200 and an HTML page instead of data",
    "repeated": "every page carries the first page's rows",
    "self_next": "the pointer to the next page points to the page it is on",
}
"""Faults of every vendor, and what a caller receives. `Vendor.faults` are additional ones for that vendor's paths."""

PAGING = {"repeated", "self_next"}
HTML = "<!doctype html><html><head><title>Just a moment...</title></head><body>Down for maintenance.</body></html>"


@dataclass(frozen=True)
class Fault:
    """A fault for the paths with a prefix, for a number of requests."""

    name: str
    prefix: str = "/"
    """Prefix of the path; `*` matches any text."""
    times: int | None = None
    """Number of requests that fail; None for all."""
    after: int = 0
    """Number of requests that succeed first."""
    seconds: float | None = None

    @classmethod
    def parse(cls, spec: str) -> "Fault":
        """Parse `[prefix=]name[;times=N][;after=N][;seconds=S]`.

        Raises:
            ValueError: An option is unknown.
        """
        head, *rest = (part.strip() for part in spec.split(";"))
        prefix, _, name = head.rpartition("=")
        options = dict(option.partition("=")[::2] for option in rest)
        unknown = options.keys() - {"times", "after", "seconds"}
        if unknown:
            raise ValueError(f"fault options {sorted(unknown)}; accepted: times, after, seconds")
        return cls(
            name=name,
            prefix=prefix or "/",
            times=int(options["times"]) if "times" in options else None,
            after=int(options.get("after", 0)),
            seconds=float(options["seconds"]) if "seconds" in options else None,
        )

    def meets(self, path: str, vendor: Vendor) -> bool:
        """Return whether the fault applies to this vendor and this path."""
        return (self.name in NAMES or self.name in vendor.faults) and fnmatchcase(path, f"{self.prefix}*")


class FaultOrder(BaseModel):
    """The body of `POST /_faults`."""

    fault: str
    path: str = "/"
    times: int | None = None
    after: int = 0
    seconds: float | None = None


@dataclass
class Faults:
    """The armed faults, and the number of requests that each has affected."""

    vendors: tuple[Vendor, ...]
    armed: list[Fault] = field(default_factory=list)
    met: Counter[tuple[str, Fault]] = field(default_factory=Counter)

    @classmethod
    def from_environment(cls, vendors: Iterable[Vendor], environment: Mapping[str, str] = os.environ) -> "Faults":
        """Arm the faults in `SANDBOX_FAULT`: specs of `Fault.parse`, separated by commas."""
        faults = cls(tuple(vendors))
        for spec in environment.get("SANDBOX_FAULT", "").split(","):
            if spec.strip():
                faults.arm(Fault.parse(spec))
        return faults

    def own(self) -> dict[str, dict[str, str]]:
        """Return the faults that vendors add: response by prefix and name."""
        return {
            vendor.prefix: {name: str(answer) for name, answer in vendor.faults.items()}
            for vendor in self.vendors
            if vendor.faults
        }

    def arm(self, fault: Fault) -> None:
        """Arm a fault; if it was armed before, its counts start again.

        Raises:
            ValueError: The name is unknown.
        """
        _check(fault, [*NAMES, *(name for names in self.own().values() for name in names)])
        self.armed.append(fault)
        self.met.pop(("", fault), None)

    def pick(self, scope: Scope, vendor: Vendor) -> Fault | None:
        """Return the fault of this request: the one that it requests, else the first armed one that is not used up.

        Raises:
            ValueError: The request names a fault that this vendor does not have.
        """
        path = scope["path"]
        requested = Headers(scope=scope).get("x-sandbox-fault") or QueryParams(scope["query_string"]).get(
            "sandbox_fault"
        )
        if requested:
            fault = Fault.parse(requested)
            _check(fault, [*NAMES, *vendor.faults])
            return fault if self._is_due(path, fault) else None
        return next((fault for fault in self.armed if fault.meets(path, vendor) and self._is_due("", fault)), None)

    def _is_due(self, path: str, fault: Fault) -> bool:
        self.met[path, fault] += 1
        turn = self.met[path, fault] - fault.after
        return turn > 0 and (fault.times is None or turn <= fault.times)


def _check(fault: Fault, names: list[str]) -> None:
    if fault.name not in names:
        raise ValueError(f"fault {fault.name!r}; accepted: {', '.join(names)}")


class FaultMiddleware:
    """Answers with the request's fault, in the format of the path's vendor."""

    def __init__(self, app: ASGIApp, faults: Faults, vendor_of: Callable[[str], Vendor | None]) -> None:
        self.app = app
        self.faults = faults
        self.vendor_of = vendor_of

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        vendor = self.vendor_of(scope["path"]) if scope["type"] == "http" else None
        if vendor is None:
            await self.app(scope, receive, send)
            return
        try:
            fault = self.faults.pick(scope, vendor)
        except ValueError as error:
            await JSONResponse({"message": str(error)}, 400)(scope, receive, send)
            return
        if fault is None or fault.name in PAGING:
            await self.app({**scope, "sandbox.paging": fault.name if fault else ""}, receive, send)
        elif fault.name in {"429", "500", "503", "expired"} | vendor.faults.keys():
            await _refuse(vendor, fault)(scope, receive, send)
        elif fault.name == "html":
            await HTMLResponse(HTML)(scope, receive, send)
        elif fault.name == "reset":
            await _reset(scope, receive)
        else:
            start, body = await _collect(self.app, scope, receive)
            await (_dribble if fault.name == "slow" else _truncate)(start, body, fault, send)


def _refuse(vendor: Vendor, fault: Fault) -> JSONResponse:
    error = vendor.faults.get(fault.name) or vendor.error(
        vendor.expired_status if fault.name == "expired" else int(fault.name)
    )
    headers = {"Retry-After": f"{fault.seconds or 1:.0f}"} if fault.name == "429" else {}
    return JSONResponse(error.body, error.status, {**error.headers, **headers})


async def _reset(scope: Scope, receive: Receive) -> None:
    """Reset the connection with RST, so that the caller gets `Connection reset by peer`."""
    transport: asyncio.Transport = scope["sandbox.transport"]
    linger = struct.pack("ii", 1, 0)
    transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
    transport.abort()
    while (await receive())["type"] != "http.disconnect":
        pass


async def _collect(app: ASGIApp, scope: Scope, receive: Receive) -> tuple[Message, bytes]:
    messages: list[Message] = []

    async def keep(message: Message) -> None:
        messages.append(message)

    await app(scope, receive, keep)
    return messages[0], b"".join(message.get("body", b"") for message in messages[1:])


async def _truncate(start: Message, body: bytes, _: Fault, send: Send) -> None:
    half = body[: len(body) // 2]
    MutableHeaders(raw=start["headers"])["content-length"] = str(len(half))
    await send(start)
    await send({"type": "http.response.body", "body": half})


async def _dribble(start: Message, body: bytes, fault: Fault, send: Send) -> None:
    pieces = 20
    size = max(len(body) // pieces, 1)
    await send(start)
    for begin in range(0, len(body), size):
        await asyncio.sleep((fault.seconds or 2) / pieces)
        await send({"type": "http.response.body", "body": body[begin : begin + size], "more_body": True})
    await send({"type": "http.response.body", "body": b""})


def build_router(faults: Faults) -> APIRouter:
    """Build the endpoints that arm, list and disarm faults while the server runs."""
    router = APIRouter(prefix="/_faults", tags=["sandbox"])

    @router.post("", status_code=201)
    async def arm(order: FaultOrder) -> dict[str, Any]:
        """Arm a fault for the paths that start with `path`."""
        try:
            faults.arm(Fault(order.fault, order.path, order.times, order.after, order.seconds))
        except ValueError as error:
            raise VendorError(400, {"message": str(error)}) from error
        return {"armed": faults.armed}

    @router.get("")
    async def show() -> dict[str, Any]:
        """List all faults, and the armed ones."""
        return {"faults": NAMES, "vendors": faults.own(), "armed": faults.armed}

    @router.delete("")
    async def disarm() -> dict[str, Any]:
        """Disarm all faults and reset all counts."""
        faults.armed.clear()
        faults.met.clear()
        return {"armed": faults.armed}

    return router

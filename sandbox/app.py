"""The sandbox's application: vendors, faults and rate limits."""

from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.responses import JSONResponse

from sandbox import apify, facebook, facebook_ads, faults, frankfurter, github, google_ads, reddit, shop, socrata, x
from sandbox.limits import QuotaMiddleware
from sandbox.vendor import Vendor, VendorError

VENDORS = (
    frankfurter.VENDOR,
    github.VENDOR,
    socrata.VENDOR,
    facebook.VENDOR,
    facebook_ads.VENDOR,
    reddit.VENDOR,
    x.VENDOR,
    apify.VENDOR,
    google_ads.VENDOR,
    shop.VENDOR,
)

DESCRIPTION = """
Vendors' protocols on your machine, with the same rows at every start.

Misbehaviour on demand: send the header `X-Sandbox-Fault: <name>[;times=N][;after=N][;seconds=S]` or the query
parameter `sandbox_fault`, arm a fault for a path with `POST /_faults`, or start the server with `SANDBOX_FAULT`.
`GET /_faults` shows what there is, the vendors' own beside those of all; `*` in a path stands for anything.
"""


def find_vendor(path: str) -> Vendor | None:
    """Return the vendor whose prefix the path starts with."""
    return next((vendor for vendor in VENDORS if path.startswith(f"{vendor.prefix}/")), None)


async def answer_vendor_error(_: Request, error: Exception) -> JSONResponse:
    """Answer a refused request with the vendor's response body."""
    assert isinstance(error, VendorError)  # noqa: S101  registered for this class only
    return JSONResponse(error.body, error.status, error.headers)


async def answer_invalid_request(request: Request, error: Exception) -> JSONResponse:
    """Answer an invalid parameter in the vendor's format instead of FastAPI's."""
    vendor = find_vendor(request.url.path)
    if vendor is None:
        assert isinstance(error, RequestValidationError)  # noqa: S101  registered for this class only
        return JSONResponse({"detail": error.errors()}, 422)
    return await answer_vendor_error(request, vendor.error(400))


def build_app() -> FastAPI:
    """Build the application, with the faults that the environment arms."""
    app = FastAPI(title="Sandbox", description=DESCRIPTION, version="1")
    armed = faults.Faults.from_environment(VENDORS)
    for vendor in VENDORS:
        app.include_router(vendor.router, prefix=vendor.prefix)
    app.include_router(faults.build_router(armed))
    app.add_exception_handler(VendorError, answer_vendor_error)
    app.add_exception_handler(RequestValidationError, answer_invalid_request)
    app.add_middleware(faults.FaultMiddleware, faults=armed, vendor_of=find_vendor)
    app.add_middleware(QuotaMiddleware, vendor_of=find_vendor)

    @app.get("/_health", tags=["sandbox"])
    async def health() -> dict[str, Any]:
        """Answer that the server is running."""
        return {"status": "ok", "vendors": [vendor.prefix for vendor in VENDORS]}

    return app

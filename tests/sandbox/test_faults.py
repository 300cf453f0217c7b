"""Tests of the sandbox's faults that belong to one vendor."""

import asyncio
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from fastapi import APIRouter, FastAPI

from sandbox.faults import Fault, FaultMiddleware, Faults, build_router
from sandbox.vendor import Vendor, VendorError

SOLD_OUT = VendorError(409, {"message": "sold out"}, {"X-Stock": "0"})


def build_vendor(prefix: str, faults: dict[str, VendorError]) -> Vendor:
    """Returns a vendor that answers every path with its own name."""
    router = APIRouter()
    router.add_api_route("/{path:path}", lambda path: f"{prefix} {path}")
    return Vendor(prefix, router, lambda status: VendorError(status, {}), faults=faults)


SHOP, BANK = build_vendor("/shop", {"sold_out": SOLD_OUT}), build_vendor("/bank", {})


Ask = Callable[..., httpx.Response]


@pytest.fixture
def ask() -> Ask:
    """A function that sends a request to a server with a shop, which has the fault `sold_out`, and a bank."""
    app, faults = FastAPI(), Faults((SHOP, BANK))
    app.include_router(build_router(faults))
    for vendor in (SHOP, BANK):
        app.include_router(vendor.router, prefix=vendor.prefix)
    vendor_of = {"shop": SHOP, "bank": BANK}.get
    app.add_middleware(FaultMiddleware, faults=faults, vendor_of=lambda path: vendor_of(path.split("/")[1]))

    async def request(path: str, **options: Any) -> httpx.Response:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://sandbox") as client:
            return await client.request("POST" if "json" in options else "GET", path, **options)

    return lambda path, **options: asyncio.run(request(path, **options))


@pytest.mark.parametrize("form", ["header", "parameter", "armed"])
def test_a_fault_of_the_vendors_own_has_its_answer(ask: Ask, form: str) -> None:
    """Status, body and headers are the vendor's, in whatever way the fault is requested."""
    if form == "armed":
        ask("/_faults", json={"fault": "sold_out"})
    headers = {"X-Sandbox-Fault": "sold_out"} if form == "header" else {}
    params = {"sandbox_fault": "sold_out"} if form == "parameter" else {}
    answer = ask("/shop/shoes", headers=headers, params=params)
    assert (answer.status_code, answer.json(), answer.headers["X-Stock"]) == (409, SOLD_OUT.body, "0")


def test_an_armed_fault_of_one_vendor_leaves_the_others_alone(ask: Ask) -> None:
    """A fault that is armed for every path affects the paths of its vendor only."""
    ask("/_faults", json={"fault": "sold_out"})
    assert ask("/bank/account").status_code == 200


def test_another_vendors_fault_is_refused(ask: Ask) -> None:
    """A request for a fault that its vendor does not have is a 400 that names the available faults."""
    answer = ask("/bank/account", headers={"X-Sandbox-Fault": "sold_out"})
    assert answer.status_code == 400
    assert "accepted: 429, 500" in answer.json()["message"]


def test_the_faults_of_vendors_are_shown(ask: Ask) -> None:
    """The list of faults has those of each vendor, beside the general ones."""
    shown = ask("/_faults").json()
    assert "truncated" in shown["faults"]
    assert shown["vendors"] == {"/shop": {"sold_out": "409: {'message': 'sold out'}"}}


def test_the_environment_arms_faults_of_vendors() -> None:
    """SANDBOX_FAULT accepts them too."""
    armed = Faults.from_environment((SHOP, BANK), {"SANDBOX_FAULT": "/shop=sold_out;times=2, 500"}).armed
    assert armed == [Fault("sold_out", "/shop", 2), Fault("500")]


@pytest.mark.parametrize(
    ("path", "status"),
    [("/shop/v1/orders/7/lines", 500), ("/shop/v2/orders/lines", 200), ("/shop/v1/carts/7/lines", 200)],
)
def test_a_path_may_have_a_wildcard(ask: Ask, path: str, status: int) -> None:
    """`*` matches any text, so that a fault can be armed for an id that is not known yet."""
    ask("/_faults", json={"fault": "500", "path": "/shop/v*/orders/*/lines"})
    assert ask(path).status_code == status


def test_a_fault_that_no_vendor_has_cannot_be_armed() -> None:
    """An unknown name is refused with a list of all faults."""
    with pytest.raises(ValueError, match=r"accepted: 429, .*sold_out"):
        Faults((SHOP, BANK)).arm(Fault("sold"))

"""Every fault of the sandbox's Marketing API at every call that the source facebook_ads makes."""

import json
import re

import pytest
import requests

from data_foundation import Refusal
from tests.support.facebook_ads import Vendor, spell

FAULTS = {
    "429": 1, "500": 2, "503": 2, "reset": 2, "slow": 1, "truncated": 1, "html": 1, "unready": 2,
    "code_4": 1, "code_17": 1, "code_32": 1, "code_613": 1, "code_80000": 1, "code_80001": 1, "code_80002": 1,
    "code_80003": 1, "code_80004": 2,
    "expired": 99, "permission": 99, "retired": 99, "too_much": 1, "reduce": 1, "repeated": 99, "self_next": 99,
    "stuck": 1, "failed": 1, "skipped": 1,
}  # fmt: skip
"""Every fault of the sandbox, and the number of requests that it affects."""

SITES = {
    "accounts": "me/adaccounts",
    "account": "act_1001",
    "campaigns": "act_1001/campaigns",
    "lead_ads": "act_1001/ads",
    "leads": "10012003040/leads",
    "create": "act_1001/insights",
    # A path that begins with 60 is a report; the path below it returns the report's rows.
    "poll": "60*",
    "fetch": "60*/insights",
}
"""Every call of the source, and the path that it requests."""

LISTS = {"accounts", "campaigns", "lead_ads", "leads", "fetch"}
EXPECTED = {
    **{("expired", site): "code 190.*access_token" for site in SITES},
    **{("permission", site): "code 200.*give the token" for site in SITES},
    **{("retired", site): r"code 2635.*facebook_ads\.version" for site in SITES},
    **{(fault, site): "goes in circles" for fault in ("repeated", "self_next") for site in {*LISTS, "poll"}},
    **{(fault, site): "without a list of data" for fault in ("stuck", "failed", "skipped") for site in LISTS},
    **{(fault, "create"): "returned no report_run_id" for fault in ("stuck", "failed", "skipped")},
    **{(fault, "account"): "received '6000'" for fault in ("stuck", "failed", "skipped")},
    **{(fault, site): "code 1" for fault in ("too_much", "reduce") for site in ("account", "poll")},
}
"""The error message, for each fault and call that cannot be retried; all others give the rows of an undisturbed
reading."""


def read_at(vendor: Vendor, site: str) -> list[str]:
    """Reads with the entry that makes this call, from two accounts, of which the fault affects the first."""
    if site in {"accounts", "account"}:
        return spell(vendor.objects("accounts", accounts=None if site == "accounts" else ["1001", "1002"]))
    if site in {"lead_ads", "leads"}:
        return spell(vendor.leads("2026-10-20", page_size=3))
    if site == "campaigns":
        return spell(vendor.objects("campaigns", page_size=2))
    return spell(vendor.insights("2026-09-01", "2026-09-04", page_size=20))


WHOLE: dict[str, list[str]] = {}


def undisturbed_at(vendor: Vendor, site: str) -> list[str]:
    """Returns the rows read without a fault; they are the same every time."""
    if site not in WHOLE:
        WHOLE[site] = read_at(vendor, site)
    return WHOLE[site]


def is_of(row: str, account: str) -> bool:
    """Returns whether a row belongs to an account."""
    found = json.loads(row)
    return str(found.get("account_id") or found["id"]).startswith(account)


def test_faults_lists_every_fault_of_the_sandbox(vendor: Vendor) -> None:
    """FAULTS lists exactly the faults of the sandbox."""
    shown = requests.get(f"{vendor.url}/_faults", timeout=10).json()
    assert FAULTS.keys() == shown["faults"].keys() | shown["vendors"]["/facebook_ads"].keys()


@pytest.mark.parametrize("site", SITES)
@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.sampled(3)
def test_every_fault_at_every_call(vendor: Vendor, fault: str, site: str) -> None:
    """The rows are the same, or the error names the affected account and the rows of the other are complete."""
    undisturbed = undisturbed_at(vendor, site)
    reason, refusal_text = EXPECTED.get((fault, site)), ""
    with vendor.arm(SITES[site], fault, times=FAULTS[fault], seconds=0.05):
        try:
            rows = read_at(vendor, site)
        except Refusal as refusal:
            rows, refusal_text = [], str(refusal)
    failed = vendor.metrics.get("failed_parts", {})
    if reason:
        assert re.search(reason, refusal_text or failed["act_1001"])
        assert {*rows} <= {*undisturbed}
        assert refusal_text or {*undisturbed} - {*rows} <= {row for row in undisturbed if is_of(row, "1001")}
    else:
        assert (refusal_text, failed) == ("", {})
        assert rows == undisturbed

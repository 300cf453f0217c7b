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
"""Every fault of the sandbox, and how often it is met."""

SITES = {
    "accounts": "me/adaccounts",
    "account": "act_1001",
    "campaigns": "act_1001/campaigns",
    "lead_ads": "act_1001/ads",
    "leads": "10012003040/leads",
    "create": "act_1001/insights",
    # What begins so is a report, and what is below it its rows.
    "poll": "60*",
    "fetch": "60*/insights",
}
"""Every place of the source that calls, and what it asks."""

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
"""What is said where a fault cannot be got over; everywhere else the rows are those of an undisturbed reading."""


def read_at(vendor: Vendor, site: str) -> list[str]:
    """Reads by the entry that calls there; two accounts, of which the first meets the fault."""
    if site in {"accounts", "account"}:
        return spell(vendor.objects("accounts", accounts=None if site == "accounts" else ["1001", "1002"]))
    if site in {"lead_ads", "leads"}:
        return spell(vendor.leads("2026-10-20", page_size=3))
    if site == "campaigns":
        return spell(vendor.objects("campaigns", page_size=2))
    return spell(vendor.insights("2026-09-01", "2026-09-04", page_size=20))


WHOLE: dict[str, list[str]] = {}


def undisturbed_at(vendor: Vendor, site: str) -> list[str]:
    """What is read where nothing goes wrong, which is the same every time."""
    if site not in WHOLE:
        WHOLE[site] = read_at(vendor, site)
    return WHOLE[site]


def is_of(row: str, account: str) -> bool:
    """Tells whether a row is of an account."""
    found = json.loads(row)
    return str(found.get("account_id") or found["id"]).startswith(account)


def test_the_table_of_faults_is_the_sandboxes(vendor: Vendor) -> None:
    """Each fault that the sandbox has is met here."""
    shown = requests.get(f"{vendor.url}/_faults", timeout=10).json()
    assert FAULTS.keys() == shown["faults"].keys() | shown["vendors"]["/facebook_ads"].keys()


@pytest.mark.parametrize("site", SITES)
@pytest.mark.parametrize("fault", FAULTS)
def test_every_fault_at_every_call(vendor: Vendor, fault: str, site: str) -> None:
    """The rows are the same, or the account that met it is named with the reason and the other one is whole."""
    undisturbed = undisturbed_at(vendor, site)
    reason, said = EXPECTED.get((fault, site)), ""
    with vendor.arm(SITES[site], fault, times=FAULTS[fault], seconds=0.05):
        try:
            rows = read_at(vendor, site)
        except Refusal as refusal:
            rows, said = [], str(refusal)
    failed = vendor.metrics.get("failed_parts", {})
    if reason:
        assert re.search(reason, said or failed["act_1001"])
        assert {*rows} <= {*undisturbed}
        assert said or {*undisturbed} - {*rows} <= {row for row in undisturbed if is_of(row, "1001")}
    else:
        assert (said, failed) == ("", {})
        assert rows == undisturbed

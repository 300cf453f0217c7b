"""Accounts of Google Ads with campaigns, ad groups, ads, keywords and changes.

Rows are keyed by GAQL's field names; https://developers.google.com/google-ads/api/fields documents them.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cache
from zlib import crc32

from sandbox.models.people import ANCHOR, DAYS

Row = dict[str, str | int | float | bool | list[str] | dict[str, dict[str, str]]]

TODAY = ANCHOR.date()
"""Today's date, unless the URL of a request has another."""

FIRST_DAY = TODAY - timedelta(days=DAYS)
"""The first day with metrics."""

CHANNELS = ("SEARCH", "PERFORMANCE_MAX", "DISPLAY", "SEARCH")
NAMES = ("Brand", "Generic", "Retargeting", "Loader")
STATUSES = ("ENABLED", "ENABLED", "PAUSED", "REMOVED")
MATCH_TYPES = ("EXACT", "PHRASE", "BROAD")
WORDS = ("duckyards", "data loader", "warehouse pipeline", "etl tool", "duckdb ingestion")
PEOPLE = ("ada@duckyards.example", "bram@duckyards.example")


@dataclass(frozen=True)
class Account:
    """An advertiser's account, or a manager of others.

    Attributes:
        id: Ten digits.
        parent: Its manager, or None if users have direct access.
        open: True if the sandbox's user can read it.
        campaigns: Number of campaigns.
        ad_groups: Number of ad groups in each campaign.
    """

    id: int
    name: str
    currency: str = "EUR"
    time_zone: str = "Europe/Amsterdam"
    parent: int | None = None
    manager: bool = False
    status: str = "ENABLED"
    hidden: bool = False
    open: bool = True
    campaigns: int = 0
    ad_groups: int = 2


ACCOUNTS = {
    account.id: account
    for account in (
        Account(1000000001, "Duckyards Group", manager=True),
        Account(1000000011, "Duckyards NL", parent=1000000001, campaigns=3),
        Account(1000000012, "Duckyards US", "USD", "America/New_York", 1000000001, campaigns=4),
        Account(1000000013, "Duckyards Old", parent=1000000001, status="CANCELED", campaigns=1),
        Account(1000000014, "Duckyards Hidden", "EUR", parent=1000000001, hidden=True, campaigns=1),
        Account(1000000002, "Duckyards Asia", "JPY", "Asia/Tokyo", 1000000001, manager=True),
        # One ad group only: if its only row of a day is removed, the day has no rows.
        Account(1000000021, "Duckyards JP", "JPY", "Asia/Tokyo", 1000000002, campaigns=1, ad_groups=1),
        Account(1000000003, "Duckyards Partners", "GBP", "Europe/London", manager=True),
        Account(1000000031, "Partner UK", "GBP", "Europe/London", 1000000003, campaigns=2),
        Account(1000000032, "Partner Closed", "GBP", "Europe/London", 1000000003, open=False, campaigns=1),
        # 2,500 rows a day: four hundred days are a million rows.
        Account(1000000099, "Duckyards Large", "USD", "America/New_York", campaigns=10, ad_groups=250),
    )
}


def below(manager: int) -> Iterator[tuple[Account, int]]:
    """Yield a manager and all accounts below it, with their level."""
    todo = [(ACCOUNTS[manager], 0)]
    while todo:
        account, level = todo.pop(0)
        yield account, level
        todo += [(child, level + 1) for child in ACCOUNTS.values() if child.parent == account.id]


def number(*parts: object) -> int:
    """Return a number that is derived from the parts only."""
    return crc32("/".join(map(str, parts)).encode())


def build_customer(account: Account) -> Row:
    """Return the customer fields that every row of an account can have."""
    return {
        "customer.resource_name": f"customers/{account.id}",
        "customer.id": str(account.id),
        "customer.descriptive_name": account.name,
        "customer.currency_code": account.currency,
        "customer.time_zone": account.time_zone,
        "customer.status": account.status,
        "customer.manager": account.manager,
        "customer.test_account": False,
    }


def build_clients(manager: Account) -> Iterator[Row]:
    """Yield a manager's clients, direct and indirect, and the manager; an account that is no manager yields nothing."""
    for account, level in below(manager.id) if manager.manager else ():
        yield {
            **build_customer(manager),
            "customer_client.resource_name": f"customers/{manager.id}/customerClients/{account.id}",
            "customer_client.client_customer": f"customers/{account.id}",
            "customer_client.id": str(account.id),
            "customer_client.descriptive_name": account.name,
            "customer_client.currency_code": account.currency,
            "customer_client.time_zone": account.time_zone,
            "customer_client.status": account.status,
            "customer_client.manager": account.manager,
            "customer_client.hidden": account.hidden,
            "customer_client.test_account": False,
            "customer_client.level": str(level),
        }


@cache
def build_campaigns(account: Account) -> list[Row]:
    """Return an account's campaigns."""
    return [_build_campaign(account, index) for index in range(account.campaigns)]


def _build_campaign(account: Account, index: int) -> Row:
    identity = account.id * 100 + index
    row: Row = {
        **build_customer(account),
        "campaign.resource_name": f"customers/{account.id}/campaigns/{identity}",
        "campaign.id": str(identity),
        "campaign.name": f"{NAMES[index % 4]} {account.name}",
        "campaign.status": STATUSES[index % 4],
        "campaign.serving_status": "SERVING" if STATUSES[index % 4] == "ENABLED" else "SUSPENDED",
        "campaign.advertising_channel_type": CHANNELS[index % 4],
        "campaign.bidding_strategy_type": "TARGET_SPEND",
        "campaign.start_date_time": f"{FIRST_DAY - timedelta(days=index)} 00:00:00",
        "campaign_budget.resource_name": f"customers/{account.id}/campaignBudgets/{identity}",
        "campaign_budget.amount_micros": str((index + 1) * 25_000_000),
    }
    # Vendors that write protobuf as JSON omit fields that are not set.
    if STATUSES[index % 4] == "PAUSED":
        row["campaign.end_date_time"] = f"{TODAY + timedelta(days=60)} 23:59:59"
    return row


@cache
def build_ad_groups(account: Account) -> list[Row]:
    """Return an account's ad groups, with their campaigns."""
    return [
        {
            **campaign,
            "ad_group.resource_name": f"customers/{account.id}/adGroups/{campaign['campaign.id']}{index:03d}",
            "ad_group.id": f"{campaign['campaign.id']}{index:03d}",
            "ad_group.name": f"Group {index + 1}",
            "ad_group.status": "PAUSED" if index % 5 == 4 else "ENABLED",
            "ad_group.type": "SEARCH_STANDARD",
            "ad_group.cpc_bid_micros": str(800_000 + index % 10 * 10_000),
        }
        for campaign in build_campaigns(account)
        for index in range(account.ad_groups)
    ]


def build_ads(account: Account) -> Iterator[Row]:
    """Yield an account's ads, two in each ad group."""
    for group in build_ad_groups(account):
        for index in range(2):
            identity = f"{group['ad_group.id']}{index}"
            yield {
                **group,
                "ad_group_ad.resource_name": f"customers/{account.id}/adGroupAds/{group['ad_group.id']}~{identity}",
                "ad_group_ad.status": "ENABLED",
                "ad_group_ad.ad_strength": ("GOOD", "EXCELLENT")[index],
                "ad_group_ad.policy_summary.approval_status": "APPROVED",
                "ad_group_ad.ad.resource_name": f"customers/{account.id}/ads/{identity}",
                "ad_group_ad.ad.id": identity,
                "ad_group_ad.ad.name": f"Ad {identity}",
                "ad_group_ad.ad.type": "RESPONSIVE_SEARCH_AD",
                "ad_group_ad.ad.final_urls": [f"https://duckyards.example/{group['campaign.id']}?ad={identity}"],
            }


def build_criteria(account: Account) -> Iterator[Row]:
    """Yield the criteria of an account's ad groups: keywords, and one other criterion in each group."""
    for group in build_ad_groups(account):
        for index, word in enumerate(WORDS[: 2 + number(group["ad_group.id"]) % 3]):
            row: Row = {
                **group,
                "ad_group_criterion.resource_name": (
                    f"customers/{account.id}/adGroupCriteria/{group['ad_group.id']}~{7_000 + index}"
                ),
                "ad_group_criterion.criterion_id": str(7_000 + index),
                "ad_group_criterion.type": "KEYWORD",
                "ad_group_criterion.status": "ENABLED",
                "ad_group_criterion.negative": index == 3,
                "ad_group_criterion.keyword.text": word,
                "ad_group_criterion.keyword.match_type": MATCH_TYPES[index % 3],
                "ad_group_criterion.effective_cpc_bid_micros": group["ad_group.cpc_bid_micros"],
            }
            if index != 3:
                row["ad_group_criterion.quality_info.quality_score"] = 3 + number(word, group["ad_group.id"]) % 8
            yield row
        yield {
            **group,
            "ad_group_criterion.resource_name": f"customers/{account.id}/adGroupCriteria/{group['ad_group.id']}~9000",
            "ad_group_criterion.criterion_id": "9000",
            "ad_group_criterion.type": "AGE_RANGE",
            "ad_group_criterion.status": "ENABLED",
        }


def build_changes(account: Account, today: date) -> Iterator[Row]:
    """Yield the changes of an account up to a day, oldest first."""
    for day in _days(max(FIRST_DAY, today - timedelta(days=30)), today):
        for campaign in build_campaigns(account):
            if (chance := number("change", campaign["campaign.id"], day)) % 3:
                continue
            at = f"{day} {8 + chance % 10:02d}:{chance % 60:02d}:{chance // 7 % 60:02d}.{chance % 1_000_000:06d}"
            is_budget = bool(chance % 2)
            old, new = ("25000000", "30000000") if is_budget else ("PAUSED", "ENABLED")
            kind, field = ("campaignBudget", "amountMicros") if is_budget else ("campaign", "status")
            yield {
                **build_customer(account),
                "change_event.resource_name": f"customers/{account.id}/changeEvents/{number(at)}~{chance % 9}~0",
                "change_event.change_date_time": at,
                "change_event.change_resource_type": "CAMPAIGN_BUDGET" if is_budget else "CAMPAIGN",
                "change_event.change_resource_name": str(campaign["campaign.resource_name"]),
                "change_event.resource_change_operation": "UPDATE",
                "change_event.changed_fields": field,
                "change_event.old_resource": {kind: {field: old}},
                "change_event.new_resource": {kind: {field: new}},
                "change_event.client_type": "GOOGLE_ADS_WEB_CLIENT" if is_budget else "GOOGLE_ADS_API",
                "change_event.user_email": PEOPLE[chance % 2],
                "change_event.campaign": str(campaign["campaign.resource_name"]),
                **(
                    {}
                    if is_budget
                    else {"change_event.ad_group": f"customers/{account.id}/adGroups/{campaign['campaign.id']}000"}
                ),
            }


def _days(first: date, last: date) -> Iterator[date]:
    for ordinal in range(first.toordinal(), last.toordinal() + 1):
        yield date.fromordinal(ordinal)


TABLES: Mapping[str, Callable[[Account], Iterable[Row]]] = {
    "customer": lambda account: [build_customer(account)],
    "customer_client": build_clients,
    "campaign": build_campaigns,
    "ad_group": build_ad_groups,
    "ad_group_ad": build_ads,
    "ad_group_criterion": build_criteria,
}
"""The rows of an account, by the GAQL resource that they are selected from."""

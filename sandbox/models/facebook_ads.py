"""Objects of the Marketing API, as https://developers.facebook.com/docs/marketing-api/reference documents them."""

from datetime import UTC, datetime, timedelta
from functools import cache
from random import Random
from typing import Any

from pydantic import BaseModel

from sandbox.models.people import ANCHOR, DAYS, pick_link, pick_person, to_json

BIG_ACCOUNT = "9"
"""The first digit of a big account: the rest of its id is its number of ads, each with one row of insights a day."""

OBJECTIVES = ("OUTCOME_LEADS", "OUTCOME_SALES")
STATUSES = ("ACTIVE", "PAUSED", "ARCHIVED")
Row = dict[str, Any]


class Account(BaseModel):
    """An ad account; its id is `act_` and its number."""

    id: str
    account_id: str
    name: str
    account_status: int = 1
    currency: str
    timezone_name: str
    timezone_offset_hours_utc: float
    business_country_code: str
    amount_spent: str
    balance: str = "0"
    created_time: str


class Campaign(BaseModel):
    """A campaign; budgets are in the currency's smallest unit, as text."""

    id: str
    account_id: str
    name: str
    objective: str
    status: str
    effective_status: str
    buying_type: str = "AUCTION"
    bid_strategy: str = "LOWEST_COST_WITHOUT_CAP"
    daily_budget: str | None
    lifetime_budget: str | None
    special_ad_categories: list[str] = []
    created_time: str
    updated_time: str
    start_time: str
    stop_time: str | None


class AdSet(BaseModel):
    """An ad set."""

    id: str
    account_id: str
    campaign_id: str
    name: str
    status: str
    effective_status: str
    billing_event: str = "IMPRESSIONS"
    optimization_goal: str
    bid_strategy: str = "LOWEST_COST_WITHOUT_CAP"
    daily_budget: str | None
    lifetime_budget: str | None
    attribution_spec: list[dict[str, Any]]
    targeting: dict[str, Any]
    created_time: str
    updated_time: str
    start_time: str
    end_time: str | None


class Ad(BaseModel):
    """An ad; its creative and its campaign are objects whose fields can be selected."""

    id: str
    account_id: str
    campaign_id: str
    adset_id: str
    name: str
    status: str
    effective_status: str
    creative: dict[str, str]
    campaign: dict[str, str]
    created_time: str
    updated_time: str


class AdCreative(BaseModel):
    """The content of an ad."""

    id: str
    account_id: str
    name: str
    title: str
    body: str
    status: str = "ACTIVE"
    object_type: str = "SHARE"
    call_to_action_type: str
    link_url: str
    thumbnail_url: str
    effective_object_story_id: str


class Lead(BaseModel):
    """A person's answers to a lead form."""

    id: str
    created_time: str
    ad_id: str
    ad_name: str
    adset_id: str
    adset_name: str
    campaign_id: str
    campaign_name: str
    form_id: str
    is_organic: bool = False
    platform: str
    field_data: list[dict[str, Any]]


@cache
def accounts() -> dict[str, Row]:
    """Return three accounts by number, each with its own currency."""
    made = [
        Account(
            id=f"act_{number}",
            account_id=number,
            name=f"Duckyards {region}",
            currency=currency,
            timezone_name=zone,
            timezone_offset_hours_utc=offset,
            business_country_code=country,
            amount_spent=str(900_000 + 1_000 * int(number)),
            created_time="2023-03-01T09:00:00+0000",
        )
        for number, region, currency, zone, offset, country in (
            ("1001", "Europe", "EUR", "Europe/Amsterdam", 1, "NL"),
            ("1002", "America", "USD", "America/New_York", -4, "US"),
            ("1003", "Britain", "GBP", "Europe/London", 0, "GB"),
        )
    ]
    return {account.account_id: to_json(account) for account in made}


@cache
def campaigns(account: str) -> list[Row]:
    """Return an account's campaigns: one for leads, one for sales, one archived."""
    names = ("Newsletter", "Spring sale", "Winter sale")
    made = [
        Campaign(
            id=f"{account}20{number}",
            account_id=account,
            name=f"{name} {account}",
            objective=OBJECTIVES[number > 0],
            status=status,
            effective_status=status,
            daily_budget=str(5_000 * (number + 1)) if number != 1 else None,
            lifetime_budget="900000" if number == 1 else None,
            start_time=_spell(ANCHOR - timedelta(days=DAYS)),
            stop_time=_spell(ANCHOR - timedelta(days=DAYS // 2)) if status == "ARCHIVED" else None,
            **_times(number),
        )
        for number, (name, status) in enumerate(zip(names, STATUSES, strict=True))
    ]
    return [to_json(campaign, omit_none=True) for campaign in made]


@cache
def ad_sets(account: str) -> list[Row]:
    """Return an account's ad sets: two for each campaign."""
    made = [
        AdSet(
            id=f"{campaign['id']}3{number}",
            account_id=account,
            campaign_id=campaign["id"],
            name=f"{campaign['name']} / {country}",
            status=campaign["status"],
            effective_status=campaign["status"],
            optimization_goal="LEAD_GENERATION" if campaign["objective"] == OBJECTIVES[0] else "OFFSITE_CONVERSIONS",
            daily_budget=None,
            lifetime_budget=None,
            attribution_spec=[{"event_type": "CLICK_THROUGH", "window_days": 7}],
            targeting={"age_min": 25, "age_max": 55, "geo_locations": {"countries": [country]}},
            start_time=campaign["start_time"],
            end_time=campaign.get("stop_time"),
            **_times(number),
        )
        for campaign in campaigns(account)
        for number, country in enumerate(("NL", "US"))
    ]
    return [to_json(ad_set, omit_none=True) for ad_set in made]


@cache
def ads(account: str) -> list[Row]:
    """Return an account's ads: two for each ad set."""
    objectives = {campaign["id"]: campaign["objective"] for campaign in campaigns(account)}
    made = [
        Ad(
            id=f"{ad_set['id']}4{number}",
            account_id=account,
            campaign_id=ad_set["campaign_id"],
            adset_id=ad_set["id"],
            name=f"{ad_set['name']} / {letter}",
            status=ad_set["status"],
            effective_status=ad_set["status"],
            creative={"id": f"{ad_set['id']}5{number}"},
            campaign={"id": ad_set["campaign_id"], "objective": objectives[ad_set["campaign_id"]]},
            **_times(number),
        )
        for ad_set in ad_sets(account)
        for number, letter in enumerate("AB")
    ]
    return [to_json(ad) for ad in made]


@cache
def ad_creatives(account: str) -> list[Row]:
    """Return the creatives of an account's ads."""
    random = Random(f"creatives {account}")
    made = [
        AdCreative(
            id=ad["creative"]["id"],
            account_id=account,
            name=f"{ad['name']} {ad['created_time'][:10]}",
            title="Pipelines that hold",
            body="Load it once, trust it for ever.",
            call_to_action_type="SIGN_UP" if ad["campaign"]["objective"] == OBJECTIVES[0] else "SHOP_NOW",
            link_url=pick_link(random),
            thumbnail_url=f"https://scontent.example/{ad['creative']['id']}.jpg",
            effective_object_story_id=f"104512345678901_{ad['creative']['id']}",
        )
        for ad in ads(account)
    ]
    return [to_json(creative) for creative in made]


@cache
def leads(ad_id: str) -> list[Row]:
    """Return the leads of an ad, newest first; empty if its campaign is not for leads."""
    account = ad_id[:4]
    found = next((ad for ad in ads(account) if ad["id"] == ad_id), None) if account in accounts() else None
    if found is None or found["campaign"]["objective"] != OBJECTIVES[0]:
        return []
    random = Random(f"leads {ad_id}")
    names = {row["id"]: row["name"] for row in (*campaigns(account), *ad_sets(account))}
    made = []
    for number in range(30):
        person = pick_person(random)
        answers = {
            "full_name": person.name,
            "email": f"{person.handle}@example.com",
            "phone_number": f"+3120{person.number:07}",
            "how_many_tables?": str(random.randrange(1, 500)),
        }
        lead = Lead(
            id=f"{ad_id}7{number:02}",
            created_time=_spell(ANCHOR - timedelta(days=2 * number, seconds=random.randrange(1, 80_000))),
            ad_id=ad_id,
            ad_name=found["name"],
            adset_id=found["adset_id"],
            adset_name=names[found["adset_id"]],
            campaign_id=found["campaign_id"],
            campaign_name=names[found["campaign_id"]],
            form_id=form_of(account),
            platform=random.choice(("fb", "ig")),
            field_data=[{"name": name, "values": [value]} for name, value in answers.items()],
        )
        made.append(to_json(lead))
    return made


def form_of(account: str) -> str:
    """Return the id of an account's only lead form."""
    return f"{account}60"


def _times(number: int) -> dict[str, Any]:
    created = ANCHOR - timedelta(days=DAYS + 10 - number)
    return {"created_time": _spell(created), "updated_time": _spell(created + timedelta(days=20))}


def _spell(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S+0000")

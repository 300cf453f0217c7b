"""Queries of Google Ads: by table its columns, each with its field in GAQL."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import groupby
from typing import Any

from . import Row

_ACCOUNT = {
    "customer_id": "customer.id",
    "customer_name": "customer.descriptive_name",
    "currency_code": "customer.currency_code",
    "time_zone": "customer.time_zone",
}
_CAMPAIGN = {"campaign_id": "campaign.id", "campaign_name": "campaign.name"}
_AD_GROUP = {"ad_group_id": "ad_group.id", "ad_group_name": "ad_group.name"}
_METRICS = {
    "cost_micros": "metrics.cost_micros",
    "impressions": "metrics.impressions",
    "clicks": "metrics.clicks",
    "conversions": "metrics.conversions",
    "conversions_value": "metrics.conversions_value",
}


@dataclass(frozen=True)
class Query:
    """A question, and how its rows become those of a table.

    Attributes:
        resource: What is selected from.
        columns: By column the field.
        where: A condition that always holds, "" for none.
    """

    resource: str
    columns: Mapping[str, str]
    where: str = ""

    def text(self, *conditions: str, ending: str = "") -> str:
        """Returns it in GAQL.

        Args:
            conditions: To hold too.
            ending: ORDER BY and LIMIT.
        """
        holds = " AND ".join(filter(None, (self.where, *conditions)))
        fields = ", ".join(dict.fromkeys(self.columns.values()))
        parts = ("SELECT", fields, "FROM", self.resource, holds and f"WHERE {holds}", ending)
        return " ".join(filter(None, parts))

    def flatten(self, row: Mapping[str, Any]) -> Row:
        """Returns a row with a value for each column: as Google writes it, None where it writes none."""
        flat: Row = {}
        for parents, leaves in self._paths:
            place: Mapping[str, Any] = row
            for parent in parents:
                place = place.get(parent, {})
            for column, leaf in leaves:
                flat[column] = place.get(leaf)
        return flat

    @cached_property
    def _paths(self) -> list[tuple[tuple[str, ...], list[tuple[str, str]]]]:
        """Columns by the object that they lie in."""
        found = [(tuple(map(_camel, name.split("."))), column) for column, name in self.columns.items()]
        grouped = groupby(sorted(found), key=lambda one: one[0][:-1])
        return [(parents, [(column, path[-1]) for path, column in members]) for parents, members in grouped]


def _camel(name: str) -> str:
    head, *rest = name.split("_")
    return head + "".join(map(str.capitalize, rest))


def _customers(resource: str, **more: str) -> Query:
    names = {
        "customer_id": "id",
        "customer_name": "descriptive_name",
        "currency_code": "currency_code",
        "time_zone": "time_zone",
        "status": "status",
        "is_manager": "manager",
        "is_test_account": "test_account",
    }
    return Query(resource, {column: f"{resource}.{name}" for column, name in names.items()} | more)


CUSTOMERS = (
    _customers("customer_client", is_hidden="customer_client.hidden", level="customer_client.level"),
    _customers("customer"),
)
"""What is below a manager, itself included; and of one that is none, itself."""

ENTITIES: Mapping[str, Query] = {
    "campaigns": Query(
        "campaign",
        {
            **_ACCOUNT,
            **_CAMPAIGN,
            "status": "campaign.status",
            "serving_status": "campaign.serving_status",
            "advertising_channel_type": "campaign.advertising_channel_type",
            "bidding_strategy_type": "campaign.bidding_strategy_type",
            "start_date_time": "campaign.start_date_time",
            "end_date_time": "campaign.end_date_time",
            "budget_micros": "campaign_budget.amount_micros",
        },
    ),
    "ad_groups": Query(
        "ad_group",
        {
            **_ACCOUNT,
            **_CAMPAIGN,
            **_AD_GROUP,
            "status": "ad_group.status",
            "type": "ad_group.type",
            "cpc_bid_micros": "ad_group.cpc_bid_micros",
        },
    ),
    "ads": Query(
        "ad_group_ad",
        {
            **_ACCOUNT,
            **_CAMPAIGN,
            **_AD_GROUP,
            "ad_id": "ad_group_ad.ad.id",
            "ad_name": "ad_group_ad.ad.name",
            "type": "ad_group_ad.ad.type",
            "final_urls": "ad_group_ad.ad.final_urls",
            "status": "ad_group_ad.status",
            "ad_strength": "ad_group_ad.ad_strength",
            "approval_status": "ad_group_ad.policy_summary.approval_status",
        },
    ),
    "keywords": Query(
        "ad_group_criterion",
        {
            **_ACCOUNT,
            **_CAMPAIGN,
            **_AD_GROUP,
            "criterion_id": "ad_group_criterion.criterion_id",
            "keyword": "ad_group_criterion.keyword.text",
            "match_type": "ad_group_criterion.keyword.match_type",
            "status": "ad_group_criterion.status",
            "is_negative": "ad_group_criterion.negative",
            "quality_score": "ad_group_criterion.quality_info.quality_score",
            "effective_cpc_bid_micros": "ad_group_criterion.effective_cpc_bid_micros",
        },
        "ad_group_criterion.type = 'KEYWORD'",
    ),
}
"""What an account has, read as a whole each time."""

DAILY: Mapping[str, Query] = {
    "campaign_metrics": Query("campaign", {"date": "segments.date", **_ACCOUNT, **_CAMPAIGN, **_METRICS}),
    "ad_group_metrics": Query("ad_group", {"date": "segments.date", **_ACCOUNT, **_CAMPAIGN, **_AD_GROUP, **_METRICS}),
    "search_terms": Query(
        "search_term_view",
        {
            "date": "segments.date",
            **_ACCOUNT,
            **_CAMPAIGN,
            **_AD_GROUP,
            "search_term": "search_term_view.search_term",
            "match_type": "segments.search_term_match_type",
            "status": "search_term_view.status",
            **_METRICS,
        },
    ),
}
"""What happened on a day, read by windows of days."""

CHANGES = Query(
    "change_event",
    {
        **_ACCOUNT,
        "resource_name": "change_event.resource_name",
        "change_date_time": "change_event.change_date_time",
        "change_resource_type": "change_event.change_resource_type",
        "change_resource_name": "change_event.change_resource_name",
        "resource_change_operation": "change_event.resource_change_operation",
        "changed_fields": "change_event.changed_fields",
        "old_resource": "change_event.old_resource",
        "new_resource": "change_event.new_resource",
        "client_type": "change_event.client_type",
        "user_email": "change_event.user_email",
        "campaign": "change_event.campaign",
        "ad_group": "change_event.ad_group",
    },
)


def with_fields(query: Query, extra: Mapping[str, str]) -> Query:
    """Returns a query with more fields, for instance `{all_conversions: metrics.all_conversions}`.

    Raises:
        ValueError: A column is there already.
    """
    if taken := [column for column in extra if column in query.columns]:
        message = (
            f"extra: {', '.join(taken)} is there already; accepted: a column of another name, and its field of GAQL"
        )
        raise ValueError(message)
    return Query(query.resource, {**query.columns, **extra}, query.where)

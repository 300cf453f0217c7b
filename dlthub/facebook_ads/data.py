"""Objects, leads and insights of ad accounts, from the Marketing API."""

import json
from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, timedelta

import dlt

from . import EDGES, FIELDS, LEAD_OBJECTIVES, VERSION
from .alone import Days, read_alone, read_ranges_alone
from .graph import Graph, Rows, find_accounts
from .reports import Reports, Window, cut
from .rows import gone_day, hold_back, to_insight, to_lead


def get_objects(
    kind: str,
    base_url: str = dlt.config.value,
    access_token: dlt.TSecretStrValue = dlt.secrets.value,
    accounts: list[str] | None = None,
    version: str = VERSION,
    page_size: int = 200,
) -> Iterator[Rows]:
    """Ad accounts, or what is in them, as Meta sends it, the archive included.

    Args:
        kind: `accounts`, `campaigns`, `ad_sets`, `ads` or `ad_creatives`.
        base_url: The Graph API's address.
        access_token: A token with `ads_read`.
        accounts: Numbers of ad accounts; every one that the token may see, where there are none.
        version: The Marketing API's version.
        page_size: Objects a call, at most.

    Yields:
        Pages of objects (https://developers.facebook.com/docs/marketing-api/reference).
    """

    def read(graph: Graph) -> Iterator[Rows]:
        if kind == "accounts":
            yield [graph.show(FIELDS[kind])]
        else:
            yield from graph.list_edge(EDGES[kind], FIELDS[kind], page_size)

    yield from read_alone(_open(accounts, base_url, version, access_token), read)


def get_leads(
    start: str,
    end: str,
    since: str,
    forms: Sequence[str] = (),
    base_url: str = dlt.config.value,
    access_token: dlt.TSecretStrValue = dlt.secrets.value,
    accounts: list[str] | None = None,
    version: str = VERSION,
    page_size: int = 200,
) -> Iterator[Rows]:
    """Leads that came at or after a day: by ad, or by form where forms are named, which takes fewer calls.

    Args:
        start: First day, as a date in ISO 8601.
        end: The day after the last.
        since: Where the leads of an account begin that is new.
        forms: Numbers of lead forms.
        base_url: The Graph API's address.
        access_token: A token with `leads_retrieval`.
        accounts: Numbers of ad accounts; every one that the token may see, where there are none.
        version: The Marketing API's version.
        page_size: Leads a call, at most.

    Yields:
        Pages of leads, personal answers in columns of their own, and `read_until`: the last day that was read.
    """
    after, nodes = date.fromisoformat(end), list(forms) or accounts

    def read(graph: Graph, begin: date) -> Iterator[Rows]:
        for parent in [graph.node] if forms else _find_lead_ads(graph, page_size):
            for page in graph.pages(
                f"{parent}/leads", page_size, fields=f"id,{FIELDS['ad_leads']}", filtering=_created_since(begin)
            ):
                yield [to_lead(lead, after) for lead in page]

    graphs = _open(nodes, base_url, version, access_token, prefix="" if forms else "act_")
    yield from read_ranges_alone(graphs, Days(start, end, since), read)


def get_insights(
    start: str,
    end: str,
    since: str,
    breakdowns: Sequence[str] = (),
    attribution_windows: Sequence[str] = ("1d_view", "1d_click", "7d_click", "28d_click"),
    base_url: str = dlt.config.value,
    access_token: dlt.TSecretStrValue = dlt.secrets.value,
    accounts: list[str] | None = None,
    version: str = VERSION,
    page_size: int = 500,
    window_days: int = 30,
    poll_seconds: float = 1.0,
) -> Iterator[Rows]:
    """What each ad did on each day, by the breakdowns, as far as it is known by now.

    Args:
        start: First day, as a date in ISO 8601.
        end: The day after the last.
        since: Where the history of an account begins that is new.
        breakdowns: What a day of an ad is broken down by, as Meta calls it: `publisher_platform`, `country`.
        attribution_windows: What actions are counted by besides Meta's default, as it calls them.
        base_url: The Graph API's address.
        access_token: A token with `ads_read`.
        accounts: Numbers of ad accounts; every one that the token may see, where there are none.
        version: The Marketing API's version.
        page_size: Rows a call, at most.
        window_days: Most days of one report.
        poll_seconds: Until the first question whether a report is done.

    Yields:
        Pages of rows (https://developers.facebook.com/docs/marketing-api/insights), each with `breakdown_key`, the
        values of its breakdowns, and `read_until`, the last day that was read; one with `is_gone` for a day without.
    """
    after, is_sample = date.fromisoformat(end), dlt.current.resource_metrics().get("asked") == "sample"
    report_options = {
        "level": "ad",
        "fields": FIELDS["insights"],
        "breakdowns": json.dumps(list(breakdowns)),
        "action_attribution_windows": json.dumps(list(attribution_windows)),
    }

    def read(graph: Graph, begin: date) -> Iterator[Rows]:
        reports = Reports(graph, report_options, poll_seconds, page_size)
        for window, pages in reports.read(cut(begin, after, window_days)):
            yield from _read_window(graph.node, window, pages)

    def _read_window(node: str, window: Window, pages: Iterator[Rows]) -> Iterator[Rows]:
        seen: set[str] = set()
        for page in hold_back(pages):
            seen.update(row["date_start"] for row in page)
            yield [to_insight(row, breakdowns, after) for row in page]
        # A sample is of rows that there are.
        gone = [] if is_sample else [day for day in window.days if str(day) not in seen]
        if gone:
            yield [gone_day(node, day, after) for day in gone]

    graphs = _open(accounts, base_url, version, access_token)
    yield from read_ranges_alone(graphs, Days(start, end, since), read)


def _open(nodes: list[str] | None, base_url: str, version: str, access_token: str, prefix: str = "act_") -> list[Graph]:
    names = [f"{prefix}{str(node).removeprefix('act_')}" for node in nodes or ()]
    names = names or find_accounts(base_url, version, access_token)
    return [Graph(name, base_url, version, access_token) for name in dict.fromkeys(names)]


def _find_lead_ads(graph: Graph, page_size: int) -> list[str]:
    """Return the ads of an account that collect leads."""
    pages = graph.list_edge("ads", "campaign{objective}", page_size)
    return [ad["id"] for page in pages for ad in page if ad.get("campaign", {}).get("objective") in LEAD_OBJECTIVES]


def _created_since(day: date) -> str:
    # An account's own zone may be a day ahead.
    moment = datetime.combine(day - timedelta(days=1), datetime.min.time(), UTC)
    return json.dumps([{"field": "time_created", "operator": "GREATER_THAN", "value": int(moment.timestamp())}])

"""Accounts, what stands in them, what happened day by day, and who changed it: nine tables, one function."""

import logging
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, date, datetime
from functools import partial

import dlt

from data_foundation import Calls, Clock

from . import RELOAD_DAYS, VERSION, WINDOW_DAYS, Rows
from .access_token import AccessToken, Login
from .accounts import Account, Parts, find_accounts, read_ids
from .changes import Changes
from .history import History, Span, read_days
from .queries import DAILY, ENTITIES, with_fields
from .search import Api, Search

logger = logging.getLogger(__name__)

TABLES = ("customers", *ENTITIES, *DAILY, "changes")


def get_rows(
    table: str,
    start: str | None = None,
    end: str | None = None,
    reload_days: int = RELOAD_DAYS,
    window_days: int = WINDOW_DAYS,
    extra: Mapping[str, str] | None = None,
    clock: Clock | None = None,
) -> Callable[..., Iterator[Rows]]:
    """Rows of Google Ads, of every account that `customer_ids` leads to.

    Args:
        table: customers, campaigns, ad_groups, ads, keywords, campaign_metrics, ad_group_metrics, search_terms
            or changes.
        start: First day, for tables by day.
        end: The day after the last.
        reload_days: Days that are read again because their conversions still come in, at most 90.
        window_days: Days of one request.
        extra: More columns, each with its field of GAQL, for instance `{all_conversions: metrics.all_conversions}`.
        clock: What waits go by.

    Returns:
        The generator function of this table; each page is a list of rows.

    Raises:
        ValueError: There is no such table.
    """
    if table not in TABLES:
        message = f"google_ads has no table {table!r}; accepted: {', '.join(TABLES)}"
        raise ValueError(message)

    def get_pages(
        customer_ids: str = dlt.config.value,
        base_url: str = dlt.config.value,
        token_url: str = dlt.config.value,
        api_version: str = VERSION,
        login_customer_id: str | None = None,
        client_id: str | None = None,
        client_secret: dlt.TSecretStrValue | None = None,
        refresh_token: dlt.TSecretStrValue | None = None,
        service_account: dlt.TSecretStrValue | None = None,
        developer_token: dlt.TSecretStrValue | None = None,
        today: str | None = None,
    ) -> Iterator[Rows]:
        open_calls = partial(Calls, clock=clock) if clock else Calls
        token = AccessToken(Login(token_url, client_id, client_secret, refresh_token, service_account), open_calls)
        search = Search(Api(base_url, api_version, login_customer_id, developer_token), token, open_calls)
        now = date.fromisoformat(today) if today else datetime.now(UTC).date()
        metrics = dlt.current.resource_metrics()
        warnings: list[str] = metrics.setdefault("warnings", [])
        roots, accounts = Parts(), Parts()
        found = find_accounts(search, read_ids(customer_ids), roots)
        if table == "customers":
            yield [account.row for account in found]
        else:
            readable = [account for account in found if account.is_readable]
            if found and not readable:
                warnings.append(f"none of {len(found)} accounts is enabled and no manager: there is nothing to read")
            read = _reader(now, warnings)
            for account in readable:
                yield from accounts.alone(account.customer_id, partial(read, search, account))
        logger.info("%s: %d requests to Google Ads for %d accounts", table, search.calls, len(found))
        if failed := roots.finish() | accounts.finish():
            metrics["failed_parts"] = failed

    def _reader(now: date, warnings: list[str]) -> Callable[[Search, Account], Iterator[Rows]]:
        state = dlt.current.resource_state()
        if table == "changes":
            return Changes(state, now, warnings).read
        query = with_fields({**ENTITIES, **DAILY}[table], extra or {})
        if table in DAILY:
            first, stop = read_days({"start": start, "end": end})
            request = dlt.current.resource_metrics().get("asked", "")
            history = History(state, Span(first, stop, request, now, reload_days, window_days))
            return lambda search, account: history.read(search, account, query)
        return lambda search, account: (
            [query.flatten(row) for row in rows]
            for rows in search.stream(account.customer_id, query.text(), account.root)
        )

    return get_pages

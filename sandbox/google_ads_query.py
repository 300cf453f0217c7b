"""The subset of Google Ads Query Language that sources use: parsed, checked, and answered from the sandbox's rows."""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cache
from itertools import islice
from typing import Any

from sandbox.google_ads_errors import failure
from sandbox.models import google_ads as models
from sandbox.models import google_ads_metrics as metrics
from sandbox.models.google_ads import Account, Row
from sandbox.vendor import VendorError

MOST_CHANGES, OLDEST_CHANGE = 10_000, timedelta(days=30)

_QUERY = re.compile(
    r"\s*SELECT\s+(?P<fields>[\w.,\s]+?)\s+FROM\s+(?P<resource>\w+)"
    r"(?:\s+WHERE\s+(?P<where>.+?))?(?:\s+ORDER\s+BY\s+(?P<order>[\w.]+)(?P<descending>\s+DESC)?(?:\s+ASC)?)?"
    r"(?:\s+LIMIT\s+(?P<limit>\d+))?\s*",
    re.IGNORECASE | re.DOTALL,
)
_CONDITION = re.compile(r"\s*([\w.]+)\s*(=|!=|>=|<=|>|<|BETWEEN)\s*(.+?)\s*", re.IGNORECASE | re.DOTALL)
_AND = re.compile(r"\s+AND\s+(?=[\w.]+\s*(?:[=!<>]|BETWEEN))", re.IGNORECASE)
_COMPARE: Mapping[str, Callable[[str, str], bool]] = {
    "=": lambda value, expected: value == expected,
    "!=": lambda value, expected: value != expected,
    ">=": lambda value, expected: value >= expected,
    "<=": lambda value, expected: value <= expected,
    ">": lambda value, expected: value > expected,
    "<": lambda value, expected: value < expected,
}


def refuse(word: str, message: str) -> VendorError:
    """Return the refusal of a query."""
    return failure(400, "queryError", word, message)


def refuse_changes(word: str, message: str) -> VendorError:
    """Return the refusal of a query for changes."""
    return failure(400, "changeEventError", word, message)


@dataclass(frozen=True)
class Query:
    """A parsed query."""

    fields: tuple[str, ...]
    resource: str
    conditions: tuple[tuple[str, str, str], ...]
    order: str
    descending: bool
    limit: int | None

    @classmethod
    def parse(cls, text: str) -> "Query":
        """Parse a query.

        Raises:
            VendorError: The query is invalid, or uses something that the sandbox does not support.
        """
        if not (found := _QUERY.fullmatch(text)):
            raise refuse("UNEXPECTED_INPUT", f"Error in query: unexpected input {text.strip()[:40]}.")
        query = cls(
            fields=tuple(name.strip() for name in found["fields"].split(",")),
            resource=found["resource"],
            conditions=tuple(_conditions(found["where"])) if found["where"] else (),
            order=found["order"] or "",
            descending=bool(found["descending"]),
            limit=int(found["limit"]) if found["limit"] else None,
        )
        query.check()
        return query

    @property
    def is_daily(self) -> bool:
        """True if the query selects daily metrics."""
        return any(name.startswith(("segments.", "metrics.")) for name in self.fields)

    @property
    def mask(self) -> str:
        """The fields as the response's field mask has them."""
        return ",".join(".".join(_camel(part) for part in name.split(".")) for name in self.fields)

    def check(self) -> None:
        """Refuse unknown fields and resources."""
        if self.resource not in _known():
            raise refuse("BAD_RESOURCE_TYPE_IN_FROM_CLAUSE", f"'{self.resource}' is no resource to select from.")
        for name in (*self.fields, *(name for name, _, _ in self.conditions)):
            if name not in _known()[self.resource]:
                raise refuse("UNRECOGNIZED_FIELD", f"Unrecognized field in the query: '{name}'.")
        if self.is_daily and not all(self.bounds("segments.date")):
            raise refuse("EXPECTED_FILTERS_ON_DATE_RANGE", "A core date segment needs a finite range of dates.")

    def bounds(self, field: str) -> tuple[str, str]:
        """Return the minimum and maximum that the conditions allow, or ""."""
        ranges = [(sign, value) for name, sign, value in self.conditions if name == field]
        first = max((value for sign, value in ranges if sign in {">=", ">", "="}), default="")
        last = min((value for sign, value in ranges if sign in {"<=", "<", "="}), default="")
        return first, last


def answer(query: Query, account: Account, today: date) -> Iterator[dict[str, Any]]:
    """Return the rows of an account, nested as in JSON.

    Raises:
        VendorError: The account cannot answer the query.
    """
    if account.manager and query.is_daily:
        raise refuse("REQUESTED_METRICS_FOR_MANAGER", "Metrics cannot be requested for a manager account.")
    if query.resource == "change_event":
        _check_changes(query, today)
    rows: Iterable[Row] = (row for row in _rows(query, account, today) if _holds_all(row, query))
    if query.order:
        rows = sorted(rows, key=lambda row: str(row.get(query.order, "")), reverse=query.descending)
    return (_nest(row, query) for row in islice(rows, query.limit))


def _conditions(where: str) -> Iterator[tuple[str, str, str]]:
    for part in _AND.split(where):
        if not (found := _CONDITION.fullmatch(part)):
            raise refuse("UNEXPECTED_INPUT", f"Error in query: unexpected input {part[:40]}.")
        name, sign, value = found[1], found[2].upper(), found[3]
        if sign == "BETWEEN":
            first, _, last = re.sub(r"\s+AND\s+", "\0", value, flags=re.IGNORECASE).partition("\0")
            yield name, ">=", first.strip("'\" ")
            yield name, "<=", last.strip("'\" ")
        else:
            yield name, sign, value.strip("'\" ")


def _holds_all(row: Row, query: Query) -> bool:
    return all(_COMPARE[sign](_spell(row.get(name, "")), expected) for name, sign, expected in query.conditions)


def _spell(value: object) -> str:
    """Return a value as text, as a condition contains it."""
    return str(value).upper() if isinstance(value, bool) else str(value)


def _rows(query: Query, account: Account, today: date) -> Iterator[Row]:
    if query.is_daily:
        first, last = map(date.fromisoformat, query.bounds("segments.date"))
        cut = {"campaign": metrics.by_campaign, "search_term_view": metrics.by_search_term}.get(query.resource)
        groups = metrics.daily(account, first, last, today)
        return cut(groups) if cut else groups
    if query.resource == "change_event":
        return models.build_changes(account, today)
    return iter(models.TABLES[query.resource](account))


def _check_changes(query: Query, today: date) -> None:
    first, last = query.bounds("change_event.change_date_time")
    if not first or not last:
        raise refuse_changes("CHANGE_DATE_RANGE_INFINITE", "A finite range of change_date_time is needed.")
    if first > last:
        raise refuse_changes("CHANGE_DATE_RANGE_NEGATIVE", "The range of change_date_time ends before it starts.")
    if date.fromisoformat(first[:10]) < today - OLDEST_CHANGE:
        raise refuse_changes(
            "START_DATE_TOO_OLD", "The requested start date is too old. It cannot be older than 30 days."
        )
    if query.limit is None:
        raise refuse_changes("LIMIT_NOT_SPECIFIED", "A LIMIT is needed.")
    if query.limit > MOST_CHANGES:
        raise refuse_changes("INVALID_LIMIT_CLAUSE", "The LIMIT must be 10,000 or less.")


@cache
def _known() -> dict[str, frozenset[str]]:
    """Return the fields of each resource, taken from its rows."""
    account, day = models.ACCOUNTS[1000000012], models.TODAY
    daily = list(metrics.daily(account, day, day, day))
    found = {resource: list(build(account)) for resource, build in models.TABLES.items()}
    found["customer_client"] = list(models.build_clients(models.ACCOUNTS[1000000001]))
    found["campaign"] += metrics.by_campaign(iter(daily))
    found["ad_group"] += daily
    found["search_term_view"] = list(metrics.by_search_term(iter(daily)))
    found["change_event"] = list(models.build_changes(account, day))
    return {resource: frozenset(name for row in rows for name in row) for resource, rows in found.items()}


@cache
def _camel(name: str) -> str:
    head, *rest = name.split("_")
    return head + "".join(part.capitalize() for part in rest)


@cache
def _paths(query: Query) -> tuple[tuple[str, tuple[str, ...], str], ...]:
    """Return the selected fields, and the resource names that are always returned."""
    names = {
        **dict.fromkeys(f"{name.rpartition('.')[0]}.resource_name" for name in query.fields),
        **dict.fromkeys(query.fields),
    }
    return tuple((name, tuple(map(_camel, name.split(".")[:-1])), _camel(name.rpartition(".")[2])) for name in names)


def _nest(row: Row, query: Query) -> dict[str, Any]:
    nested: dict[str, Any] = {}
    for name, parents, leaf in _paths(query):
        if name in row:
            place = nested
            for parent in parents:
                place = place.setdefault(parent, {})
            place[leaf] = row[name]
    return nested

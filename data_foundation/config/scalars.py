"""Types of single values in `sources.yaml`: names, crons, time zones, dates and times, owners, tags."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, date, datetime
from functools import lru_cache
from typing import Annotated, Literal
from zoneinfo import ZoneInfo, available_timezones

from croniter import CroniterBadDateError, croniter
from pydantic import AfterValidator, BeforeValidator

from data_foundation.suggestions import nearest

CRON_FIELDS = 5
LONGEST_CRON = 500
"""Characters of the longest cron: enough to list each minute, hour and day."""

FIRST_YEAR = 1970


class HiddenValueError(ValueError):
    """A value is not accepted, and no message may show it, because it is a secret."""


def checked(pattern: str, accepted: str) -> AfterValidator:
    """Returns a validator that accepts only text that matches the whole `pattern`."""
    compiled = re.compile(pattern)

    def check(value: str) -> str:
        if not compiled.fullmatch(value):
            message = f"accepted: {accepted}"
            raise ValueError(message)
        return value

    return AfterValidator(check)


def as_tuple(value: object) -> object:
    """Returns a text as a tuple of one text, and the set {a, b}, in YAML a mapping to nulls, as a tuple of its members.

    Any other value is returned as it is.
    """
    if isinstance(value, Mapping) and value and all(member is None for member in value.values()):
        return tuple(value)
    return (value,) if isinstance(value, str) else value


def _no_number(value: object) -> object:
    """Refuses a number such as 20240101, which pydantic would read as seconds since 1970."""
    if isinstance(value, int | float):
        message = "accepted: a date as 2024-01-31, or a time as 2024-01-31T06:00:00"
        raise ValueError(message)  # noqa: TRY004 - pydantic wants a ValueError
    return value


def as_time(value: date) -> datetime:
    """Returns a date or a time as a time with a zone, so that any two can be compared; without a zone it is UTC."""
    moment = value if isinstance(value, datetime) else datetime(value.year, value.month, value.day, tzinfo=UTC)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _since_1970(value: date) -> date:
    if value.year < FIRST_YEAR:
        message = f"accepted: {FIRST_YEAR} or later"
        raise ValueError(message)
    return value


def _timezone(value: str) -> str:
    name = "UTC" if value.upper() == "UTC" else value
    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        hint = nearest(value, sorted(available_timezones()))
        message = f"accepted: an IANA time zone, for instance UTC or Europe/Amsterdam{hint}"
        raise ValueError(message) from None
    return name


@lru_cache(maxsize=1024)
def is_cron(value: str) -> bool:
    """Returns True if Dagster accepts `value` as a cron: five fields, and at least one tick in the future."""
    if len(value) > LONGEST_CRON:
        return False
    try:
        return croniter.is_valid(value) and len(croniter.expand(value)[0]) == CRON_FIELDS and bool(
            croniter(value).get_next()
        )  # fmt: skip
    except CroniterBadDateError:
        return False


def _cron(value: str) -> str:
    if not is_cron(value):
        message = (
            f"accepted: a cron of five fields, at most {LONGEST_CRON} characters, or @hourly, @daily, @weekly, @monthly"
        )
        raise ValueError(message)
    return value


EntryPath = Annotated[
    str, checked(r"[^\W\d]\w*(\.[^\W\d]\w*)*(\[\d+\])?", "function or module.function, for instance data.get_rows")
]
Cron = Annotated[str, AfterValidator(_cron)]
Timezone = Annotated[str, AfterValidator(_timezone)]
# Dagster checks these four by the same rules.
Owner = Annotated[
    str, checked(r"team:[\w.-]+|[A-Za-z0-9._%+-]+@[A-Za-z0-9.-]+\.[A-Za-z]{2,7}", "an e-mail address or team:<name>")
]
Kind = Annotated[str, checked(r"[A-Za-z0-9_.-]{1,50}", "letters, digits, _ . - (at most 50)")]
TagKey = Annotated[
    str, checked(r"([A-Za-z0-9_.-]{1,63}/)?[A-Za-z0-9_.-]{1,63}", "letters, digits, _ . - with at most one /")
]
TagValue = Annotated[str, checked(r"[A-Za-z0-9_.-]{0,63}", "letters, digits, _ . - (at most 63)")]
_Set = dict[str, None]
Owners = Annotated[tuple[Owner, ...], BeforeValidator(as_tuple, json_schema_input_type=str | tuple[Owner, ...] | _Set)]
Kinds = Annotated[tuple[Kind, ...], BeforeValidator(as_tuple, json_schema_input_type=str | tuple[Kind, ...] | _Set)]
Names = Annotated[tuple[str, ...], BeforeValidator(as_tuple, json_schema_input_type=str | tuple[str, ...] | _Set)]
Moment = Annotated[date | datetime, BeforeValidator(_no_number), AfterValidator(_since_1970)]
LakeContainer = Annotated[
    str, checked(r"[A-Za-z0-9][A-Za-z0-9._-]*", "a container's or bucket's name, for instance raw-data")
]
LakeFolder = Annotated[
    str,
    checked(
        r"[A-Za-z0-9_][A-Za-z0-9_.=-]*(/[A-Za-z0-9_][A-Za-z0-9_.=-]*)*",
        "folders of letters, digits, _ . = -, for instance raw or bronze/sales",
    ),
]
LookBack = Annotated[str, checked(r"\d{1,4}[hdw]", "hours, days or weeks: 12h, 7d or 2w")]
WarehouseName = Literal[
    "duckdb", "snowflake", "postgres", "ducklake", "filesystem", "lake", "sqlalchemy", "athena", "bigquery",
    "clickhouse", "databricks", "dremio", "fabric", "motherduck", "mssql", "redshift", "synapse",
]  # fmt: skip
Disposition = Literal["append", "replace", "merge"]
ContractMode = Literal["evolve", "freeze", "discard_row", "discard_value"]
DataType = Literal[
    "text", "double", "bool", "timestamp", "bigint", "binary", "json", "decimal", "wei", "date", "time"
]  # fmt: skip


def _refuse_format(value: object) -> object:
    if value not in {None, "parquet", "preferred"}:
        message = "accepted: parquet, preferred; rows travel as parquet files to every warehouse, so leave it out"
        raise ValueError(message)
    return value


def _refuse_table_format(value: object) -> object:
    if value not in {None, "delta", "iceberg", "native"}:
        message = (
            "accepted: delta and iceberg, in a lake, and native, the warehouse's own format; no warehouse here writes "
            "another one, so leave it out"
        )
        raise ValueError(message)
    return value


FileFormat = Annotated[Literal["parquet", "preferred"], BeforeValidator(_refuse_format)]
TableFormat = Annotated[Literal["delta", "iceberg", "native"], BeforeValidator(_refuse_table_format)]


def _is_transform(value: object) -> object:
    if not (isinstance(value, bool) or (isinstance(value, str) and _TRANSFORM.fullmatch(value))):
        message = "accepted: true, false, identity, year, month, day, hour, bucket[16], truncate[4]"
        raise ValueError(message)
    return value


_TRANSFORM = re.compile(r"identity|year|month|day|hour|(bucket|truncate)\[[1-9]\d{0,5}\]")

PartitionTransform = Annotated[bool | str, BeforeValidator(_is_transform)]
"""true for the values of the column, or one of Iceberg's transforms of them."""

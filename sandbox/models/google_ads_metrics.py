"""Daily metrics of Google Ads, generated on request: impressions, clicks, cost and conversions.

They depend on the account, the day and today's date: conversions are added for weeks, and invalid clicks are removed.
"""

from collections import defaultdict
from collections.abc import Iterator
from datetime import date
from zlib import crc32

from sandbox.models.google_ads import FIRST_DAY, WORDS, Account, Row, build_ad_groups

MATURE_AFTER = 20
"""Days until all conversions of a click are reported."""

TAKEN_BACK_AFTER = 5
"""Days until an invalid click, and its row, is removed."""

COLUMNS = ("cost_micros", "impressions", "clicks", "conversions", "conversions_value")
WHOLE = frozenset(COLUMNS[:3])


def daily(account: Account, first: date, last: date, today: date) -> Iterator[Row]:
    """Yield a row for each ad group and day with impressions, up to today."""
    groups = build_ad_groups(account)
    # The large account has a long history.
    begin = first if len(groups) > 1000 else max(first, FIRST_DAY)
    for ordinal in range(begin.toordinal(), min(last, today).toordinal() + 1):
        day = date.fromordinal(ordinal).isoformat()
        age = today.toordinal() - ordinal
        for group in groups:
            if numbers := _numbers(f"{group['ad_group.id']}/{day}", age, always=len(groups) > 1000):
                yield {**group, "segments.date": day, **_spell(numbers)}


def by_campaign(rows: Iterator[Row]) -> Iterator[Row]:
    """Yield the sums of ad groups' rows by campaign and day."""
    sums: dict[tuple[str, str], list[float]] = defaultdict(lambda: [0] * len(COLUMNS))
    first: dict[tuple[str, str], Row] = {}
    for row in rows:
        key = (str(row["segments.date"]), str(row["campaign.id"]))
        first.setdefault(key, row)
        sums[key] = [old + float(row[f"metrics.{name}"]) for old, name in zip(sums[key], COLUMNS, strict=True)]  # type: ignore[arg-type]  # all are numbers, or digits
    for key, row in first.items():
        campaign = {name: value for name, value in row.items() if not name.startswith(("ad_group.", "metrics."))}
        yield {**campaign, **_spell(sums[key])}


def by_search_term(rows: Iterator[Row]) -> Iterator[Row]:
    """Yield ad groups' rows split by search term; the rarest terms are left out."""
    for row in rows:
        numbers = [float(row[f"metrics.{name}"]) for name in COLUMNS]  # type: ignore[arg-type]  # all are numbers, or digits
        if str(row["campaign.advertising_channel_type"]) != "SEARCH" or numbers[2] < 2:
            continue
        term = WORDS[crc32(str(row["ad_group.id"]).encode()) % len(WORDS)]
        for word, share in ((term, 0.6), (f"{term} price", 0.3)):
            identity = f"{row['campaign.id']}~{row['ad_group.id']}~{crc32(word.encode())}"
            yield {
                **{name: value for name, value in row.items() if not name.startswith("metrics.")},
                "search_term_view.resource_name": f"customers/{row['customer.id']}/searchTermViews/{identity}",
                "search_term_view.search_term": word,
                "search_term_view.status": "NONE",
                "segments.search_term_match_type": "EXACT" if word == term else "NEAR_PHRASE",
                **_spell([value * share for value in numbers]),
            }


def _numbers(name: str, age: int, *, always: bool) -> list[float] | None:
    chance = crc32(name.encode())
    if not always and chance % 6 == 0:
        return None
    if not always and chance % 23 == 1:
        # One click is later removed.
        return None if age >= TAKEN_BACK_AFTER else [310_000, 1, 1, 0, 0]
    clicks = chance // 7 % 40
    conversions = round(clicks * 0.15 * min(age, MATURE_AFTER) / MATURE_AFTER, 2)
    return [
        clicks * (400_000 + chance // 11 % 900_000),
        clicks * 17 + chance % 90 + 1,
        clicks,
        conversions,
        conversions * 42.5,
    ]


def _spell(numbers: list[float]) -> Row:
    """Return metrics as in JSON: 64-bit integers are text."""
    return {
        f"metrics.{name}": str(int(value)) if name in WHOLE else round(value, 2)
        for name, value in zip(COLUMNS, numbers, strict=True)
    }

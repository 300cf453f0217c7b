"""Daily numbers of Google Ads, made on the fly: what was shown, clicked, spent, and what came of it later.

They follow from account, day and the day that is today: conversions arrive over weeks, and clicks that turn out to be
no person's are taken back.
"""

from collections import defaultdict
from collections.abc import Iterator
from datetime import date
from zlib import crc32

from sandbox.models.google_ads import FIRST_DAY, WORDS, Account, Row, build_ad_groups

MATURE_AFTER = 20
"""Days until all conversions of a click are known."""

TAKEN_BACK_AFTER = 5
"""Days until a click that was no person's, and its row with it, is gone."""

COLUMNS = ("cost_micros", "impressions", "clicks", "conversions", "conversions_value")
WHOLE = frozenset(COLUMNS[:3])


def daily(account: Account, first: date, last: date, today: date) -> Iterator[Row]:
    """Yield a row of each ad group and day on which it was shown; no day is younger than today."""
    groups = build_ad_groups(account)
    # An account that is large on purpose has a long history.
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
    """Yield ad groups' rows cut by what people had searched for; the rarest searches are told by nobody."""
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
        # One click that is taken back.
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
    """Return metrics as JSON has them: 64-bit integers are text."""
    return {
        f"metrics.{name}": str(int(value)) if name in WHOLE else round(value, 2)
        for name, value in zip(COLUMNS, numbers, strict=True)
    }

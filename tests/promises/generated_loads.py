"""Hypothesis strategies for loads: rows of every shape that an API may send, and the settings that affect them."""

from __future__ import annotations

import datetime as dt
import json
import uuid
from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pendulum
from hypothesis import strategies as st

from tests.promises.both_engines import Given

DISPOSITIONS: dict[str, dict[str, Any]] = {
    "append": {"write_disposition": "append"},
    "replace": {"write_disposition": "replace"},
    "merge": {"write_disposition": "merge", "primary_key": "id"},
    **{
        strategy: {"write_disposition": {"disposition": "merge", "strategy": strategy}, "primary_key": "id"}
        for strategy in ("upsert", "insert-only", "scd2")
    },
}
_Draw = Callable[[st.SearchStrategy[Any]], Any]
_JSON_KINDS = ("bigint", "double", "number", "text", "iso", "bool")
_ZONES = (None, dt.UTC, ZoneInfo("America/New_York"), ZoneInfo("Asia/Kolkata"), dt.timezone(-dt.timedelta(hours=12)))
# Each of these is a separate column after normalisation.
_KEYS = ("a", "b", "c", "value", "list", "Größe", "x y", "select", "日本", 2020, "_dlt_foo")
# After normalisation some of these are the same column as another key, or no column at all.
_ODD_KEYS = ("A", "", "a__b", "a.b", " ", "a__v_text", "_dlt_load_id", "_dlt_list_idx", True, None, "\ud800", (1,), 1.5)


def _naive(year: int) -> dt.datetime:
    return dt.datetime(year, 1, 1)  # noqa: DTZ001 - rows have such


_texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=4) | st.sampled_from(
    ["", "a", "ä", "12", "1.5", "true", "{}", "null", "👩‍👧", "2024-01-01", "a\0b", "x" * 300]
)
_iso_texts = st.sampled_from(
    [
        *("2024-01-01T00:00:00Z", "2024-06-01T12:00:00.123456+05:30", "1999-12-31 23:59:59-03:00", "2024-01-01T10:00"),
        *("2024-02-29T00:00:00.5Z", "2024-01-01T00:00:00,5Z", "2024-01-01T00:00:00+0200", "1000-01-01T00:00:00Z"),
        *("0001-01-01T00:00:00+05:00", "9999-12-31T23:59:59-05:00", "2024-01-01T00:00:00.1234567Z", "20240101T101010Z"),
        *("2024-13-01T00:00:00Z", "2024-W01-1T00:00:00Z", "0999-01-01T00:00:00Z", "2024-01-01T24:00:00Z"),
    ]
)
_ordinary_times = st.datetimes(_naive(1900), _naive(2100))
_times = st.builds(lambda moment, zone: moment.replace(tzinfo=zone), _ordinary_times, st.sampled_from(_ZONES))
_edges = st.sampled_from([_naive(1), _naive(2), _naive(9998), _naive(9999) + dt.timedelta(364)])
_edge_times = st.builds(lambda moment, zone: moment.replace(tzinfo=zone), _edges, st.sampled_from(_ZONES))
_integers = st.integers(-3, 3) | st.sampled_from([2**31, 2**53 + 1, -(2**63), 2**63 - 1])
_floats = st.floats(allow_nan=False, allow_infinity=False) | st.sampled_from([0.5, 2.0, -0.0])
_decimals = st.decimals(-(10**20), 10**20, places=9) | st.sampled_from([Decimal(1), Decimal("1E+5"), Decimal("-0.10")])
SCALARS: dict[str, st.SearchStrategy[Any]] = {
    "bigint": _integers,
    "double": _floats,
    "number": st.integers(-3, 3) | _floats,
    "text": _texts,
    "iso": _iso_texts,
    "times": _times,
    "pendulum": _times.map(lambda moment: pendulum.instance(moment, tz=moment.tzinfo or "UTC")),
    "edge": _times | _times | _times | _edge_times,
    "date": st.dates(),
    "time": st.times(),
    "bool": st.booleans(),
    "decimal": _decimals,
    "binary": st.binary(min_size=1, max_size=4),
    "uuid": st.uuids() | st.just(uuid.UUID(int=5)),
}
_ODD_VALUES = [
    *(2**63, -(2**70), Decimal("NaN"), Decimal("0.1234567891"), Decimal(9) * 10**37, dt.timedelta(1), {1, 2}, 1j),
    *("\ud800", dt.time(1, tzinfo=dt.UTC), "a\ud800", (1, 2), {"a": (1,)}, [(1, {"b": 2})], {3: 4}, {None: 1}),
]
_GAPS: list[Any] = [None, None, None, {}, []]


def _profiles(kinds: Sequence[str], keys: Sequence[Any]) -> st.SearchStrategy[Any]:
    """Returns the usual kind of values of a column: a scalar, objects by key, or lists of one or two kinds."""
    return st.recursive(
        st.sampled_from(kinds),
        lambda inner: st.one_of(
            st.dictionaries(st.sampled_from(keys), inner, max_size=3),
            st.lists(inner, min_size=1, max_size=1),
            st.lists(inner, min_size=1, max_size=1),
            st.lists(inner, min_size=2, max_size=2),
        ),
        max_leaves=5,
    )


class _Maker:
    """Generates the rows of one example: hypothesis draws the values, a seeded random their places."""

    def __init__(self, draw: _Draw) -> None:
        self.draw = draw
        self.are_documents = draw(st.integers(0, 5)) == 0
        self.nesting = draw(_seldom(st.integers(0, 2)))
        # A nested list is also named `list`, one level deeper. If nesting ends between the two, dlt decides by whether
        # any row of the load had a list that stays JSON. Half of the histories have only rows that could be JSON, apart
        # from the odd ones, and are read as JSON.
        is_plain = self.are_documents or draw(st.booleans())
        self.keys = [key for key in _KEYS if (key != "list" or self.nesting is None) and (key != 2020 or not is_plain)]
        self.profiles = _profiles(sorted(_JSON_KINDS if is_plain else SCALARS), self.keys)
        self.random = draw(st.randoms(use_true_random=True))
        # Percentage of values of another kind than their column's, and percentage of odd values.
        self.strays = draw(st.sampled_from([0, 0, 0, 1, 5]))
        self.odd = 0 if self.are_documents else draw(st.sampled_from([0, 0, 0, 0, 0, 0, 0, 1]))
        self.gaps = draw(st.sampled_from([0, 5, 5, 40]))
        self.others = draw(st.lists(self.profiles, min_size=1, max_size=3))
        self.pools: dict[tuple[Any, ...], Sequence[Any]] = {}

    def happens(self, percent: int) -> bool:
        return int(self.random.randrange(100)) < percent

    def value(self, profile: Any, place: tuple[Any, ...]) -> Any:
        if self.happens(self.odd):
            return self.random.choice(_ODD_VALUES)
        if self.happens(self.strays):
            other = self.random.randrange(len(self.others))
            profile, place = self.others[other], (other,)
        if self.happens(self.gaps):
            return self.random.choice(_GAPS) if isinstance(profile, dict | list) else None
        if isinstance(profile, dict):
            return self.object(profile, place)
        if isinstance(profile, list):
            chosen = [self.random.randrange(len(profile)) for _ in range(self.random.randrange(4))]
            return [self.value(profile[index], (*place, index)) for index in chosen]
        if (profile, *place) not in self.pools:
            self.pools[profile, *place] = self.draw(st.lists(SCALARS[profile], min_size=1, max_size=5))
        return self.random.choice(self.pools[profile, *place])

    def object(self, profile: dict[Any, Any], place: tuple[Any, ...] = ()) -> dict[Any, Any]:
        made = {key: self.value(inner, (*place, key)) for key, inner in profile.items() if not self.happens(self.gaps)}
        if self.happens(self.odd):
            made[self.random.choice(_ODD_KEYS)] = 1
        return made

    def pages(self, rows: list[Any]) -> Sequence[Any]:
        """Returns the rows as pages and single rows; some pages contain other items than dicts, some are JSON."""
        pages: list[Any] = []
        while rows:
            size = self.random.randint(1, 4)
            page, rows = rows[:size], rows[size:]
            if self.happens(self.odd):
                page.insert(0, self.random.choice([1, "text", None, [1], 1.5]))
            if self.are_documents and not self.happens(10):
                texts = [json.dumps(row, ensure_ascii=False) for row in page]
                pages.append(("\n".join(texts) if self.happens(50) else f"[{','.join(texts)}]").encode())
            else:
                pages.append(page[0] if len(page) == 1 and self.happens(50) else page)
            if self.happens(10):
                pages.append([])
        return pages


@st.composite
def histories(draw: _Draw, disposition: str) -> tuple[list[Given], frozenset[str] | None]:
    """Returns consecutive loads into one table, and the ids that their rows contain."""
    maker = _Maker(draw)
    columns = st.dictionaries(st.sampled_from(maker.keys), maker.profiles, min_size=1, max_size=6)
    profile = draw(columns)
    always = DISPOSITIONS[disposition] | ({} if maker.nesting is None else {"max_table_nesting": maker.nesting})
    settings = always | draw(_settings(profile, disposition))
    own_ids = draw(st.sampled_from([0, 0, 50, 100])) if disposition != "scd2" else 0
    given: list[Given] = []
    ids: set[str] = set()
    first = 0
    for number in range(draw(st.integers(1, 2))):
        if number and draw(st.booleans()):
            profile = profile | draw(columns)
        if number and draw(st.integers(0, 3)) == 0:
            settings = always | draw(_settings(profile, disposition))
        rows = [_row(maker, profile, settings, first + index) for index in range(draw(st.integers(1, 30)))]
        for row in rows:
            if maker.happens(own_ids):
                row["_dlt_id"] = f"own {number} {row['id']}"
                ids.add(row["_dlt_id"])
        first += len(rows) // 2 if disposition not in {"append", "replace"} else 0
        limit = draw(st.sampled_from([None] * 9 + [3]))
        gathered = draw(st.sampled_from([1, 1, 1, 2, 3, 5, 50_000]))
        given.append(Given(maker.pages(rows), settings, limit, gathered))
    # The ids of upsert, insert-only and scd2 are computed from the rows.
    return given, frozenset(ids) if disposition in {"append", "replace", "merge"} else None


def _row(maker: _Maker, profile: dict[Any, Any], settings: dict[str, Any], number: int) -> dict[Any, Any]:
    row = {"id": number, **maker.object(profile)}
    if cursor := settings.get("incremental"):
        is_number = isinstance(cursor["initial_value"], int)
        row["at"] = maker.random.randint(-1, 5) if is_number else f"2024-01-0{number % 9 + 1}"
    return row


def _seldom(strategy: st.SearchStrategy[Any], out_of: int = 4) -> st.SearchStrategy[Any]:
    return st.one_of(*[st.none()] * (out_of - 1), strategy)


@st.composite
def _settings(draw: _Draw, profile: dict[Any, Any], disposition: str) -> dict[str, Any]:
    modes = st.sampled_from(["evolve", "freeze", "discard_row", "discard_value"])
    names = [key for key in profile if isinstance(key, str) and key and key != "_dlt_foo"]
    drawn = {
        "schema_contract": draw(
            _seldom(st.fixed_dictionaries({}, optional={"columns": modes, "data_type": modes, "tables": modes}))
        ),
        "requires": draw(_seldom(st.sampled_from([["id"], ["id", *names[:1]]]), 8)),
        "columns": draw(_seldom(st.dictionaries(st.sampled_from(names), _hints(), min_size=1, max_size=2)))
        if names
        else None,
    }
    if disposition != "replace":
        cursors = st.sampled_from([0, "2024-01-02"])
        drawn["incremental"] = draw(
            _seldom(cursors.map(lambda first: {"cursor_path": "at", "initial_value": first}), 5)
        )
        if disposition == "scd2" and drawn["incremental"]:
            drawn["merge_key"] = "id"  # without one, a run would retire the rows before the cursor
    return {name: value for name, value in drawn.items() if value is not None}


def _hints() -> st.SearchStrategy[dict[str, Any]]:
    types = st.sampled_from(
        [
            *("text", "bigint", "double", "bool", "timestamp", "date", "time", "decimal", "json", "json", "binary"),
            *("text-10", "bigint-32", "timestamp-3", "decimal-12-2", "timestamp-0"),
        ]
    )

    def hints(given: tuple[str | None, bool | None]) -> dict[str, Any]:
        name, _, digits = (given[0] or "").partition("-")
        precision, _, scale = digits.partition("-")
        return {
            **({"data_type": name} if name else {}),
            **({"precision": int(precision)} if precision else {}),
            **({"scale": int(scale)} if scale else {}),
            **({"nullable": given[1]} if given[1] is not None else {}),
        }

    nullable = st.sampled_from([None, None, None, False, True])
    return st.tuples(st.one_of(types, types, st.none()), nullable).map(hints)

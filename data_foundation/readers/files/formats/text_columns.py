"""Columns of text as what `columns` of `sources.yaml` says they are: SQL that converts, and finds what cannot be."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from data_foundation.errors import EntryError
from data_foundation.naming import normalize
from data_foundation.readers.decimal_hint import DEFAULT_PRECISION, declared_digits
from data_foundation.sql_text import quote_text

BAD, TEXT = "bad", "text"
"""Columns beside those of the file: why a row is none, and how it reads; NULL where it is one."""

_DATE = r"\d{4}-\d\d-\d\d"
_TIME = r"\d\d:\d\d(:\d\d(\.\d{1,6}0*)?)?"
_ZONE = r"( ?(Z|[+-]\d\d(:\d\d)?))?"


@dataclass(frozen=True)
class Notation:
    """How a file writes numbers and times.

    Attributes:
        decimal_separator: Between units and fractions: a point or a comma; the other one may stand between thousands.
        date_format: Of dates, in the letters of `strptime`; ISO where it is None.
        timestamp_format: The same of times.
    """

    decimal_separator: str = "."
    date_format: str | None = None
    timestamp_format: str | None = None

    def __post_init__(self) -> None:
        """Refuses what separates nothing.

        Raises:
            EntryError: Naming the key.
        """
        if self.decimal_separator not in {".", ","}:
            raise EntryError(f"decimal_separator: got {self.decimal_separator!r}; accepted: '.' or ','")


@dataclass(frozen=True)
class _Conversion:
    """How a column is read.

    Attributes:
        name: As the file has it.
        raw: The column of its text.
        text: The column of its text without spaces around it.
        value: The column of its value.
        conversion: The SQL that makes the value of the text.
        bad: The SQL that tells whether the text is there and is no such value; None where any text is one.
        kind: What it ought to be, in words.
    """

    name: str
    raw: str
    text: str
    value: str
    conversion: str = ""
    bad: str | None = None
    kind: str = ""


def build_query(
    source: str,
    names: Sequence[str],
    wanted: Mapping[str, Mapping[str, Any]],
    notation: Notation,
    delimiter: str = ",",
) -> str:
    """Returns the SELECT of text columns `c0`, `c1`... as what they are to be, with `BAD` and `TEXT` behind them.

    Args:
        source: What has the columns, in SQL.
        names: Of the columns, as the file has them.
        wanted: What `columns` of `sources.yaml` says, by name.
        notation: Of the file.
        delimiter: Between the values of `TEXT`.

    Raises:
        EntryError: A column is to be what no text can be.
    """
    known = {normalize(name): hint for name, hint in wanted.items() if hint.get("data_type")}
    made = [_convert(name, index, known.get(normalize(name) if name.strip() else "", {}), notation)
            for index, name in enumerate(names)]  # fmt: skip
    values = ", ".join(f"{one.value} AS c{index}" for index, one in enumerate(made))
    checked = [one for one in made if one.bad]
    if not checked:
        return f"SELECT {values}, NULL::VARCHAR AS {BAD}, NULL::VARCHAR AS {TEXT} FROM {source}"  # noqa: S608 - no name is the file's
    cases = " ".join(
        f"WHEN {one.bad} THEN {quote_text(f'column {one.name}: got ')} || chr(39) || {one.raw} || chr(39) || "
        f"{quote_text(f', which is no {one.kind}')}"
        for one in checked
    )
    line = ", ".join([quote_text(delimiter), *(f"coalesce({one.raw}, '')" for one in made)])
    # A step at a time: DuckDB would convert anew wherever a value is looked at.
    trimmed = ", ".join(["*", *(f"{_trim(one.raw)} AS {one.text}" for one in checked)])
    converted = ", ".join(["*", *(f"{one.conversion} AS {one.value}" for one in checked)])
    judged = f"*, CASE {cases} END AS {BAD}"
    return (
        f"SELECT {values}, {BAD}, CASE WHEN {BAD} IS NOT NULL THEN concat_ws({line}) END AS {TEXT} FROM ("  # noqa: S608 - quoted
        f"SELECT {judged} FROM (SELECT {converted} FROM (SELECT {trimmed} FROM {source})))"
    )


def _trim(raw: str) -> str:
    """Returns the SQL of a text without spaces around it; to trim each would cost more than to convert it."""
    is_spaced = f"{raw} < '!' OR {raw} > '~' OR suffix({raw}, ' ') OR suffix({raw}, chr(160))"
    return f"CASE WHEN {is_spaced} THEN nullif(trim({raw}), '') ELSE {raw} END"


def _convert(name: str, index: int, hint: Mapping[str, Any], notation: Notation) -> _Conversion:
    raw, text, value = f"c{index}", f"t{index}", f"v{index}"
    kind = hint.get("data_type", "text")
    if kind == "text":
        return _Conversion(name, raw, text, raw)
    makers = {"bigint": _bigint, "double": _double, "decimal": _decimal, "bool": _bool, "date": _date,
              "timestamp": _timestamp, "time": _time, "json": _json}  # fmt: skip
    if kind not in makers:
        raise EntryError(f"columns: {name}: a file of text has no {kind}; accepted: text, {', '.join(makers)}")
    form, conversion, said = makers[kind](text, hint, notation)
    return _Conversion(
        name, raw, text, value, conversion, f"({text} IS NOT NULL AND ({value} IS NULL OR NOT {form}))", said
    )


def _matches(text: str, pattern: str) -> str:
    return f"regexp_full_match({text}, {quote_text(pattern)})"


def _number(text: str, notation: Notation) -> tuple[str, str]:
    """Returns the SQL of a number with a decimal point, and the pattern that its units have in the file."""
    if notation.decimal_separator == ".":
        return f"replace({text}, ',', '')", r"[+-]?(\d+|\d{1,3}(,\d{3})+)?"
    return f"replace(replace({text}, '.', ''), ',', '.')", r"[+-]?(\d+|\d{1,3}(\.\d{3})+)?"


def _point(notation: Notation) -> str:
    return "," if notation.decimal_separator == "," else r"\."


def _bigint(text: str, _hint: Mapping[str, Any], notation: Notation) -> tuple[str, str, str]:
    plain, units = _number(text, notation)
    return _matches(text, units), f"TRY_CAST({plain} AS BIGINT)", "bigint"


def _double(text: str, _hint: Mapping[str, Any], notation: Notation) -> tuple[str, str, str]:
    plain, units = _number(text, notation)
    form = _matches(text, rf"{units}({_point(notation)}\d*)?([eE][+-]?\d+)?|[+-]?(?i:nan|inf|infinity)")
    return form, f"TRY_CAST({plain} AS DOUBLE)", "double"


def _decimal(text: str, hint: Mapping[str, Any], notation: Notation) -> tuple[str, str, str]:
    precision, scale = declared_digits(hint)
    if precision > DEFAULT_PRECISION:
        raise EntryError(f"columns: decimals of {precision} digits; a file of text is read with 38 at most")
    plain, units = _number(text, notation)
    # A cast rounds what is behind its last digit; zeros alone may go.
    form = _matches(text, rf"{units}({_point(notation)}\d{{0,{scale}}}0*)?")
    return form, f"TRY_CAST({plain} AS DECIMAL({precision}, {scale}))", f"decimal({precision}, {scale})"


def _bool(text: str, _hint: Mapping[str, Any], _notation: Notation) -> tuple[str, str, str]:
    return "true", f"TRY_CAST({text} AS BOOLEAN)", "bool"


def _date(text: str, _hint: Mapping[str, Any], notation: Notation) -> tuple[str, str, str]:
    if notation.date_format:
        moment = f"try_strptime({text}, {quote_text(notation.date_format)})"
        return f"{moment} = date_trunc('day', {moment})", f"CAST({moment} AS DATE)", f"date like {notation.date_format}"
    return _matches(text, _DATE), f"TRY_CAST({text} AS DATE)", "date like 2024-01-31"


def _timestamp(text: str, hint: Mapping[str, Any], notation: Notation) -> tuple[str, str, str]:
    has_zone = hint.get("timezone") is not False
    kind = "TIMESTAMPTZ" if has_zone else "TIMESTAMP"
    if notation.timestamp_format:
        moment = f"try_strptime({text}, {quote_text(notation.timestamp_format)})"
        return "true", f"CAST({moment} AS {kind})", f"timestamp like {notation.timestamp_format}"
    form = _matches(text, rf"{_DATE}([ T]{_TIME}{_ZONE if has_zone else ''})?")
    return form, f"TRY_CAST({text} AS {kind})", "timestamp like 2024-01-31 06:00:00"


def _time(text: str, _hint: Mapping[str, Any], _notation: Notation) -> tuple[str, str, str]:
    return f"({_matches(text, _TIME)} AND {text} < '24')", f"TRY_CAST({text} AS TIME)", "time like 06:00:00"


def _json(text: str, _hint: Mapping[str, Any], _notation: Notation) -> tuple[str, str, str]:
    return f"json_valid({text})", text, "JSON"

"""SQL that converts columns of text to the types in `columns` of `sources.yaml`, and finds texts that do not fit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from data_foundation.errors import EntryError
from data_foundation.naming import normalize
from data_foundation.readers.decimal_hint import DEFAULT_PRECISION, declared_digits
from data_foundation.readers.files.formats.notation import Notation
from data_foundation.sql_text import quote_text

REASON, ROW_TEXT = "bad", "text"
"""Further columns of the query: why a row is bad, and its text; both are NULL for a good row."""

_DATE = r"\d{4}-\d\d-\d\d"
_TIME = r"\d\d:\d\d(:\d\d(\.\d{1,6}0*)?)?"
_ZONE = r"( ?(Z|[+-]\d\d(:\d\d)?))?"


@dataclass(frozen=True)
class _Conversion:
    """How the text of a column is converted.

    Attributes:
        name: Name of the column in the file.
        raw: SQL name of the text.
        text: SQL name of the trimmed text.
        value: SQL name of the converted value.
        conversion: SQL expression of the value.
        bad: SQL condition of a text that has no such value; None for a column of text.
        accepted: The accepted texts, for messages.
    """

    name: str
    raw: str
    text: str
    value: str
    conversion: str = ""
    bad: str | None = None
    accepted: str = ""


def build_query(
    source: str,
    names: Sequence[str],
    wanted: Mapping[str, Mapping[str, Any]],
    notation: Notation,
    delimiter: str = ",",
) -> str:
    """Returns the SELECT that converts the text columns `c0`, `c1`..., followed by `REASON` and `ROW_TEXT`.

    Args:
        source: SQL of the table with the text columns.
        names: Names of the columns in the file.
        wanted: The hints of `columns` in `sources.yaml`, by column.
        notation: How the file writes numbers and times.
        delimiter: Character between the values of `ROW_TEXT`.

    Raises:
        EntryError: A text cannot be converted to the type of a column.
    """
    known = {normalize(name): hint for name, hint in wanted.items() if hint.get("data_type")}
    columns = [_convert(name, index, known.get(normalize(name) if name.strip() else "", {}), notation)
               for index, name in enumerate(names)]  # fmt: skip
    values = ", ".join(f"{column.value} AS c{index}" for index, column in enumerate(columns))
    checked = [column for column in columns if column.bad]
    if not checked:
        return f"SELECT {values}, NULL::VARCHAR AS {REASON}, NULL::VARCHAR AS {ROW_TEXT} FROM {source}"  # noqa: S608 - contains no name of the file's
    cases = " ".join(
        f"WHEN {column.bad} THEN {quote_text(f'column {column.name}: got ')} || chr(39) || {column.raw} "
        f"|| chr(39) || {quote_text(f'; accepted: {column.accepted}')}"
        for column in checked
    )
    line = ", ".join([quote_text(delimiter), *(f"coalesce({column.raw}, '')" for column in columns)])
    # One subquery for each step: DuckDB would convert a value again at each use.
    trimmed = ", ".join(["*", *(f"{_trim(column.raw)} AS {column.text}" for column in checked)])
    converted = ", ".join(["*", *(f"{column.conversion} AS {column.value}" for column in checked)])
    judged = f"*, CASE {cases} END AS {REASON}"
    return (
        f"SELECT {values}, {REASON}, CASE WHEN {REASON} IS NOT NULL THEN concat_ws({line}) END AS {ROW_TEXT} FROM ("  # noqa: S608 - quoted
        f"SELECT {judged} FROM (SELECT {converted} FROM (SELECT {trimmed} FROM {source})))"
    )


def describe_accepted(name: str, hint: Mapping[str, Any], notation: Notation) -> str:
    """Returns the texts or values that a column accepts, for messages.

    Args:
        name: Name of the column.
        hint: Its hint in `columns` of `sources.yaml`.
        notation: How the file writes numbers and times.
    """
    kind = str(hint.get("data_type", "text"))
    return _convert(name, 0, hint, notation).accepted if kind in _CONVERTERS else kind


def _trim(raw: str) -> str:
    """Returns the SQL of a trimmed text. Trims only texts that may need it: trimming costs more than converting."""
    is_spaced = f"{raw} < '!' OR {raw} > '~' OR suffix({raw}, ' ') OR suffix({raw}, chr(160))"
    return f"CASE WHEN {is_spaced} THEN nullif(trim({raw}), '') ELSE {raw} END"


def _convert(name: str, index: int, hint: Mapping[str, Any], notation: Notation) -> _Conversion:
    raw, text, value = f"c{index}", f"t{index}", f"v{index}"
    kind = hint.get("data_type", "text")
    if kind == "text":
        return _Conversion(name, raw, text, raw)
    if kind not in _CONVERTERS:
        accepted = f"text, {', '.join(_CONVERTERS)}"
        raise EntryError(f"columns: {name}: got data_type '{kind}'; accepted in a text file: {accepted}")
    if kind == "decimal" and (precision := declared_digits(hint)[0]) > DEFAULT_PRECISION:
        message = f"got precision {precision}; accepted in a text file: at most {DEFAULT_PRECISION}"
        raise EntryError(f"columns: {name}: {message}")
    is_valid, conversion, accepted = _CONVERTERS[kind](text, value, hint, notation)
    is_bad = f"({text} IS NOT NULL AND ({value} IS NULL OR NOT {is_valid}))"
    return _Conversion(name, raw, text, value, conversion, is_bad, accepted)


def _matches(text: str, pattern: str) -> str:
    return f"regexp_full_match({text}, {quote_text(pattern)})"


def _bigint(text: str, _value: str, _hint: Mapping[str, Any], notation: Notation) -> tuple[str, str, str]:
    numbers = notation.numbers
    return numbers.matches(text, ""), f"TRY_CAST({numbers.value(text)} AS BIGINT)", "bigint"


def _double(text: str, value: str, _hint: Mapping[str, Any], notation: Notation) -> tuple[str, str, str]:
    numbers = notation.numbers
    words = "" if numbers.example else "|[+-]?(?i:nan|inf|infinity)"
    form = numbers.matches(text, rf"(POINT\d*)?([eE][+-]?\d+)?{words}")
    # A number beyond the range of doubles becomes an infinity, and one that is too small becomes zero.
    # CASE: DuckDB evaluates both sides of OR for every value.
    is_zero = f"NOT regexp_matches({text}, '^[^eE]*[1-9]')"
    is_kept = f"CASE WHEN isfinite({value}) AND {value} <> 0 THEN true ELSE {is_zero} END"
    return f"({form} AND {is_kept})", f"TRY_CAST({numbers.value(text)} AS DOUBLE)", "double"


def _decimal(text: str, _value: str, hint: Mapping[str, Any], notation: Notation) -> tuple[str, str, str]:
    precision, scale = declared_digits(hint)
    numbers = notation.numbers
    # The cast would round, so digits beyond the scale must be zeros.
    form = numbers.matches(text, rf"(POINT\d{{0,{scale}}}0*)?")
    return form, f"TRY_CAST({numbers.value(text)} AS DECIMAL({precision}, {scale}))", f"decimal({precision}, {scale})"


def _bool(text: str, _value: str, _hint: Mapping[str, Any], _notation: Notation) -> tuple[str, str, str]:
    return "true", f"TRY_CAST({text} AS BOOLEAN)", "bool"


def _date(text: str, _value: str, _hint: Mapping[str, Any], notation: Notation) -> tuple[str, str, str]:
    if notation.date_format:
        moment = f"try_strptime({text}, {quote_text(notation.date_format)})"
        return f"{moment} = date_trunc('day', {moment})", f"CAST({moment} AS DATE)", f"date like {notation.date_format}"
    return _matches(text, _DATE), f"TRY_CAST({text} AS DATE)", "date like 2024-01-31"


def _timestamp(text: str, _value: str, hint: Mapping[str, Any], notation: Notation) -> tuple[str, str, str]:
    has_zone = hint.get("timezone") is not False
    kind = "TIMESTAMPTZ" if has_zone else "TIMESTAMP"
    if notation.timestamp_format:
        moment = f"try_strptime({text}, {quote_text(notation.timestamp_format)})"
        # A column has microseconds; %n reads nanoseconds.
        is_whole = f"CAST(CAST({moment} AS TIMESTAMP) AS TIMESTAMP_NS) = {moment}"
        is_valid = is_whole if "%n" in notation.timestamp_format else "true"
        return is_valid, f"CAST({moment} AS {kind})", f"timestamp like {notation.timestamp_format}"
    form = _matches(text, rf"{_DATE}([ T]{_TIME}{_ZONE if has_zone else ''})?")
    return form, f"TRY_CAST({text} AS {kind})", "timestamp like 2024-01-31 06:00:00"


def _time(text: str, _value: str, _hint: Mapping[str, Any], _notation: Notation) -> tuple[str, str, str]:
    return f"({_matches(text, _TIME)} AND {text} < '24')", f"TRY_CAST({text} AS TIME)", "time like 06:00:00"


def _json(text: str, _value: str, _hint: Mapping[str, Any], _notation: Notation) -> tuple[str, str, str]:
    return f"json_valid({text})", text, "JSON"


_CONVERTERS = {"bigint": _bigint, "double": _double, "decimal": _decimal, "bool": _bool, "date": _date,
               "timestamp": _timestamp, "time": _time, "json": _json}  # fmt: skip

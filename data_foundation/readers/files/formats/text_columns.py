"""SQL that converts columns of text to the types in `columns` of `sources.yaml`, and finds texts that do not fit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from data_foundation.errors import EntryError
from data_foundation.naming import normalize
from data_foundation.readers.decimal_hint import DEFAULT_PRECISION, declared_digits
from data_foundation.sql_text import quote_text

REASON, ROW_TEXT = "bad", "text"
"""Further columns of the query: why a row is bad, and its text; both are NULL for a good row."""

_DATE = r"\d{4}-\d\d-\d\d"
_TIME = r"\d\d:\d\d(:\d\d(\.\d{1,6}0*)?)?"
_ZONE = r"( ?(Z|[+-]\d\d(:\d\d)?))?"


@dataclass(frozen=True)
class Notation:
    """How a file writes numbers and times.

    Attributes:
        decimal_separator: A point or a comma; the other one may separate thousands.
        date_format: Format of dates in the notation of `strptime`; None for ISO 8601.
        timestamp_format: Format of timestamps in the same notation; None for ISO 8601.
    """

    decimal_separator: str = "."
    date_format: str | None = None
    timestamp_format: str | None = None

    def __post_init__(self) -> None:
        """Checks the decimal separator.

        Raises:
            EntryError: It is neither a point nor a comma.
        """
        if self.decimal_separator not in {".", ","}:
            raise EntryError(f"decimal_separator: got {self.decimal_separator!r}; accepted: '.' or ','")


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


def _trim(raw: str) -> str:
    """Returns the SQL of a trimmed text. Trims only texts that may need it: trimming costs more than converting."""
    is_spaced = f"{raw} < '!' OR {raw} > '~' OR suffix({raw}, ' ') OR suffix({raw}, chr(160))"
    return f"CASE WHEN {is_spaced} THEN nullif(trim({raw}), '') ELSE {raw} END"


def _convert(name: str, index: int, hint: Mapping[str, Any], notation: Notation) -> _Conversion:
    raw, text, value = f"c{index}", f"t{index}", f"v{index}"
    kind = hint.get("data_type", "text")
    if kind == "text":
        return _Conversion(name, raw, text, raw)
    converters = {"bigint": _bigint, "double": _double, "decimal": _decimal, "bool": _bool, "date": _date,
                  "timestamp": _timestamp, "time": _time, "json": _json}  # fmt: skip
    if kind not in converters:
        accepted = f"text, {', '.join(converters)}"
        raise EntryError(f"columns: {name}: got data_type '{kind}'; accepted in a text file: {accepted}")
    if kind == "decimal" and (precision := declared_digits(hint)[0]) > DEFAULT_PRECISION:
        message = f"got precision {precision}; accepted in a text file: at most {DEFAULT_PRECISION}"
        raise EntryError(f"columns: {name}: {message}")
    is_valid, conversion, accepted = converters[kind](text, hint, notation)
    is_bad = f"({text} IS NOT NULL AND ({value} IS NULL OR NOT {is_valid}))"
    return _Conversion(name, raw, text, value, conversion, is_bad, accepted)


def _matches(text: str, pattern: str) -> str:
    return f"regexp_full_match({text}, {quote_text(pattern)})"


def _number(text: str, notation: Notation) -> tuple[str, str]:
    """Returns the SQL of a number with a decimal point, and the pattern of the digits before it in the file."""
    if notation.decimal_separator == ".":
        return f"replace({text}, ',', '')", r"[+-]?(\d+|\d{1,3}(,\d{3})+)?"
    return f"replace(replace({text}, '.', ''), ',', '.')", r"[+-]?(\d+|\d{1,3}(\.\d{3})+)?"


def _point(notation: Notation) -> str:
    return "," if notation.decimal_separator == "," else r"\."


def _bigint(text: str, _hint: Mapping[str, Any], notation: Notation) -> tuple[str, str, str]:
    number, units = _number(text, notation)
    return _matches(text, units), f"TRY_CAST({number} AS BIGINT)", "bigint"


def _double(text: str, _hint: Mapping[str, Any], notation: Notation) -> tuple[str, str, str]:
    number, units = _number(text, notation)
    form = _matches(text, rf"{units}({_point(notation)}\d*)?([eE][+-]?\d+)?|[+-]?(?i:nan|inf|infinity)")
    return form, f"TRY_CAST({number} AS DOUBLE)", "double"


def _decimal(text: str, hint: Mapping[str, Any], notation: Notation) -> tuple[str, str, str]:
    precision, scale = declared_digits(hint)
    number, units = _number(text, notation)
    # The cast would round, so digits beyond the scale must be zeros.
    form = _matches(text, rf"{units}({_point(notation)}\d{{0,{scale}}}0*)?")
    return form, f"TRY_CAST({number} AS DECIMAL({precision}, {scale}))", f"decimal({precision}, {scale})"


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

"""The values that a request is filled with: fields of the parent's row, and the cursor's values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Any
from urllib.parse import quote

from data_foundation.errors import LoadError
from data_foundation.readers.rest.endpoint_arguments import CURSOR, PLACEHOLDER, Convert
from data_foundation.suggestions import nearest

CURSOR_VALUES = ("initial_value", "start_value", "last_value", "end_value")
"""Values of the cursor, with dlt's names, that placeholders may name: `{incremental.start_value}`."""

_SECOND = {"epoch": 1, "epoch_ms": 1_000}


@dataclass(frozen=True)
class RequestValues:
    """Fills the placeholders of one request.

    Attributes:
        parent: The parent's row; empty without a parent.
        cursor: The cursor's values by name, as they are sent; those that are not known are missing.
    """

    parent: Mapping[str, Any] = field(default_factory=dict)
    cursor: Mapping[str, Any] = field(default_factory=dict)

    def path(self, endpoint: str) -> str:
        """Returns the endpoint filled; values are percent-encoded unless the endpoint is a single field.

        Raises:
            LoadError: A field is missing or empty, or the cursor has no value yet.
        """
        if PLACEHOLDER.fullmatch(endpoint):
            return _text(self._needed(endpoint[1:-1]))
        return PLACEHOLDER.sub(lambda found: quote(_text(self._needed(found[1])), safe=""), endpoint)

    def texts(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """Returns parameters, headers or a form filled, each value as its text in a URL.

        Those with the cursor's value are left out if the cursor has none yet, and so are those without a value.

        Raises:
            LoadError: A field is missing or empty.
        """
        filled = {name: self._text_of(value) for name, value in values.items()}
        # A template may have no value yet, for instance on the first run.
        return {name: value for name, value in filled.items() if value is not None and value != ""}

    def body(self, value: Any) -> Any:
        """Returns a JSON body filled: a text that is a single field becomes its value, other braces are kept.

        Raises:
            LoadError: A field is missing or empty.
        """
        if isinstance(value, str):
            found = PLACEHOLDER.fullmatch(value)
            return _json(self._value(found[1])) if found else value
        if isinstance(value, Mapping):
            return {key: self.body(item) for key, item in value.items() if not self._waits(item)}
        return [self.body(item) for item in value] if isinstance(value, list) else _json(value)

    def _waits(self, value: Any) -> bool:
        """Returns whether a value of a body is the cursor's, which has none yet."""
        found = PLACEHOLDER.fullmatch(value) if isinstance(value, str) else None
        return bool(found and self._value(found[1]) is None)

    def _text_of(self, value: Any) -> Any:
        if isinstance(value, list):
            return [self._text_of(item) for item in value]
        if not isinstance(value, str):
            return None if value is None else _text(value)
        if found := PLACEHOLDER.fullmatch(value):
            filled = self._value(found[1])
            return (
                [_text(item) for item in filled]
                if isinstance(filled, list)
                else None
                if filled is None
                else _text(filled)
            )
        if any(self._value(name) is None for name in PLACEHOLDER.findall(value)):
            return None
        return PLACEHOLDER.sub(lambda found: _text(self._value(found[1])), value)

    def _value(self, name: str) -> Any:
        """Returns the value of a placeholder. Returns None if the cursor has none yet."""
        if name.startswith(CURSOR):
            return self.cursor.get(name.removeprefix(CURSOR))
        value = field_of(self.parent, name)
        if value is None or value == "":
            raise LoadError(f"data_from: '{name}' of the parent's row is empty; the request needs a value")
        return value

    def _needed(self, name: str) -> Any:
        if (value := self._value(name)) is None:
            raise LoadError(f"endpoint: {{{name}}} has no value yet; set `incremental.initial_value`")
        return value


def cursor_values(incremental: Any, convert: Convert | None) -> dict[str, Any]:
    """Returns the values of dlt's incremental by name, as they are sent; without those that are not known.

    Args:
        incremental: dlt's incremental of the running resource, or None.
        convert: How times are written; None for ISO 8601, in UTC.

    Raises:
        LoadError: A value is no time, and `convert` needs one.
    """
    values = {name: getattr(incremental, name, None) for name in CURSOR_VALUES}
    return {name: spell_cursor(value, convert) for name, value in values.items() if value is not None}


def spell_cursor(value: Any, convert: Convert | None) -> Any:
    """Returns a cursor's value as it is sent.

    Raises:
        LoadError: The value is no time, and `convert` needs one.
    """
    if convert is None:
        return _json(value)
    try:
        moment = _moment(value)
    except ValueError:
        message = f"convert: got the cursor's value {value!r}; accepted is a time, for instance 2024-01-31T00:00:00Z"
        raise LoadError(message) from None
    if convert in _SECOND:
        return int(moment.timestamp() * _SECOND[convert])
    return moment.date().isoformat() if convert == "date" else moment.strftime(convert)


def _moment(value: Any) -> datetime:
    """Returns a time in UTC; without a zone it is taken as UTC.

    Raises:
        ValueError: The value is no time.
    """
    if isinstance(value, str):
        value = datetime.fromisoformat(value)
    elif not isinstance(value, date):
        raise ValueError  # noqa: TRY004 - the same as for a text that is no time
    elif not isinstance(value, datetime):
        value = datetime(value.year, value.month, value.day, tzinfo=UTC)
    moment: datetime = value
    return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)


def field_of(parent: Mapping[str, Any], path: str) -> Any:
    """Returns a field of a parent's row.

    Args:
        parent: The parent's row.
        path: Name of the field; a dot separates the name of a nested field.

    Raises:
        LoadError: The row has no such field.
    """
    value: Any = parent
    for name in path.split("."):
        if not isinstance(value, Mapping) or name not in value:
            names = list(value) if isinstance(value, Mapping) else []
            fields = ", ".join(names) or "no fields"
            raise LoadError(f"data_from: the parent's row has no '{path}'; it has {fields}{nearest(name, names)}")
        value = value[name]
    return value


def _json(value: Any) -> Any:
    """Returns a value as JSON has it: times in ISO 8601, those with a zone in UTC."""
    if isinstance(value, datetime) and value.tzinfo:
        return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, Mapping):
        return {key: _json(item) for key, item in value.items()}
    return [_json(item) for item in value] if isinstance(value, list) else value


def _text(value: Any) -> str:
    """Returns a value as text of a request: `true` and `false` as JSON has them.

    Raises:
        LoadError: The value is an object or a list, which a parameter cannot hold.
    """
    if isinstance(value, Mapping | list):
        kind = "an object" if isinstance(value, Mapping) else "a list"
        raise LoadError(f"data_from: a field of the parent's row is {kind}; accepted for a parameter is a single value")
    return str(value).lower() if isinstance(value, bool) else str(_json(value))

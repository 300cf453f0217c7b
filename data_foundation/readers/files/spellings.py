"""Spells the columns of all files of a load as the first file does: headings and keys may differ in case."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import orjson
import pyarrow as pa

from data_foundation.naming import normalize


class Spellings:
    """The first spelling of each column."""

    def __init__(self) -> None:
        self._first: dict[str, str] = {}
        self._known: dict[str, str] = {}
        self._unchanged: set[str] = set()

    def unify(self, rows: Any) -> Any:
        """Returns rows with the first spelling of each column; JSON is returned as it is: its reader spells its keys.

        Args:
            rows: An Arrow table, a list of dicts, or JSON.
        """
        if isinstance(rows, pa.Table):
            names = [self._spell(name) for name in rows.column_names]
            return rows if names == rows.column_names else rows.rename_columns(names)
        if isinstance(rows, list) and rows and any(self._spell(name) != name for name in rows[0]):
            return [{self._spell(name): value for name, value in row.items()} for row in rows]
        return rows

    def _spell(self, name: str) -> str:
        if name not in self._known:
            self._known[name] = self._first.setdefault(normalize(name) if name.strip() else name, name)
        return self._known[name]

    def unify_object(self, row: Mapping[str, Any], text: bytes) -> bytes:
        """Returns the text of a JSON object with the first spelling of each key; keys of objects in it stay.

        An object that has two spellings of one column stays too, and is refused where its rows are checked.

        Args:
            row: The object.
            text: Its text; numbers keep every digit.
        """
        if row.keys() <= self._unchanged:
            return text
        names = {name: self._spell(name) for name in row}
        self._unchanged.update(name for name, first in names.items() if name == first)
        if row.keys() <= self._unchanged or len(set(names.values())) < len(names):
            return text
        try:
            values = json.loads(text, parse_float=_verbatim, parse_int=_verbatim, object_pairs_hook=_refuse_repeated)
        except _RepeatedKeyError:
            return text
        return orjson.dumps({names[name]: value for name, value in values.items()})


class _RepeatedKeyError(Exception):
    """An object has a key twice, which a dict cannot hold."""


def _verbatim(number: str) -> orjson.Fragment:
    return orjson.Fragment(number)


def _refuse_repeated(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if len(row := dict(pairs)) < len(pairs):
        raise _RepeatedKeyError
    return row

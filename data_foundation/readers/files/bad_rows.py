"""Handles rows that cannot be loaded: refuses the load, or writes them to a quarantine table."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, get_args

import dlt
import pyarrow as pa

from data_foundation.dlt_keys import PII, SET_ASIDE
from data_foundation.errors import EntryError, ValueRefused
from data_foundation.readers.files.file_arguments import OnBadRow
from data_foundation.readers.files.page import FILE, ROW, BadRow
from data_foundation.readers.load_warning import warn
from data_foundation.suggestions import nearest

_COLUMNS: dict[str, Any] = {
    FILE: {"data_type": "text"}, ROW: {"data_type": "bigint"}, "text": {"data_type": "text"},
    "reason": {"data_type": "text"},
}  # fmt: skip
_SCHEMA = pa.schema([(FILE, pa.string()), (ROW, pa.int64()), ("text", pa.string()), ("reason", pa.string())])

_HIDDEN_REASON = "the reason is not shown, because columns of this table have `pii: hash`"


class BadRows:
    """Handles the bad rows of one load.

    Attributes:
        sets_aside: True if bad rows go to the quarantine table; False if one of them fails the load.
    """

    def __init__(self, policy: str, resource: Any, *, replaced: bool) -> None:
        """Checks the policy.

        Args:
            policy: One of `OnBadRow`.
            resource: The running dlt resource.
            replaced: Whether the load replaces the quarantine table, as it replaces the table of good rows.

        Raises:
            EntryError: The policy is unknown.
        """
        if policy not in get_args(OnBadRow):
            accepted = get_args(OnBadRow)
            raise EntryError(f"on_bad_row: got '{policy}'; accepted: {', '.join(accepted)}{nearest(policy, accepted)}")
        self.sets_aside = policy == "quarantine"
        self._resource = resource
        self._table = f"{resource.table_name}__quarantine"
        self._replaced = replaced
        hints = resource.columns if isinstance(resource.columns, Mapping) else {}
        self._is_silent = any(hint.get(PII) for hint in hints.values())
        self._count = 0
        self._files: set[str] = set()

    def take(self, file: str, rows: Sequence[BadRow]) -> Iterator[Any]:
        """Yields the bad rows of a file for the quarantine table.

        Raises:
            ValueRefused: The policy is `fail`.
        """
        if not rows:
            return
        if self._is_silent:
            rows = [BadRow(row.number, "", _HIDDEN_REASON) for row in rows]
        if not self.sets_aside:
            first, others = rows[0], len(rows) - 1
            more = f" (and {others:,} more row{'s' * (others > 1)})" if others else ""
            raise ValueRefused(
                f"{file}: row {first.number}: {first.reason}{more}; correct the file, or set `on_bad_row: quarantine`, "
                f"which writes such rows to {self._table}"
            )
        if not self._count:
            self._declare()
        self._count += len(rows)
        self._files.add(file)
        records = [(file, row.number, row.text, row.reason) for row in rows]
        values = zip(zip(*records, strict=True), _SCHEMA.types, strict=True)
        columns = [pa.array(column, kind) for column, kind in values]
        yield dlt.mark.with_table_name(pa.Table.from_arrays(columns, schema=_SCHEMA), self._table)

    def finish(self) -> Iterator[Any]:
        """Warns of bad rows. If there are none, yields an empty table that replaces the quarantine table."""
        if self._count:
            files = f"{len(self._files)} files" if len(self._files) > 1 else next(iter(self._files))
            warn(f"{self._count:,} bad row{'s' * (self._count > 1)} of {files} set aside in {self._table}")
        elif self.sets_aside and self._replaced and self._table in dlt.current.source_schema().tables:
            self._declare()
            yield dlt.mark.with_table_name(_SCHEMA.empty_table(), self._table)

    def _declare(self) -> None:
        """Declares the quarantine table to dlt, with hints of its own."""
        self._resource.apply_hints(
            table_name=self._table, columns=_COLUMNS, create_table_variant=True,
            write_disposition="replace" if self._replaced else "append", additional_table_hints={SET_ASIDE: True},
        )  # fmt: skip

"""What becomes of rows that cannot land: the load is refused, or they are set aside in a table of their own."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, get_args

import dlt
import pyarrow as pa

from data_foundation.dlt_keys import PII
from data_foundation.errors import EntryError, ValueRefused
from data_foundation.readers.files.file_arguments import OnBadRow
from data_foundation.readers.files.load_warning import warn
from data_foundation.readers.files.page import FILE, ROW, BadRow
from data_foundation.suggestions import nearest

_COLUMNS: dict[str, Any] = {
    FILE: {"data_type": "text"}, ROW: {"data_type": "bigint"}, "text": {"data_type": "text"},
    "reason": {"data_type": "text"},
}  # fmt: skip
_SCHEMA = pa.schema([(FILE, pa.string()), (ROW, pa.int64()), ("text", pa.string()), ("reason", pa.string())])

_HIDDEN = "what is wrong with it is not shown, for columns of this table say `pii: hash`"


class BadRows:
    """Takes bad rows as they are found.

    Attributes:
        sets_aside: They are set aside.
    """

    def __init__(self, policy: str, resource: Any, *, replaced: bool) -> None:
        """Takes what to do.

        Args:
            policy: One of `OnBadRow`.
            resource: dlt's, while it runs.
            replaced: The table of bad rows is made anew, as that of good ones is.

        Raises:
            EntryError: There is no such policy.
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
        """Yields what an entry yields for bad rows of a file.

        Raises:
            ValueRefused: The policy is to fail.
        """
        if not rows:
            return
        if self._is_silent:
            rows = [BadRow(row.number, "", _HIDDEN) for row in rows]
        if not self.sets_aside:
            first, more = rows[0], f" (and {len(rows) - 1:,} more rows)" if len(rows) > 1 else ""
            raise ValueRefused(
                f"{file}: row {first.number}: {first.reason}{more}; `on_bad_row: quarantine` sets such rows aside"
            )
        if not self._count:
            self._declare()
        self._count += len(rows)
        self._files.add(file)
        told = [(file, row.number, row.text, row.reason) for row in rows]
        columns = [pa.array(column, kind) for column, kind in zip(zip(*told, strict=True), _SCHEMA.types, strict=True)]
        yield dlt.mark.with_table_name(pa.Table.from_arrays(columns, schema=_SCHEMA), self._table)

    def finish(self) -> Iterator[Any]:
        """Yields what empties the table of bad rows where there are none any more, and tells how many there were."""
        if self._count:
            files = f"{len(self._files)} files" if len(self._files) > 1 else next(iter(self._files))
            warn(f"{self._count:,} bad row{'s' * (self._count > 1)} of {files} set aside in {self._table}")
        elif self.sets_aside and self._replaced and self._table in dlt.current.source_schema().tables:
            self._declare()
            yield dlt.mark.with_table_name(_SCHEMA.empty_table(), self._table)

    def _declare(self) -> None:
        """Tells dlt of the table, which takes nothing from the hints of the other."""
        self._resource.apply_hints(
            table_name=self._table, columns=_COLUMNS, create_table_variant=True,
            write_disposition="replace" if self._replaced else "append",
        )  # fmt: skip

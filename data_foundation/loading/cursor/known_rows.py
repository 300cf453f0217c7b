"""Recognises rows that were loaded at one value of the cursor when the entry yields them again, in bounded state."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from typing_extensions import override

from data_foundation.loading.cursor.row_digests import add_up, as_mapping, digest, digest_key, prune

MOST_DIGESTS = 500
"""Digests that the state holds at most; of more rows it holds a sample."""
MOST_MISSING = 0.1
"""Part of a sample that may be missing where the entry has read all rows of the value again."""
_ALL = "g"  # greater than every hexadecimal digest


@dataclass
class _Digests:
    """Digests of rows by the same columns.

    Attributes:
        columns: Paths of the columns; those of the key if `is_key`.
        is_key: True if rows are recognised by their key alone.
        rows: The digests.
    """

    columns: set[str]
    is_key: bool
    rows: set[str] = field(default_factory=set)

    def digest(self, row: Mapping[str, Any]) -> str:
        """Returns the digest of a row by these columns; columns that were added since do not change it."""
        return digest_key(row, sorted(self.columns)) if self.is_key else digest(prune(row, self.columns))


class KnownRows:
    """The rows of one cursor value in a table that is appended to: those of earlier loads, and those of this one.

    Digests are uniform, so that those below a limit are a fair sample of the rows.
    """

    def __init__(self, state: Mapping[str, Any] | None, key: Sequence[str] = ()) -> None:
        """Begins a load.

        Args:
            state: What `state` returned after the load before, None if there was none.
            key: Columns that identify a row; without them all columns do.
        """
        self._key = sorted(key)
        self.read_state(state or {})
        self.restart_load()

    def read_state(self, state: Mapping[str, Any]) -> None:
        """Reads what an earlier load has stored; an empty mapping if there was none."""
        self._stored = [_Digests(set(one["columns"]), one["is_key"], set(one["rows"])) for one in state.get("by", ())]
        if versions := state.get("versions"):
            self._stored = [_Digests(set(state["columns"]), is_key=True, rows=set(versions))]
        self._stored_limit = str(state.get("below", _ALL))
        self._stored_sum: int | None = state.get("sum")

    def restart_load(self) -> None:
        """Forgets the rows of this load."""
        self._by_key, self._by_row = _Digests(set(self._key), is_key=True), _Digests(set(), is_key=False)
        self._limit = self._stored_limit
        self._seen: set[str] = set()
        self._count = self._sum = self._sum_as_stored = 0

    def restart(self) -> None:
        """Begins with a new value of the cursor, of which no row was loaded."""
        self.read_state({})
        self.restart_load()

    @property
    def is_sample(self) -> bool:
        """True if earlier loads had too many rows to recognise each."""
        return self._stored_sum is not None

    @property
    def is_touched(self) -> bool:
        """True if this load has rows of the value."""
        return bool(self._count)

    @property
    def is_unchanged(self) -> bool:
        """True if this load has too many rows to recognise each, and all together they are those of earlier loads."""
        return self.is_touched and self._sum_as_stored == self._stored_sum

    def take(self, row: Any) -> bool:
        """Adds a row of this load, and returns True if an earlier load has loaded it; never True for a sample."""
        values = as_mapping(row)
        self._count += 1
        is_known = self._match(values)
        self._add(values)
        return is_known and not self.is_sample

    def _match(self, row: Mapping[str, Any]) -> bool:
        for group in self._stored:
            one = group.digest(row)
            self._sum_as_stored = add_up((f"{self._sum_as_stored:x}", one or "0"))
            if one in group.rows:
                self._seen.add(one)
                return True
        return False

    def _add(self, row: Mapping[str, Any]) -> None:
        one, group = digest_key(row, self._key) if self._key else "", self._by_key
        if not one:
            group = self._by_row
            one = digest(prune(row, seen=group.columns))
        self._sum = add_up((f"{self._sum:x}", one))
        if one < self._limit:
            group.rows.add(one)
            if len(group.rows) > MOST_DIGESTS:
                self._shrink()

    def _shrink(self) -> None:
        """Lowers the limit until this load has at most half as many digests as it may."""
        self._limit = sorted(self._by_key.rows | self._by_row.rows)[MOST_DIGESTS // 2]
        for group in (self._by_key, self._by_row):
            group.rows = {one for one in group.rows if one < self._limit}

    def were_read_again(self) -> bool | None:
        """Returns whether this load has the rows of earlier loads; None if it has a part of them."""
        sampled = sum(len(group.rows) for group in self._stored)
        if not self._seen:
            return False
        return True if len(self._seen) >= sampled * (1 - MOST_MISSING) else None

    def state(self, *, replaced: bool = False) -> dict[str, Any]:
        """Returns the digests for the next load as JSON.

        Args:
            replaced: Whether this load's rows take the place of those of earlier loads.
        """
        kept = [] if replaced else [_Digests(one.columns, one.is_key, one.rows - self._seen) for one in self._stored]
        stored_sum = self._stored_sum if self._stored_sum is not None else add_up(d for one in kept for d in one.rows)
        total = self._sum if replaced else self._sum_of_both(stored_sum)
        groups = _unite([*kept, self._by_key, self._by_row])
        limit = self._limit
        if sum(len(one.rows) for one in groups) > MOST_DIGESTS:
            limit = min(limit, sorted(d for one in groups for d in one.rows)[MOST_DIGESTS // 2])
        by = [
            {"columns": sorted(one.columns), "is_key": one.is_key, "rows": sorted(d for d in one.rows if d < limit)}
            for one in groups
            if one.rows
        ]
        return {"by": by} if limit == _ALL else {"by": by, "below": limit, "sum": total}

    def _sum_of_both(self, stored: int) -> int:
        if self.is_unchanged or not self.is_touched:
            return stored
        return add_up((f"{stored:x}", f"{self._sum:x}"))


class KnownVersions(KnownRows):
    """The rows of one cursor value in a table that is merged by a key: only a row that has not changed is known."""

    @override
    def read_state(self, state: Mapping[str, Any]) -> None:
        """Reads what an earlier load has stored; versions by another key are of no use."""
        super().read_state({"sum": state.get("sum")})
        is_by_this_key = state.get("columns") == self._key
        self._stored_versions: dict[str, str] = dict(state.get("versions", {})) if is_by_this_key else {}

    @override
    def restart_load(self) -> None:
        super().restart_load()
        self._versions: dict[str, str] = {}

    @override
    def take(self, row: Any) -> bool:
        """Adds a row of this load, and returns True if an earlier load has loaded it as it is."""
        values = as_mapping(row)
        self._count += 1
        key, version = digest_key(values, self._key), digest(prune(values))
        self._sum_as_stored = self._sum = add_up((f"{self._sum:x}", version))
        if len(self._versions) <= MOST_DIGESTS:
            # Of two versions in one load the table has one, and it is unknown which.
            self._versions[key] = version if self._versions.get(key, version) == version else ""
        return self._stored_versions.get(key) == version

    @override
    def state(self, *, replaced: bool = False) -> dict[str, Any]:
        """Returns the digests for the next load as JSON: one of each row by its key, or one of all rows."""
        versions = {**self._stored_versions, **self._versions}
        if len(versions) > MOST_DIGESTS or (self.is_sample and not self.is_touched):
            return {"sum": self._sum if self.is_touched else self._stored_sum}
        return {"columns": self._key, "versions": dict(sorted(versions.items()))}


def _unite(groups: Sequence[_Digests]) -> list[_Digests]:
    """Returns the groups, those of the same columns as one."""
    by_columns: dict[tuple[bool, tuple[str, ...]], _Digests] = {}
    for group in groups:
        place = (group.is_key, tuple(sorted(group.columns)))
        by_columns.setdefault(place, _Digests(group.columns, group.is_key)).rows |= group.rows
    return list(by_columns.values())

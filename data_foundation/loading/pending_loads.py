"""Pending loads of a table: extracted, and not known to be committed to the warehouse."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from dlt.common.storages import FileStorage, NormalizeStorage, PackageStorage, ParsedLoadJobFileName

_EXTRACTED = Path("normalize", NormalizeStorage.EXTRACTED_FOLDER)
_JOBS = PackageStorage.NEW_JOBS_FOLDER
_KEPT_AS = "kept.json"
_KEPT_BEFORE = "asked.json"
"""The same of earlier versions, which knew no parent."""


class PendingLoads:
    """Copies of a table's working folder, each made when a load was extracted and before anything was written.

    A pending load always starts from its copy: what dlt writes into the working folder while it loads belongs to a
    transaction that ended with the killed process. Copies and working folder share their files of rows.
    """

    def __init__(self, work_folder: Path, name: str) -> None:
        self._working = work_folder / name
        self._kept = work_folder / f"{name}.unfinished"
        # A copy that is being made or removed; a killed process may leave it, and it is ignored.
        self._incomplete = self._kept / "partial"
        self._aside = work_folder / f"{name}.set_aside"

    def load_ids(self) -> list[str]:
        """Returns dlt's ids of the pending loads, the oldest first."""
        return sorted((folder.name for folder in self._kept.glob("*.*")), key=float)

    def keep(self, load_id: str, parent: str | None, *, is_partial: bool) -> None:
        """Copies the working folder as a pending load, which replaces those that were kept before.

        Args:
            load_id: The load that was extracted.
            parent: The newest load that had landed when it was read, None if none had.
            is_partial: True for a load of a range or a sample, which only the run that set the range needs.
        """
        older = self.load_ids()
        shutil.rmtree(self._incomplete, ignore_errors=True)
        shutil.copytree(self._working, self._incomplete, copy_function=_copy)
        kept = {"parent": parent, "is_partial": is_partial, "sizes": _sizes(self._incomplete)}
        (self._incomplete / _KEPT_AS).write_text(json.dumps(kept))
        self._incomplete.rename(self._kept / load_id)
        for old in older:
            self.drop(old)

    def is_whole(self, load_id: str) -> bool:
        """Returns False if a file of a pending load is missing or incomplete, as after a power failure."""
        folder = self._kept / load_id
        if not (folder / _KEPT_AS).exists() and (folder / _KEPT_BEFORE).exists():
            return True
        try:
            sizes = json.loads((folder / _KEPT_AS).read_text()).get("sizes")
        except (OSError, ValueError, AttributeError):
            return False
        return sizes is None or sizes == _sizes(folder)

    def continues(self, load_id: str, newest: str | None) -> bool:
        """Returns True if a pending load can be finished: its rows are those that follow the newest landed load.

        False for a load of a range or a sample, which the run that set the range loads again, and for one that an
        earlier version kept without its parent.

        Args:
            load_id: The pending load.
            newest: The newest load that has landed, None if none has.
        """
        try:
            kept = json.loads((self._kept / load_id / _KEPT_AS).read_text())
        except OSError:
            return False
        return not kept["is_partial"] and kept["parent"] == newest

    def restore(self, load_id: str) -> None:
        """Replaces the working folder by the copy of a pending load."""
        self.remove_working_folder()
        shutil.copytree(self._kept / load_id, self._working, copy_function=_copy)

    def equals_extracted(self, load_id: str) -> bool:
        """Returns True if the working folder holds extracted rows, and exactly those of a pending load."""
        return _rows(self._kept / load_id) == _rows(self._working) != []

    def set_aside(self, load_id: str) -> Path:
        """Moves a pending load that can never be loaded out of the way, over an earlier one, and returns its folder."""
        shutil.rmtree(self._aside, ignore_errors=True)
        return (self._kept / load_id).rename(self._aside)

    def drop(self, load_id: str) -> None:
        """Removes one pending load."""
        shutil.rmtree(self._incomplete, ignore_errors=True)
        (self._kept / load_id).rename(self._incomplete)
        shutil.rmtree(self._incomplete)

    def remove_working_folder(self) -> None:
        """Removes dlt's working folder; its committed state and schema are in the warehouse."""
        shutil.rmtree(self._working, ignore_errors=True)

    def clear(self) -> None:
        """Removes the working folder and every pending load, but not the one that was set aside."""
        self.remove_working_folder()
        for load_id in self.load_ids():
            self.drop(load_id)
        shutil.rmtree(self._kept, ignore_errors=True)


def _sizes(folder: Path) -> dict[str, int]:
    """Returns the size of each file of a kept load by its path, in bytes."""
    files = sorted(path for path in folder.rglob("*") if path.is_file() and path.name != _KEPT_AS)
    return {path.relative_to(folder).as_posix(): path.stat().st_size for path in files}


def _copy(source: str, target: str) -> None:
    """Links a file of rows, which is never written again, and copies any other file."""
    if Path(source).parent.name == _JOBS:
        try:
            os.link(source, target)
        except OSError:
            pass  # a file system without links
        else:
            return
    shutil.copy2(source, target)


def _rows(folder: Path) -> list[tuple[str, str]]:
    """Returns table and digest of every extracted JSON Lines file and of every row group of a Parquet file."""
    rows = []
    for file in folder.joinpath(_EXTRACTED).glob(f"*/{_JOBS}/*"):
        job = ParsedLoadJobFileName.parse(file.name)
        # dlt's own tables differ in every load.
        if not job.table_name.startswith("_dlt"):
            digests = _row_group_digests(file) if job.file_format == "parquet" else [_digest(file)]
            rows += [(job.table_name, digest) for digest in digests]
    return sorted(rows)


def _digest(file: Path) -> str:
    digest = hashlib.sha256()
    with FileStorage.open_zipsafe_ro(str(file), "rb") as opened:
        while chunk := opened.read(1 << 20):
            digest.update(chunk)
    return digest.hexdigest()


def _row_group_digests(file: Path) -> Iterator[str]:
    """Yields a digest of each row group, without dlt's ids and without columns that only later row groups fill."""
    with pq.ParquetFile(file) as parquet:
        for index in range(parquet.num_row_groups):
            row_group = parquet.read_row_group(index)
            digest = hashlib.sha256()
            for name in sorted(row_group.column_names):
                column = row_group[name].combine_chunks()
                if not name.startswith("_dlt") and column.null_count < len(column):
                    digest.update(name.encode())
                    digest.update(pa.RecordBatch.from_arrays([column], [name]).serialize())
            yield digest.hexdigest()

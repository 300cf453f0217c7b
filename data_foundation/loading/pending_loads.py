"""Loads that were extracted and are not known to have landed: kept, compared, set aside."""

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
_ASKED = "asked.json"


class Unfinished:
    """Copies of a table's working folder, each taken when a load was extracted and nothing was written yet.

    A load starts from such a copy however often it is begun: what dlt notes in its folder on the way is the progress
    of a transaction that a killed process took along. The copies share their files of rows with the working folder.
    """

    def __init__(self, work_folder: Path, name: str) -> None:
        self._working = work_folder / name
        self._kept = work_folder / f"{name}.unfinished"
        # A copy that is being made or removed; what a killed process left of it counts for nothing.
        self._partial = self._kept / "partial"
        self._aside = work_folder / f"{name}.set_aside"

    def load_ids(self) -> list[str]:
        """Returns dlt's ids of the loads that are kept, the oldest first."""
        return sorted((folder.name for folder in self._kept.glob("*.*")), key=float)

    def keep(self, load_id: str, *, asked: bool) -> None:
        """Keeps the working folder as it is now, in place of what was kept before.

        Args:
            load_id: The load that was extracted.
            asked: Somebody asked for a range or a sample: unless it is asked for again, nobody wants it.
        """
        older = self.load_ids()
        shutil.rmtree(self._partial, ignore_errors=True)
        shutil.copytree(self._working, self._partial, copy_function=_copy)
        (self._partial / _ASKED).write_text(json.dumps(asked))
        self._partial.rename(self._kept / load_id)
        for old in older:
            self.drop(old)

    def was_asked(self, load_id: str) -> bool:
        """Tells whether the load was of a range or a sample."""
        return bool(json.loads((self._kept / load_id / _ASKED).read_text()))

    def restore(self, load_id: str) -> None:
        """Makes the working folder what it was when the load had been extracted."""
        self.forget_working_folder()
        shutil.copytree(self._kept / load_id, self._working, copy_function=_copy)

    def holds_what_was_extracted(self, load_id: str) -> bool:
        """Tells whether the rows extracted into the working folder are exactly those of a kept load."""
        return _rows(self._kept / load_id) == _rows(self._working) != []

    def set_aside(self, load_id: str) -> Path:
        """Moves a load out of the way, over the one that was there before, and returns where it lies."""
        shutil.rmtree(self._aside, ignore_errors=True)
        return (self._kept / load_id).rename(self._aside)

    def drop(self, load_id: str) -> None:
        """Forgets one load."""
        shutil.rmtree(self._partial, ignore_errors=True)
        (self._kept / load_id).rename(self._partial)
        shutil.rmtree(self._partial)

    def forget_working_folder(self) -> None:
        """Removes dlt's folder; what it knew of state and schema is in the warehouse, as far as it counts."""
        shutil.rmtree(self._working, ignore_errors=True)

    def forget(self) -> None:
        """Removes all but what was set aside: the load has landed, and from here on the next run is another one."""
        self.forget_working_folder()
        for load_id in self.load_ids():
            self.drop(load_id)
        shutil.rmtree(self._kept, ignore_errors=True)


def _copy(source: str, target: str) -> None:
    """Links a file of rows, which is never written to again, and copies every other."""
    if Path(source).parent.name == _JOBS:
        try:
            os.link(source, target)
        except OSError:
            pass  # a file system without links
        else:
            return
    shutil.copy2(source, target)


def _rows(folder: Path) -> list[tuple[str, str]]:
    """Returns table and digest of every extracted file of dicts, and of every page that was written in columns."""
    found = []
    for file in folder.joinpath(_EXTRACTED).glob(f"*/{_JOBS}/*"):
        job = ParsedLoadJobFileName.parse(file.name)
        # dlt's own tables do not count.
        if not job.table_name.startswith("_dlt"):
            digests = _digests_of_pages(file) if job.file_format == "parquet" else [_digest(file)]
            found += [(job.table_name, digest) for digest in digests]
    return sorted(found)


def _digest(file: Path) -> str:
    digest = hashlib.sha256()
    with FileStorage.open_zipsafe_ro(str(file), "rb") as opened:
        while chunk := opened.read(1 << 20):
            digest.update(chunk)
    return digest.hexdigest()


def _digests_of_pages(file: Path) -> Iterator[str]:
    """Yields a digest for each page: of all that it holds but ids, and but columns that only later pages fill."""
    with pq.ParquetFile(file) as parquet:
        for index in range(parquet.num_row_groups):
            page = parquet.read_row_group(index)
            digest = hashlib.sha256()
            for name in sorted(page.column_names):
                column = page[name].combine_chunks()
                if not name.startswith("_dlt") and column.null_count < len(column):
                    digest.update(name.encode())
                    digest.update(pa.RecordBatch.from_arrays([column], [name]).serialize())
            yield digest.hexdigest()

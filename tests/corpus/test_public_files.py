"""Files that others made, read here and by a second program: each cell is the same, or the file is refused by name."""

import importlib.util
import json
import subprocess
import sys
import tarfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import dlt
import pyarrow as pa
import pytest
from dlt.extract.exceptions import ResourceExtractionError

from data_foundation.errors import FoundationError
from data_foundation.readers.files import get_rows
from tests.corpus.second_readers import Rows, differences, read_again, sheets_of
from tests.support.file_sources import FileTree, files

__all__ = ["files"]

ENDINGS = (".csv", ".tsv", ".json", ".jsonl", ".ndjson", ".parquet", ".xlsx", ".xls", ".gz", ".bz2", ".zip")
INSTALLED = {"pyarrow": "tests", "numpy": "", "vega_datasets": "_data", "currency_converter": ""}
"""Installed packages, and the folder with their data."""
DISTRIBUTIONS = ("csvkit==2.2.0", "agate==1.14.2", "agate-excel==0.4.2", "frictionless==5.21.0", "xlsx2csv==0.8.6",
                 "pyexcel-xls==0.7.1")  # fmt: skip
"""Source distributions with examples of CSV, JSON, .xlsx and .xls, of many encodings and dialects."""
UNREADABLE = {
    "formatted_inline_string.xlsx": "openpyxl needs xl/sharedStrings.xml, which a file without such texts lacks",
}
"""Files that the second reader cannot open, with the reason."""
MOST_BYTES = 3_000_000


def find_data(folder: Path) -> list[Path]:
    """Returns the files of data below a folder."""
    found = [file for file in sorted(folder.rglob("*")) if file.is_file() and file.name.lower().endswith(ENDINGS)]
    left_out = {"package.json", *UNREADABLE}
    return [file for file in found if 0 < file.stat().st_size <= MOST_BYTES and file.name not in left_out]


@dataclass
class Found:
    """What is read of a file.

    Attributes:
        rows: The values of each row, by its number.
        width: Number of columns.
        aside: Numbers of the rows that are set aside, each with a reason.
    """

    rows: Rows = field(default_factory=dict)
    width: int = 0
    aside: set[int] = field(default_factory=set)


def read(folder: FileTree, file: Path, sheet: str = "") -> Found:
    """Returns what is read of a file, or of a sheet of it."""
    folder.put(file.name, file.read_bytes())
    options: dict[str, Any] = {"sheet": sheet} if sheet else {}
    given = dlt.resource(get_rows, name="landed", section="bank")(
        f"inbox/{file.name}", on_bad_row="quarantine", **options
    )
    found = Found()
    for page in given:
        if isinstance(page, bytes):
            found.rows |= {row["_row"]: (_without_place(row),) for row in json.loads(page)}
        elif isinstance(page, pa.Table) and "reason" in page.column_names:
            assert all(page["reason"].to_pylist())
            found.aside |= set(page["_row"].to_pylist())
        elif isinstance(page, pa.Table):
            found.width = page.num_columns - 2
            columns = [column.to_pylist() for column in page.columns]
            found.rows |= {row[-1]: row[:-2] for row in zip(*columns, strict=True)}
        else:
            found.width = len(page) - 2
            found.rows[page["_row"]] = tuple(page.values())[:-2]
    return found


def _without_place(row: dict[str, object]) -> dict[str, object]:
    return {key: value for key, value in row.items() if key not in {"_file", "_row"}}


def compare(folder: FileTree, found: list[Path], record: Callable[[str, object], None]) -> None:
    """Compares files cell by cell, and reports the counts; rows that are set aside with a reason are not compared."""
    same, refused, aside, different = 0, 0, 0, []
    for file, sheet in [(one, name) for one in found for name in sheets_of(one) or [""]]:
        try:
            ours = read(folder, file, sheet)
        except ResourceExtractionError as error:
            if not isinstance(error.__cause__, FoundationError) or file.name not in str(error.__cause__):
                raise
            refused += 1
            continue
        others = {
            number: row for number, row in read_again(file, ours.width, sheet).items() if number not in ours.aside
        }
        if counts := differences(ours.rows, others):
            different.append(f"{file} {sheet}: {dict(counts)}")
        same += not counts
        aside += len(ours.aside)
    record("public files or sheets: same", same)
    record("public files or sheets: refused with a reason", refused)
    record("rows of public files set aside with a reason", aside)
    record("public files or sheets: different", len(different))
    assert different == []


def test_files_of_installed_packages_are_read_alike(
    files: FileTree, record_property: Callable[[str, object], None]
) -> None:
    """Parquet, CSV, JSON and zip files of the packages that the tests need anyway."""
    found: list[Path] = []
    for package, folder in INSTALLED.items():
        spec = importlib.util.find_spec(package)
        assert spec
        assert spec.origin
        found += find_data(Path(spec.origin).parent / folder)
    assert found
    compare(files, found, record_property)


@pytest.mark.rare
def test_files_of_source_distributions_are_read_alike(
    files: FileTree, tmp_path_factory: pytest.TempPathFactory, record_property: Callable[[str, object], None]
) -> None:
    """CSV of many dialects, JSON, and workbooks old and new."""
    folder = tmp_path_factory.mktemp("distributions")
    for name in DISTRIBUTIONS:
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--no-binary", ":all:", name]
        subprocess.run(command, cwd=folder, check=True, capture_output=True)
    for archive in folder.glob("*.tar.gz"):
        with tarfile.open(archive) as content:
            content.extractall(folder / "unpacked", filter="data")
    found = find_data(folder / "unpacked")
    assert len(found) > 100
    compare(files, found, record_property)

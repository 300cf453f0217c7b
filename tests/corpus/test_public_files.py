"""Files that others made, read here and by a second program: each cell is the same, or the file is refused by name."""

import importlib.util
import json
import subprocess
import sys
import tarfile
from collections.abc import Callable
from pathlib import Path

import dlt
import pyarrow as pa
import pytest
from dlt.extract.exceptions import ResourceExtractionError

from data_foundation.errors import FoundationError
from data_foundation.readers.files import get_rows
from tests.corpus.second_readers import Rows, differences, read_again
from tests.support.file_sources import FileTree, files

__all__ = ["files"]

ENDINGS = (".csv", ".tsv", ".json", ".jsonl", ".ndjson", ".parquet", ".xlsx", ".xls", ".gz", ".bz2", ".zip")
INSTALLED = {"pyarrow": "tests", "numpy": "", "vega_datasets": "_data", "currency_converter": ""}
"""Installed packages, and the folder with their data."""
DISTRIBUTIONS = ("csvkit==2.2.0", "agate==1.14.2", "agate-excel==0.4.2")
"""Source distributions with examples of CSV, JSON, .xlsx and .xls, of many encodings and dialects."""
MOST_BYTES = 3_000_000


def find_data(folder: Path) -> list[Path]:
    """Returns the files of data below a folder."""
    found = [file for file in sorted(folder.rglob("*")) if file.is_file() and file.name.lower().endswith(ENDINGS)]
    return [file for file in found if 0 < file.stat().st_size <= MOST_BYTES and file.name != "package.json"]


def read(folder: FileTree, file: Path) -> tuple[Rows, int]:
    """Returns the rows that are read of a file, by number, and the number of their columns."""
    folder.put(file.name, file.read_bytes())
    given = dlt.resource(get_rows, name="landed", section="bank")(f"inbox/{file.name}", on_bad_row="quarantine")
    rows: Rows = {}
    width = 0
    for page in given:
        if isinstance(page, bytes):
            records = json.loads(page)
            rows |= {row["_row"]: (_without_place(row),) for row in records}
        elif isinstance(page, pa.Table):
            if "reason" not in page.column_names:
                width = page.num_columns - 2
                rows |= {
                    row[-1]: row[:-2] for row in zip(*(column.to_pylist() for column in page.columns), strict=True)
                }
        else:
            width = len(page) - 2
            rows[page["_row"]] = tuple(page.values())[:-2]
    return rows, width


def _without_place(row: dict[str, object]) -> dict[str, object]:
    return {key: value for key, value in row.items() if key not in {"_file", "_row"}}


def compare(folder: FileTree, found: list[Path], record: Callable[[str, object], None]) -> None:
    """Compares files cell by cell, and reports the counts."""
    refused, different, same = [], [], 0
    for file in found:
        try:
            rows, width = read(folder, file)
        except ResourceExtractionError as error:
            if not isinstance(error.__cause__, FoundationError):
                raise
            refused.append(f"{file.name}: {error.__cause__}")
            continue
        if counts := differences(rows, read_again(file, width)):
            different.append(f"{file}: {dict(counts)}")
        same += 1
    assert different == []
    record("public files: same", same)
    record("public files: refused with a reason", len(refused))
    record("public files: different", len(different))
    assert all(len(reason) > len("inbox/x: y") for reason in refused)


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
            content.extractall(folder / archive.name, filter="data")
        archive.unlink()
    found = find_data(folder)
    assert len(found) > 100
    compare(files, found, record_property)

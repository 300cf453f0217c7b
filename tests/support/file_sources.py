"""Projects with one source that reads files."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import dlt
import duckdb
import pyarrow as pa
import pytest

from data_foundation.readers.files import get_rows
from tests.support.trees import Tree

SOURCE = """
resources:
  - entry: data_foundation.readers.files.get_rows
    kwargs: {kwargs}
    destination: raw.landed
{settings}
"""


@dataclass(frozen=True)
class FileTree(Tree):
    """A project with the source `bank`, which has no code."""

    def read(self, *settings: str, path: str = "inbox/*", **kwargs: Any) -> None:
        """Writes the source: `raw.landed` gets the rows of the reader for `kwargs`."""
        lines = "\n".join(f"    {line}" for line in ("retries: {max: 1, backoff: 0.01}", *settings))
        self.add("bank", SOURCE.format(kwargs=json.dumps({"path": path, **kwargs}), settings=lines))
        (self.root / "dlthub" / "bank" / "data.py").unlink()

    def put(self, name: str, content: bytes | str) -> Path:
        """Writes a file into the inbox and returns it."""
        file = self.root / "inbox" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content.encode() if isinstance(content, str) else content)
        return file

    def peek(self, path: str = "inbox/*", **kwargs: Any) -> list[dict[str, Any]]:
        """Returns the rows of the reader, without a load."""
        given = dlt.resource(get_rows, name="landed", section="bank")(path, **kwargs)
        return [row for page in given for row in (page.to_pylist() if isinstance(page, pa.Table) else [page])]

    def rows(self, table: str = "landed") -> list[dict[str, Any]]:
        """Returns the rows of a table, ordered by file and row."""
        with duckdb.connect(self.warehouse.path) as connection:
            found = connection.sql(f"select * from raw.{table} order by _file, _row")
            return [
                {key: value for key, value in zip(found.columns, row, strict=True) if not key.startswith("_dlt")}
                for row in found.fetchall()
            ]

    def values(self, name: str) -> list[Any]:
        """Returns the values of a column of `raw.landed`."""
        return [row[name] for row in self.rows()]


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FileTree:
    """An empty project, in which dlt looks for its settings."""
    monkeypatch.setenv("DLT_PROJECT_DIR", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    return FileTree(tmp_path)

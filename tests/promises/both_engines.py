"""Loads the same rows with the columnar engine and with dlt's own path, and compares everything that they store."""

from __future__ import annotations

import base64
import json
import pickle
import re
import zlib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import duckdb
import pytest
from dlt.common.normalizers.json.helpers import get_nested_row_hash

from data_foundation.errors import FoundationError
from data_foundation.loading.attempts import load_resource
from data_foundation.loading.result import LoadResult
from data_foundation.loading.task import LoadOptions, Task
from data_foundation.project.source import load_source_config
from data_foundation.rows import page_buffer
from data_foundation.rows.columnar.converter import Converter
from data_foundation.rows.package_files import PackageFiles
from data_foundation.warehouses.duckdb.warehouse import MemoryWarehouse

DATA = '''
import pickle
from pathlib import Path


def get_rows():
    """Yields the pages that the test has set."""
    yield from pickle.loads((Path(__file__).parent / "pages.pickle").read_bytes())
'''
ENGINES = ("dlt", "columnar")
_LOAD_ID = re.compile(r"\d{10}\.\d+|(?<=job_id=)\S+")
_SLOWER = "took dlt's own, slower path"
_NO_CURSOR = "IncrementalCursorPathMissing"
_FROZEN = "Can't add table column"


class DltAloneRefuses(Exception):
    """dlt refuses a column that the settings name and no row has, because a frozen contract does not know it."""


@dataclass(frozen=True)
class Given:
    """Input of one load.

    Attributes:
        pages: Pages that the entry yields.
        settings: Settings of the resource, as in sources.yaml.
        limit: Row limit of a sample, or None.
        gathered: Number of rows that are converted at once.
    """

    pages: Sequence[Any]
    settings: Mapping[str, Any]
    limit: int | None = None
    gathered: int = 50_000


@dataclass
class PagePaths:
    """Counts of pages by the path that they took.

    Attributes:
        columnar: Pages written as Arrow tables.
        read: Pages among these that Arrow read as JSON.
        dlt: Pages on dlt's own path.
        reasons: Reasons for dlt's own path, counted.
    """

    columnar: int = 0
    read: int = 0
    dlt: int = 0
    reasons: Counter[str] = field(default_factory=Counter)

    @contextmanager
    def counted(self, gathered: int) -> Iterator[None]:
        """Counts the pages written inside the block; each has at most `gathered` rows."""
        write_tables, write_rows = PackageFiles.write_tables, PackageFiles.write_rows
        convert_columns = Converter.convert_columns

        def count_tables(files: PackageFiles, *given: Any) -> None:
            self.columnar += 1
            write_tables(files, *given)

        def count_rows(files: PackageFiles, *given: Any) -> None:
            self.dlt += 1
            write_rows(files, *given)

        def count_read(converter: Converter, *given: Any) -> Any:
            tables = convert_columns(converter, *given)
            self.read += 1
            return tables

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(Converter, "convert_columns", count_read)
            patch.setattr(page_buffer, "MOST_ROWS", gathered)
            patch.setattr(page_buffer, "MOST_JSON", 30 * gathered)
            patch.setattr(PackageFiles, "write_tables", count_tables)
            patch.setattr(PackageFiles, "write_rows", count_rows)
            yield


class Engine:
    """One of the two engines, with its own warehouse in memory."""

    def __init__(self, root: Path, name: str, paths: PagePaths) -> None:
        self.name, self._paths = name, paths
        self._root = root / name
        self._folder = self._root / "dlthub" / "s"
        self._folder.mkdir(parents=True)
        (self._folder / "data.py").write_text(DATA)
        self.connection = duckdb.connect()
        self.connection.execute("set timezone = 'UTC'")
        self._warehouse = MemoryWarehouse(self._root / "pipelines", ":memory:", self.connection)

    def load(self, given: Given) -> Any:
        """Loads and returns the result, or the error."""
        settings = {"entry": "data.get_rows", "destination": "raw.t", **given.settings}
        (self._folder / "sources.yaml").write_text(json.dumps({"resources": [settings]}))
        (self._folder / "pages.pickle").write_bytes(pickle.dumps(list(given.pages)))
        config = load_source_config(self._folder)
        return self.run(Task(config, config.resources[0], LoadOptions(limit=given.limit)), given.gathered)

    def run(self, task: Task, gathered: int = 50_000) -> Any:
        """Like `load`, for an existing resource."""
        task = replace(task, resource=task.resource.model_copy(update={"engine": self.name}))
        with self._paths.counted(gathered):
            try:
                return self._summary(load_resource(task, self._warehouse))
            except FoundationError as error:
                return type(error), self._named(str(error))

    def _summary(self, result: LoadResult) -> dict[str, Any]:
        slower = [text for text in result.warnings if _SLOWER in text]
        self._paths.reasons.update(text.split(f"{_SLOWER}: ")[1] for text in slower)
        return {
            "rows": (result.rows, result.row_count, result.children),
            "columns": (_in_order(result.columns), {name: _in_order(of) for name, of in result.child_columns.items()}),
            "schema changes": {
                name: list(_in_order(dict.fromkeys(columns))) for name, columns in result.schema_changes.items()
            },
            "cursor": result.cursor,
            "warnings": [self._named(text) for text in result.warnings if text not in slower],
        }

    def _named(self, text: str) -> str:
        """Returns a text without the parts that differ between loads."""
        return _LOAD_ID.sub("<load>", text.replace(str(self._root), "<folder>"))

    def landed(self, known_ids: frozenset[str] | None = frozenset()) -> dict[str, Any]:
        """Returns everything in the warehouse.

        Args:
            known_ids: Ids of root rows that the rows contained; the others are random. None if all are computed.
        """
        tables = self._column("select table_name from information_schema.tables where table_schema = 'raw'")
        if "_dlt_version" not in tables:
            return {"tables": tables}
        found = {name: self._table(name) for name in sorted(tables) if not name.startswith("_dlt")}
        schema = self._schema()
        return {
            "types": {name: list(zip(*table.types, strict=True)) for name, table in found.items()},
            "rows": _trees(found, schema["tables"], self._column("select load_id from raw._dlt_loads"), known_ids),
            "schema": schema,
            "states": [
                _state(text) for text in self._column("select state from raw._dlt_pipeline_state order by version")
            ],
            "loads": len(self._column("select load_id from raw._dlt_loads where status = 0")),
        }

    def _schema(self) -> Any:
        stored = json.loads(self._column("select schema from raw._dlt_version order by inserted_at, version")[-1])
        for name in ("version", "version_hash", "previous_hashes", "engine_version"):
            stored.pop(name, None)
        for table in stored["tables"].values():
            table["columns"] = _in_order(table["columns"])
        return stored

    def _table(self, name: str) -> _Table:
        described = self.connection.execute(f'describe raw."{name}"').fetchall()
        rows = self.connection.execute(f'select columns(*)::varchar from raw."{name}"').fetchall()
        in_order = _in_order({row[0]: row[1] for row in described})
        return _Table(
            name,
            ([column for column, _ in in_order], [kind for _, kind in in_order]),
            [dict(_in_order(dict(zip([column[0] for column in described], row, strict=True)))) for row in rows],
        )

    def _column(self, sql: str) -> list[Any]:
        return [row[0] for row in self.connection.execute(sql).fetchall()]


@dataclass(frozen=True)
class _Table:
    name: str
    types: tuple[list[str], list[str]]
    rows: list[dict[str, Any]]


def compare(engines: Sequence[Engine], given: Given, known_ids: frozenset[str] | None = frozenset()) -> bool:
    """Loads with both engines and compares everything; returns True if they loaded, False if both refused.

    Raises:
        AssertionError: The engines differ, or a refused load changed something.
        DltAloneRefuses: Only dlt refuses, as docs/explanation/promises.md describes.
    """
    before = [engine.landed(known_ids) for engine in engines]
    results = [engine.load(deepcopy(given)) for engine in engines]
    after = [engine.landed(known_ids) for engine in engines]
    for result, was, now in zip(results, before, after, strict=True):
        assert now == was or not isinstance(result, tuple)
    if _FROZEN in str(results[0]) and results[1] != results[0]:
        raise DltAloneRefuses
    if all(isinstance(result, tuple) for result in results) and _NO_CURSOR in str(results):
        # One engine checks rows while the next are read: of two refused pages either may be named.
        return False
    assert results[1] == results[0], differences(results[1], results[0])
    for part, expected in after[0].items():
        assert after[1][part] == expected, differences(after[1][part], expected)
    return not isinstance(results[0], tuple)


def differences(found: Any, expected: Any) -> Any:
    """Returns the parts of two results that differ."""
    if isinstance(found, dict) and isinstance(expected, dict):
        keys = [key for key in {**found, **expected} if found.get(key) != expected.get(key)]
        return {key: differences(found.get(key), expected.get(key)) for key in keys}
    return found, expected


def _in_order(columns: Mapping[str, Any]) -> list[tuple[str, Any]]:
    """Returns the columns by name.

    On dlt's own path, ids of scd2 and integer columns that became doubles are entered before other new columns.
    """
    return sorted(columns.items())


def _state(text: str) -> Any:
    """Returns the sources' part of a pipeline's state."""
    return json.loads(zlib.decompress(base64.b64decode(text))).get("sources")


def _trees(
    tables: Mapping[str, _Table], schema: Mapping[str, Any], load_ids: Sequence[str], known_ids: frozenset[str] | None
) -> list[str]:
    """Returns each row of the root table as text with its nested rows; random ids are checked and left out."""
    stands_for = {load_id: f"load {index}" for index, load_id in enumerate(sorted(load_ids, key=float))}
    roots = [name for name in tables if not schema[name].get("parent")]
    moments = sorted({row[name] for table in tables.values() for row in table.rows for name in _VALID if row.get(name)})
    stands_for |= {moment: f"moment {index}" for index, moment in enumerate(moments)}
    root_ids = {row["_dlt_id"] for name in roots for row in tables[name].rows}
    children: dict[tuple[str, str], list[tuple[int, str]]] = {}
    # A table is included in its parent, so the deepest tables come first.
    for name in sorted(tables, key=lambda name: -_depth(schema, name)):
        below = [child for child in tables if schema[child].get("parent") == name]
        for row in tables[name].rows:
            own, parent, index = row["_dlt_id"], row.get("_dlt_parent_id"), int(row.get("_dlt_list_idx") or 0)
            assert parent is None or own == get_nested_row_hash(parent, name, index)
            hidden = {"_dlt_parent_id", *(["_dlt_root_id"] if row.get("_dlt_root_id") in root_ids else [])}
            if parent is not None or (known_ids is not None and own not in known_ids):
                hidden.add("_dlt_id")
            shown = {key: stands_for.get(value, value) for key, value in row.items() if key not in hidden}
            inside = {child: [text for _, text in sorted(children.pop((child, own), []))] for child in below}
            text = f"{shown} { ({child: rows for child, rows in inside.items() if rows}) }"
            children.setdefault((name, parent or ""), []).append((index, text))
    found = [text for name in roots for _, text in children.pop((name, ""), [])]
    # dlt keeps nested rows of an earlier version if a known key comes with another id.
    return sorted([*found, *(f"{orphans} {rows}" for orphans, rows in children.items())])


_VALID = ("_dlt_valid_from", "_dlt_valid_to")


def _depth(schema: Mapping[str, Any], name: str) -> int:
    parent = schema[name].get("parent")
    return 1 + _depth(schema, parent) if parent else 0

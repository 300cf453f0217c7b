"""Copies the table of a resource into another warehouse, so that runs continue there where it is now."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import dataclass
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import dlt
from dlt.common.schema.typing import LOADS_TABLE_NAME, PIPELINE_STATE_TABLE_NAME, VERSION_TABLE_NAME
from dlt.destinations.exceptions import DatabaseUndefinedRelation
from dlt.extract import DltSource

from data_foundation.audit.read import read_trail
from data_foundation.audit.write import add_attempts
from data_foundation.config.table_names import table_name_of
from data_foundation.errors import LoadError
from data_foundation.loading.adoption.adopt import land_without_rows
from data_foundation.loading.adoption.since_adoption import remember_rows
from data_foundation.loading.copying.table_pages import Content, loaded_columns, read_content, read_pages
from data_foundation.loading.lock import hold
from data_foundation.loading.pipeline import TablePipeline
from data_foundation.loading.progress import ProgressCollector
from data_foundation.naming import TableName, schema_name
from data_foundation.process_wide.load_ids import begin_after
from data_foundation.warehouses.connection import column_client, connect, execute_all
from data_foundation.warehouses.fence import Fence
from data_foundation.warehouses.promises import find_copied, is_copied

if TYPE_CHECKING:
    from dlt.common.schema.typing import TColumnSchema, TTableSchema
    from dlt.extract import DltResource

    from data_foundation.loading.task import Task
    from data_foundation.warehouses.base import Destination, Warehouse
    from data_foundation.warehouses.connection import Statement

_UNFINISHED = "_copy"
"""End of the names of the schema and the pipeline by which rows land, before the table is adopted."""

_EVERY_ATTEMPT = 10_000_000
_STORED_LOADS = 500
"""Landed loads that one statement inserts."""

_TYPE_HINTS = frozenset(
    {"name", "data_type", "precision", "scale", "timezone", "nullable", "cluster", "partition", "sort"}
)


@dataclass(frozen=True)
class Copied:
    """What was copied.

    Attributes:
        destination: The table.
        tables: Its own rows and those of its nested and further tables, by name.
        attempts: Number of rows of the audit trail.
    """

    destination: str
    tables: Mapping[str, int]
    attempts: int


def copy_table(task: Task, source: Warehouse, target: Warehouse, on_waiting: Callable[[str], None]) -> Copied:
    """Copies rows, state and audit trail of a resource's tables; changes nothing in the warehouse that it reads.

    The rows land first, in tables that no load knows, which runs refuse. Both sides are then read and compared by count
    and digest of all rows, and only then the tables get the state, in one transaction. An error drops them again.

    Args:
        task: The resource.
        source: The warehouse that has its tables.
        target: The warehouse that has none of them.
        on_waiting: Called with a message if a run holds the resource.

    Raises:
        LoadError: There is nothing to copy, the target has a table of a name, or the tables differ: a load has landed
            meanwhile, or a value changes on the way.
    """
    if source.location == target.location:
        raise LoadError(f"{task.resource.destination} is in {source.location}; a copy goes to another warehouse")
    for warehouse in (source, target):
        if not is_copied(warehouse.kind, warehouse.backend):
            accepted = ", ".join(find_copied())
            raise LoadError(f"{warehouse.location}: tables are copied between {accepted}; nothing was written")
    name = table_name_of(task.resource)
    if task.resource.landing == "vault":
        raise LoadError(f"{name}: the tables of a vault cannot be copied")
    run = {"asset": str(name), "source": task.source.name, "run_id": task.options.run_id}
    held = [(warehouse.work_folder, name.pipeline, task.options.run_id, on_waiting) for warehouse in (source, target)]
    with hold(*held[0]), hold(*held[1]):
        attempts = read_trail(source, str(name), last=_EVERY_ATTEMPT).attempts if target.keeps_audit else ()
        with source.open(run) as here, target.open(run) as there:
            copy = _Copy(name, _Side(source, here, name, run["run_id"]), _Side(target, there, name, run["run_id"]))
            rows = copy.run()
            add_attempts(target, there, attempts)
    return Copied(str(name), rows, len(attempts))


class _Side:
    """A table in one of the two warehouses."""

    def __init__(self, warehouse: Warehouse, destination: Destination, name: TableName, run_id: str) -> None:
        self.warehouse, self.destination = warehouse, destination
        self.pipeline = TablePipeline(warehouse, name, ProgressCollector(str(name), lambda _progress: None), run_id)
        self.pipeline.synchronise(destination)

    @property
    def dataset(self) -> str:
        return self.pipeline.dataset

    def find_tables(self, root: str) -> set[str]:
        """Returns the table and its nested tables, and others whose names begin with its name, as far as they exist."""
        client = column_client(self.destination, self.dataset)
        assert client  # noqa: S101 - engines without fixed columns were refused
        with client:
            return set(client.read_columns(root).tables)

    def content(self, table: str, columns: Mapping[str, TColumnSchema]) -> Content:
        with connect(self.destination, self.dataset) as client:
            return read_content(client, table, columns, self.warehouse.json_text)


class _Copy:
    """The steps of one copy."""

    def __init__(self, name: TableName, source: _Side, target: _Side) -> None:
        self.name, self.source, self.target = name, source, target

    def run(self) -> dict[str, int]:
        """Returns the rows that were copied, by table."""
        tables = self._find_tables()
        columns = {table: loaded_columns(schema) for table, schema in tables.items()}
        self._refuse_known(tables)
        with self._dropping(tables):
            self._land_rows(columns)
            copied = {table: self._compare(table, columns[table]) for table in tables}
            self._land_state(copied[self.name.table])
        return copied

    def _find_tables(self) -> dict[str, TTableSchema]:
        """Returns the table, its nested tables, and those that its code fills as well."""
        pipeline = self.source.pipeline
        if pipeline.parent is None or self.name.table not in pipeline.tables:
            raise LoadError(f"{self.name}: no load has landed in {self.source.warehouse.location}; nothing to copy")
        found = {name for root in self._roots for name in self.source.find_tables(root)}
        return {name: deepcopy(pipeline.tables[name]) for name in pipeline.tables if name in found}

    @property
    def _roots(self) -> list[str]:
        return [self.name.table, *self.source.pipeline.further]

    def _refuse_known(self, tables: Iterable[str]) -> None:
        known = sorted({name for root in self._roots for name in self.target.find_tables(root)} & set(tables))
        if known or self.target.pipeline.parent:
            name, place = known[0] if known else self.name.table, self.target.warehouse.location
            stored = f"the rows of _dlt_loads and _dlt_version whose schema_name is {schema_name(self.name.table)}"
            raise LoadError(
                f"{self.target.dataset}.{name} is in {place} already; nothing was written. If it is not needed, drop "
                f"it there, and {stored}"
            )

    @contextmanager
    def _dropping(self, tables: Iterable[str]) -> Iterator[None]:
        """Drops the tables in the target if the block fails: none of them was there before."""
        try:
            yield
        except BaseException:
            with connect(self.target.destination, self.target.dataset) as client:
                client.drop_tables(*tables)
            raise

    def _land_rows(self, columns: Mapping[str, Mapping[str, TColumnSchema]]) -> None:
        """Loads the rows of all tables in one transaction, under a schema of their own."""
        warehouse, dataset = self.target.warehouse, self.target.dataset
        self._forget_unfinished()
        with TemporaryDirectory(dir=warehouse.work_folder) as folder:
            pipeline = dlt.pipeline(
                self.name.pipeline + _UNFINISHED,
                pipelines_dir=folder,
                destination=self.target.destination,
                dataset_name=dataset,
            )
            pipeline.config.restore_from_destination = False
            source = DltSource(dlt.Schema(self._unfinished), "copy", [self._resource(*one) for one in columns.items()])
            pipeline.extract(source, loader_file_format="parquet")
            pipeline.normalize()
            with warehouse.transaction(self.target.destination, fence=Fence(dataset, self._unfinished, None)):
                pipeline.load(self.target.destination, dataset_name=dataset, workers=warehouse.load_workers)

    @property
    def _unfinished(self) -> str:
        return schema_name(self.name.table) + _UNFINISHED

    def _resource(self, table: str, columns: Mapping[str, TColumnSchema]) -> DltResource:
        """Returns the rows of a table of the source, with the types of its columns."""

        def read() -> Iterator[Any]:
            with connect(self.source.destination, self.source.dataset) as client:
                yield from read_pages(client, table, columns, self.source.warehouse.json_text)

        typed: Any = {
            name: {hint: value for hint, value in column.items() if hint in _TYPE_HINTS}
            for name, column in columns.items()
        }
        return dlt.resource(read, name=table, columns=typed, write_disposition="append")

    def _compare(self, table: str, columns: Mapping[str, TColumnSchema]) -> int:
        """Returns the rows of a table, which are equal in both warehouses."""
        was, now = (side.content(table, columns) for side in (self.source, self.target))
        if was != now:
            differ = f"{was.rows:,} rows became {now.rows:,}" if was.rows != now.rows else "values have changed"
            raise LoadError(f"{table}: {differ} on the way, or meanwhile; the copy was dropped, so it can be repeated")
        return was.rows

    def _land_state(self, rows: int) -> None:
        """Adopts the tables: they get schema and state, and the loads that have landed in the source."""
        theirs, target = self.source.pipeline, self.target
        loads = self._stored_loads()
        if theirs.newest_landed(self.source.destination) != theirs.parent:
            raise LoadError(f"{self.name}: a load has landed meanwhile; the copy was dropped, so it can be repeated")
        target.pipeline.synchronise(target.destination)
        begin_after(str(theirs.parent))
        assert target.pipeline.keeper  # noqa: S101 - a vault was refused
        schema = target.pipeline.keeper.adopt(target.pipeline.dlt, theirs.tables)
        with target.pipeline.dlt.managed_state() as stored:
            stored["sources"] = deepcopy(dict(theirs.dlt.state.get("sources", {})))
        remember_rows(target.pipeline, rows)
        land_without_rows(target.pipeline, schema, target.destination, target.warehouse, [*loads, *self._cleanup()])

    def _stored_loads(self) -> Iterator[Statement]:
        """Yields the statements that add the landed loads of the source, to which the rows refer by `_dlt_load_id`."""
        names = ("load_id", "schema_name", "status", "inserted_at", "schema_version_hash")
        with connect(self.source.destination, self.source.dataset) as client:
            chosen, where = ", ".join(map(client.escape_column_name, names)), client.escape_column_name("schema_name")
            table = client.make_qualified_table_name(LOADS_TABLE_NAME)
            query = f"SELECT {chosen} FROM {table} WHERE {where} = %s"  # noqa: S608 - quoted by dlt
            loads = client.execute_sql(query, schema_name(self.name.table)) or ()
        with connect(self.target.destination, self.target.dataset) as client:
            quoted = ", ".join(map(client.escape_column_name, names))
            into = f"{client.make_qualified_table_name(LOADS_TABLE_NAME)} ({quoted})"
        row = f"({', '.join(['%s'] * len(names))})"
        for start in range(0, len(loads), _STORED_LOADS):
            part = loads[start : start + _STORED_LOADS]
            values = [value for load in part for value in load]
            yield f"INSERT INTO {into} VALUES {', '.join([row] * len(part))}", values  # noqa: S608 - quoted by dlt

    def _forget_unfinished(self) -> None:
        """Removes what dlt has stored of an earlier copy, whose tables were dropped: it would not create them again."""
        try:
            execute_all(self.target.destination, self.target.dataset, list(self._cleanup()))
        except DatabaseUndefinedRelation:
            return  # of the first load of a dataset

    def _cleanup(self) -> Iterator[Statement]:
        """Yields the statements that remove what dlt has stored of the load of the rows."""
        with connect(self.target.destination, self.target.dataset) as client:
            for table, column, name in (
                (LOADS_TABLE_NAME, "schema_name", self._unfinished),
                (VERSION_TABLE_NAME, "schema_name", self._unfinished),
                (PIPELINE_STATE_TABLE_NAME, "pipeline_name", self.name.pipeline + _UNFINISHED),
            ):
                stored = f"{client.make_qualified_table_name(table)} WHERE {client.escape_column_name(column)} = %s"
                yield f"DELETE FROM {stored}", (name,)  # noqa: S608 - quoted by dlt

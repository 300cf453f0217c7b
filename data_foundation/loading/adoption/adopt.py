"""Takes over a table that another program has loaded, so that the next run continues where that program has ended."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

from data_foundation.audit.write import forget_checks
from data_foundation.config.table_names import table_name_of
from data_foundation.loading.adoption.dlt_pipeline import Origin, PipelineReader
from data_foundation.loading.adoption.since_adoption import find_rows, remember_rows
from data_foundation.loading.lock import hold
from data_foundation.loading.pipeline import TablePipeline
from data_foundation.loading.progress import ProgressCollector
from data_foundation.naming import column_of_path, find_naming, normalize, schema_name
from data_foundation.project.code_hints import as_pendulum
from data_foundation.warehouses.connection import connect, count_rows

if TYPE_CHECKING:
    from dlt.common.normalizers.naming import NamingConvention
    from dlt.common.schema import Schema

    from data_foundation.config.grammar import ResourceConfig
    from data_foundation.loading.schema.keeper import SchemaKeeper
    from data_foundation.loading.task import Task
    from data_foundation.warehouses.base import Destination, Warehouse
    from data_foundation.warehouses.connection import Statement


@dataclass(frozen=True)
class Request:
    """How tables are taken over.

    Attributes:
        pipeline: Name of the dlt pipeline that has loaded them, None if dlt has not.
        dataset: Its dataset; None for that of each destination.
        cursor: The column whose newest value in the table is the cursor, if no pipeline has stored one.
        is_dry: True if nothing is written.
    """

    pipeline: str | None = None
    dataset: str | None = None
    cursor: str | None = None
    is_dry: bool = False


@dataclass(frozen=True)
class Adoption:
    """What is carried over for one table.

    Attributes:
        destination: The table.
        rows: Its rows, which stay as they are.
        tables: Its nested tables and those that its resource fills as well.
        cursors: The stored value of each cursor, by its path.
        remark: What the next run does that is not obvious; "" for nothing.
        refusal: Why it is not carried over; "" if it is.
        of_pipeline: All tables of the pipeline that has loaded it.
    """

    destination: str
    rows: int = 0
    tables: tuple[str, ...] = ()
    cursors: Mapping[str, Any] | None = None
    remark: str = ""
    refusal: str = ""
    of_pipeline: frozenset[str] = frozenset()


def adopt(
    task: Task, warehouse: Warehouse, request: Request, on_waiting: Callable[[str], None], reader: PipelineReader
) -> Adoption:
    """Writes cursor, schema and hints of a table under the names of this project, in one transaction; changes no row.

    Args:
        task: The resource whose table is taken over.
        warehouse: The warehouse that has the table.
        request: How it is taken over.
        on_waiting: Called with a message if another run holds the resource.
        reader: Reads the pipeline, once for all tables of a command.

    Raises:
        LoadError: The warehouse has no such pipeline, or its tables cannot be adopted.
    """
    name, home = table_name_of(task.resource), warehouse.serving(task.resource)
    pipeline = TablePipeline(home, name, ProgressCollector(str(name), lambda _progress: None), task.options.run_id)
    with (
        hold(home.work_folder, name.pipeline, task.options.run_id, on_waiting),
        home.open({"asset": str(name), "source": task.source.name, "run_id": task.options.run_id}) as destination,
    ):
        dataset = home.dataset(request.dataset or name.dataset)
        theirs = reader.read(request.pipeline, destination, dataset) if request.pipeline else None
        pipeline.synchronise(destination)
        plan = _Plan(task.resource, pipeline, theirs.find(pipeline.table) if theirs else None, request)
        adoption = plan.describe(destination)
        if not (adoption.refusal or request.is_dry):
            plan.write(destination, home, adoption.rows)
        return replace(adoption, of_pipeline=theirs.tables if theirs else frozenset())


class _Plan:
    """What is carried over for one table, and how it is written."""

    def __init__(
        self, resource: ResourceConfig, pipeline: TablePipeline, origin: Origin | None, request: Request
    ) -> None:
        self.resource = resource
        self.pipeline = pipeline
        self.origin = origin
        self.request = request
        self.newest: Any = None

    def describe(self, destination: Destination) -> Adoption:
        """Returns what is carried over, or why nothing is."""
        name, keeper = self.resource.destination, self.pipeline.keeper
        if keeper is None or not keeper.has_columns:
            return Adoption(name, refusal="the tables of a vault and of a lake cannot be adopted")
        if refusal := next(self._refusals(keeper), ""):
            return Adoption(name, refusal=refusal)
        with connect(destination, self.pipeline.dataset) as client:
            rows = count_rows(client, self.pipeline.table)
            if self.request.cursor:
                column = client.escape_column_name(normalize(self.request.cursor))
                table = client.make_qualified_table_name(self.pipeline.table)
                query = f"SELECT MAX({column}) FROM {table}"  # noqa: S608 - quoted by dlt
                self.newest = (client.execute_sql(query) or [(None,)])[0][0]
        tables = tuple(sorted(set(self.origin.tables) - {self.pipeline.table})) if self.origin else ()
        return Adoption(name, rows, tables, self._cursors(), self._find_remark())

    def _refusals(self, keeper: SchemaKeeper) -> Iterator[str]:
        """Yields each reason why the table is not carried over."""
        wanted, resource = self.request.dataset, self.resource
        if wanted and wanted != resource.dataset:
            place = f"{wanted}.{resource.table}"
            yield f"its destination is in {resource.dataset}, and --dataset is {wanted}; set destination: {place}"
        if not keeper.is_unknown and find_rows(self.pipeline) is None:
            yield "this project has loaded it already" if keeper.exists else "there is no such table"
        if self.request.pipeline and self.origin is None:
            yield f"pipeline {self.request.pipeline} has not loaded it"
        if self.origin and type(self.origin.naming) is not type(find_naming()):
            yield _refuse_naming(self.origin.naming)
        yield from self._cursor_refusals(keeper)

    def _cursor_refusals(self, keeper: SchemaKeeper) -> Iterator[str]:
        cursor, column = self.resource.incremental, self.request.cursor
        is_append = self.resource.write_disposition.disposition == "append"
        if cursor and cursor.is_in_code:
            yield "only a run of the code shows its cursor; write `incremental: {cursor_path: ...}` in place of true"
            return
        if self.origin and is_append and cursor and cursor.cursor_path not in self.origin.cursors:
            known = ", ".join(self.origin.cursors) or "none"
            yield f"the pipeline has no cursor {cursor.cursor_path} (stored: {known}), so all rows would be added"
        if self.origin is None and is_append and cursor and not column:
            yield f"an append would add all rows again; give --cursor {column_of_path(cursor.cursor_path)}"
        if column and not cursor:
            yield f"--cursor {column} needs `incremental` in sources.yaml"
        if column and cursor and column_of_path(cursor.cursor_path) != normalize(column):
            yield f"--cursor is {column}, and `incremental` in sources.yaml has {cursor.cursor_path}"
        if column and not keeper.has_column(normalize(column)):
            yield f"the table has no column {column}"

    def _find_remark(self) -> str:
        mode = self.resource.write_disposition.disposition
        theirs = self.origin.tables[self.pipeline.table].get("write_disposition", "append") if self.origin else mode
        if "write_disposition" in self.resource.model_fields_set and theirs != mode:
            return f"was {theirs}, and is {mode} from now on"
        if mode == "append" and not self._cursors():
            return "an append without a cursor: each run adds all that the entry yields"
        return ""

    def _cursors(self) -> Mapping[str, Any]:
        if self.origin:
            return self.origin.cursors
        settings = self.resource.incremental
        return {settings.cursor_path: self._newest_as_rows_have_it()} if settings and self.newest is not None else {}

    def _newest_as_rows_have_it(self) -> Any:
        """Returns the newest value in the form in which the code of the entry expects its cursor."""
        initial = self.resource.incremental.initial_value if self.resource.incremental else None
        if isinstance(initial, str) and isinstance(self.newest, date):
            moment = self.newest.isoformat()
            return moment.replace("+00:00", "Z") if initial.endswith("Z") else moment
        return as_pendulum(self.newest) if isinstance(self.newest, datetime) else self.newest

    def _state(self) -> dict[str, Any]:
        """Returns the state of the table's source, in which the resource has the name that it has here."""
        if self.origin:
            theirs = self.origin.state
            resources = dict(theirs.get("resources", {}))
            resources[self.pipeline.table] = resources.get(self.origin.resource, {})
            return {**theirs, "resources": resources}
        # Stored as the first value of a run, the rows that have it are replaced by those that are read again.
        cursors = {
            path: {"initial_value": value, "last_value": value, "unique_hashes": []}
            for path, value in self._cursors().items()
        }
        return {"resources": {self.pipeline.table: {"incremental": cursors}}} if cursors else {}

    def write(self, destination: Destination, warehouse: Warehouse, rows: int) -> None:
        """Stores state and schema as a load without rows does.

        Args:
            destination: An open destination of the warehouse.
            warehouse: The warehouse.
            rows: The table's rows.
        """
        pipeline, keeper = self.pipeline, self.pipeline.keeper
        assert keeper  # noqa: S101 - `describe` has refused a vault
        schema = keeper.adopt(pipeline.dlt, self.origin.tables if self.origin else {})
        if state := self._state():
            with pipeline.dlt.managed_state() as stored:
                stored.setdefault("sources", {})[schema_name(pipeline.table)] = state
        remember_rows(pipeline, rows)
        # Rows of the other program may have ids of earlier loads than those whose check is recorded.
        forget_checks(warehouse, destination, str(table_name_of(self.resource)))
        land_without_rows(pipeline, schema, destination, warehouse)


def land_without_rows(
    pipeline: TablePipeline,
    schema: Schema,
    destination: Destination,
    warehouse: Warehouse,
    statements: Sequence[Statement] = (),
) -> None:
    """Stores the pipeline's state and a schema of its table in one transaction.

    Args:
        pipeline: The pipeline of the table, synchronised.
        schema: What the table is from now on.
        destination: An open destination of the warehouse.
        warehouse: The warehouse.
        statements: Executed in the same transaction.
    """
    pipeline.dlt.extract([], table_name=pipeline.table, schema=schema)
    pipeline.dlt.normalize()
    with warehouse.transaction(destination, statements, fence=pipeline.fence):
        pipeline.dlt.load(destination, dataset_name=pipeline.dataset)
    pipeline.pending.clear()


def _refuse_naming(theirs: NamingConvention) -> str:
    """Returns why columns of another naming convention are not carried over: values would land in further columns."""
    way = f'set naming = "{theirs.name()}" in [schema] of .dlt/config.toml'
    if theirs.is_case_sensitive:
        way = "a convention that distinguishes upper and lower case cannot be adopted"
    return f"its columns have the naming convention {theirs.name()}, and this project {find_naming().name()}; {way}"

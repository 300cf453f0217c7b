"""What all destinations of this room share: they are dlt's own, and each of their loads takes effect as a whole."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import TYPE_CHECKING, Any, ClassVar, Generic, TypeVar

from dlt.common.destination import Destination
from dlt.common.destination.configuration import ParquetFormatConfiguration
from dlt.destinations.sql_client import SqlClientBase
from typing_extensions import override

from data_foundation.warehouses.connection import execute_all, is_ddl
from data_foundation.warehouses.one_load import Commits
from data_foundation.warehouses.sql.version_merge import VersionMerge
from data_foundation.warehouses.state_query import StateWithSchema
from data_foundation.warehouses.table_growth import GrowingTables

if TYPE_CHECKING:
    from dlt.common.destination import PreparedTableSchema
    from dlt.common.destination.client import FollowupJobRequest, JobClientBase
    from dlt.destinations.sql_jobs import SqlMergeFollowupJob
    from dlt.destinations.typing import DBTransaction

    from data_foundation.warehouses.connection import Statement
    from data_foundation.warehouses.fence import Fence
    from data_foundation.warehouses.one_load import OneTransaction

LoadT = TypeVar("LoadT", bound=Commits)

AS_NAMED: Mapping[str, Any] = {"enable_dataset_name_normalization": False}
"""Arguments of dlt's destinations: schemas keep the name that `Warehouse.dataset` gives; dlt would turn __ into _."""


def parquet_settings(**settings: Any) -> ParquetFormatConfiguration:
    """Returns settings of parquet files: frames of one column in two types, for instance objects, make two files."""
    return ParquetFormatConfiguration(arrow_concat_promote_options="default", **settings)


class TransactionalDestination(Destination[Any, Any], Generic[LoadT]):
    """A dlt destination whose loads take effect as a whole. A subclass names it before dlt's own class.

    Attributes:
        dlt_type: dlt's name of the destination. State in the warehouse refers to it, so it must stay dlt's own.
        client_type: The class of its job clients.
        load: The current load, shared by all clients; None outside of `transaction`.
    """

    dlt_type: ClassVar[str]
    client_type: ClassVar[type[JobClientBase]]
    load: LoadT | None = None

    @property
    @override
    def destination_type(self) -> str:
        """Dlt's name of the destination."""
        return self.dlt_type

    @property
    @override
    def client_class(self) -> Any:
        """The class of its job clients."""
        return self.client_type

    @override
    def client(self, schema: Any, initial_config: Any = None) -> Any:
        """Returns a job client that takes part in the current load."""
        client = super().client(schema, initial_config)
        self.prepare(client)
        return client

    @abstractmethod
    def prepare(self, client: Any) -> None:
        """Gives a new client of `client_type` the open session and the current load."""

    @abstractmethod
    def transaction(self, first: Sequence[Statement] = (), fence: Fence | None = None) -> AbstractContextManager[None]:
        """Returns a context that makes the load inside of it all or nothing.

        Args:
            first: Statements executed in the same transaction, before the load.
            fence: What must still hold at the commit; None for nothing.

        Raises:
            LoadOvertaken: The fence does not hold; nothing is written.
        """

    @contextmanager
    def sharing(self, load: LoadT) -> Iterator[LoadT]:
        """Makes `load` the current load of all clients that are created inside the block."""
        before, self.load = self.load, load
        try:
            yield load
        finally:
            self.load = before


@contextmanager
def one_transaction(
    destination: TransactionalDestination[Any],
    dataset: str,
    load: OneTransaction,
    first: Sequence[Statement],
    fence: Fence | None,
) -> Iterator[None]:
    """Makes a load one transaction, which begins with its locks and the comparison of its fence.

    The statements of `first` that change tables are executed before the load's own, all others after them.

    Args:
        destination: The destination of the load.
        dataset: An existing one; the statements name their own.
        load: The load.
        first: The statements.
        fence: What must still hold at the commit; None for nothing.

    Raises:
        LoadOvertaken: The fence does not hold; nothing is written.
    """
    with destination.sharing(load), load.around():
        if fence:
            load.lock(fence.locks)
            fence.check_in(destination)
        with _changing_rows_last(destination, dataset, load, first):
            yield


@contextmanager
def _changing_rows_last(
    destination: Destination[Any, Any], dataset: str, load: OneTransaction, first: Sequence[Statement]
) -> Iterator[None]:
    execute_all(destination, dataset, [statement for statement in first if is_ddl(statement[0])])
    load.changes = [statement for statement in first if not is_ddl(statement[0])]
    yield
    # A load without files has updated no schema.
    execute_all(destination, dataset, load.take_changes())


class CommittingClient(GrowingTables, StateWithSchema):
    """A job client that commits the transaction of its load when dlt calls the load complete.

    Attributes:
        load: The current load, None outside of one; statements then commit as dlt does it.
        merge_job: Generates the statements of a merge.
    """

    load: OneTransaction | None = None
    merge_job: type[SqlMergeFollowupJob] = VersionMerge

    @override
    def _create_merge_followup_jobs(self, table_chain: Sequence[PreparedTableSchema]) -> list[FollowupJobRequest]:
        return [self.merge_job.from_table_chain(table_chain, self.sql_client)]

    @override
    def update_stored_schema(self, *args: Any, **kwargs: Any) -> Any:
        """Creates tables and columns, and then executes what the load changes in rows."""
        update = super().update_stored_schema(*args, **kwargs)
        for sql, values in self.load.take_changes() if self.load else ():
            self.sql_client.execute_sql(sql, *values)
        return update

    @override
    def complete_load(self, load_id: str) -> None:
        super().complete_load(load_id)
        if self.load:
            self.load.commit()


class ReplacedSqlClient(SqlClientBase[Any]):
    """A SQL client that takes the place of the one that dlt made. A subclass names it before dlt's own class."""

    def __init__(self, replaced: Any) -> None:
        super().__init__(
            replaced.dataset_name,
            replaced.staging_dataset_name,
            replaced.credentials,
            replaced.capabilities,
        )


class SharedSessionSqlClient(ReplacedSqlClient):
    """A SQL client on a session that it neither opens, commits nor closes: the load does.

    Attributes:
        session: The open session; None if the destination has none, and then only gives names.
    """

    session: Any

    @override
    def open_connection(self) -> Any:
        assert self.session  # noqa: S101 - a destination without a session is used for names only
        self._conn = self.session
        return self.session

    @override
    def close_connection(self) -> None:
        self._conn = None

    @contextmanager
    @override
    def begin_transaction(self) -> Iterator[DBTransaction]:
        transaction: Any = self
        yield transaction

"""dlt's `sqlalchemy` destination over one session, with loads that take effect as a whole."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, cast

from dlt.destinations.impl.sqlalchemy.factory import sqlalchemy as sqlalchemy_destination
from typing_extensions import override

from data_foundation.warehouses.alchemy.client import AlchemyClient
from data_foundation.warehouses.alchemy.dialects import find_dialect
from data_foundation.warehouses.alchemy.session import SessionLoad, SessionSqlClient
from data_foundation.warehouses.alchemy.types import ExactMySQLTypes, ExactSQLiteTypes
from data_foundation.warehouses.cached_configuration import ResolvedOnce
from data_foundation.warehouses.connection import connect, execute_all, is_ddl
from data_foundation.warehouses.transactional_destination import (
    AS_NAMED,
    TransactionalDestination,
    one_transaction,
    parquet_settings,
)

if TYPE_CHECKING:
    import sqlalchemy as sa
    from dlt.common.destination import DestinationCapabilitiesContext
    from dlt.common.normalizers.naming import NamingConvention

    from data_foundation.warehouses.connection import Statement
    from data_foundation.warehouses.fence import Fence

_TYPES = {"mysql": ExactMySQLTypes, "mariadb": ExactMySQLTypes, "sqlite": ExactSQLiteTypes}


class TransactionalAlchemy(TransactionalDestination[SessionLoad], ResolvedOnce, sqlalchemy_destination):
    """dlt's destination for databases of SQLAlchemy, each of whose loads is one transaction.

    Attributes:
        session: The open session; None if the destination gives names only.
    """

    # dlt reads the defaults of arguments from the signature of this class.
    __orig_base__ = sqlalchemy_destination
    dlt_type = "dlt.destinations.sqlalchemy"
    client_type = AlchemyClient

    def __init__(self, engine: sa.Engine, session: sa.Connection | None = None) -> None:
        self.rules = find_dialect(engine.dialect.name)
        self.session = session
        super().__init__(cast("Any", engine), **AS_NAMED)

    @override
    def _raw_capabilities(self) -> DestinationCapabilitiesContext:
        capabilities = super()._raw_capabilities()
        capabilities.preferred_loader_file_format = "parquet"
        capabilities.supported_loader_file_formats = ["parquet", "model"]
        capabilities.parquet_format = parquet_settings()
        return capabilities

    @classmethod
    @override
    def adjust_capabilities(
        cls, caps: DestinationCapabilitiesContext, config: Any, naming: NamingConvention | None
    ) -> DestinationCapabilitiesContext:
        adjusted = super().adjust_capabilities(caps, config, naming)
        if exact := _TYPES.get(config.get_backend_name() or ""):
            adjusted.type_mapper = exact
        return adjusted

    @override
    def prepare(self, client: AlchemyClient) -> None:
        client.load, client.rules = self.load, self.rules
        client.sql_client = SessionSqlClient(client.sql_client, self.session, self.load, self.rules)

    @contextmanager
    @override
    def transaction(self, first: Sequence[Statement] = (), fence: Fence | None = None) -> Iterator[None]:
        assert self.session is not None  # noqa: S101 - `open` gives one
        load = SessionLoad(self.session, self.rules)
        dataset = fence.dataset if fence else "main"
        if fence:
            self._create_datasets(fence)
        if not self.rules.ddl_commits:
            load.begin()
            with one_transaction(self, dataset, load, first, fence):
                yield
            return
        if fence:
            fence.check_in(self)
        execute_all(self, dataset, [statement for statement in first if is_ddl(statement[0])])
        load.changes = [statement for statement in first if not is_ddl(statement[0])]
        load.on_begin.append(lambda: self._begin(load, dataset, fence))
        with self.sharing(load), load.around():
            yield
            if load.changes:
                # A load without files has changed no row yet.
                load.begin()

    def _begin(self, load: SessionLoad, dataset: str, fence: Fence | None) -> None:
        """Takes the locks of a transaction that has just begun, and compares its fence."""
        if fence:
            with connect(self, dataset) as client:
                cast("SessionSqlClient", client).take_locks(fence.locks)
            fence.check_in(self)
        execute_all(self, dataset, load.take_changes())

    def _create_datasets(self, fence: Fence) -> None:
        """Creates a dataset and the rows of its locks; SQLite attaches no file in a transaction."""
        with connect(self, fence.dataset) as client:
            session = cast("SessionSqlClient", client)
            if not session.has_dataset():
                session.create_dataset()
            if self.rules.ddl_commits:
                session.add_locks(fence.locks)
                return
            with session.with_staging_dataset():
                if not session.has_dataset():
                    session.create_dataset()

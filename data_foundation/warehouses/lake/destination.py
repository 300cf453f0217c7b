"""dlt's destination for files, with loads that take effect as a whole; `lake.client` does the work."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from dlt.common.destination import DestinationCapabilitiesContext
from dlt.common.schema import Schema
from dlt.destinations.impl.filesystem.factory import filesystem
from typing_extensions import override

from data_foundation.naming import schema_name
from data_foundation.warehouses.connection import Statement
from data_foundation.warehouses.fence import Fence
from data_foundation.warehouses.lake.access.catalogue_address import CatalogueAddress
from data_foundation.warehouses.lake.client import LakeClient
from data_foundation.warehouses.lake.load_plan import PendingChanges
from data_foundation.warehouses.lake.open_format import OpenFormat
from data_foundation.warehouses.lake.row_changes import RowStatement
from data_foundation.warehouses.lake.turn_files import Holder
from data_foundation.warehouses.transactional_destination import (
    AS_NAMED,
    TransactionalDestination,
    parquet_settings,
)


class LakeDestination(TransactionalDestination[PendingChanges], filesystem):
    """dlt's destination for files, whose loads take effect as a whole.

    Attributes:
        holder: This process, as it takes turns.
        newest_loads: Id of the newest landed load by dataset and schema, since the table was last mended.
    """

    # dlt reads the defaults of arguments from the signature of this class.
    __orig_base__ = filesystem
    dlt_type = "dlt.destinations.filesystem"
    client_type = LakeClient
    load: PendingChanges

    def __init__(self, table_format: str, catalogue: CatalogueAddress | None = None, **arguments: Any) -> None:
        self._table_format, self._catalogue = table_format, catalogue
        self._open_format = _find_format(table_format)
        self.holder = Holder("")
        self.newest_loads: dict[tuple[str, str], str | None] = {}
        self.load = PendingChanges()
        super().__init__(**arguments, **AS_NAMED)

    @override
    def _raw_capabilities(self) -> DestinationCapabilitiesContext:
        capabilities = super()._raw_capabilities()
        capabilities.preferred_loader_file_format = "parquet"
        capabilities.parquet_format = parquet_settings()
        capabilities.supported_loader_file_formats = ["parquet"]
        capabilities.loader_file_format_selector = None  # type: ignore[assignment] # as in dlt's other destinations
        # dlt sees files only; that some of them are tables is known to the client alone.
        capabilities.supported_table_formats = []
        capabilities.supported_merge_strategies = ["upsert", "insert-only"] if self._open_format else []
        capabilities.merge_strategies_selector = None  # type: ignore[assignment] # the same
        capabilities.supported_replace_strategies = ["truncate-and-insert"]
        capabilities.replace_strategies_selector = None  # type: ignore[assignment] # the same
        return capabilities

    @override
    def prepare(self, client: LakeClient) -> None:
        client.table_format, client.open_format = self._table_format, self._open_format
        client.catalogue, client.pending, client.holder = self._catalogue, self.load, self.holder

    @contextmanager
    @override
    def transaction(self, first: Sequence[Statement] = (), fence: Fence | None = None) -> Iterator[None]:
        with self.sharing(PendingChanges(first, fence)) as pending:
            yield
            if pending.first:
                # The load had no rows, so no client has executed them.
                statement = RowStatement.parse(pending.first[-1][0])
                self.client_of(statement.dataset, schema_name(statement.table)).delete_only()

    def client_of(self, dataset: str, schema: str) -> LakeClient:
        """Returns a client that needs no dlt pipeline."""
        configuration = self.spec()
        configuration.dataset_name = dataset
        client = self.client(Schema(schema), configuration)
        assert isinstance(client, LakeClient)  # noqa: S101 - it is of `client_type`
        return client

    def lacks(self, dataset: str, schema: str, table: str) -> bool:
        """Returns True if a table does not exist; False for parquet files, as a table without rows has none."""
        client = self.client_of(dataset, schema)
        if self._open_format is None or self._open_format.find(client, table) is not None:
            return False
        # Files that the catalogue does not know are refused by the load, with an error that names the catalogue.
        return self._table_format != "iceberg" or not client.table_files(table)


def _find_format(name: str) -> OpenFormat | None:
    """Returns the functions of a format, None for parquet files, which have no versions."""
    # Each needs packages that only its users have.
    if name == "delta":
        from data_foundation.warehouses.lake.delta.format import DeltaFormat  # noqa: PLC0415

        return DeltaFormat()
    if name == "iceberg":
        from data_foundation.warehouses.lake.iceberg.format import IcebergFormat  # noqa: PLC0415

        return IcebergFormat()
    return None

"""dlt's destination for files, made safe: what one load does to a lake takes effect as a whole; see lake_client."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from dlt.common.destination import DestinationCapabilitiesContext
from dlt.common.schema import Schema
from dlt.destinations.impl.filesystem.factory import filesystem
from dlt.destinations.impl.filesystem.filesystem import FilesystemClient
from typing_extensions import override

from data_foundation.naming import schema_name
from data_foundation.warehouses.base import AS_NAMED, Statement
from data_foundation.warehouses.lake import delta as lake_delta
from data_foundation.warehouses.lake.client import Intent, LakeClient


class LakeDestination(filesystem):
    """dlt's destination for files, whose loads take effect as a whole."""

    # Whose signature dlt reads to know which arguments are defaults.
    __orig_base__ = filesystem

    def __init__(self, table_format: str, **arguments: Any) -> None:
        self._table_format = table_format
        self._intent = Intent()
        super().__init__(**arguments, **AS_NAMED)

    @property
    @override
    def destination_type(self) -> str:
        """The one that the state in the lake names: to dlt this is its own."""
        return "dlt.destinations.filesystem"

    @property
    @override
    def client_class(self) -> type[FilesystemClient]:
        """The client that writes nothing before a load is complete."""
        return LakeClient

    @override
    def _raw_capabilities(self) -> DestinationCapabilitiesContext:
        capabilities = super()._raw_capabilities()
        capabilities.preferred_loader_file_format = "parquet"
        capabilities.supported_loader_file_formats = ["parquet"]
        capabilities.loader_file_format_selector = None  # type: ignore[assignment] # as in generic ones
        # To dlt they are files; that some are Delta tables is the client's own affair.
        capabilities.supported_table_formats = []
        capabilities.supported_merge_strategies = ["upsert", "insert-only"] if self._table_format == "delta" else []
        capabilities.merge_strategies_selector = None  # type: ignore[assignment] # the same
        capabilities.supported_replace_strategies = ["truncate-and-insert"]
        capabilities.replace_strategies_selector = None  # type: ignore[assignment] # the same
        return capabilities

    @override
    def client(self, schema: Any, initial_config: Any = None) -> Any:
        """Returns a client that shares its intent with all others of one load."""
        client = super().client(schema, initial_config)
        assert isinstance(client, LakeClient)  # noqa: S101 - it is of `client_class`
        client.table_format, client.intent = self._table_format, self._intent
        return client

    @contextmanager
    def one_load(self, first: Sequence[Statement]) -> Iterator[None]:
        """Gathers what a load inside the block means to do; what was to be deleted first is, even for no rows."""
        self._intent = Intent(first)
        try:
            yield
            if self._intent.first:
                self._delete_only()
        finally:
            self._intent = Intent()

    def _delete_only(self) -> None:
        dataset, table = lake_delta.names(self._intent.first[-1][0])
        self.client_of(dataset, schema_name(table)).delete_only()

    def client_of(self, dataset: str, schema: str) -> LakeClient:
        """Returns a client for what needs no pipeline of dlt's."""
        configuration = self.spec()
        configuration.dataset_name = dataset
        client = self.client(Schema(schema), configuration)
        assert isinstance(client, LakeClient)  # noqa: S101 - it is of `client_class`
        return client

"""Reads the stored state and schema of a pipeline, and the columns of its table, by one SQL statement."""

from __future__ import annotations

import base64
import contextlib
import zlib
from collections.abc import Sequence
from datetime import UTC
from typing import TYPE_CHECKING, Any

from dlt.common.destination.client import StateInfo, StorageSchemaInfo
from dlt.common.time import ensure_datetime_in_tz
from typing_extensions import override

from data_foundation.warehouses.fence import newest_load_query
from data_foundation.warehouses.table_columns import TypedColumns

if TYPE_CHECKING:
    from dlt.common.schema import Schema


class StateWithSchema(TypedColumns):
    """A job client that reads the stored schema and the table's columns together with the state."""

    @override
    def get_stored_state(self, pipeline_name: str) -> StateInfo | None:  # type: ignore[override] # dlt's None is implicit
        """Returns the state of the newest committed load, None if there is none.

        Of the table that is synchronised, it also reads the newest load, its schema and the columns of the table.
        """
        if pipeline_name != self.shared.pipeline:
            return super().get_stored_state(pipeline_name)
        self.shared.client = self
        columns, columns_values = self.columns_query(self.shared.table) if self.shared.table else ("NULL", [])
        query = self._synchronising_query(columns)
        with self.sql_client.execute_query(query, *columns_values, self.shared.schema, pipeline_name) as cursor:
            columns_text, newest, *row = cursor.fetchone() or (None, None, None)
        self.shared.landed = [] if newest is None else [str(newest)]
        if self.shared.table:
            self.shared.tables = self.parse_columns(columns_text)
        if row[0] is None:
            return None
        version, engine_version, named, state, created_at, load_id = row[:6]
        if (found := row[6:])[0] is not None:
            self.shared.schemas[found[3]] = _schema_info(found)
        created_at = ensure_datetime_in_tz(created_at, UTC)
        return StateInfo(version, engine_version, named, state, created_at, _dlt_load_id=load_id)

    def _synchronising_query(self, columns: str) -> str:
        """Returns a query of one row: columns of the table, newest load, newest state, schema of the newest load.

        Its values are those of `columns`, the name of the dlt schema, and that of the pipeline.

        Args:
            columns: A SELECT of the columns.
        """
        sql, schema = self.sql_client, self.schema
        name, escape = sql.make_qualified_table_name, sql.escape_column_name
        of_state, of_schema = self.state_table_columns.split(", "), self.version_table_schema_columns.split(", ")
        chosen = [*(f"s.{column}" for column in of_state), *(f"v.{column}" for column in of_schema)]
        chosen = [f"{column} AS {escape(f'c{index}')}" for index, column in enumerate(chosen)]
        state = (
            f"SELECT {', '.join(f's.{column}' for column in of_state)} FROM {name(schema.state_table_name)} AS s "  # noqa: S608 - quoted by dlt
            f"JOIN {name(schema.loads_table_name)} AS l ON l.{escape('load_id')} = s.{escape('_dlt_load_id')} "
            f"WHERE s.{escape('pipeline_name')} = %s AND l.{escape('status')} = 0 "
            f"ORDER BY CAST(l.{escape('load_id')} AS DOUBLE PRECISION) DESC LIMIT 1"
        )
        # By its hash: the time at which a version was stored is that of the machine which stored it.
        is_of_newest = f"v.{escape('version_hash')} = n.{escape('schema_version_hash')}"
        return (
            f"SELECT k.found, n.{escape('load_id')} AS newest, {', '.join(chosen)} "  # noqa: S608 - quoted by dlt
            f"FROM (SELECT ({columns}) AS found) AS k LEFT JOIN ({newest_load_query(sql)}) AS n ON 1 = 1 "
            f"LEFT JOIN ({state}) AS s ON 1 = 1 LEFT JOIN {name(schema.version_table_name)} AS v "
            f"ON v.{escape('schema_name')} = n.{escape('schema_name')} "
            f"ORDER BY CASE WHEN {is_of_newest} THEN 0 ELSE 1 END, v.{escape('inserted_at')} DESC LIMIT 1"
        )

    @override
    def get_stored_schema(self, schema_name: str | None = None) -> StorageSchemaInfo | None:  # type: ignore[override] # the same
        """Returns the newest version of a schema, None if there is none."""
        known = self.shared.schemas.pop(schema_name, None) if schema_name else None
        return known or super().get_stored_schema(schema_name)  # type: ignore[arg-type] # the same

    @override
    def get_stored_schema_by_hash(self, version_hash: str) -> StorageSchemaInfo | None:  # type: ignore[override] # the same
        """Returns the stored version of this content; None if the load must store it again."""
        return None if self.shared.stores_schema else super().get_stored_schema_by_hash(version_hash)

    @override
    def _delete_schema_in_storage(self, schema: Schema) -> None:
        # A table that a person made may be dropped where no load has created dlt's own tables.
        if self.get_stored_schema(schema.name):
            super()._delete_schema_in_storage(schema)


def _schema_info(row: Sequence[Any]) -> StorageSchemaInfo:
    """Returns the schema in a row of `_dlt_version`; dlt's own conversion is part of its query."""
    version, engine_version, inserted_at, name, version_hash, schema = row
    inserted_at = ensure_datetime_in_tz(inserted_at, UTC)
    # Earlier versions of dlt stored plain text.
    with contextlib.suppress(ValueError):
        schema = zlib.decompress(base64.b64decode(schema, validate=True)).decode()
    return StorageSchemaInfo(version_hash, name, version, engine_version, inserted_at, schema)

"""Reads the stored state and the stored schema of a pipeline by one SQL statement."""

from __future__ import annotations

import base64
import contextlib
import zlib
from collections.abc import Sequence
from datetime import UTC
from typing import Any

from dlt.common.destination.client import StateInfo, StorageSchemaInfo
from dlt.common.time import ensure_datetime_in_tz
from dlt.destinations.job_client_impl import SqlJobClientBase
from typing_extensions import override


class StateWithSchema(SqlJobClientBase):
    """A job client that reads the stored schema together with the state, as dlt requests it next.

    Attributes:
        schemas: Schemas that were read and not requested yet, by name; shared by the clients of one destination. Each
            is returned once, so a second request reads the warehouse again.
    """

    schemas: dict[str, StorageSchemaInfo]

    @override
    def get_stored_state(self, pipeline_name: str) -> StateInfo | None:  # type: ignore[override] # dlt's None is implicit
        """Returns the state of the newest committed load, None if there is none."""
        schema, sql = self.schema, self.sql_client
        name, escape = sql.make_qualified_table_name, sql.escape_column_name
        of_state, of_schema = self.state_table_columns.split(", "), self.version_table_schema_columns.split(", ")
        columns = [*(f"s.{column}" for column in of_state), *(f"v.{column}" for column in of_schema)]
        query = (
            f"SELECT {', '.join(columns)} FROM {name(schema.state_table_name)} AS s "  # noqa: S608 - quoted by dlt
            f"JOIN {name(schema.loads_table_name)} AS l ON l.{escape('load_id')} = s.{escape('_dlt_load_id')} "
            f"LEFT JOIN {name(schema.version_table_name)} AS v "
            f"ON v.{escape('schema_name')} = l.{escape('schema_name')} "
            f"WHERE s.{escape('pipeline_name')} = %s AND l.{escape('status')} = 0 "
            f"ORDER BY l.{escape('load_id')} DESC, v.{escape('inserted_at')} DESC LIMIT 1"
        )
        with sql.execute_query(query, pipeline_name) as cursor:
            row = cursor.fetchone()
        if not row:
            return None
        version, engine_version, named, state, created_at, load_id = row[: len(of_state)]
        if (found := row[len(of_state) :])[0] is not None:
            self.schemas[found[3]] = _schema_info(found)
        created_at = ensure_datetime_in_tz(created_at, UTC)
        return StateInfo(version, engine_version, named, state, created_at, _dlt_load_id=load_id)

    @override
    def get_stored_schema(self, schema_name: str | None = None) -> StorageSchemaInfo | None:  # type: ignore[override] # the same
        """Returns the newest version of a schema, None if there is none."""
        known = self.schemas.pop(schema_name, None) if schema_name else None
        return known or super().get_stored_schema(schema_name)  # type: ignore[arg-type] # the same


def _schema_info(row: Sequence[Any]) -> StorageSchemaInfo:
    """Returns the schema in a row of `_dlt_version`; dlt's own conversion is part of its query."""
    version, engine_version, inserted_at, name, version_hash, schema = row
    inserted_at = ensure_datetime_in_tz(inserted_at, UTC)
    # Earlier versions of dlt stored plain text.
    with contextlib.suppress(ValueError):
        schema = zlib.decompress(base64.b64decode(schema, validate=True)).decode()
    return StorageSchemaInfo(version_hash, name, version, engine_version, inserted_at, schema)

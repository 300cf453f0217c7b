"""What a pipeline begins with, its state and its schema, read from a SQL engine by one statement."""

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
    """A client that reads with a state the schema that belongs to it, for which dlt asks next.

    Attributes:
        schemas: What was read and not asked for yet, by name; clients of one destination share it. Each is given once,
            so whoever asks a second time gets what the warehouse has by then.
    """

    schemas: dict[str, StorageSchemaInfo]

    @override
    def get_stored_state(self, pipeline_name: str) -> StateInfo | None:  # type: ignore[override] # dlt's None is implicit
        """Returns the state of the newest load that was committed, None where there is none."""
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
        """Returns the newest version of a schema, None where there is none."""
        known = self.schemas.pop(schema_name, None) if schema_name else None
        return known or super().get_stored_schema(schema_name)  # type: ignore[arg-type] # the same


def _schema_info(row: Sequence[Any]) -> StorageSchemaInfo:
    """Returns a row of dlt's table of schemas as dlt's own client does, which only does so with its own query."""
    version, engine_version, inserted_at, name, version_hash, schema = row
    inserted_at = ensure_datetime_in_tz(inserted_at, UTC)
    # One that earlier versions of dlt have written is plain text.
    with contextlib.suppress(ValueError):
        schema = zlib.decompress(base64.b64decode(schema, validate=True)).decode()
    return StorageSchemaInfo(version_hash, name, version, engine_version, inserted_at, schema)

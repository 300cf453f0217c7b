"""The partition hints of a table: dlt's column hint `partition`, and those of dlt's adapter for Iceberg."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from dlt.destinations.impl.filesystem.iceberg_adapter import PARTITION_HINT

from data_foundation.dlt_keys import PARTITION_TRANSFORM
from data_foundation.naming import normalize

IDENTITY = "identity"


@dataclass(frozen=True)
class PartitionHint:
    """One field of a table's partitioning.

    Attributes:
        column: Name of the column.
        transform: Iceberg's transform of its values, for instance `day` or `bucket[16]`.
        name: Name of the field in Iceberg's metadata; "" for Iceberg's own choice.
    """

    column: str
    transform: str = IDENTITY
    name: str = ""


def read_hints(table: Any) -> Sequence[PartitionHint]:
    """Returns the partitioning that a dlt table schema asks for, in the order of its fields; empty if for none.

    The hint of a column replaces those of the adapter for the same column.
    """
    columns = {name: hints for name, hints in (table.get("columns") or {}).items() if hints.get("partition")}
    of_columns = [PartitionHint(name, hints.get(PARTITION_TRANSFORM, IDENTITY)) for name, hints in columns.items()]
    of_adapter = [_of_adapter(spec) for spec in table.get(PARTITION_HINT) or ()]
    return tuple(dict.fromkeys([*(hint for hint in of_adapter if hint.column not in columns), *of_columns]))


def _of_adapter(spec: Any) -> PartitionHint:
    width = spec.get("param_value")
    transform = spec["transform"] if width is None else f"{spec['transform']}[{width}]"
    return PartitionHint(normalize(spec["source_column"]), transform, spec.get("partition_field") or "")

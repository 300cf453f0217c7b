"""Makes the ids that dlt gives rows: random ones, and hashes of a row, of its key or of its place."""

from __future__ import annotations

import base64
import os
from collections.abc import Sequence
from hashlib import shake_128
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from dlt.common.json import json
from dlt.common.normalizers.json.helpers import get_row_hash
from dlt.common.normalizers.utils import DLT_ID_LENGTH_BYTES

# Base64 writes four letters for three bytes: padded to a multiple of three, many ids are encoded in one call.
_PADDED = -(-DLT_ID_LENGTH_BYTES // 3) * 3
_LETTERS, _KEPT = _PADDED // 3 * 4, -(-DLT_ID_LENGTH_BYTES * 8 // 6)


def random_ids(count: int) -> pa.Array:
    """Returns random ids like those of dlt's `generate_dlt_id`."""
    return _spell(np.frombuffer(os.urandom(DLT_ID_LENGTH_BYTES * count), np.uint8).reshape(count, DLT_ID_LENGTH_BYTES))


def nested_ids(parents: pa.Array, table: str, indexes: pa.Array) -> pa.Array:
    """Returns the ids of rows of a child table, equal to those of dlt's `get_nested_row_hash`.

    Args:
        parents: The id of the parent of each row.
        table: The child table's name.
        indexes: The index of each row in its list.
    """
    texts = pc.binary_join_element_wise(parents, table, indexes.cast(pa.string()), "_")
    keys = texts.cast(pa.binary()).to_numpy(zero_copy_only=False)
    digests = b"".join([shake_128(key).digest(DLT_ID_LENGTH_BYTES) for key in keys])
    return _spell(np.frombuffer(digests, np.uint8).reshape(-1, DLT_ID_LENGTH_BYTES))


def row_hashes(rows: Sequence[dict[Any, Any]]) -> list[str]:
    """Returns dlt's hash of every row, which dlt computes from the row as read back from its files."""
    return [get_row_hash(row) for row in json.loadb(json.typed_dumpb(rows))]


def key_hashes(keys: Sequence[dict[str, Any]]) -> list[str]:
    """Returns dlt's hash of the primary key of every row; see `row_hashes`.

    Args:
        keys: The key columns and their values, for every row.
    """
    return [get_row_hash(key, subset=list(key)) for key in json.loadb(json.typed_dumpb(keys))]


def _spell(raw: np.ndarray[Any, np.dtype[np.uint8]]) -> pa.Array:
    count = len(raw)
    padded = np.zeros((count, _PADDED), np.uint8)
    padded[:, :DLT_ID_LENGTH_BYTES] = raw
    letters = np.frombuffer(base64.b64encode(padded.tobytes()), np.uint8).reshape(count, _LETTERS)[:, :_KEPT]
    offsets = np.arange(0, _KEPT * count + 1, _KEPT, dtype=np.int32)
    return pa.StringArray.from_buffers(count, pa.py_buffer(offsets), pa.py_buffer(np.ascontiguousarray(letters)))

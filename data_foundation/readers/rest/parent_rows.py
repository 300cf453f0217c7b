"""Reads the rows of a parent, and adds fields of theirs to the rows of the response."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from data_foundation.errors import LoadError
from data_foundation.readers.rest.request_values import field_of
from data_foundation.rows.exact.value_rules import is_frame
from data_foundation.rows.json_documents import is_document, read_document


def rows_of(item: Any) -> list[Mapping[str, Any]]:
    """Returns the rows of a parent's item, which is a row, a list of rows, or a frame.

    Raises:
        LoadError: A row is not a mapping.
    """
    if is_frame(item):
        item = item.to_pylist() if hasattr(item, "to_pylist") else item.to_dict("records")
    rows = item if isinstance(item, list) else [item]
    for row in rows:
        if not isinstance(row, Mapping):
            raise LoadError(f"data_from: the parent yielded a {type(row).__name__}; accepted are rows with fields")
    return rows


def include(
    page: Any, parent: Mapping[str, Any], name: str, fields: Sequence[str], decimals: Collection[str] = ()
) -> Any:
    """Returns a page whose rows have fields of their parent, named `_<parent>_<field>` as in dlt's rest_api.

    Args:
        page: The rows, or a JSON document of them.
        parent: The parent's row.
        name: Name of the parent.
        fields: The fields of the parent's row; without any, the page is returned as it is.
        decimals: Columns of a document whose numbers keep all their digits.

    Raises:
        LoadError: A row is not an object, or has a field of that name itself.
    """
    if not fields:
        return page
    rows = read_document(page, decimals) if is_document(page) else page
    added = {f"_{name}_{field.replace('.', '__')}": field_of(parent, field) for field in fields}
    for row in rows:
        if not isinstance(row, Mapping):
            raise LoadError(f"include_from_parent: got a row that is a {type(row).__name__}; accepted are objects")
        if own := sorted(added.keys() & row.keys()):
            raise LoadError(
                f"include_from_parent: a row has a field {own[0]} of its own, which the parent's would replace; leave "
                "the field out of include_from_parent"
            )
    return [{**row, **added} for row in rows]

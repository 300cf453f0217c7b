"""Puts fields of a parent's row into the path, parameters and body of a request, and into the rows of the response."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any
from urllib.parse import quote

from data_foundation.errors import LoadError
from data_foundation.readers.rest.endpoint_arguments import PLACEHOLDER
from data_foundation.rows.exact.value_rules import is_frame
from data_foundation.rows.json_documents import is_document, read_document
from data_foundation.suggestions import nearest


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


def field_of(parent: Mapping[str, Any], path: str) -> Any:
    """Returns a field of a parent's row.

    Args:
        parent: The parent's row.
        path: Name of the field; a dot separates the name of a nested field.

    Raises:
        LoadError: The row has no such field.
    """
    value: Any = parent
    for name in path.split("."):
        if not isinstance(value, Mapping) or name not in value:
            names = list(value) if isinstance(value, Mapping) else []
            fields = ", ".join(names) or "no fields"
            raise LoadError(f"data_from: the parent's row has no '{path}'; it has {fields}{nearest(name, names)}")
        value = value[name]
    return value


def fill_path(endpoint: str, parent: Mapping[str, Any]) -> str:
    """Returns the endpoint with the parent's fields, percent-encoded unless the endpoint is a single field."""
    if PLACEHOLDER.fullmatch(endpoint):
        return str(_filled(parent, endpoint[1:-1]))
    return PLACEHOLDER.sub(lambda found: quote(str(_filled(parent, found[1])), safe=""), endpoint)


def fill_values(value: Any, parent: Mapping[str, Any]) -> Any:
    """Returns parameters with the parent's fields; a text that is a single field gets the field's own type."""
    if isinstance(value, str):
        if placeholder := PLACEHOLDER.fullmatch(value):
            return _filled(parent, placeholder[1])
        return PLACEHOLDER.sub(lambda found: str(_filled(parent, found[1])), value)
    return _nested(value, lambda item: fill_values(item, parent))


def fill_body(value: Any, parent: Mapping[str, Any]) -> Any:
    """Returns a body with the parent's fields; braces inside a longer text are left as they are."""
    if isinstance(value, str):
        return fill_values(value, parent) if PLACEHOLDER.fullmatch(value) else value
    return _nested(value, lambda item: fill_body(item, parent))


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
        LoadError: A row is not an object.
    """
    if not fields:
        return page
    rows = read_document(page, decimals) if is_document(page) else page
    added = {f"_{name}_{field.replace('.', '__')}": field_of(parent, field) for field in fields}
    for row in rows:
        if not isinstance(row, Mapping):
            raise LoadError(f"include_from_parent: got a row that is a {type(row).__name__}; accepted are objects")
    return [{**row, **added} for row in rows]


def _filled(parent: Mapping[str, Any], path: str) -> Any:
    value = field_of(parent, path)
    if value is None or value == "":
        raise LoadError(f"data_from: '{path}' of the parent's row is empty; the request needs a value")
    return value


def _nested(value: Any, fill: Callable[[Any], Any]) -> Any:
    if isinstance(value, Mapping):
        return {key: fill(item) for key, item in value.items()}
    return [fill(item) for item in value] if isinstance(value, list) else value

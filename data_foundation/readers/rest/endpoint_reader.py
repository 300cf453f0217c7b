"""Reads one endpoint, once or for each row of a parent, and yields its rows page by page."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any
from weakref import WeakKeyDictionary

import dlt
import requests

from data_foundation.errors import EntryError
from data_foundation.naming import normalize
from data_foundation.readers.rest.api_client import ApiClient
from data_foundation.readers.rest.api_settings import find_api, with_auth
from data_foundation.readers.rest.endpoint_arguments import EndpointArguments
from data_foundation.readers.rest.pagination import PageGuard, build_paginator
from data_foundation.readers.rest.parent_rows import include, rows_of
from data_foundation.readers.rest.request_values import RequestValues, cursor_values
from data_foundation.readers.rest.response_rows import NoContent, check_selected, name_columns

_clients: WeakKeyDictionary[Any, ApiClient] = WeakKeyDictionary()
"""The client of each running resource, so that its connections and its token are used for every row of a parent."""


def read_endpoint(arguments: EndpointArguments, parent: Any) -> Iterator[Any]:
    """Yields the rows of an endpoint; called inside a running dlt resource.

    Args:
        arguments: The arguments of `get_endpoint`.
        parent: An item of the parent resource, or None without `data_from`.

    Raises:
        FoundationError: The endpoint cannot be read; the message gives the reason.
        requests.RequestException: The API cannot be reached, or refuses the request.
    """
    resource = dlt.current.resource()
    client = _clients.get(resource) or _clients.setdefault(resource, _build_client(arguments, resource))
    cursor = _cursor_of(arguments, resource.incremental)
    if parent is None:
        if arguments.parent_fields:
            raise EntryError(
                f"{{{arguments.parent_fields[0]}}} is a field of a parent; name that resource in `data_from`"
            )
        yield from _pages(client, arguments, RequestValues(cursor=cursor))
        return
    # dlt 1.31 has no public name for the parent, and appends the child's name to it when the child is renamed; tests
    # guard both.
    name = resource._pipe.parent.name.removesuffix(f"_{resource.name}")  # noqa: SLF001
    for row in rows_of(parent):
        for rows in _pages(client, arguments, RequestValues(row, cursor)):
            yield include(rows, row, name, arguments.include_from_parent, client.decimals)


def _build_client(arguments: EndpointArguments, resource: Any) -> ApiClient:
    api = find_api(resource.section, arguments.connection)
    if arguments.auth:
        api = with_auth(api, resource.section, arguments.auth)
    return ApiClient(api, _decimals_of(resource), arguments.response_actions)


def _decimals_of(resource: Any) -> frozenset[str]:
    """Returns the columns that are declared as decimals, as the warehouse spells them; a hash is none."""
    hints = resource.columns if isinstance(resource.columns, Mapping) else {}
    return frozenset(normalize(name) for name, hint in hints.items() if hint.get("data_type") in {"decimal", "wei"})


def _pages(client: ApiClient, arguments: EndpointArguments, values: RequestValues) -> Iterator[Any]:
    """Yields the pages of one request, filled with the values: lists of rows, or the JSON of an array unchanged."""
    params = values.texts({**arguments.params, **_range(arguments, values.cursor)})
    if arguments.page_size and arguments.pagination.type != "offset":
        params = {arguments.pagination.limit_param: arguments.page_size, **params}
    request = {
        "method": arguments.method,
        "params": params,
        "json": values.body(arguments.body),
        "data": None if arguments.form is None else values.texts(arguments.form),
        "headers": values.texts(arguments.headers) or None,
    }
    guard = PageGuard(arguments.pagination, arguments.page_size)
    paginator = build_paginator(arguments)
    path, parallel = values.path(arguments.endpoint), arguments.pagination.parallel
    for page in client.pages(path, paginator, arguments.data_selector, request, parallel):
        is_checked = arguments.data_selector_required and not isinstance(page.response, NoContent)
        if not page and arguments.data_selector and is_checked:
            check_selected(page.response, arguments.data_selector)
        following = (page.request.url, page.request.params, page.request.json)
        guard.check(page, following if paginator.has_next_page else None)
        if page and (arguments.data_selector is not None or not _is_array(page.response) or arguments.row_names):
            yield name_columns(page, arguments.row_names)
        elif page:
            name_columns(page, ())
            yield page.response.content


def _is_array(response: requests.Response) -> bool:
    """Returns whether a response is a JSON array, which is loaded without parsing it in Python."""
    start = response.content[:64].lstrip()
    return start[:1] == b"[" and b"\x00" not in start  # UTF-16 contains zero bytes


def _cursor_of(arguments: EndpointArguments, incremental: Any) -> dict[str, Any]:
    if not incremental and arguments.sends_cursor:
        raise EntryError(
            "start_param, end_param and {incremental...} need `incremental`, whose values they send; add or remove it"
        )
    return cursor_values(incremental, arguments.convert)


def _range(arguments: EndpointArguments, cursor: Mapping[str, Any]) -> dict[str, Any]:
    """Returns the query parameters with the cursor's start value and the end of a range."""
    values = {arguments.start_param: cursor.get("start_value"), arguments.end_param: cursor.get("end_value")}
    return {name: value for name, value in values.items() if name and value is not None}

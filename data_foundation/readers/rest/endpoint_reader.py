"""Reads one endpoint, once or for each row of a parent, and yields its rows page by page."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime
from typing import Any
from weakref import WeakKeyDictionary

import dlt
import requests

from data_foundation.errors import EntryError
from data_foundation.naming import normalize
from data_foundation.readers.rest.api_client import ApiClient, check_selected
from data_foundation.readers.rest.api_settings import find_api
from data_foundation.readers.rest.endpoint_arguments import EndpointArguments
from data_foundation.readers.rest.pagination import PageGuard, build_paginator
from data_foundation.readers.rest.parent_rows import fill_body, fill_path, fill_values, include, rows_of

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
    client = _clients.get(resource) or _clients.setdefault(
        resource, ApiClient(find_api(resource.section, arguments.connection), _decimals_of(resource))
    )
    params = {**arguments.params, **_range(arguments, resource.incremental)}
    if parent is None:
        if arguments.parent_fields:
            raise EntryError(
                f"{{{arguments.parent_fields[0]}}} is a field of a parent; name that resource in `data_from`"
            )
        yield from _pages(client, arguments, arguments.endpoint, params, arguments.body)
        return
    # dlt 1.31 has no public name for the parent, and appends the child's name to it when the child is renamed; tests
    # guard both.
    name = resource._pipe.parent.name.removesuffix(f"_{resource.name}")  # noqa: SLF001
    for row in rows_of(parent):
        pages = _pages(
            client,
            arguments,
            fill_path(arguments.endpoint, row),
            fill_values(params, row),
            fill_body(arguments.body, row),
        )
        for rows in pages:
            yield include(rows, row, name, arguments.include_from_parent, client.decimals)


def _decimals_of(resource: Any) -> frozenset[str]:
    """Returns the columns that are declared as decimals, as the warehouse spells them; a hash is none."""
    hints = resource.columns if isinstance(resource.columns, Mapping) else {}
    return frozenset(normalize(name) for name, hint in hints.items() if hint.get("data_type") in {"decimal", "wei"})


def _pages(
    client: ApiClient,
    arguments: EndpointArguments,
    path: str,
    params: Mapping[str, Any],
    body: Mapping[str, Any] | None,
) -> Iterator[Any]:
    if arguments.page_size and arguments.pagination.type != "offset":
        params = {arguments.pagination.limit_param: arguments.page_size, **params}
    request = {
        "method": arguments.method,
        # A template may have no value yet, for instance on the first run.
        "params": {name: value for name, value in params.items() if value is not None and value != ""},
        "json": copy.deepcopy(body),
        "headers": arguments.headers or None,
    }
    guard = PageGuard(arguments.pagination, arguments.page_size)
    paginator = build_paginator(arguments)
    for page in client.pages(path, paginator, arguments.data_selector, request):
        if not page and arguments.data_selector and arguments.data_selector_required:
            check_selected(page.response, arguments.data_selector)
        following = (page.request.url, page.request.params, page.request.json)
        guard.check(page, following if paginator.has_next_page else None)
        if page:
            yield page.response.content if arguments.data_selector is None and _is_array(page.response) else list(page)


def _is_array(response: requests.Response) -> bool:
    """Returns whether a response is a JSON array, which is loaded without parsing it in Python."""
    start = response.content[:64].lstrip()
    return start[:1] == b"[" and b"\x00" not in start  # UTF-16 contains zero bytes


def _range(arguments: EndpointArguments, incremental: Any) -> dict[str, Any]:
    """Returns the query parameters with the cursor's start value and the end of a range."""
    if not incremental:
        if arguments.start_param or arguments.end_param:
            raise EntryError("start_param and end_param need `incremental`, whose values they send; add or remove it")
        return {}
    values = {arguments.start_param: incremental.start_value, arguments.end_param: incremental.end_value}
    return {name: _spell(value) for name, value in values.items() if name and value is not None}


def _spell(value: Any) -> Any:
    """Returns a cursor value in its form in a URL; times in ISO 8601 and UTC."""
    if isinstance(value, datetime) and value.tzinfo:
        return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
    return value.isoformat() if isinstance(value, date) else value

"""Endpoints of REST APIs: `data_foundation.readers.rest.get_endpoint` is an entry for `sources.yaml`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from data_foundation.readers.rest.endpoint_arguments import EndpointArguments


def get_endpoint(  # noqa: PLR0913 - each is a key of `kwargs` in sources.yaml
    parent: object = None,  # dlt looks into its configuration for what may be Any
    *,
    connection: str,
    endpoint: str,
    method: str = "GET",
    params: Mapping[str, Any] | None = None,
    json: Mapping[str, Any] | None = None,
    headers: Mapping[str, str] | None = None,
    pagination: str | Mapping[str, Any] = "none",
    page_size: int | None = None,
    data_selector: str | None = None,
    data_selector_required: bool = True,
    start_param: str | None = None,
    end_param: str | None = None,
    include_from_parent: Sequence[str] | str = (),
) -> Iterator[Any]:
    """The rows that an endpoint of a REST API answers, page by page.

    Args:
        parent: With `data_from`, what the parent gave: the endpoint is asked for each row of it.
        connection: Its settings are `[sources.<folder>.<connection>]` of dlt's configuration.
        endpoint: Path below `base_url`; `{id}` is the parent's field.
        method: GET or POST.
        params: Of the address; one without a value is left out.
        json: The body of a POST.
        headers: Beside those of the connection.
        pagination: How pages follow each other: a word, or a mapping with its details.
        page_size: Rows of a page that are asked for.
        data_selector: JSONPath of the rows in an answer.
        data_selector_required: An answer without it is refused; else it has no rows.
        start_param: The parameter that takes the cursor of `incremental`.
        end_param: The parameter that takes the end of a range.
        include_from_parent: Fields of the parent that each row gets, as `_<parent>_<field>`.

    Yields:
        Lists of rows, or JSON as it came.

    Raises:
        FoundationError: The endpoint cannot be read, and why.
        requests.RequestException: The vendor is away, or refuses.
    """
    from data_foundation.readers.rest.endpoint_reader import read_endpoint  # noqa: PLC0415 - a check of arguments needs no client

    arguments = EndpointArguments.read(
        connection=connection, endpoint=endpoint, method=method, params=params or {}, json=json, headers=headers or {},
        pagination=pagination, page_size=page_size, data_selector=data_selector,
        data_selector_required=data_selector_required, start_param=start_param, end_param=end_param,
        include_from_parent=include_from_parent,
    )  # fmt: skip
    yield from read_endpoint(arguments, parent)

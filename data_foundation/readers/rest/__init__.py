"""Reads endpoints of REST APIs: `data_foundation.readers.rest.get_endpoint` is an entry for `sources.yaml`.

`endpoint_reader.py` reads one endpoint through `ApiClient`, a dlt REST client; it repeats a failed request as the
resource's `retries` configure.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from data_foundation.readers.rest.endpoint_arguments import EndpointArguments


def get_endpoint(  # noqa: PLR0913 - each is a key of `kwargs` in sources.yaml
    parent: object = None,  # not Any: dlt would look up a value for it in its configuration
    *,
    connection: str,
    endpoint: str,
    method: str = "GET",
    params: Mapping[str, Any] | None = None,
    json: Mapping[str, Any] | Sequence[Any] | None = None,
    data: Mapping[str, Any] | None = None,
    headers: Mapping[str, str] | None = None,
    pagination: str | Mapping[str, Any] = "none",
    page_size: int | None = None,
    data_selector: str | None = None,
    data_selector_required: bool = True,
    row_names: Sequence[str] | str = (),
    response_actions: Sequence[Mapping[str, Any]] = (),
    auth: str | None = None,
    start_param: str | None = None,
    end_param: str | None = None,
    convert: str | None = None,
    shared_cursor: bool = False,
    include_from_parent: Sequence[str] | str = (),
) -> Iterator[Any]:
    """The rows of a REST API's endpoint, page by page.

    Args:
        parent: Rows of the parent resource that `data_from` names; one request is made for each row.
        connection: Name of the connection; its settings are `[sources.<folder>.<connection>]` of dlt's configuration.
        endpoint: Path below `base_url`; `{id}` is replaced by the parent's field.
        method: GET or POST.
        params: Query parameters; those without a value are left out.
        json: Body of a POST request.
        data: Body of a POST request as a form, in place of `json`.
        headers: Headers in addition to those of the connection.
        pagination: Kind of pagination: a word, or a mapping with its options.
        page_size: Number of rows to request for each page.
        data_selector: JSONPath of the rows in a response.
        data_selector_required: False to accept a response without it as one without rows.
        row_names: Names of the columns of rows that are arrays.
        response_actions: What to do with certain responses: `{status_code, content, action: ignore or raise}`.
        auth: Name of another connection whose credentials are sent, or `none`.
        start_param: Query parameter for the cursor's value of `incremental`.
        end_param: Query parameter for the end of a range.
        convert: How the cursor's time is sent: `epoch`, `epoch_ms`, `date`, or a format of strftime.
        shared_cursor: True if with `data_from` one cursor is right for the rows of all parents.
        include_from_parent: Fields of the parent to add to each row, as `_<parent>_<field>`.

    Yields:
        Lists of rows, or the JSON of the response unchanged.

    Raises:
        FoundationError: The endpoint cannot be read; the message gives the reason.
        requests.RequestException: The API cannot be reached, or refuses the request.
    """
    # Checking the arguments needs no HTTP client.
    from data_foundation.readers.rest.endpoint_reader import read_endpoint  # noqa: PLC0415

    arguments = EndpointArguments.read(
        connection=connection, endpoint=endpoint, method=method, params=params or {}, json=json, data=data,
        headers=headers or {}, pagination=pagination, page_size=page_size, data_selector=data_selector,
        data_selector_required=data_selector_required, row_names=row_names, response_actions=response_actions,
        auth=auth, start_param=start_param, end_param=end_param, convert=convert, shared_cursor=shared_cursor,
        include_from_parent=include_from_parent,
    )  # fmt: skip
    yield from read_endpoint(arguments, parent)

"""Finds the rows in a response, and refuses one that holds no rows but the vendor's errors."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from io import BytesIO
from typing import Any

import requests
from dlt.common import jsonpath
from dlt.sources.helpers.rest_client.detector import NON_RECORD_KEY_PATTERNS, find_response_page_data

from data_foundation.errors import LoadError
from data_foundation.process_wide.redaction import redact
from data_foundation.suggestions import nearest
from data_foundation.vendors.responses import address, shorten

FAILURES = frozenset({"error", "errors", "faults", "messages", "problems", "violations", "warnings"})
"""Names, in lower case, of lists that tell what went wrong, and are never the rows."""

_GRAPHQL = {"data", "errors", "extensions"}
_BESIDE_ROWS = FAILURES | NON_RECORD_KEY_PATTERNS


class NoContent(requests.Response):
    """A response without a body, which reads as an empty list: every kind of pagination takes it for the last page."""

    def __init__(self, response: requests.Response) -> None:
        """Has the status, the headers and the request of `response`."""
        super().__init__()
        self.status_code, self.reason, self.url = response.status_code, response.reason, response.url
        self.headers, self.request, self.cookies = response.headers, response.request, response.cookies
        self.raw = BytesIO(b"[]")


def accept_empty(response: requests.Response, *_args: object, **_kwargs: object) -> requests.Response:
    """Returns a successful response; one without a body, for instance a 204, as `NoContent`. A hook of requests."""
    is_empty = response.ok and not response.is_redirect and not response.content
    return NoContent(response) if is_empty else response


def read_json(response: requests.Response, parse_float: Callable[[str], Any] | None = None) -> Any:
    """Returns the parsed JSON of a response.

    Args:
        response: The response.
        parse_float: Converts the text of a number with a fraction; None for floats.

    Raises:
        ConnectionError: The JSON is incomplete; another attempt may succeed.
        LoadError: The response is not JSON, or is GraphQL's with errors; the message shows its beginning.
    """
    try:
        document = response.json(parse_float=parse_float)
    except requests.JSONDecodeError as error:
        kind = response.headers.get("Content-Type", "no Content-Type")
        url = address(response)
        if response.text.lstrip()[:1] in {"{", "["}:
            # The connection or the server broke; the next response may be complete.
            raise ConnectionError(f"{url} returned incomplete or invalid JSON: {error}") from None
        message = f"{url} returned {kind}, not JSON: {shorten(response.text)}; check base_url and endpoint"
        raise LoadError(message) from None
    if isinstance(document, dict) and document.get("errors") and document.keys() <= _GRAPHQL:
        # Parts of `data` may be missing, although the status is that of a success.
        raise LoadError(f"{address(response)} returned errors: {shorten(str(document['errors']))}")
    return document


def detect_rows(response: requests.Response) -> str:
    """Returns the JSONPath where dlt detects the rows: the response itself, or a list in it.

    Lists that belong to the response, such as its links or warnings, are no rows.

    Raises:
        LoadError: The only list is one of errors.
    """
    document = read_json(response)
    if not isinstance(document, dict):
        return "$"
    rows = {name: value for name, value in document.items() if str(name).lower() not in _BESIDE_ROWS}
    path, _ = find_response_page_data(rows)
    failures = [name for name, value in document.items() if str(name).lower() in FAILURES and isinstance(value, list)]
    if path == ("$",) and failures:
        told = f": {shorten(str(document[failures[0]]))}" if document[failures[0]] else ""
        message = (
            f"{address(response)} returned no list of rows, but '{failures[0]}'{told}; if the whole response is one "
            "row, set `data_selector: $`"
        )
        raise LoadError(message)
    return ".".join(part if part == "$" or part.isidentifier() else f'"{part}"' for part in path)


def select_rows(data_selector: Any, document: Any) -> list[Any]:
    """Returns the rows of a response; several lists, for instance of `groups[*].rows`, are joined to one."""
    values = jsonpath.find_values(data_selector, document)
    if len(values) > 1 and all(isinstance(value, list) for value in values):
        return [row for value in values for row in value]
    rows = values[0] if len(values) == 1 else values
    if rows is None:
        return []
    return rows if isinstance(rows, list) else [rows]


def check_selected(response: requests.Response, data_selector: str) -> None:
    """Checks that a response contains the `data_selector`; an empty list is accepted.

    Raises:
        LoadError: It does not; the message lists the keys of the response.
    """
    document = read_json(response)
    steps = data_selector.split("[", maxsplit=1)[0].rstrip(".").removeprefix("$").removeprefix(".")
    if ".." in data_selector or not steps or jsonpath.find_values(steps, document):
        return
    keys = list(document) if isinstance(document, dict) else []
    content = f"it has {', '.join(map(str, keys))}" if keys else f"it is a {type(document).__name__}"
    message = (
        f"data_selector '{data_selector}' matches nothing in the response; {content}"
        f"{nearest(steps, list(map(str, keys)))}. If the API omits it when there are no rows, set "
        "`data_selector_required: false`"
    )
    raise LoadError(redact(message))


def name_columns(rows: Sequence[Any], names: Sequence[str]) -> list[Any]:
    """Returns rows as objects; a row that is an array gets the names of its columns.

    Args:
        rows: The rows of a page.
        names: Names of the columns of a row that is an array, in its order.

    Raises:
        LoadError: A row is an array, and there are no names, or not as many.
    """
    named = []
    for number, row in enumerate(rows, 1):
        if isinstance(row, list):
            if len(row) != len(names):
                reason = f"`row_names` has {len(names)}" if names else "its columns have no names"
                message = (
                    f"row {number} is an array of {len(row)} values, and {reason}; set `row_names` to the names of "
                    "its columns, in their order, or `data_selector` to a list of objects"
                )
                raise LoadError(message)
            row = dict(zip(names, row, strict=True))  # noqa: PLW2901 - the same row, with names
        named.append(row)
    return named

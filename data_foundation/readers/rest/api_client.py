"""dlt's REST client for loads: no credentials to other hosts, responses in JSON only."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from decimal import Decimal
from typing import Any
from urllib.parse import urljoin, urlsplit

import requests
from dlt.common import jsonpath
from dlt.sources.helpers.rest_client.auth import (
    APIKeyAuth,
    AuthConfigBase,
    BearerTokenAuth,
    HttpBasicAuth,
    OAuth2ClientCredentials,
)
from dlt.sources.helpers.rest_client.client import PageData, RESTClient
from dlt.sources.helpers.rest_client.paginators import BasePaginator
from typing_extensions import override

from data_foundation.errors import EntryError, LoadError
from data_foundation.process_wide.redaction import redact, remember
from data_foundation.readers.rest.api_settings import Api
from data_foundation.rows.json_documents import keep_decimals
from data_foundation.suggestions import nearest
from data_foundation.vendors.request_session import RequestSession
from data_foundation.vendors.responses import address, refuse_errors, shorten


class ApiClient(RESTClient):
    """Sends the requests to one API."""

    def __init__(self, api: Api, decimals: Collection[str] = ()) -> None:
        """Opens no connection yet.

        Args:
            api: The settings of the API.
            decimals: Columns, as the warehouse spells them, whose numbers keep all their digits.
        """
        self.api = api
        self.decimals = decimals
        session = RequestSession({*api.headers, str(api.keys.get("name", "Authorization"))})
        super().__init__(api.base_url, headers=dict(api.headers), auth=_build_auth(api, session), session=session)

    def pages(
        self, path: str, paginator: BasePaginator, data_selector: str | None, request: Mapping[str, Any]
    ) -> Iterator[PageData[Any]]:
        """Yields the pages of one request.

        Args:
            path: Path below the API's base URL.
            paginator: dlt's paginator.
            data_selector: JSONPath of the rows; None to let dlt detect them.
            request: `method`, `params`, `json` and `headers`.

        Raises:
            requests.RequestException: The API cannot be reached, or refuses the request.
            LoadError: A response is not JSON, or lacks values that the pagination needs.
            EntryError: A page is on another host, which must not receive the credentials.
        """
        self._check_place(urljoin(self.base_url, path))
        hooks: Any = {"response": [refuse_errors]}
        try:
            for page in self.paginate(path, paginator=paginator, data_selector=data_selector, hooks=hooks, **request):
                if paginator.has_next_page:
                    self._check_place(str(page.request.url))
                yield page
        except requests.RequestException:
            raise
        except ValueError as error:  # of dlt's paginators; the message contains the complete response
            raise LoadError(f"{self.api}{path}: {shorten(str(error))}") from None

    def _check_place(self, url: str) -> None:
        ours, theirs = urlsplit(self.base_url), urlsplit(url)
        if self.api.is_open or (ours.scheme, ours.netloc) == (theirs.scheme, theirs.netloc):
            return
        message = (
            f"{self.api}: the next page is on {theirs.scheme}://{theirs.hostname}, and the credentials of "
            f"{ours.scheme}://{ours.hostname} are not sent there; set base_url to the host of the pages"
        )
        raise EntryError(message)

    @override
    def detect_data_selector(self, response: requests.Response) -> str:
        """Returns the JSONPath where dlt detects the rows: the response itself, or a list in it."""
        read_json(response)
        return super().detect_data_selector(response)

    @override
    def extract_response(self, response: requests.Response, data_selector: Any) -> list[Any]:
        """Returns the rows of a response; several lists, for instance of `groups[*].rows`, are joined to one."""
        rows = _select(data_selector, read_json(response, parse_float=Decimal if self.decimals else None))
        return keep_decimals(rows, self.decimals) if self.decimals else rows


def _select(data_selector: Any, document: Any) -> list[Any]:
    values = jsonpath.find_values(data_selector, document)
    if len(values) > 1 and all(isinstance(value, list) for value in values):
        return [row for value in values for row in value]
    rows = values[0] if len(values) == 1 else values
    if rows is None:
        return []
    return rows if isinstance(rows, list) else [rows]


def read_json(response: requests.Response, parse_float: Callable[[str], Any] | None = None) -> Any:
    """Returns the parsed JSON of a response.

    Args:
        response: The response.
        parse_float: Converts the text of a number with a fraction; None for floats.

    Raises:
        ConnectionError: The JSON is incomplete; another attempt may succeed.
        LoadError: The response is not JSON; the message shows its beginning.
    """
    try:
        return response.json(parse_float=parse_float)
    except requests.JSONDecodeError as error:
        kind = response.headers.get("Content-Type", "no Content-Type")
        url = address(response)
        if response.text.lstrip()[:1] in {"{", "["}:
            # The connection or the server broke; the next response may be complete.
            raise ConnectionError(f"{url} returned incomplete or invalid JSON: {error}") from None
        message = f"{url} returned {kind}, not JSON: {shorten(response.text)}; check base_url and endpoint"
        raise LoadError(message) from None


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


class _ClientCredentials(OAuth2ClientCredentials):
    """dlt's OAuth2 client credentials, but the token is masked in logs, and an empty one is an error."""

    @override
    def parse_access_token(self, response_json: Any) -> str:
        """Returns the access token of a response.

        Raises:
            LoadError: The response has no access token.
        """
        token = response_json.get("access_token") if isinstance(response_json, dict) else None
        if not token:
            raise LoadError(f"{redact(self.access_token_url)} returned no access_token; check auth.access_token_url")
        remember([str(token)])
        return str(token)


def _build_auth(api: Api, session: RequestSession) -> AuthConfigBase | None:
    match api.auth:
        case "bearer":
            return BearerTokenAuth(**api.keys)
        case "api_key":
            return APIKeyAuth(**api.keys)
        case "http_basic":
            return HttpBasicAuth(**api.keys)
        case "oauth2_client_credentials":
            return _ClientCredentials(**api.keys, session=session)
    return None

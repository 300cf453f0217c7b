"""dlt's REST client for loads: no credentials to other hosts, responses in JSON only."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any
from urllib.parse import urljoin

import requests
from dlt.sources.helpers.rest_client.client import PageData, RESTClient
from dlt.sources.helpers.rest_client.paginators import BasePaginator, RangePaginator
from typing_extensions import override

from data_foundation.errors import LoadError
from data_foundation.readers.rest.api_settings import Api
from data_foundation.readers.rest.authentication import build_auth
from data_foundation.readers.rest.endpoint_arguments import ResponseAction
from data_foundation.readers.rest.pages_ahead import PagesAhead
from data_foundation.readers.rest.response_actions import response_hooks
from data_foundation.readers.rest.response_rows import accept_empty, detect_rows, read_json, select_rows
from data_foundation.rows.json_documents import keep_decimals
from data_foundation.vendors.places import has_secret_headers, may_be_secret, may_receive, refuse_departure
from data_foundation.vendors.request_session import RequestSession
from data_foundation.vendors.responses import refuse_errors, shorten


class ApiClient(RESTClient):
    """Sends the requests to one API."""

    def __init__(self, api: Api, decimals: Collection[str] = (), actions: Sequence[ResponseAction] = ()) -> None:
        """Opens no connection yet.

        Args:
            api: The settings of the API.
            decimals: Columns, as the warehouse spells them, whose numbers keep all their digits.
            actions: What to do with certain responses; any other response of an error ends the load.
        """
        self.api = api
        self._hooks = [*response_hooks(actions), refuse_errors, accept_empty]
        self.decimals = decimals
        session = RequestSession(api.base_url)
        super().__init__(api.base_url, headers=dict(api.headers), auth=build_auth(api), session=session)

    def pages(
        self,
        path: str,
        paginator: BasePaginator,
        data_selector: str | None,
        request: Mapping[str, Any],
        parallel: int | None = None,
    ) -> Iterator[PageData[Any]]:
        """Yields the pages of one request.

        Args:
            path: Path below the API's base URL.
            paginator: dlt's paginator.
            data_selector: JSONPath of the rows; None to let dlt detect them.
            request: `method`, `params`, `json`, `data` and `headers`.
            parallel: Largest number of requests at once, for a paginator that counts; None for one after the other.

        Raises:
            requests.RequestException: The API cannot be reached, or refuses the request.
            LoadError: A response is not JSON, or lacks values that the pagination needs.
            EntryError: A page is on another host, which must not receive the credentials.
        """
        self._check_place(urljoin(self.base_url, path), request)
        hooks: Any = {"response": list(self._hooks)}
        options = {"paginator": paginator, "data_selector": data_selector, "hooks": hooks}
        if not parallel or not isinstance(paginator, RangePaginator):
            yield from self._checked_pages(path, paginator, {**request, **options})
            return
        with PagesAhead(paginator, parallel) as ahead:
            yield from self._checked_pages(path, paginator, {**request, **options, "ahead": ahead})

    def _checked_pages(
        self, path: str, paginator: BasePaginator, request: Mapping[str, Any]
    ) -> Iterator[PageData[Any]]:
        try:
            for page in self.paginate(path, **request):
                if paginator.has_next_page:
                    self._check_place(str(page.request.url), request)
                yield page
        except requests.RequestException:
            raise
        except ValueError as error:  # of dlt's paginators; the message contains the complete response
            raise LoadError(f"{self.api}{path}: {shorten(str(error))}") from None

    @override
    def _send_request(
        self, request: requests.Request, ahead: PagesAhead | None = None, **options: Any
    ) -> requests.Response:
        send = super()._send_request
        return ahead.response(request, lambda one: send(one, **options)) if ahead else send(request, **options)

    def _check_place(self, url: str, request: Mapping[str, Any]) -> None:
        """Refuses a URL on another host, if anything that the API or the endpoint adds to a request may be a secret."""
        if may_receive(self.base_url, url):
            return
        headers = {**self.api.headers, **(request.get("headers") or {})}
        params = request.get("params") or {}
        for is_held, what in (
            (self.auth is not None, "the credentials"),
            (has_secret_headers(headers), "the headers"),
            (bool(request.get("json") or request.get("data")), "the body of the request"),
            (any(may_be_secret(name, value) for name, value in params.items()), "a parameter of the URL"),
        ):
            if is_held:
                raise refuse_departure(self.base_url, url, what)

    @override
    def detect_data_selector(self, response: requests.Response) -> str:
        """Returns the JSONPath where the rows are detected: the response itself, or a list in it."""
        return detect_rows(response)

    @override
    def extract_response(self, response: requests.Response, data_selector: Any) -> list[Any]:
        """Returns the rows of a response."""
        rows = select_rows(data_selector, read_json(response, parse_float=Decimal if self.decimals else None))
        return keep_decimals(rows, self.decimals) if self.decimals else rows

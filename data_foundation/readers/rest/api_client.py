"""dlt's REST client, held to what a load needs: no retries of its own, credentials for nobody else, answers in JSON."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import urljoin, urlsplit

import requests
from dlt.common import jsonpath
from dlt.sources.helpers.requests.session import Session
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
from data_foundation.suggestions import nearest
from data_foundation.vendors.responses import address, cut, refuse_errors


class ApiClient(RESTClient):
    """Reads the answers of one API.

    dlt's own session tries again by itself, for minutes; here a fault is the load's, which tries as `retries` say.
    """

    def __init__(self, api: Api) -> None:
        """Opens no connection yet."""
        self.api = api
        session = _Session(api)
        super().__init__(api.base_url, headers=dict(api.headers), auth=_build_auth(api, session), session=session)

    def pages(
        self, path: str, paginator: BasePaginator, data_selector: str | None, request: Mapping[str, Any]
    ) -> Iterator[PageData[Any]]:
        """Yields the pages of one request.

        Args:
            path: Below the API's address.
            paginator: How pages follow each other.
            data_selector: JSONPath of the rows, None to find them.
            request: `method`, `params`, `json` and `headers`.

        Raises:
            requests.RequestException: The vendor is away, or refuses.
            LoadError: An answer is not what it should be.
            EntryError: A page is elsewhere, where the credentials must not go.
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
        except ValueError as error:  # dlt's paginators say so, with the whole answer in it
            raise LoadError(f"{self.api}{path}: {cut(str(error))}") from None

    def _check_place(self, url: str) -> None:
        ours, theirs = urlsplit(self.base_url), urlsplit(url)
        if self.api.is_open or (ours.scheme, ours.netloc) == (theirs.scheme, theirs.netloc):
            return
        message = (
            f"{self.api}: the next page is on {theirs.scheme}://{theirs.hostname}, and the credentials of "
            f"{ours.scheme}://{ours.hostname} are not sent there; base_url has to be where the pages are"
        )
        raise EntryError(message)

    @override
    def detect_data_selector(self, response: requests.Response) -> str:
        """Returns where dlt finds the rows of an answer: the array that it is, or a list in it."""
        read_json(response)
        return super().detect_data_selector(response)

    @override
    def extract_response(self, response: requests.Response, data_selector: Any) -> list[Any]:
        """Returns the rows of an answer; a list of lists, as `groups[*].rows` finds them, becomes one."""
        found = jsonpath.find_values(data_selector, read_json(response))
        if len(found) > 1 and all(isinstance(item, list) for item in found):
            return [row for item in found for row in item]
        rows = found[0] if len(found) == 1 else found
        if rows is None:
            return []
        return rows if isinstance(rows, list) else [rows]


def read_json(response: requests.Response) -> Any:
    """Returns what an answer holds.

    Raises:
        LoadError: It is no JSON; the message shows its beginning.
    """
    try:
        return response.json()
    except requests.JSONDecodeError as error:
        kind = response.headers.get("Content-Type", "no Content-Type")
        url = address(response)
        if response.text.lstrip()[:1] in {"{", "["}:
            # Cut off on its way, or by a server that died: what comes the next time may be whole.
            raise ConnectionError(f"{url} answered JSON that breaks off or is none: {error}") from None
        message = f"{url} answered {kind}, not JSON: {cut(response.text)}; base_url and endpoint have to be the API's"
        raise LoadError(message) from None


def check_selected(response: requests.Response, data_selector: str) -> None:
    """Looks whether an answer has what holds the rows; a list without items has it.

    Raises:
        LoadError: It has not, naming what it has.
    """
    answer = read_json(response)
    steps = data_selector.split("[", maxsplit=1)[0].rstrip(".").removeprefix("$").removeprefix(".")
    if ".." in data_selector or not steps or jsonpath.find_values(steps, answer):
        return
    keys = list(answer) if isinstance(answer, dict) else []
    holds = f"it has {', '.join(map(str, keys))}" if keys else f"it is a {type(answer).__name__}"
    message = (
        f"data_selector '{data_selector}' finds nothing in the answer; {holds}{nearest(steps, list(map(str, keys)))}"
        ". Where the vendor leaves it out when there are no rows, say `data_selector_required: false`"
    )
    raise LoadError(redact(message))


class _Session(Session):
    """A session of dlt's that does not try again, and takes its headers to no other host."""

    def __init__(self, api: Api) -> None:
        super().__init__(raise_for_status=False)
        self._ours = {*api.headers, str(api.keys.get("name", "Authorization"))}

    @override
    def rebuild_auth(self, prepared_request: requests.PreparedRequest, response: requests.Response) -> None:
        """Drops what must not follow a redirection."""
        super().rebuild_auth(prepared_request, response)  # type: ignore[no-untyped-call] # of requests
        if self.should_strip_auth(response.request.url, prepared_request.url):  # type: ignore[no-untyped-call] # the same
            for name in self._ours:
                prepared_request.headers.pop(name, None)


class _ClientCredentials(OAuth2ClientCredentials):
    """dlt's, with a token that is masked, and that has to be one."""

    @override
    def parse_access_token(self, response_json: Any) -> str:
        """Returns the token of an answer.

        Raises:
            LoadError: There is none.
        """
        token = response_json.get("access_token") if isinstance(response_json, dict) else None
        if not token:
            raise LoadError(
                f"{redact(self.access_token_url)} answered no access_token; auth.access_token_url is another"
            )
        remember([str(token)])
        return str(token)


def _build_auth(api: Api, session: Session) -> AuthConfigBase | None:
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

"""Builds dlt's authentication of an API; a token that the vendor revokes is renewed once."""

from __future__ import annotations

import threading
from typing import Any

import requests
from dlt.sources.helpers.rest_client.auth import (
    APIKeyAuth,
    AuthConfigBase,
    BearerTokenAuth,
    HttpBasicAuth,
    OAuth2ClientCredentials,
)
from typing_extensions import override

from data_foundation.errors import LoadError
from data_foundation.process_wide.redaction import redact, remember
from data_foundation.readers.rest.api_settings import Api
from data_foundation.vendors.request_session import RequestSession


def build_auth(api: Api) -> AuthConfigBase | None:
    """Returns the authentication of an API. Returns None if it needs none."""
    match api.auth:
        case "bearer":
            return BearerTokenAuth(**api.keys)
        case "api_key":
            return APIKeyAuth(**api.keys)
        case "http_basic":
            return HttpBasicAuth(**api.keys)
        case "oauth2_client_credentials":
            return ClientCredentials(**api.keys, session=RequestSession())
    return None


class ClientCredentials(OAuth2ClientCredentials):
    """dlt's OAuth2 client credentials; the token is masked in logs, and a revoked one is replaced by a new one.

    Requests in several threads share the token, and replace it once.
    """

    @override
    def __init__(self, **settings: Any) -> None:
        """Requests no token yet; the settings are those of dlt's class."""
        super().__init__(**settings)
        self._renewing = threading.Lock()

    @override
    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        """Adds the token to a request, and a hook that sends it again with a new token if that one is refused."""
        with self._renewing:
            request = super().__call__(request)
        request.register_hook("response", self._renew)  # type: ignore[no-untyped-call] # of requests
        return request

    def _renew(self, response: requests.Response, **options: Any) -> requests.Response:
        """Returns the response to the same request with a new token if the token was refused, else `response`."""
        sent = response.request.headers.get("Authorization")
        # After a redirect to another host the request has no token, and gets none.
        if response.status_code != requests.codes.unauthorized or not sent:
            return response
        response.content  # noqa: B018 - the connection is free again once the response was read
        with self._renewing:
            if sent == f"Bearer {self.access_token}":
                self.obtain_token()
        again = response.request.copy()
        again.headers["Authorization"] = f"Bearer {self.access_token}"
        renewed: requests.Response = response.connection.send(again, **options)
        renewed.history.append(response)
        renewed.request = again
        return renewed

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

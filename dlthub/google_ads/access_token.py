"""Access tokens of Google Ads, from the credentials that google-auth knows."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any
from urllib.parse import parse_qsl

import google.auth
import google.oauth2.credentials
import google.oauth2.service_account
import requests
from google.auth import exceptions, transport
from google.auth.credentials import Credentials
from google.auth.transport.requests import Request
from typing_extensions import override

from data_foundation import Calls

from .refusals import Refused

SCOPE = "https://www.googleapis.com/auth/adwords"

HINTS = {
    "invalid_grant": "the refresh token was revoked or has expired, or the service account's key was deleted: make a "
    "new one, and look whether the machine's clock is right",
    "invalid_client": "client_id and client_secret are not those of one OAuth client",
    "unauthorized_client": "the refresh token was made for another OAuth client",
}

ACCEPTED = (
    "accepted: SOURCES__GOOGLE_ADS__CLIENT_ID, __CLIENT_SECRET and __REFRESH_TOKEN, or "
    "SOURCES__GOOGLE_ADS__SERVICE_ACCOUNT, a key file, or none of them where Google's default credentials are; "
    "docs/how-to/google-ads.md"
)


@dataclass(frozen=True, repr=False)
class Login:
    """The configured credentials: of a user, of a service account, or none, for Google's default credentials."""

    token_url: str
    client_id: str | None = None
    client_secret: str | None = None
    refresh_token: str | None = None
    service_account: str | None = None

    def find_credentials(self) -> Credentials:
        """Returns google-auth's credentials, without a token yet.

        Raises:
            ValueError: Some credentials are missing or invalid, or the machine has no default credentials.
        """
        if self.service_account:
            return _read_key(self.service_account, self.token_url)
        user = (self.client_id, self.client_secret, self.refresh_token)
        if all(user):
            return google.oauth2.credentials.Credentials(  # type: ignore[no-untyped-call]
                None,
                refresh_token=self.refresh_token,
                token_uri=self.token_url,
                client_id=self.client_id,
                client_secret=self.client_secret,
            )
        if any(user):
            raise ValueError(f"incomplete credentials for Google Ads; {ACCEPTED}")
        try:
            credentials, _ = google.auth.default(scopes=[SCOPE])
        except exceptions.GoogleAuthError as error:
            raise ValueError(f"no credentials for Google Ads ({error}); {ACCEPTED}") from None
        found: Credentials = credentials
        return found


class AccessToken:
    """An access token, requested when it is first needed and again shortly before it expires."""

    def __init__(self, login: Login, open_calls: Callable[..., Calls]) -> None:
        """Makes no request yet.

        Args:
            login: The configured credentials.
            open_calls: Makes Calls, given their limit and `read`.
        """
        self._login = login
        self._transport = _Transport(open_calls("google_ads/token", read=refuse_token))
        self._credentials: Credentials | None = None

    def get(self) -> str:
        """Returns a token that does not expire within the next minutes.

        Raises:
            Refused: Google gives none.
            ValueError: Credentials are missing or invalid.
        """
        credentials = self._credentials = self._credentials or self._login.find_credentials()
        if not credentials.valid:
            try:
                credentials.refresh(self._transport)  # type: ignore[no-untyped-call]
            except exceptions.GoogleAuthError as error:
                raise Refused(f"Google gives no access token: {error}", of_all=True) from None
        return str(credentials.token)

    def forget(self) -> None:
        """Makes the next call of `get` request a new token."""
        if self._credentials:
            self._credentials.token = None


class _Transport(transport.Request):
    """Sends google-auth's requests for tokens like all others of this source; what else it reads, as google-auth does.

    Only tokens are requested by POST. The rest are a cloud's metadata and the tokens of other identity providers.
    """

    def __init__(self, calls: Calls) -> None:
        self._calls = calls
        self._other = Request()

    @override
    def __call__(
        self,
        url: str,
        method: str = "GET",
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        timeout: float | None = None,
        **kwargs: Any,
    ) -> transport.Response:
        if method != "POST":
            answer = self._other(url, method, body, headers, **({"timeout": timeout} if timeout else {}), **kwargs)
            other: transport.Response = answer
            return other
        return _Response(self._calls.post(url, headers=dict(headers or {}), **_read_body(body), **kwargs))


class _Response(transport.Response):
    """A response as google-auth reads it."""

    def __init__(self, answer: requests.Response) -> None:
        self._answer = answer

    @property
    @override
    def status(self) -> int:
        return self._answer.status_code

    @property
    @override
    def headers(self) -> Mapping[str, str]:
        return self._answer.headers

    @property
    @override
    def data(self) -> bytes:
        return self._answer.content


def refuse_token(answer: requests.Response) -> Refused | None:
    """Returns the refusal in a response to a request for a token; it holds for every account."""
    if answer.status_code >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return None
    try:
        body = answer.json()
    except requests.JSONDecodeError:
        return None
    # Google's IAM, which impersonates, writes it otherwise than its OAuth.
    if answer.ok and not (isinstance(body, dict) and (body.get("access_token") or body.get("accessToken"))):
        message = f"{answer.url} gave no access token; token_url has to be that of Google's OAuth"
        return Refused(message, of_all=True)
    word = body.get("error") if isinstance(body, dict) else None
    if not isinstance(word, str):
        return None
    hint = HINTS.get(word, "see docs/how-to/google-ads.md")
    message = f"Google gives no access token: {word}: {body.get('error_description', '')}; {hint}"
    return Refused(message, of_all=True)


def _read_body(body: bytes | None) -> dict[str, Any]:
    """Returns the fields of a request's body by name, so that Calls masks the secrets among them."""
    text = (body or b"").decode()
    return {"json": json.loads(text)} if text.startswith("{") else {"data": dict(parse_qsl(text))}


def _read_key(text: str, token_url: str) -> Credentials:
    """Returns the credentials of a service account's key file.

    Raises:
        ValueError: It is not the text of a key file, or its key cannot sign.
    """
    try:
        key = json.loads(text)
    except json.JSONDecodeError:
        key = None
    if not isinstance(key, dict) or not {"client_email", "private_key"} <= key.keys():
        raise ValueError(
            "SOURCES__GOOGLE_ADS__SERVICE_ACCOUNT: accepted is the text of the JSON key file of Google's console, with "
            "client_email and private_key in it; other files of credentials are default credentials: name the file in "
            "GOOGLE_APPLICATION_CREDENTIALS"
        )
    try:
        credentials: Credentials = google.oauth2.service_account.Credentials.from_service_account_info(  # type: ignore[no-untyped-call]
            {**key, "token_uri": token_url}, scopes=[SCOPE]
        )
    except (ValueError, TypeError, exceptions.GoogleAuthError):
        message = "SOURCES__GOOGLE_ADS__SERVICE_ACCOUNT: private_key is no RSA key in PEM; take the key file as it came"
        raise ValueError(message) from None
    return credentials

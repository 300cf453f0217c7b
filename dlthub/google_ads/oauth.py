"""Access tokens of Google's OAuth: of a user, by refresh token, or of a service account, by a claim that it signs."""

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import jwt
import requests

from data_foundation import Calls

from .refusals import Refused

SCOPE = "https://www.googleapis.com/auth/adwords"
GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer"
CLAIM_SECONDS = 3600
"""How long a claim is good for: as long as Google accepts one."""

SPARE_SECONDS = 60.0
"""A token that would expire within these is not used any more."""

HINTS = {
    "invalid_grant": "the refresh token was revoked or has expired, or the service account's key was deleted: make a "
    "new one, and look whether the machine's clock is right",
    "invalid_client": "client_id and client_secret are not those of one OAuth client",
    "unauthorized_client": "the refresh token was made for another OAuth client",
}


@dataclass(frozen=True, repr=False)
class Credentials:
    """What opens Google Ads: a user's refresh token, or the key of a service account."""

    token_url: str
    client_id: str | None = None
    client_secret: str | None = None
    refresh_token: str | None = None
    service_account: str | None = None

    def grant(self) -> Mapping[str, str]:
        """Returns what is sent for an access token.

        Raises:
            ValueError: Credentials are missing, or the service account's key is none.
        """
        if self.service_account:
            return {"grant_type": GRANT, "assertion": _sign(_read_key(self.service_account), self.token_url)}
        if self.client_id and self.client_secret and self.refresh_token:
            secrets = {"client_id": self.client_id, "client_secret": self.client_secret}
            return {"grant_type": "refresh_token", **secrets, "refresh_token": self.refresh_token}
        message = (
            "no credentials for Google Ads; accepted: SOURCES__GOOGLE_ADS__CLIENT_ID, __CLIENT_SECRET and "
            "__REFRESH_TOKEN, or SOURCES__GOOGLE_ADS__SERVICE_ACCOUNT, a key file; docs/how-to/google-ads.md"
        )
        raise ValueError(message)


class AccessToken:
    """An access token that is made when it is first needed, and again when it has all but expired."""

    def __init__(self, credentials: Credentials, open_calls: Callable[..., Calls]) -> None:
        """Makes no request yet.

        Args:
            credentials: What it is made from.
            open_calls: Makes Calls, given their limit and `read`.
        """
        self._credentials = credentials
        self._calls = open_calls("google_ads/token", read=refuse_token)
        self._value, self._good_until = "", 0.0

    def get(self) -> str:
        """Returns a token that is good for some time yet.

        Raises:
            Refused: Google gives none.
            ValueError: Credentials are missing.
        """
        now = self._calls.clock.now()
        if not self._value or now >= self._good_until:
            answer = self._calls.post(self._credentials.token_url, data=self._credentials.grant()).json()
            if not isinstance(answer, dict) or not answer.get("access_token"):
                message = (
                    f"{self._credentials.token_url} gave no access token; token_url has to be that of Google's OAuth"
                )
                raise Refused(message, of_all=True)
            self._value = answer["access_token"]
            self._good_until = now + float(answer.get("expires_in", 0)) - SPARE_SECONDS
        return self._value

    def forget(self) -> None:
        """Has the next token made anew."""
        self._value = ""


def refuse_token(answer: requests.Response) -> Refused | None:
    """Returns what an answer of the token's address refuses, for every account."""
    if answer.ok or answer.status_code >= requests.codes.server_error:
        return None
    try:
        body = answer.json()
    except requests.JSONDecodeError:
        return None
    word = body.get("error") if isinstance(body, dict) else None
    if not isinstance(word, str):
        return None
    hint = HINTS.get(word, "see docs/how-to/google-ads.md")
    message = f"Google gives no access token: {word}: {body.get('error_description', '')}; {hint}"
    return Refused(message, of_all=True)


def _read_key(text: str) -> Mapping[str, Any]:
    try:
        key = json.loads(text)
    except json.JSONDecodeError:
        key = None
    if not isinstance(key, dict) or not {"client_email", "private_key"} <= key.keys():
        message = (
            "SOURCES__GOOGLE_ADS__SERVICE_ACCOUNT: accepted is the text of the JSON key file of Google's console, with "
            "client_email and private_key in it"
        )
        raise ValueError(message)
    return key


def _sign(key: Mapping[str, Any], audience: str) -> str:
    now = int(time.time())
    claim = {"iss": key["client_email"], "scope": SCOPE, "aud": audience, "iat": now, "exp": now + CLAIM_SECONDS}
    headers = {"kid": key["private_key_id"]} if "private_key_id" in key else None
    try:
        return jwt.encode(claim, key["private_key"], "RS256", headers)
    except (ValueError, jwt.PyJWTError):
        message = "SOURCES__GOOGLE_ADS__SERVICE_ACCOUNT: private_key is no RSA key in PEM; take the key file as it came"
        raise ValueError(message) from None

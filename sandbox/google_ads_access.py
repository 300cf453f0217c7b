"""Authentication of Google Ads: OAuth tokens of users and service accounts, and the accounts that each can read."""

import time
from collections import Counter
from typing import Any
from urllib.parse import parse_qsl
from uuid import uuid4

import jwt
from fastapi import APIRouter, Request
from pydantic import BaseModel

from sandbox.environment import GOOGLE_ADS, TOKENS
from sandbox.google_ads_errors import DENIED, EXPIRED, NOT_ENABLED, failure
from sandbox.models.google_ads import ACCOUNTS, Account, below
from sandbox.vendor import VendorError, bearer

SCOPE = "https://www.googleapis.com/auth/adwords"
GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer"
AUDIENCE = "https://oauth2.googleapis.com/token"
"""Of every claim, as google-auth writes it."""

LIFETIME = 3600
"""Lifetime of an access token in seconds."""

router = APIRouter(tags=["Google Ads"])


class ServiceAccount(BaseModel):
    """A service account, as its owner creates it in Google's console."""

    email: str
    public_key: str


_service_accounts: dict[str, str] = {}
_left: Counter[str] = Counter()


def refuse_token(status: int, word: str, description: str) -> VendorError:
    """Return OAuth's refusal of a token request."""
    return VendorError(status, {"error": word, "error_description": description})


@router.post("/service_accounts", status_code=201)
async def add_service_account(account: ServiceAccount) -> dict[str, str]:
    """Register a service account, with the public key that verifies its claims."""
    _service_accounts[account.email] = account.public_key
    return {"email": account.email}


@router.post("/token")
async def give_token(request: Request) -> dict[str, Any]:
    """Return an access token for a refresh token, or for a signed claim of a service account.

    A refresh token that ends in `;seconds=1` or `;uses=3` gives access tokens with that limit.
    """
    form = dict(parse_qsl((await request.body()).decode()))
    if form.get("grant_type") == GRANT:
        _check_claim(form.get("assertion", ""))
        return _open_token({})
    if form.get("grant_type") != "refresh_token":
        raise refuse_token(400, "unsupported_grant_type", f"Invalid grant_type: {form.get('grant_type', '')}")
    if (form.get("client_id"), form.get("client_secret")) != (GOOGLE_ADS["client_id"], TOKENS["google_ads_client"]):
        raise refuse_token(401, "invalid_client", "The OAuth client was not found.")
    token, *options = form.get("refresh_token", "").split(";")
    if token != TOKENS["google_ads"]:
        raise refuse_token(400, "invalid_grant", "Bad Request")
    return _open_token(dict(option.partition("=")[::2] for option in options))


def _open_token(options: dict[str, str]) -> dict[str, Any]:
    seconds, now = int(options.get("seconds", LIFETIME)), int(time.time())
    # Without limits, one token is returned to all callers within the hour.
    ends, name = (now + seconds, uuid4().hex) if options else ((now // LIFETIME + 2) * LIFETIME, "sandbox")
    access = f"ya29.{ends}.{name}"
    _left[access] = int(options.get("uses", 1_000_000))
    return {"access_token": access, "expires_in": seconds, "scope": SCOPE, "token_type": "Bearer"}


def _check_claim(assertion: str) -> None:
    try:
        email = jwt.decode(assertion, options={"verify_signature": False}).get("iss", "")
        claims = jwt.decode(assertion, _service_accounts[email], ["RS256"], audience=AUDIENCE)
    except (jwt.PyJWTError, KeyError) as error:
        raise refuse_token(400, "invalid_grant", "Invalid JWT Signature.") from error
    if claims.get("scope") != SCOPE or claims["exp"] - claims["iat"] > LIFETIME:
        raise refuse_token(400, "invalid_scope", "Invalid OAuth scope or ID token audience provided.")


def check_token(request: Request) -> None:
    """Refuse a request without a valid token."""
    token = bearer(request)
    if token not in _left:
        raise failure(401, "authenticationError", "OAUTH_TOKEN_INVALID", "OAuth token in the header is not valid.")
    if _left[token] < 1 or float(token.split(".")[1]) <= time.time():
        raise EXPIRED
    _left[token] -= 1


def find_account(request: Request, customer: str) -> Account:
    """Return the requested account, if it can be read through the manager in the header.

    Raises:
        VendorError: The account does not exist, or is not accessible.
    """
    login = request.headers.get("login-customer-id", customer)
    if not (customer.isdigit() and login.isdigit()):
        raise failure(
            400,
            "requestError",
            "INVALID_CUSTOMER_ID",
            f"Invalid customer ID '{customer if login.isdigit() else login}'.",
        )
    account, through = ACCOUNTS.get(int(customer)), ACCOUNTS.get(int(login))
    if account is None:
        raise failure(
            401, "authenticationError", "CUSTOMER_NOT_FOUND", "No customer found for the provided customer id."
        )
    # The sandbox's users have access to the top-level accounts; all others are read through a manager.
    is_below = through is not None and through.parent is None and account in {one for one, _ in below(through.id)}
    if not account.open or not is_below:
        raise DENIED
    if account.status != "ENABLED":
        raise NOT_ENABLED
    return account

"""Tests of which values of a URL are masked."""

import pytest

from data_foundation.process_wide.known_secrets import MASK
from data_foundation.process_wide.redaction import redact

KEPT = {
    "page": "page=2",
    "decimal": "latitude=-52.3676",
    "boolean": "active=true",
    "date": "since=2024-01-31",
    "week": "week=2024-W05",
    "time": "since=2024-01-31T08:00:00.5Z",
    "time, quoted": "since=2024-01-31T08%3A00%3A00%2B02%3A00",
    "field": "sort=createdAt",
    "fields": "fields=id,first_name,email",
    "fields, quoted": "fields=id%2Cname",
    "numbers": "ids=1,22,333",
    "version": "api-version=v19.0",
    "words": "status=OPEN&expand=customer.address",
    "place": "country_code=NL",
    "host": "host=db.example.com",
    "mode": "sslmode=verify-full",
    "several": "page=2&per_page=100",
    "at the end of a clause": "page=2,",
    "in Azure": "comp=list&restype=container",
}
"""Parameters that are shown as they are."""

MASKED = {
    "token": "access_token=abc",
    "key": "key=abc",
    "plain words": "api_key=correct-horse",
    "number": "password=1234",
    "code": "code=55",
    "pin": "pin=1234",
    "signature": "sig=AbCd",
    "signed": "X-Amz-Signature=deadbeef",
    "unknown name, hexadecimal": "h=deadbeef01",
    "unknown name, base64": "h=eyJhbGciOiJIUzI1NiJ9",
    "unknown name, base64 without a digit": "h=AbCDeFGhIJKlmnopQRST",
    "unknown name, 16 letters": "login=abcdefghijklmnop",
    "unknown name, UUID": "h=9f1c2a3e-58cc-4372-a567-0e02b2c3d479",
    "unknown name, card": "h=1234-5678-9012-3456",
    "unknown name, account": "h=0123456789",
    "unknown name, word with a digit": "login=hunter2",
    "unknown name, quoted": "next=https%3A%2F%2Fh%2Fabc123def456",
    "a fragment after it": "page=2#access_token=abc",
}
"""Parameters that may hold a secret."""


@pytest.mark.parametrize("address", ["https://shop.example.com:8443/v1/orders?{}", "/v1?a=b&{}"])
@pytest.mark.parametrize("case", KEPT)
def test_a_plain_parameter_is_kept(case: str, address: str) -> None:
    """Pages, dates, versions, names of fields and hosts are read in errors, and are no secrets."""
    text = f"GET {address.format(KEPT[case])} returned 500"
    assert redact(text) == text


@pytest.mark.parametrize("case", MASKED)
def test_a_parameter_that_may_be_a_secret_is_masked(case: str) -> None:
    """A value is masked for its name, or because it looks generated; what is before and after it is kept."""
    name = MASKED[case].partition("=")[0]
    assert redact(f"GET https://host/v1?page=2&{MASKED[case]}&limit=5 no") == (
        f"GET https://host/v1?page=2&{name}={MASK}&limit=5 no"
    )


USER_INFO = {
    "password": ("postgres://user:pass@host:5432/db", "postgres://***@host:5432/db"),
    "token": ("https://tok3n@host/rows", "https://***@host/rows"),
    "at sign and slash": ("postgres://user:pa@ss/wo@host/db", "postgres://***@host/db"),
    "slash": ("postgres://user:pa/ss@host/db", "postgres://***@host/db"),
    "dotted user": ("postgres://first.last:pa/ss@host/db", "postgres://***@host/db"),
    "dotted user, number": ("postgres://first.last:12345@host/db", "postgres://***@host/db"),
    "path with an at sign": ("https://medium.com/@user/post", "https://medium.com/@user/post"),
    "port and path": ("http://127.0.0.1:8000/users/@me", "http://127.0.0.1:8000/users/@me"),
    "localhost": ("http://localhost:8000/users/@me", "http://localhost:8000/users/@me"),
    "mail in a query": ("https://shop.example.com?to=a@b", "https://shop.example.com?to=***"),
    "container": ("abfss://raw@account.dfs.core.windows.net/a", "abfss://raw@account.dfs.core.windows.net/a"),
}


@pytest.mark.parametrize("case", USER_INFO)
def test_the_user_info_of_a_url(case: str) -> None:
    """What is before the host is masked; hosts, paths with an @, and containers of Azure's storage are not."""
    text, expected = USER_INFO[case]
    assert redact(f"at {text} now") == f"at {expected} now"

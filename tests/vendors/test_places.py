"""Tests of which URLs may receive what a request to an API carries."""

from __future__ import annotations

from typing import Any

import pytest
import requests

from data_foundation.errors import EntryError
from data_foundation.process_wide.redaction import remember
from data_foundation.vendors.calls import Calls
from data_foundation.vendors.places import RedirectGuard, may_receive
from data_foundation.vendors.request_session import RequestSession
from tests.support.rest_server import Answer, RestServer, serve

SAME = [
    ("https://api.example.com", "https://api.example.com/v2/rows?page=2"),
    ("https://api.example.com/v2", "https://API.Example.COM/rows"),
    ("https://api.example.com", "https://api.example.com:443/rows"),
    ("http://LocalHost", "http://localhost:80"),
    ("http://localhost:80/", "http://LOCALHOST"),
    ("https://api.example.com.", "https://api.example.com/rows"),
    ("https://me:secret@api.example.com", "https://api.example.com"),
    ("http://api.example.com", "https://api.example.com/rows"),
    ("https://b\u00fccher.example", "https://xn--bcher-kva.example/rows"),
    ("http://[::1]:8000", "http://[::1]:8000/rows"),
]
OTHER = [
    ("https://api.example.com", "https://evil.example.com"),
    ("https://api.example.com", "https://api.example.com.evil.com"),
    ("https://api.example.com", "https://api.example.com@evil.com/"),
    ("https://api.example.com", "https://evil.com\\@api.example.com/"),
    ("https://api.example.com", "https://evil.com/api.example.com"),
    ("https://api.example.com", "//evil.com/rows"),
    ("https://api.example.com", "http://api.example.com/rows"),
    ("https://api.example.com", "https://api.example.com:8443/rows"),
    ("http://api.example.com:8080", "https://api.example.com/rows"),
    ("http://localhost:80", "http://127.0.0.1:80"),
    ("https://api.example.com", "ftp://api.example.com/rows"),
    ("https://api.example.com", "https://api.example.com:99999/"),
    ("https://api.example.com", "https://"),
    ("https://api.example.com", ""),
]


@pytest.mark.parametrize(("home", "url"), SAME)
def test_a_host_is_the_same_however_it_is_spelt(home: str, url: str) -> None:
    """Case, a default port, user info and a dot at the end make no difference; HTTPS in place of HTTP is no loss."""
    assert may_receive(home, url)


@pytest.mark.parametrize(("home", "url"), OTHER)
def test_another_host_receives_nothing(home: str, url: str) -> None:
    """Another host, port or a weaker scheme, and a URL that parsers read differently."""
    assert not may_receive(home, url)


SECRET = "k3y-of/the+shop"
SENDERS = {
    "session": lambda url, **kwargs: RedirectGuard().request("POST" if "json" in kwargs else "GET", url, **kwargs),
    "Calls": lambda url, **kwargs: (Calls("places").post if "json" in kwargs else Calls("places").get)(url, **kwargs),
}
CARRIED = {
    "a header of the API": {"headers": {"X-Api-Key": SECRET}},
    "a bearer token": {"headers": {"Authorization": f"Bearer {SECRET}"}},
    "a key beside a token": {"headers": {"Authorization": "Bearer t", "X-Shop": SECRET}},
    "a cookie": {"cookies": {"session": SECRET}},
    "a cookie as a header": {"headers": {"Cookie": f"session={SECRET}"}},
}


@pytest.fixture
def hosts() -> object:
    """Two servers; the first redirects to the second."""
    with serve() as home, serve() as other:
        yield home, other


@pytest.mark.parametrize("sender", SENDERS)
@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("carried", CARRIED)
def test_a_redirect_to_another_host_carries_no_header(
    hosts: tuple[RestServer, RestServer], carried: str, status: int, sender: str
) -> None:
    """The redirect is followed, and the other host receives only headers without meaning for the API."""
    home, other = hosts
    home.answer = lambda _request: Answer({}, status, {"Location": f"{other.url}/moved", "Set-Cookie": f"a={SECRET}"})
    SENDERS[sender](f"{home.url}/rows", **CARRIED[carried])
    assert SECRET in str(home.requests[0].headers)
    assert SECRET not in str(other.requests[0])
    assert "Authorization" not in other.requests[0].headers


@pytest.mark.parametrize("sender", SENDERS)
@pytest.mark.parametrize("status", [307, 308])
def test_a_body_is_not_sent_to_another_host(hosts: tuple[RestServer, RestServer], status: int, sender: str) -> None:
    """A redirect that keeps the method is refused, because it would take the body with it."""
    home, other = hosts
    home.answer = lambda _request: Answer({}, status, {"Location": f"{other.url}/moved"})
    with pytest.raises(EntryError, match=r"the body of the request for http://127.* may be secret"):
        SENDERS[sender](f"{home.url}/rows", json={"token": SECRET})
    assert other.requests == []


def test_a_parameter_is_not_repeated_to_another_host(hosts: tuple[RestServer, RestServer]) -> None:
    """A web server that redirects the whole address would pass on the key in it."""
    home, other = hosts
    home.answer = lambda _request: Answer({}, 302, {"Location": f"{other.url}/rows?appid=x7Qz94mKp2"})
    with pytest.raises(EntryError, match="a parameter of the URL"):
        RedirectGuard().get(f"{home.url}/rows", params={"appid": "x7Qz94mKp2"})
    remember(["known-secret-in-a-path"])
    home.answer = lambda _request: Answer({}, 302, {"Location": f"{other.url}/known-secret-in-a-path/rows"})
    with pytest.raises(EntryError, match="a parameter of the URL"):
        RedirectGuard().get(f"{home.url}/rows")
    assert other.requests == []


def test_a_redirect_on_the_same_host_keeps_everything(hosts: tuple[RestServer, RestServer]) -> None:
    """The API's own redirects are followed with headers and body."""
    home, _ = hosts
    home.answer = lambda request: Answer({}, 307, {"Location": "/moved"}) if request.path == "/rows" else []
    RedirectGuard().post(f"{home.url}/rows", json={"a": SECRET}, headers={"X-Api-Key": SECRET})
    assert home.requests[-1].body == {"a": SECRET}
    assert home.requests[-1].headers["X-Api-Key"] == SECRET


def test_plain_requests_leak(hosts: tuple[RestServer, RestServer]) -> None:
    """The session of requests itself passes on a header of the API: the redirects of these tests are real ones."""
    home, other = hosts
    home.answer = lambda _request: Answer({}, 302, {"Location": f"{other.url}/moved"})
    requests.get(f"{home.url}/rows", headers={"X-Api-Key": SECRET}, timeout=5)
    assert other.requests[0].headers["X-Api-Key"] == SECRET


@pytest.mark.parametrize(
    ("kwargs", "what"),
    [
        ({"headers": {"X-Api-Key": SECRET}}, "the headers"),
        ({"method": "POST", "json": {"a": 1}}, "the body of the request"),
        ({"params": {"q": "secret-of-the-clients"}}, "a parameter of the URL"),
    ],
    ids=["headers", "body", "parameter"],
)
def test_a_session_with_homes_sends_secrets_only_there(
    hosts: tuple[RestServer, RestServer], kwargs: dict[str, Any], what: str
) -> None:
    """Dlt's `rest_api` and the reader share the session: whatever asks it for another host, the request is not sent."""
    home, other = hosts
    remember(["secret-of-the-clients"])
    session = RequestSession(home.url)
    session.request(**{"method": "GET", "url": f"{home.url}/rows", **kwargs})
    with pytest.raises(EntryError, match=what):
        session.request(**{"method": "GET", "url": f"{other.url}/rows", **kwargs})
    assert (len(home.requests), other.requests) == (1, [])
    session.get(f"{other.url}/rows", headers={"Accept": "application/json"})
    assert len(other.requests) == 1

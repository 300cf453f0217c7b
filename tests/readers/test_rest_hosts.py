"""Tests that nothing that may be secret in a request follows the vendor to another host."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

import pytest

from data_foundation.errors import EntryError
from data_foundation.readers.rest.api_client import ApiClient
from data_foundation.readers.rest.api_settings import Api
from data_foundation.readers.rest.endpoint_arguments import EndpointArguments
from data_foundation.readers.rest.pagination import build_paginator
from tests.support.rest_server import Answer, ReceivedRequest, RestServer, serve

SECRET = "k3y-of/the+shop42"
CARRIED: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "bearer": ({"auth": "bearer", "keys": {"token": SECRET}}, {}),
    "key": ({"auth": "api_key", "keys": {"api_key": SECRET, "name": "X-Key"}}, {}),
    "key in the address": ({"auth": "api_key", "keys": {"api_key": SECRET, "name": "key", "location": "query"}}, {}),
    "basic": ({"auth": "http_basic", "keys": {"username": "me", "password": SECRET}}, {}),
    "headers of the connection": ({"headers": {"X-Shop": SECRET}}, {}),
    "headers of the entry": ({}, {"headers": {"X-Api-Key": SECRET}}),
    "headers of the entry beside a token": ({"auth": "bearer", "keys": {"token": "t"}}, {"headers": {"X-A": SECRET}}),
    "parameter of the entry": ({}, {"params": {"appid": SECRET}}),
    "parameter named as a secret": ({}, {"params": {"token": "letters"}}),
    "JSON of the entry": ({}, {"json": {"query": "{ rows }", "token": SECRET}, "method": "POST"}),
    "form of the entry": ({}, {"data": {"token": SECRET}, "method": "POST"}),
}
"""Settings of the connection, and arguments of the entry, with which a request carries a secret."""

LEADS: dict[str, tuple[Callable[[str], Any], dict[str, Any]]] = {
    "next_url": (lambda url: {"rows": [{"id": 1}], "next": url}, {"pagination": "next_url"}),
    "Link": (
        lambda url: Answer({"rows": [{"id": 1}]}, headers={"Link": f'<{url}>; rel="next"'}),
        {"pagination": "link_header"},
    ),
    "302": (lambda url: Answer({}, 302, {"Location": url}), {}),
    "307": (lambda url: Answer({}, 307, {"Location": url}), {}),
}  # fmt: skip
"""Responses by which a vendor leads to another URL."""


@pytest.fixture
def hosts() -> Iterator[tuple[RestServer, RestServer]]:
    """The API, and another host."""
    with serve() as home, serve() as other:
        other.answer = lambda _request: {"rows": [{"id": 2}]}
        yield home, other


def read(base_url: str, settings: dict[str, Any], kwargs: dict[str, Any]) -> list[Any]:
    """Returns the rows of an endpoint, read with the client of the reader."""
    arguments = EndpointArguments.read(connection="api", endpoint="/rows", data_selector="rows", **kwargs)
    request = {"method": arguments.method, "params": dict(arguments.params), "json": arguments.body,
               "data": arguments.form, "headers": arguments.headers}  # fmt: skip
    client = ApiClient(Api("api", base_url, **settings))
    pages = client.pages(arguments.endpoint, build_paginator(arguments), arguments.data_selector, request)
    return [row for page in pages for row in page]


@pytest.mark.parametrize("lead", LEADS)
@pytest.mark.parametrize("carried", CARRIED)
def test_a_secret_stays_on_the_host_of_the_api(hosts: tuple[RestServer, RestServer], carried: str, lead: str) -> None:
    """Whatever carries it, and however the vendor leads elsewhere: the other host sees no secret, or no request."""
    home, other = hosts
    settings, kwargs = CARRIED[carried]
    answer, paging = LEADS[lead]
    home.answer = lambda _request: answer(f"{other.url}/rows")
    with suppress(EntryError):
        read(home.url, settings, {**kwargs, **paging})
        assert other.requests != []
    assert len(home.requests) == 1
    assert SECRET not in str(other.requests)
    assert "letters" not in str(other.requests)
    assert not any({"Authorization", "X-Key", "X-Shop", "X-A"} & set(request.headers) for request in other.requests)


@pytest.mark.parametrize("lead", LEADS)
@pytest.mark.parametrize("carried", CARRIED)
def test_an_url_of_the_api_in_another_spelling_is_followed(
    hosts: tuple[RestServer, RestServer], carried: str, lead: str
) -> None:
    """`http://LocalHost` is the host of `http://localhost`: no secret is kept back, and no page refused."""
    home, _ = hosts
    settings, kwargs = CARRIED[carried]
    answer, paging = LEADS[lead]
    port = home.url.rpartition(":")[2]
    home.answer = lambda request: (
        answer(f"http://localhost:{port}/more") if request.path == "/rows" else {"rows": [{"id": 2}]}
    )
    assert read(f"http://LocalHost:{port}", settings, {**kwargs, **paging})[-1] == {"id": 2}
    assert home.requests[-1].path == "/more"
    if settings and not settings["keys"].get("location") if "keys" in settings else "headers" in settings:
        assert home.requests[-1].headers.keys() >= home.requests[0].headers.keys() - {"Host"}


@pytest.mark.parametrize("lead", LEADS)
def test_an_open_api_may_lead_anywhere(hosts: tuple[RestServer, RestServer], lead: str) -> None:
    """A request without anything that may be secret is followed to another host, as in dlt."""
    home, other = hosts
    answer, paging = LEADS[lead]
    home.answer = lambda _request: answer(f"{other.url}/rows")
    kwargs = {"headers": {"Accept": "application/json"}, "params": {"status": "open", "limit": 10}}
    assert read(home.url, {}, {**kwargs, **paging})[-1] == {"id": 2}


def test_the_secret_of_a_client_goes_to_its_token_address_alone(hosts: tuple[RestServer, RestServer]) -> None:
    """A token address that answers 307 gets no secret elsewhere, and the load ends."""
    home, other = hosts
    home.answer = lambda _request: Answer({}, 307, {"Location": f"{other.url}/token"})
    keys = {"access_token_url": f"{home.url}/token", "client_id": "me", "client_secret": SECRET}
    with pytest.raises(EntryError, match="the body of the request"):
        read(home.url, {"auth": "oauth2_client_credentials", "keys": keys}, {})
    assert other.requests == []


def vendor_that_revokes(tokens: list[str], often: int) -> Callable[[ReceivedRequest], Any]:
    """Returns a vendor of three pages that takes each token for `often` requests."""
    used: dict[str, int] = {}

    def answer(request: ReceivedRequest) -> Any:
        if request.path == "/token":
            tokens.append(f"t0ken-number-{len(tokens)}")
            return {"access_token": tokens[-1], "expires_in": 3600}
        used[tokens[-1]] = used.get(tokens[-1], 0) + 1
        if request.headers.get("Authorization") != f"Bearer {tokens[-1]}" or used[tokens[-1]] > often:
            return Answer({"error": "revoked"}, 401)
        page = int(request.params.get("page", 1))
        return {"rows": [{"id": page}], "next": f"/rows?page={page + 1}" if page < 3 else None}

    return answer


def test_a_revoked_token_is_renewed_once(hosts: tuple[RestServer, RestServer]) -> None:
    """A 401 half-way takes one new token, and the request is sent again with it; one refused at once ends the load."""
    home, _ = hosts
    tokens: list[str] = []
    home.answer = vendor_that_revokes(tokens, 2)
    keys = {"access_token_url": f"{home.url}/token", "client_id": "me", "client_secret": SECRET}
    settings = {"auth": "oauth2_client_credentials", "keys": keys}
    assert read(home.url, settings, {"pagination": "next_url"}) == [{"id": 1}, {"id": 2}, {"id": 3}]
    assert len(tokens) == 2
    home.answer = vendor_that_revokes(tokens, 0)
    tokens.clear()
    with pytest.raises(Exception, match="401 Unauthorized"):
        read(home.url, settings, {})
    assert len(tokens) == 2

"""Public reports about what one run reads, with inputs of our own."""

from collections.abc import Iterator
from typing import Any

import pytest

from data_foundation.errors import FoundationError
from tests.support.rest_server import ReceivedRequest, RestServer, serve
from tests.support.trees import Tree

REPLACED = '''
import dlt


def rows(seen=dlt.sources.incremental("n", initial_value=0)):
    """Five rows."""
    yield [{"n": n} for n in range(5)]


decorated = dlt.resource(rows, name="decorated", write_disposition="replace")


@dlt.resource(write_disposition="replace", incremental=dlt.sources.incremental("n"))
def hinted():
    """Five rows."""
    yield [{"n": n} for n in range(5)]


later = dlt.resource([{"n": n} for n in range(5)], name="later")
later.apply_hints(write_disposition="replace", incremental=dlt.sources.incremental("n"))
'''


@pytest.mark.parametrize("entry", ["decorated", "hinted", "later"])
def test_a_replace_by_a_cursor_in_code_is_refused(tree: Tree, entry: str) -> None:
    """dlt-hub/dlt#2252: A replace that reads only what is new would lose the rest of the table, so it is refused."""
    resource = f"entry: data.{entry}, destination: raw.t"
    tree.add("s", f"resources: [{{{resource}, write_disposition: append}}]", REPLACED)
    tree.load("s.t")
    tree.add("s", f"resources: [{{{resource}}}]", REPLACED)
    with pytest.raises(FoundationError, match="replace with `incremental` would leave only the rows after the cursor"):
        tree.load("s.t")
    assert tree.query("select n from raw.t order by n") == [0, 1, 2, 3, 4]


BATCHES = '''
import dlt


@dlt.resource(write_disposition="{disposition}", primary_key="id")
def pages(seen=dlt.sources.incremental("id", initial_value=0)):
    """Rows after the last one that was loaded, one by one."""
    for number in range(seen.start_value + 1, 7):
        yield {{"id": number}}


rows = pages().add_limit(2)
'''


@pytest.mark.parametrize("engine", ["columnar", "dlt"])
@pytest.mark.parametrize("disposition", ["append", "merge"])
def test_a_large_table_is_loaded_in_batches(tree: Tree, engine: str, disposition: str) -> None:
    """dlt-hub/dlt#2136: With add_limit in code, each run continues where the last one ended."""
    yaml = f"resources: [{{entry: data.rows, destination: raw.t, engine: {engine}}}]"
    tree.add("s", yaml, BATCHES.format(disposition=disposition))
    for landed in (2, 4, 6, 6):
        tree.load("s.t")
        assert tree.query("select id from raw.t order by id") == list(range(1, landed + 1))


@pytest.mark.parametrize("engine", ["columnar", "dlt"])
def test_a_sample_between_batches_leaves_the_cursor(tree: Tree, engine: str) -> None:
    """dlt-hub/dlt#2136: A sample of one row leaves the others of its batch to the next run."""
    yaml = f"resources: [{{entry: data.rows, destination: raw.t, engine: {engine}}}]"
    tree.add("s", yaml, BATCHES.format(disposition="merge"))
    for limit in (None, 1, None, 1, None):
        tree.load("s.t", limit=limit)
    assert tree.query("select id from raw.t order by id") == [1, 2, 3, 4, 5, 6]


COMMENTS: dict[str, list[dict[str, Any]]] = {
    "1": [{"id": 11, "post": 1, "at": "2024-01-05"}, {"id": 12, "post": 1, "at": "2024-03-01"}],
    "2": [{"id": 21, "post": 2, "at": "2024-01-02"}, {"id": 22, "post": 2, "at": "2024-02-01"}],
}


def answer(request: ReceivedRequest) -> object:
    """Two posts, and the comments of a post from a day on."""
    if request.path == "/posts":
        return [{"id": 1}, {"id": 2}]
    since = request.params.get("since", "")
    return [comment for comment in COMMENTS[request.path.split("/")[2]] if comment["at"] >= since]


@pytest.fixture
def api(monkeypatch: pytest.MonkeyPatch) -> Iterator[RestServer]:
    """A server with posts and their comments."""
    with serve() as running:
        running.answer = answer
        monkeypatch.setenv("SOURCES__BLOG__API__BASE_URL", running.url)
        monkeypatch.setenv("BLOG", running.url)
        yield running


BY_YAML = """
resources:
  - entry: data_foundation.readers.rest.get_endpoint
    kwargs: {connection: api, endpoint: /posts}
    destination: raw.posts
  - entry: data_foundation.readers.rest.get_endpoint
    kwargs: {connection: api, endpoint: "/posts/{id}/comments", start_param: since}
    destination: raw.comments
    data_from: posts
    incremental: {cursor_path: at, initial_value: "2024-01-01"}
"""
BY_TRANSFORMER = '''
import os

import dlt
import requests


def get(path, **params):
    return requests.get(os.environ["BLOG"] + path, params=params, timeout=10).json()


@dlt.resource
def posts():
    """All posts."""
    yield get("/posts")


@dlt.transformer
def comments(post, at=dlt.sources.incremental("at", initial_value="2024-01-01")):
    """New comments of a post."""
    for row in post if isinstance(post, list) else [post]:
        yield get(f"/posts/{row['id']}/comments", since=at.start_value)
'''
CODE_YAML = """
resources:
  - {entry: data.posts, destination: raw.posts}
  - {entry: data.comments, destination: raw.comments, data_from: posts}
"""
BY_REST_API = '''
import os

from dlt.sources.rest_api import rest_api_source


def comments():
    """New comments of each post."""
    since = {"type": "incremental", "cursor_path": "at", "initial_value": "2024-01-01"}
    path = {"path": "posts/{resources.posts.id}/comments", "params": {"since": since}, "paginator": "single_page"}
    posts = {"name": "posts", "endpoint": {"path": "posts", "paginator": "single_page"}}
    config = {"client": {"base_url": os.environ["BLOG"]}, "resources": [posts, {"name": "comments", "endpoint": path}]}
    return rest_api_source(config).comments
'''
REST_API_YAML = "resources: [{entry: data.comments, destination: raw.comments}]"


@pytest.mark.parametrize(
    ("yaml", "code"),
    [(BY_YAML, ""), (CODE_YAML, BY_TRANSFORMER), (REST_API_YAML, BY_REST_API)],
    ids=["get_endpoint", "transformer", "rest_api"],
)
def test_every_parent_is_asked_from_the_same_day_on(tree: Tree, api: RestServer, yaml: str, code: str) -> None:
    """dlt-hub/dlt#2429: What the children of one parent move the cursor to does not hide older children of the next."""
    tree.add("blog", yaml, code)
    tree.load("blog.comments")
    assert tree.query("select id from raw.comments order by id") == [11, 12, 21, 22]
    assert {request.params["since"] for request in api.requests if "since" in request.params} == {"2024-01-01"}
    api.requests.clear()
    tree.load("blog.comments")
    assert {request.params["since"] for request in api.requests if "since" in request.params} == {"2024-03-01"}
    assert tree.query("select id from raw.comments order by id") == [11, 12, 21, 22]

"""What the dlt package itself ships: rest_api, sql_database and filesystem load here what they load with dlt alone."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.compat.plain_dlt import describe
from tests.compat.plain_worker import PlainDlt
from tests.compat.side_by_side import SideBySide
from tests.support.postgres_server import PostgresServer
from tests.support.rest_server import ReceivedRequest, RestServer, serve
from tests.support.sql_sources import dsn, run_sqlite

SHIPPED = Path(__file__).parent / "shipped"
BOTH_RUNS = (1, 2)


def load_both(
    both: SideBySide, declared: Mapping[str, Any], kwargs: Mapping[str, Any], function: str, *names: str
) -> None:
    """Loads here and with dlt alone."""
    tables = {"tables": list(names)} if names else {}
    assert both.load_ours({**declared, **tables}, {}) == ""
    assert both.load_plain(function, kwargs, {}, {}, names) == ""


def read(module: str) -> str:
    """Returns the code of a module of `shipped/`."""
    return (SHIPPED / f"{module}.py").read_text(encoding="utf-8")


class Blog:
    """An API with pages of posts, which may be read from a time on, and their comments.

    Attributes:
        run: Which run reads it: posts change and come.
    """

    def __init__(self, server: RestServer) -> None:
        self.run = 1
        self.url = server.url
        server.answer = self.answer

    def answer(self, request: ReceivedRequest) -> Any:
        """Returns a page of posts with a link to the next, the comments of a post, or a page of tags."""
        if request.path == "/posts":
            posts = [post for post in self.posts() if post["updated"] >= request.params.get("since", "")]
            page = int(request.params.get("page", 1))
            more = f"{self.url}/posts?page={page + 1}&since={request.params.get('since', '')}"
            return {"items": posts[page * 2 - 2 : page * 2], "next": more if len(posts) > page * 2 else None}
        if request.path.endswith("/comments"):
            post = int(request.path.split("/")[2])
            return [{"id": post * 10 + number, "likes": [{"by": "ada"}] * number} for number in range(self.run + 1)]
        offset = int(request.params["offset"])
        return {"tags": [{"name": f"t{number}"} for number in range(offset, min(offset + 2, 3 + self.run))]}

    def posts(self) -> list[dict[str, Any]]:
        """Returns the posts: one changes and two come in the second run."""
        days = {1: 1, 2: 2 if self.run == 1 else 8, 3: 3} | ({4: 7, 5: 9} if self.run == 2 else {})
        return [
            {"id": number, "title": f"{number} of day {day}", "updated": f"2024-01-0{day}T00:00:00Z"}
            for number, day in days.items()
        ]

    def config(self) -> dict[str, Any]:
        """Returns the configuration of dlt's REST API source that reads it."""
        posts = {
            "path": "posts",
            "data_selector": "items",
            "paginator": {"type": "json_link", "next_url_path": "next"},
            "params": {"since": "{incremental.start_value}"},
            "incremental": {"cursor_path": "updated", "initial_value": "2024-01-01T00:00:00Z"},
        }
        comments = {"path": "posts/{resources.posts.id}/comments"}
        tags = {
            "path": "tags",
            "data_selector": "tags",
            "paginator": {"type": "offset", "limit": 2, "total_path": None},
        }
        return {
            "client": {"base_url": self.url, "paginator": "single_page"},
            "resource_defaults": {"primary_key": "id", "write_disposition": "merge"},
            "resources": [
                {"name": "posts", "endpoint": posts},
                {"name": "comments", "endpoint": comments, "include_from_parent": ["id", "title"]},
                {"name": "tags", "endpoint": tags, "primary_key": "name", "write_disposition": "replace"},
            ],
        }


@pytest.fixture
def blog() -> Iterator[Blog]:
    """The API on a server."""
    with serve() as server:
        yield Blog(server)


REST: dict[str, tuple[str, dict[str, Any]]] = {
    "in YAML": ("rest_api_source", {"rest_api": ...}),
    "as a source": ("rest_api_source", {"source": "dlt.sources.rest_api.rest_api_source"}),
    "as a list of resources": ("rest_api_resources", {"source": "dlt.sources.rest_api.rest_api_resources"}),
    "in code": ("in_code", {"source": "in_code"}),
}


@pytest.mark.parametrize(
    "way", [name if name == "in YAML" else pytest.param(name, marks=pytest.mark.rare) for name in REST]
)
def test_rest_api_loads_what_dlt_alone_loads(tmp_path: Path, plain_dlt: PlainDlt, blog: Blog, way: str) -> None:
    """Pages, a cursor in a parameter, children of a parent and a replace, in each way to configure them."""
    function, declared = REST[way]
    both = SideBySide(tmp_path, plain_dlt, read("rest"))
    config = {"config": blog.config()}
    given = {"rest_api": config["config"]} if "rest_api" in declared else {**declared, "kwargs": config}
    for blog.run in BOTH_RUNS:
        load_both(both, given, config, function)
    found = describe(both.ours)
    assert found == describe(both.plain)
    assert {name: rows.total() for name, (_, rows) in found.items()} == {
        "posts": 5, "comments": 13, "comments__likes": 11, "tags": 5,
    }  # fmt: skip


TABLES = """
CREATE TABLE customers (id INTEGER PRIMARY KEY, name VARCHAR(20) NOT NULL, born DATE);
CREATE TABLE orders (id INTEGER PRIMARY KEY, customer INTEGER REFERENCES customers (id), total NUMERIC(10, 2),
    share FLOAT, note TEXT, updated_at TIMESTAMP NOT NULL);
INSERT INTO customers VALUES (1, 'Ada', '1990-12-10'), (2, 'Bob', NULL);
INSERT INTO orders VALUES (1, 1, 10.25, 0.5, 'a', '2024-01-01 10:00:00'), (2, 1, 20, NULL, NULL, '2024-01-02 10:00:00'),
    (3, 2, 0.01, 1.5, 'c', '2024-01-02 10:00:00');
"""
CHANGES = """
UPDATE orders SET total = 99.99, updated_at = '2024-01-05 10:00:00' WHERE id = 1;
INSERT INTO orders VALUES (4, 2, 7, 0.25, 'd', '2024-01-06 10:00:00');
INSERT INTO customers VALUES (3, 'Cy', '2001-01-31');
"""


@pytest.fixture(params=["sqlite", "postgres"])
def shop(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[str, Any]:
    """The address of a database with two tables, and a function that runs statements in it."""
    if request.param == "sqlite":
        file = tmp_path / "shop.sqlite"
        run_sqlite(file, TABLES)
        return f"sqlite:///{file}", lambda script: run_sqlite(file, script)
    server: PostgresServer = request.getfixturevalue("postgres_server")
    name = server.create_database()
    server.query(TABLES, database=name)
    address = dsn(server, name).replace("postgresql:", "postgresql+psycopg2:")
    return address, lambda script: server.query(script, database=name)


SQL: dict[str, tuple[str, dict[str, Any], dict[str, int]]] = {
    "database": ("source", {"backend": "sqlalchemy"}, {"orders": 4, "customers": 3}),
    "database in columns": ("source", {"backend": "pyarrow"}, {"orders": 4, "customers": 3}),
    "tables": ("tables", {"backend": "sqlalchemy"}, {"orders": 4, "customers": 5}),
    "tables in columns": ("tables", {"backend": "pyarrow"}, {"orders": 4, "customers": 5}),
    "whole database": ("whole", {}, {"orders": 7, "customers": 5}),
    "minimal reflection": ("source", {"reflection_level": "minimal"}, {"orders": 4, "customers": 3}),
    "full reflection with precision": (
        "source",
        {"reflection_level": "full_with_precision"},
        {"orders": 4, "customers": 3},
    ),
    "deferred reflection": ("source", {"defer_table_reflect": True}, {"orders": 4, "customers": 3}),
}


@pytest.mark.sampled(11)
@pytest.mark.parametrize("way", SQL)
def test_sql_database_loads_what_dlt_alone_loads(
    tmp_path: Path, plain_dlt: PlainDlt, shop: tuple[str, Any], way: str
) -> None:
    """Tables of a database, whole or from a cursor on, by each backend and reflection, with changes in between."""
    function, options, counts = SQL[way]
    address, run = shop
    both = SideBySide(tmp_path, plain_dlt, read("sql"))
    kwargs = {"credentials": address, **options}
    source = "dlt.sources.sql_database.sql_database" if function == "whole" else function
    for number in BOTH_RUNS:
        if number == 2:
            run(CHANGES)
        load_both(both, {"source": source, "kwargs": kwargs}, kwargs, function)
    found = describe(both.ours)
    assert found == describe(both.plain)
    assert {name: rows.total() for name, (_, rows) in found.items()} == counts


def put_files(folder: Path, run: int) -> None:
    """Writes a file of each format, later than those of the run before."""
    folder.mkdir(exist_ok=True)
    (folder / f"{run}.csv").write_text(f"id,name\n{run},ada\n{run}0,bob\n")
    (folder / f"{run}.jsonl").write_text(f'{{"id": {run}, "tags": ["a", "b"]}}\n{{"id": {run}0}}\n')
    pq.write_table(pa.table({"id": [run, 7], "run": [run, run]}), folder / f"{run}.parquet")
    for file in folder.glob(f"{run}.*"):
        os.utime(file, (1_700_000_000 + run * 60,) * 2)


FILES: dict[str, tuple[str, dict[str, Any], tuple[str, ...], dict[str, int]]] = {
    "pipes": ("pipes", {}, (), {"lines": 6, "lines__tags": 6, "news": 4, "news__tags": 4, "sheets": 3, "texts": 4}),
    "listing": ("listing", {}, (), {"files": 6}),
    "readers of csv": ("readers", {"file_glob": "*.csv"}, ("read_csv",), {"read_csv": 6}),
    "readers of jsonl": (
        "readers",
        {"file_glob": "*.jsonl"},
        ("read_jsonl",),
        {"read_jsonl": 6, "read_jsonl__tags": 6},
    ),
    "readers of parquet": ("readers", {"file_glob": "*.parquet"}, ("read_parquet",), {"read_parquet": 6}),
}


@pytest.mark.sampled(13)
@pytest.mark.parametrize("way", FILES)
def test_filesystem_loads_what_dlt_alone_loads(tmp_path: Path, plain_dlt: PlainDlt, way: str) -> None:
    """Files and their rows, all of them or those that have changed, with more files in between."""
    function, options, names, counts = FILES[way]
    both = SideBySide(tmp_path, plain_dlt, read("files"))
    kwargs = {"bucket_url": (tmp_path / "inbox").as_uri(), **options}
    source = "dlt.sources.filesystem.readers" if function == "readers" else function
    for run in BOTH_RUNS:
        put_files(tmp_path / "inbox", run)
        load_both(both, {"source": source, "kwargs": kwargs}, kwargs, function, *names)
    found = describe(both.ours)
    assert found == describe(both.plain)
    assert {name: rows.total() for name, (_, rows) in found.items()} == counts

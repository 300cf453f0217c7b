"""Tests of the commands check, list, new, preview and run of `foundation`."""

import json
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import typer
import yaml

from data_foundation.cli.main import app, main
from data_foundation.project.scaffold.names import find_reason
from data_foundation.rows.columnar import converter as tables
from tests.support.locations import Location

ROOT = Path(__file__).parents[2]
BIN = Path(sys.executable).parent
NEEDS = "import dlt\n\ndef get_rows(token: str = dlt.secrets.value):\n    yield {'id': 1}\n"

Foundation = Callable[..., tuple[int, str]]


@pytest.fixture
def foundation(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Foundation:
    """A function that runs the command in the current folder, and returns its exit code and output."""

    def run(*arguments: str) -> tuple[int, str]:
        monkeypatch.setattr(sys, "path", list(sys.path))
        monkeypatch.setattr(sys, "argv", ["foundation", *arguments])
        capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            main()
        printed = capsys.readouterr()
        code = ended.value.code
        return (code if isinstance(code, int) else 0), printed.out + printed.err

    return run


def test_the_installed_command(location: Location) -> None:
    """`foundation` is on the path, and scripts and CI get its exit code and messages."""
    location.add("shop", "resources: []")

    def run(*arguments: str, cwd: Path = location.root) -> subprocess.CompletedProcess[str]:
        command = [str(BIN / "foundation"), *arguments]
        return subprocess.run(command, cwd=cwd, capture_output=True, text=True, timeout=120, check=False)

    done = run("check")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("dlthub/shop/sources.yaml:1: resources: needs at least one resource")
    done = run("check", cwd=location.root.parent)
    assert done.returncode == 1
    assert "holds dlthub/; change to the repository" in done.stderr
    assert "Traceback" not in done.stderr


def test_without_arguments_it_explains_itself(foundation: Foundation) -> None:
    """`foundation --help` lists the commands."""
    code, printed = foundation("--help")
    assert code == 0
    for command in ("check", "list", "new", "preview", "run", "dbt-sources", "workbook"):
        assert re.search(rf"\b{command}\b", printed)


def test_check_shows_paths_relative_to_the_current_folder(
    location: Location, foundation: Foundation, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It works in any folder of the repository; paths are relative to that folder, so that a terminal can open them."""
    folder = location.add("shop", "resources: []")
    assert foundation("check")[1].startswith("dlthub/shop/sources.yaml:1: ")
    monkeypatch.chdir(folder)
    assert foundation("check")[1].startswith("sources.yaml:1: ")
    location.add("shop")
    assert foundation("check") == (0, "1 source with 1 resource is valid\n")


def test_version_shows_what_a_report_of_a_fault_needs(foundation: Foundation) -> None:
    """The package and what it rests on, each with its version."""
    code, printed = foundation("--version")
    assert code == 0
    assert re.fullmatch(
        r"data-foundation [\d.]+, dlt [\d.]+, dagster [\d.]+, dbt-core [\d.]+, duckdb [\d.]+\n", printed
    )
    assert foundation("-h") == foundation("--help")


def find_commands(command: Any, *path: str) -> Iterator[tuple[str, ...]]:
    """Yields the words of each command below a command, groups too."""
    for name, below in getattr(command, "commands", {}).items():
        yield (*path, name)
        yield from find_commands(below, *path, name)


@pytest.mark.parametrize("words", [(), *find_commands(typer.main.get_command(app))], ids=" ".join)
def test_each_command_has_help(foundation: Foundation, words: tuple[str, ...]) -> None:
    """`-h` is `--help` for every command, and shows its usage."""
    code, printed = foundation(*words, "-h")
    assert (code, printed) == foundation(*words, "--help")
    assert code == 0
    assert f"Usage: foundation {' '.join(words)}".strip() in " ".join(printed.split())


CONNECTORS = """
import dlt


class Session:
    def get(self, path):
        return [{"path": path, "author": "ada", "likes": 3 if path.startswith("api") else "three", "media": ["a", "b"]}]


@dlt.source
def forum():
    session = Session()

    @dlt.resource(name="forum_structured")
    def structured():
        yield from session.get("api/forum")

    @dlt.resource(name="forum_scraped")
    def scraped():
        yield from session.get("scraped/forum")

    return [structured(), scraped()]
"""
ENTRIES = """
resources:
  - {entry: feeds_of_company.sources.forum.forum, resource: forum_structured, destination: raw.forum_structured}
  - {entry: feeds_of_company.sources.forum.forum, resource: forum_scraped, destination: raw.forum_scraped}
  - {source: feeds_of_company.sources.board.forum, destination: "feeds.{table}"}
"""


def test_connectors_of_a_package_in_the_repository_are_entries(location: Location, foundation: Foundation) -> None:
    """Sources of a package beside `dlthub/` are named by their path, without code in the folder, and load each time."""
    location.write("dlthub/mentions/sources.yaml", ENTRIES)
    for name in ("forum", "board"):
        location.write(f"feeds_of_company/sources/{name}.py", CONNECTORS)
    location.write("feeds_of_company/__init__.py", "")
    assert foundation("discover")[0] == 0
    assert foundation("check") == (0, "1 source with 4 resources is valid\n")
    for _ in range(2):
        code, printed = foundation("run")
        assert code == 0, printed
    structured = location.query("SELECT likes, count(*) FROM raw.forum_structured GROUP BY ALL")
    scraped = location.query("SELECT likes, count(*) FROM feeds.forum_scraped GROUP BY ALL")
    assert (structured, scraped) == ([(3, 2)], [("three", 2)])
    assert location.query("SELECT count(*) FROM raw.forum_scraped__media") == [(4,)]


def test_list_shows_assets_schedules_and_settings(
    location: Location, foundation: Foundation, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Lists each asset with disposition and schedule, missing settings of each source, and errors of broken sources."""
    location.add(
        "shop",
        """
        source: {automation: {cron: "0 6 * * *", timezone: Europe/Amsterdam}}
        resources:
          - {entry: data.get_rows, destination: raw.orders}
          - {entry: data.get_rows, destination: raw.items, primary_key: id, automation: eager,
             write_disposition: {disposition: merge, strategy: upsert}, kwargs: {token: "{{ env.SHOP_TOKEN }}"}}
          - {entry: data.get_rows, destination: raw.notes, automation: manual}
        """,
        NEEDS,
    )
    location.add("broken", "resources: []")
    monkeypatch.delenv("SHOP_TOKEN", raising=False)
    code, printed = foundation("list")
    assert code == 0
    for row in (
        r"shop +│ raw.orders +│ append +│ 0 6 \* \* \* Europe/Amsterdam +│ needs SOURCES__SHOP__TOKEN, SHOP_TOKEN",
        r"raw.items +│ merge upsert +│ eager",
        r"raw.notes +│ append +│ manual",
    ):
        assert re.search(row, printed), printed
    assert "dlthub/broken/sources.yaml:1: " in printed
    monkeypatch.setenv("SHOP_TOKEN", "x")
    monkeypatch.setenv("SOURCES__SHOP__TOKEN", "x")
    assert re.search(r"shop +│ raw.orders .*│ complete", foundation("list")[1])


def test_list_names_missing_settings_of_a_connection(
    location: Location, foundation: Foundation, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The settings of a reader's connection are settings of the source; no connection is opened."""
    location.add(
        "shop",
        """
        resources:
          - {entry: data_foundation.readers.sql.get_table, kwargs: {connection: db, table: t}, destination: raw.t}
          - entry: data_foundation.readers.rest.get_endpoint
            kwargs: {connection: api, endpoint: r}
            destination: raw.r
        """,
    )
    monkeypatch.setenv("SOURCES__SHOP__API__AUTH__TYPE", "bearer")
    monkeypatch.setenv("SOURCES__SHOP__DB__DRIVERNAME", "sqlite")
    printed = " ".join(re.sub(r"[│\n]", " ", foundation("list")[1]).split())
    for name in ("API__AUTH__TOKEN", "API__BASE_URL", "DB__DATABASE"):
        assert f"SOURCES__SHOP__{name}" in printed
    monkeypatch.setenv("SOURCES__SHOP__API__AUTH__TOKEN", "x")
    monkeypatch.setenv("SOURCES__SHOP__API__BASE_URL", "http://x")
    monkeypatch.setenv("SOURCES__SHOP__DB__DATABASE", "x")
    assert re.search(r"shop +│ raw.t .*│ complete", foundation("list")[1])


def test_new_makes_a_valid_source(location: Location, foundation: Foundation) -> None:
    """`foundation new shop` writes three files and a test; `foundation check` accepts them."""
    location.write("dlthub/.keep", "")
    code, printed = foundation("new", "shop")
    files = ["dlthub/shop/__init__.py", "dlthub/shop/data.py", "dlthub/shop/sources.yaml", "tests/sources/test_shop.py"]
    assert (code, re.findall("^wrote (.*)$", printed, re.MULTILINE)) == (0, files)
    assert foundation("check")[0] == 0


def test_new_takes_a_kind_and_says_what_to_do(location: Location, foundation: Foundation) -> None:
    """`--from` selects a kind; the next steps are printed in order, each in one line, however narrow the terminal."""
    location.write("dlthub/.keep", "")
    code, printed = foundation("new", "shop", "--from", "sql")
    assert code == 0
    assert printed.splitlines() == [
        "wrote dlthub/shop/sample.sqlite",
        "wrote dlthub/shop/sources.yaml",
        "wrote tests/sources/test_shop.py",
        "wrote .dlt/config.toml",
        "next: `foundation run shop` loads the sample that is there now",
        "then: edit what EDIT marks in dlthub/shop/sources.yaml, and set your database in .dlt/config.toml",
        "then: `foundation preview shop`",
    ]
    code, printed = foundation("new", "crm", "--from", "csv")
    assert (code, printed.startswith("error --from: got 'csv'; accepted: python, rest, sql, files")) == (1, True)


@pytest.mark.parametrize(
    ("name", "reason", "instead"),
    [
        ("Shop", "it has capital letters", "shop"),
        ("my-shop", "it has a character that is no letter, digit or _", "my_shop"),
        ("my shop", "it has a character that is no letter, digit or _", "my_shop"),
        ("größe", "it has letters with accents or of another alphabet", "grosse"),
        ("订单", "it has letters with accents or of another alphabet", "shop"),
        ("../shop", "it has a character that is no letter, digit or _", "shop"),
        ("1shop", "it begins with a digit", "shop"),
        ("2024", "it begins with a digit", "source_2024"),
        ("_shop", "it begins with _", "shop"),
        ("a__b", "dlt puts two _ between a table and its nested table", "a_b"),
        ("class", "Python uses that word itself", "class_source"),
        ("None", "Python uses that word itself", "none"),
        ("my-class", "it has a character that is no letter, digit or _", "my_class"),
        ("-class-", "it has a character that is no letter, digit or _", "class_source"),
        ("meta", "Dagster uses that word itself", "meta_source"),
        ("transformation", "dlt's plugin has a module of that name", "transformation_source"),
        ("", "it is empty", "shop"),
    ],
)
def test_new_refuses_an_invalid_name(
    location: Location, foundation: Foundation, name: str, reason: str, instead: str
) -> None:
    """A name that a folder must not have is refused with the reason and a name that is accepted; nothing is written."""
    location.write("dlthub/.keep", "")
    code, printed = foundation("new", "--", name)
    assert code == 1
    assert f"'{name}' cannot be the name of a source: {reason}; accepted: " in printed
    assert f"for instance '{instead}'" in printed
    assert not find_reason(instead)
    assert [file for file in location.root.rglob("*") if file.is_file()] == [location.root / "dlthub" / ".keep"]


@pytest.mark.parametrize("name", ["json", "dlt", "test", "match", "x"])
def test_new_accepts_names_of_modules(location: Location, foundation: Foundation, name: str) -> None:
    """A source may be called as a package: its folder is imported under a private name and hides nothing."""
    location.write("dlthub/.keep", "")
    assert foundation("new", name)[0] == 0
    assert foundation("check") == (0, "1 source with 1 resource is valid\n")


def test_new_overwrites_nothing(location: Location, foundation: Foundation) -> None:
    """If one of the files exists already, it is unchanged, and none of the others is written."""
    location.write("dlthub/shop/data.py", "mine")
    code, printed = foundation("new", "shop")
    assert code == 1
    assert "dlthub/shop/data.py: is already there; nothing was written" in printed
    assert [file.name for file in (location.root / "dlthub" / "shop").iterdir()] == ["data.py"]


def test_preview_shows_schema_and_rows_without_a_warehouse(location: Location, foundation: Foundation) -> None:
    """At most `--limit` rows of each resource are shown, child tables too; a table can be selected; no file is left."""
    location.add(
        "shop",
        "resources:\n  - {entry: data.get_rows, destination: raw.orders, columns: {id: {description: The number.}}}\n"
        "  - {entry: data.get_none, destination: raw.none}\n",
        "def get_rows():\n    while True:\n        yield {'id': 7, 'items': [{'sku': '[b]a'}]}\n"
        "def get_none():\n    return []\n",
    )
    code, printed = foundation("preview", "shop.orders", "--limit", "3")
    assert code == 0
    for text in ("raw.orders: schema", "raw.orders: 3 rows", "raw.orders__items: 3 rows", "The number.", "[b]a"):
        assert text in printed
    assert "raw.none" not in printed
    assert foundation("preview", "shop.none")[0] == 0
    assert not (location.root / "data").exists()


def test_a_source_is_tried_with_one_row_of_each_resource(location: Location, foundation: Foundation) -> None:
    """`foundation test` reads one row of each resource, names what fails and why, and writes nothing."""
    rest = "{connection: api, endpoint: /rows}"
    location.add(
        "shop",
        "resources:\n  - {entry: data.get_rows, destination: raw.orders}\n"
        "  - {entry: data.get_none, destination: raw.none}\n"
        "  - {entry: data.get_refused, destination: raw.refused, retries: {max: 0}}\n"
        f"  - {{entry: data_foundation.readers.rest.get_endpoint, kwargs: {rest}, destination: raw.rest}}\n",
        "def get_rows():\n    while True:\n        yield {'id': 7}\n"
        "def get_none():\n    return []\n"
        "def get_refused():\n    raise PermissionError('401 for the key')\n    yield\n",
    )
    code, printed = foundation("test", "shop")
    assert code == 1
    for text in ("ok raw.orders: one row", "ok raw.none: no rows", "401 for the key", "SOURCES__SHOP__API__BASE_URL"):
        assert text in printed
    assert foundation("test", "shop.orders")[0] == 0
    assert not (location.root / "data" / "warehouse.duckdb").exists()


def test_run_loads_without_dagster(location: Location, foundation: Foundation) -> None:
    """`foundation run` loads every source, and prints a table of assets and rows, and the place of the data."""
    location.add(
        "shop",
        "resources: [{entry: data.get_rows, destination: raw.orders, child_tables: [items]}]",
        "def get_rows():\n    yield [{'id': 1, 'items': [{'sku': 'a'}, {'sku': 'b'}]}]\n",
    )
    location.add("crm")
    code, printed = foundation("run")
    assert code == 0
    assert re.search(r"raw.orders +│ +1 │ +1 │ +\d+\.\d │ landed", printed), printed
    assert re.search(r"raw.orders__items +│ +│ +2 │", printed)
    assert re.search(r"raw.crm +│ +2 │ +2 │", printed)
    assert f"The tables are in {location.root}/data/warehouse.duckdb" in printed
    assert location.query("select count(*) from raw.orders__items") == [(2,)]


def test_a_run_without_a_source_says_so(location: Location, foundation: Foundation) -> None:
    """A new repository has nothing to load; the message names the command that starts a source."""
    location.write("dlthub/sources.schema.json", "{}")
    assert foundation("run") == (
        0,
        "Nothing to load: no source in dlthub/ is enabled; `foundation new shop` starts one\n",
    )


def test_run_loads_the_named_tables(location: Location, foundation: Foundation) -> None:
    """SOURCE selects all of its tables, SOURCE.TABLE one; a table that is named twice is loaded once."""
    names = ("a", "b")
    resources = ", ".join(f"{{entry: data.get_rows, destination: raw.{name}}}" for name in names)
    location.add("shop", f"resources: [{resources}]")
    location.add("crm")
    assert foundation("run", "shop.b", "shop.b")[0] == 0
    assert location.query("select table_name from duckdb_tables() where table_name in ('a', 'b', 'crm')") == [("b",)]
    assert foundation("run", "shop", "crm")[0] == 0
    assert location.query("select (select count(*) from raw.a), (select count(*) from raw.b)") == [(2, 4)]


def test_one_table_name_in_two_datasets(location: Location, foundation: Foundation) -> None:
    """Both tables are loaded; SOURCE.TABLE selects both, DATASET.TABLE one of them."""
    location.add(
        "shop", "resources: [{entry: data.get_rows, destination: a.x}, {entry: data.get_rows, destination: b.x}]"
    )
    assert foundation("run", "a.x")[0] == 0
    assert foundation("run", "shop.x")[0] == 0
    assert foundation("run")[0] == 0
    assert location.query("select (select count(*) from a.x), (select count(*) from b.x)") == [(6, 4)]


@pytest.mark.parametrize(
    ("target", "nearest"),
    [("shp", "shop"), ("shop.order", "shop.orders"), ("raw.order", "shop.orders"), ("shop.", "shop")],
)
@pytest.mark.parametrize("command", ["run", "preview"])
def test_an_unknown_name_gives_the_nearest(
    location: Location, foundation: Foundation, command: str, target: str, nearest: str
) -> None:
    """An unknown name is refused before anything runs, with the nearest spelling."""
    location.add("shop", "resources: [{entry: data.get_rows, destination: raw.orders}]")
    code, printed = foundation(command, target)
    assert code == 1
    accepted = "no such source, table or job id; see `foundation list`"
    assert f"target '{target}': {accepted}. Did you mean '{nearest}'?" in printed


@pytest.mark.parametrize("target", ["shop.OrderItems", "raw.OrderItems", "raw.order_items", "shop.order_items"])
def test_a_table_is_run_by_the_name_that_list_shows(location: Location, foundation: Foundation, target: str) -> None:
    """A table has two spellings: that of sources.yaml, and that of the warehouse."""
    location.add("shop", "resources: [{entry: data.get_rows, destination: raw.OrderItems}]")
    assert "raw.order_items" in foundation("list")[1]
    assert foundation("run", target)[0] == 0


@pytest.mark.parametrize("command", ["run", "preview"])
def test_a_broken_source_cannot_be_run(location: Location, foundation: Foundation, command: str) -> None:
    """Its problems are printed and the exit code is 1; a valid source beside it can still be run by name."""
    location.add("broken", "resources: []")
    location.add("shop")
    code, printed = foundation(command, "broken")
    assert code == 1
    assert "dlthub/broken/sources.yaml:1: " in printed
    assert foundation(command, "shop")[0] == 0


def test_failures_are_named_and_the_others_are_loaded(location: Location, foundation: Foundation) -> None:
    """A resource that raises, one that exits, a broken folder: the exit code is 1, each is named, others are loaded."""
    location.add("raises", data="def get_rows():\n    yield {'id': 1}\n    raise RuntimeError('[boom]')\n")
    location.add("exits", data="import sys\nsys.exit(5)\ndef get_rows(): yield 1\n")
    location.add("broken", "resources: []")
    location.add("shop")
    code, printed = foundation("run")
    assert code == 1
    for text in (
        "dlthub/raises/data.py:3 in get_rows: RuntimeError: [boom]",
        "dlthub/exits/data.py:2: importing it failed: calls sys.exit",
        "dlthub/broken/sources.yaml:1",
    ):
        assert text in printed
    assert re.search(r"raw.shop +│ +2 │ +2 │ +\d+\.\d │ landed", printed)
    assert re.search(r"raw.raises .* failed", printed)


def test_an_internal_error_is_reported_as_one(
    location: Location, foundation: Foundation, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`run` and `preview` explain that the entry is not the cause, and name the traceback; the daily log has none."""

    def fail(*_: object) -> None:
        raise KeyError("boom")

    location.add("shop")
    monkeypatch.setattr(tables, "split_page", fail)
    for command in ("run", "preview"):
        code, printed = foundation(command, "shop")
        assert code == 1
        output = " ".join(printed.split())
        assert "KeyError: 'boom' Hint: this is a fault of data-foundation, not of the entry" in output
        named = re.search(r"Traceback: (\S+)", output)
        assert named
        assert "KeyError: 'boom'" in (location.root / named[1]).read_text()
        assert "most recent call last" not in printed
    [log] = (location.root / "logs").iterdir()
    assert "KeyError: 'boom'" in log.read_text()
    assert "most recent call last" not in log.read_text()


def test_a_missing_setting_does_not_fail_the_others(
    location: Location, foundation: Foundation, monkeypatch: pytest.MonkeyPatch
) -> None:
    """If everything is run, the resource `needs SETTING` and the exit code is 0; selected by name it is 1."""
    location.add("shop", data=NEEDS)
    location.add("crm")
    monkeypatch.setenv("SOURCES__SHOP__TOKEN", "so that what .env sets is taken back")
    monkeypatch.delenv("SOURCES__SHOP__TOKEN")
    code, printed = foundation("run")
    assert code == 0
    assert re.search(r"raw.shop .*needs SOURCES__SHOP__TOKEN", printed)
    assert re.search(r"raw.crm .*landed", printed)
    assert foundation("run", "shop")[0] == 1
    location.write(".env", "SOURCES__SHOP__TOKEN=from-the-file\n")
    assert foundation("run", "shop")[0] == 0


RANGE = """
resources:
  - {entry: data.get_days, destination: raw.days, write_disposition: merge, primary_key: day,
     kwargs: {start: "{{ partition.start }}", end: "{{ partition.end }}"},
     incremental: {cursor_path: day, initial_value: "2024-01-01"}}
"""
DAYS = """
from datetime import date, timedelta

def get_days(start, end):
    day = date.fromisoformat(start[:10])
    while day < min(date.fromisoformat(end[:10]), date(2024, 1, 20)):
        yield {"day": day.isoformat()}
        day += timedelta(days=1)
"""


def test_the_options_of_a_run(location: Location, foundation: Foundation) -> None:
    """`--start --end` load a range without moving the cursor, `--limit` a sample beside it; `--refresh` all again."""
    location.add("shop", RANGE, DAYS)

    def days(*options: str, dataset: str = "raw") -> list[str]:
        assert foundation("run", "shop", *options)[0] == 0
        query = f"select strftime(day::date, '%d') from {dataset}.days order by day"
        return [str(day) for (day,) in location.query(query)]

    assert days("--start", "2024-01-05", "--end", "2024-01-07") == ["05", "06"]
    assert days("--limit", "2", dataset="raw__sample") == ["01", "02"]
    assert len(days()) == 19
    assert days("--refresh", "drop", "--limit", "1", dataset="raw__sample") == ["01"]
    assert len(days("--refresh", "drop")) == 19


@pytest.mark.parametrize(
    "arguments",
    [
        ("run", "--refresh", "all"),
        ("run", "--limit", "-1"),
        ("run", "--limit", "x"),
        ("run", "--limit", "1", "--dbt"),
        ("preview",),
        ("preview", "shop", "--limit", "0"),
        ("nonsense",),
    ],
    ids=" ".join,
)
def test_wrong_options_are_refused(location: Location, foundation: Foundation, arguments: tuple[str, ...]) -> None:
    """The exit code is 2, and nothing runs."""
    location.add("shop")
    assert foundation(*arguments)[0] == 2
    assert not (location.root / "data").exists()


def test_an_empty_range_is_refused(location: Location, foundation: Foundation) -> None:
    """`--start` after `--end` is one error for all tables, and nothing runs."""
    location.add("shop", RANGE, DAYS)
    code, printed = foundation("run", "--start", "2024-02-01", "--end", "2024-01-01")
    assert code == 1
    assert printed.count("start 2024-02-01 is not before end 2024-01-01, which is not included") == 1
    assert not (location.root / "data").exists()


@pytest.mark.parametrize(
    ("warehouse", "message"),
    [
        pytest.param("oracle://me:hunter2@host", "got 'oracle://***@host'; accepted: duckdb, snowflake", id="unknown"),
        pytest.param("snowflake", "needs SNOWFLAKE_ACCOUNT", id="snowflake without settings"),
        pytest.param("postgres", "needs POSTGRES_HOST", id="postgres without settings"),
        pytest.param("lake", "needs LAKE_URL", id="lake without settings"),
    ],
)
def test_an_invalid_warehouse_is_refused(
    location: Location, foundation: Foundation, monkeypatch: pytest.MonkeyPatch, warehouse: str, message: str
) -> None:
    """A warehouse that is unknown or lacks settings is refused before any load; `check` does not need it."""
    location.add("shop")
    monkeypatch.setenv("WAREHOUSE", warehouse)
    monkeypatch.setenv("DEPLOYMENT", "dev")
    code, printed = foundation("run")
    assert code == 1
    assert message in printed
    assert foundation("check")[0] == 0


def test_the_place_of_the_data(location: Location, foundation: Foundation, monkeypatch: pytest.MonkeyPatch) -> None:
    """`DUCKDB_PATH` is relative to the repository, not to the current folder; all else is in data/ and logs/."""
    folder = location.add("shop")
    monkeypatch.setenv("DUCKDB_PATH", "elsewhere/shop.duckdb")
    monkeypatch.chdir(folder)
    assert foundation("run")[0] == 0
    assert (location.root / "elsewhere" / "shop.duckdb").is_file()
    assert {path.name for path in location.root.iterdir()} == {"dlthub", "data", "elsewhere", "logs"}


def test_dbt_sources_are_written(location: Location, foundation: Foundation) -> None:
    """`foundation dbt-sources` writes the loaded tables to the file that dbt reads."""
    location.add("shop")
    location.write("dbt_project/models/.keep", "")
    assert foundation("run")[0] == 0
    assert foundation("dbt-sources") == (0, "wrote dbt_project/models/sources.yml\n")
    text = (location.root / "dbt_project" / "models" / "sources.yml").read_text(encoding="utf-8")
    [source] = yaml.safe_load(text)["sources"]
    assert source["name"] == "raw"
    assert [(table["name"], table["columns"][0]["name"]) for table in source["tables"]] == [("shop", "id")]


def test_scripts_read_json_lines(location: Location, foundation: Foundation) -> None:
    """`list`, `check` and `preview` print one object a line with `--json`, and the exit code stays."""
    location.add("shop")
    [asset] = map(json.loads, foundation("list", "--json")[1].splitlines())
    assert asset == {
        "source": "shop", "asset": "raw.shop", "disposition": "append", "automation": "manual", "missing_settings": [],
    }  # fmt: skip
    assert foundation("check", "--json") == (0, "")
    code, printed = foundation("preview", "shop", "--json")
    assert code == 0
    assert json.loads(printed.splitlines()[-1])["rows"] == [[1], [2]]
    location.add("broken", "resources: []")
    code, printed = foundation("check", "--json")
    problem = json.loads(printed)
    assert code == 1
    assert problem["file"].endswith("dlthub/broken/sources.yaml")
    assert (problem["line"], problem["field"]) == (1, "resources")

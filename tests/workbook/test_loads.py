"""Tests of loads from a workbook: tables, watermarks, the daily log and the commands."""

import datetime as dt
import json
import re
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import pytest
from deltalake import DeltaTable
from openpyxl import load_workbook
from typer.testing import CliRunner

import data_foundation
from data_foundation.cli.main import app
from data_foundation.errors import FoundationError
from data_foundation.local.run import JobStatus
from data_foundation.process_wide.redaction import remember
from data_foundation.project.source import load_source_config
from data_foundation.workbook import WORKBOOK_FILE
from data_foundation.workbook.columns import COLUMNS
from tests.support.locations import Location
from tests.support.rest_server import serve
from tests.support.workbooks import JOB, write_workbook

INCREMENTAL = {
    "load_type": "INCREMENTAL", "watermark_column": "updated_at", "last_watermark": "2024-01-01 00:00:00",
}  # fmt: skip


FEBRUARY = dt.date(2024, 2, 1)


@dataclass(frozen=True)
class Shop:
    """A repository with one source: a workbook over a SQLite file."""

    location: Location

    @property
    def folder(self) -> Path:
        """The folder of the source."""
        return self.location.root / "dlthub" / "shop"

    def sql(self, *statements: str) -> None:
        """Changes the SQLite file."""
        with closing(sqlite3.connect(self.location.root / "sales.db")) as connection:
            for statement in statements:
                connection.execute(statement)
            connection.commit()

    def landed(self, sql: str) -> list[Any]:
        """Returns the rows of a query in the warehouse."""
        with duckdb.connect(str(self.location.root / "data" / "warehouse.duckdb"), read_only=True) as connection:
            return connection.execute(sql).fetchall()

    def foundation(self, *arguments: str) -> tuple[int, str]:
        """Runs the command, and returns its exit code and output."""
        done = CliRunner().invoke(app, list(arguments))
        if isinstance(done.exception, FoundationError):
            return 1, str(done.exception)
        assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
        return done.exit_code, done.output

    def log(self) -> Sequence[str]:
        """Returns the lines of the only log file."""
        [file] = (self.location.root / "logs").iterdir()
        assert re.fullmatch(r"ingestion_\d{8}\.log", file.name)
        return file.read_text().splitlines()


@pytest.fixture
def shop(location: Location, monkeypatch: pytest.MonkeyPatch) -> Shop:
    """A shop with two orders and two visits; visits have no key."""
    monkeypatch.setenv("SOURCES__SHOP__SALES_DB__DATABASE", str(location.root / "sales.db"))
    monkeypatch.setenv("LAKE_URL", "lake")
    made = Shop(location)
    made.folder.mkdir(parents=True)
    made.sql(
        "create table orders (id integer primary key, state text, updated_at timestamp)",
        "insert into orders values (1, 'new', '2024-02-01 00:00:00'), (2, 'new', '2024-02-02 00:00:00')",
        "create table visits (page text, updated_at timestamp)",
        "insert into visits values ('old', '2023-01-01 00:00:00'), ('home', '2024-03-01 00:00:00')",
    )
    return made


def test_rows_become_tables_and_later_runs_load_new_rows(shop: Shop) -> None:
    """INCREMENTAL starts at the watermark, merges by the table's primary key, and appends if there is none."""
    rows = [{**JOB, **INCREMENTAL}, {**JOB, **INCREMENTAL, "job_id": "visits_incr", "table_name": "visits"}]
    write_workbook(shop.folder, *rows)
    results = data_foundation.run_sources()
    assert sorted((r.job_id, r.destination, r.status, r.rows) for r in results) == [
        ("orders", "raw.sales_db_orders", JobStatus.LOADED, 2),
        ("visits_incr", "raw.sales_db_visits", JobStatus.LOADED, 1),
    ]  # fmt: skip
    shop.sql(
        "update orders set state = 'paid', updated_at = '2024-05-01 00:00:00' where id = 1",
        "insert into visits values ('home', '2024-05-01 00:00:00')",
    )
    assert [result.status.value for result in data_foundation.run_sources("shop")] == ["loaded", "loaded"]
    assert shop.landed("select id, state from raw.sales_db_orders order by id") == [(1, "paid"), (2, "new")]
    assert shop.landed("select page, count(*) from raw.sales_db_visits group by page") == [("home", 2)]

    code, printed = shop.foundation("audit", "--jobs", "--json")
    jobs = {job["job_id"]: job for job in map(json.loads, printed.splitlines())}
    assert (code, {name: (job["status"], job["rows"], job["watermark"]) for name, job in jobs.items()}) == (0, {
        "orders": ("loaded", 1, "2024-05-01 00:00:00+00:00"), "visits_incr": ("loaded", 1, "2024-05-01 00:00:00+00:00"),
    })  # fmt: skip
    assert shop.foundation("audit", "visits_incr", "--json")[1].count('"raw.sales_db_visits"') == 2


def test_a_job_that_fails_stops_no_other(shop: Shop) -> None:
    """The result and the log have the reason, and the watermark is unchanged."""
    write_workbook(shop.folder, {**JOB, **INCREMENTAL}, {**JOB, "job_id": "gone", "table_name": "nothing"})
    shop.location.add("broken", "resources: []")
    data_foundation.run_sources(["orders"])
    shop.sql("alter table orders rename to former")
    results = {result.job_id: result for result in data_foundation.run_sources()}
    assert {name: result.status for name, result in results.items()} == dict.fromkeys(
        ("broken", "gone", "orders"), "failed"
    )
    assert "nothing" in results["gone"].error
    assert "needs at least one resource" in results["broken"].error
    printed = shop.foundation("audit", "--jobs")[1]
    assert re.search(r"orders +│ raw.sales_db_orders +│ [-\d]+ [:\d]+ │ failed .*│ 2024-02-02", printed)
    assert re.search(r"gone +│ raw.sales_db_nothing +│ [-\d]+ [:\d]+ │ failed", printed)


def test_the_daily_log(shop: Shop) -> None:
    """`foundation run` and `run_sources` append to one file: time, level and message, one line each, no secrets."""
    remember(["nothing-to-see"])
    write_workbook(
        shop.folder, JOB, {**JOB, "job_id": "gone", "table_name": "nothing-to-see", "source_name": "sales_db"}
    )
    assert shop.foundation("run", "orders")[0] == 0
    data_foundation.run_sources("gone")
    lines = shop.log()
    assert all(re.match(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d \| (INFO    |ERROR   ) \| \S", line) for line in lines)
    messages = [line.split(" | ", 1)[1] for line in lines]
    assert messages[:2] == [
        "INFO     | Starting: raw.sales_db_orders",
        "INFO     | Extracted 2 rows for raw.sales_db_orders",
    ]
    assert re.fullmatch(
        r"INFO     \| Loaded: job orders wrote 2 rows to warehouse\.raw\.sales_db_orders in \d+\.\d s", messages[2]
    )
    assert messages[-1].startswith("ERROR    | Failed: job gone after ")
    assert "nothing-to-see" not in "\n".join(lines)


def test_a_log_that_cannot_be_written_stops_no_load(shop: Shop) -> None:
    """The folder of the log is a file here."""
    write_workbook(shop.folder, JOB)
    (shop.location.root / "logs").write_text("")
    assert [result.status for result in data_foundation.run_sources()] == ["loaded"]


def test_the_target_columns_set_the_place_in_the_lake(shop: Shop) -> None:
    """The table is written to `<container>/<folder>/<source>_<table>/`; other tables to the default warehouse."""
    place = {"target_container": "raw-data", "target_folder_path": "bronze/sales"}
    write_workbook(shop.folder, {**JOB, **place, **INCREMENTAL}, {**JOB, "job_id": "visits", "table_name": "visits"})
    for _ in range(2):
        assert [result.status for result in data_foundation.run_sources()] == ["loaded", "loaded"]
        shop.sql("update orders set state = 'paid', updated_at = '2024-05-01 00:00:00' where id = 1")
    table = DeltaTable(
        shop.location.root / "lake" / "raw-data" / "bronze" / "sales" / "sales_db_orders"
    ).to_pyarrow_table()
    assert sorted(zip(*(table[name].to_pylist() for name in ("id", "state")), strict=True)) == [(1, "paid"), (2, "new")]
    assert shop.landed("select table_name from information_schema.tables where table_name like 'sales%'") == [
        ("sales_db_visits",)
    ]


def test_source_type_must_match_the_connection(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    """source_type sets `drivername`; if the setting has another value, the load is refused."""
    write_workbook(shop.folder, {**JOB, "source_type": "PostgreSQL"})
    monkeypatch.setenv("SOURCES__SHOP__SALES_DB__DRIVERNAME", "sqlite")
    [result] = data_foundation.run_sources()
    assert (
        "sources.shop.sales_db is sqlite, but `dialect` in kwargs is 'postgresql'; correct one of the two"
        in result.error
    )


def test_an_api_is_read_page_by_page(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    """Method, kind of pages and page size are those of the row; rows before the watermark are not loaded."""
    users = [{"id": number, "changed": f"2024-0{number}-01"} for number in range(1, 6)]
    with serve() as api:
        api.answer = lambda asked: users[(int(asked.params["page"]) - 1) * 2 :][:2]
        monkeypatch.setenv("SOURCES__SHOP__EXAMPLE_API__BASE_URL", api.url)
        row: dict[str, Any] = {
            "source_type": "API",
            "source_name": "example_api",
            "table_name": "users",
            "api_endpoint": "/api/v1/users",
        }
        row |= {"api_method": "GET", "pagination_type": "page", "chunk_size": 2, "primary_key": "id"}
        write_workbook(
            shop.folder, {**JOB, **INCREMENTAL, **row, "watermark_column": "changed", "last_watermark": FEBRUARY}
        )
        assert [(result.status, result.rows, result.error) for result in data_foundation.run_sources()] == [
            ("loaded", 4, "")
        ]
        assert {(asked.path, asked.params["limit"]) for asked in api.requests} == {("/api/v1/users", "2")}
        users.append({"id": 2, "changed": "2024-06-01"})
        data_foundation.run_sources()
    assert shop.landed("select id, changed from raw.example_api_users order by changed desc limit 2") == [
        (2, "2024-06-01"),
        (5, "2024-05-01"),
    ]
    assert shop.landed("select count(*) from raw.example_api_users") == [(4,)]


def test_files_are_read_by_glob(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    """table_name is a glob below the connection's root; its part without wildcards is the table's name."""
    monkeypatch.setenv("SOURCES__SHOP__BANK__URL", str(shop.location.root / "bank"))
    for month in ("01", "02"):
        shop.location.write(f"bank/inbox/payments_{month}.csv", f"id,amount\n{month},1.50\n")
    row = {"source_type": "FILE", "source_name": "bank", "table_name": "inbox/payments_*.csv"}
    write_workbook(shop.folder, {**JOB, **row})
    assert [(result.destination, result.rows, result.error) for result in data_foundation.run_sources()] == [
        ("raw.bank_payments", 2, "")
    ]
    assert len(shop.landed("select id, amount from raw.bank_payments")) == 2


def test_dagster_shows_the_job(shop: Shop) -> None:
    """The asset has the job id as a tag, the place in the lake, and a link to the row of the workbook."""
    place = {"target_container": "raw-data", "target_folder_path": "bronze"}
    write_workbook(shop.folder, {}, {**JOB, **place})
    specs = {spec.key.to_user_string(): spec for spec in shop.location.definitions().resolve_all_asset_specs()}
    spec = specs["raw/sales_db_orders"]
    assert (spec.tags["job_id"], spec.metadata["lake"]) == ("orders", "raw-data/bronze/sales_db_orders")
    assert "filesystem" in spec.kinds
    reference = spec.metadata["dagster/code_references"].code_references[0]
    assert (Path(reference.file_path).name, reference.line_number) == (WORKBOOK_FILE, 3)


def test_the_template_is_valid(shop: Shop) -> None:
    """Every header has a note, every choice a drop-down list; its four jobs are disabled and valid."""
    code, printed = shop.foundation("workbook", "new", "crm")
    assert (code, printed.partition("next: ")[0]) == (0, "wrote dlthub/crm/ingestion_config.xlsx\n")
    sheet: Any = load_workbook(shop.location.root / "dlthub" / "crm" / WORKBOOK_FILE)["SourceConfig"]
    assert [cell.value for cell in sheet[1]] == list(COLUMNS)
    assert all(cell.comment.text for cell in sheet[1])
    choices = {str(rule.sqref).partition("2")[0]: rule.formula1 for rule in sheet.data_validations.dataValidation}
    assert choices["F"] == '"FULL,INCREMENTAL"'
    assert set(choices) == {"B", "F", "G", "N", "O", "P", "Q"}
    assert load_source_config(shop.location.root / "dlthub" / "crm").resources == ()
    exported = shop.foundation("workbook", "export", "crm")[1]
    assert re.findall("job_id: (.*)", exported) == [
        "pg_customers_full", "pg_orders_incr", "oracle_employees_full", "api_users_full",
    ]  # fmt: skip
    assert exported.count("enabled: false") == 4
    shop.location.definitions()
    code, printed = shop.foundation("workbook", "new", "crm")
    assert (code, "exists already and is not overwritten" in printed) == (1, True)


def test_export_writes_a_file_once(shop: Shop, tmp_path: Path) -> None:
    """`--output` does not overwrite a file, and a workbook with errors is not exported."""
    write_workbook(shop.folder, JOB)
    to = tmp_path / "out.yaml"
    assert shop.foundation("workbook", "export", "dlthub/shop", "-o", str(to)) == (0, f"wrote {to}\n")
    assert to.read_text() == shop.foundation("workbook", "export", "shop")[1]
    assert shop.foundation("workbook", "export", "shop", "-o", str(to))[0] == 1
    write_workbook(shop.folder, {**JOB, "enabled": "maybe"})
    assert "SourceConfig!G2: enabled: got 'maybe'" in shop.foundation("workbook", "export", "shop")[1]
    assert "accepted are letters, digits and _" in shop.foundation("workbook", "new", "my shop")[1]

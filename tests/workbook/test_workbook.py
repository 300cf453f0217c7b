"""Tests of the grammar of ingestion_config.xlsx, and of the cell that every error names."""

import datetime as dt
import io
import re
import string
import sys
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from openpyxl import Workbook
from openpyxl.chart import BarChart

from data_foundation.config.grammar import ResourceConfig
from data_foundation.errors import ConfigError
from data_foundation.project.find_sources import find_sources
from data_foundation.project.source import load_source_config
from data_foundation.workbook import WORKBOOK_FILE, sheet
from data_foundation.workbook.columns import COLUMNS, REQUIRED, WorkbookRow
from data_foundation.workbook.document import read_workbook
from data_foundation.workbook.export import export_yaml
from data_foundation.workbook.unpack_limits import FREE_BYTES
from tests.support.locations import Location
from tests.support.workbooks import JOB, write_workbook

INCREMENTAL = {
    **JOB,
    "load_type": "INCREMENTAL",
    "watermark_column": "updated_at",
    "last_watermark": dt.date(2024, 1, 1),
}
API = {
    **JOB,
    "source_type": "API",
    "source_name": "example_api",
    "table_name": "users",
    "api_endpoint": "/api/v1/users",
}
SIX = dt.datetime.fromisoformat("2024-01-01T06:00:01")
"""Excel has no time zones."""

TEXT = "accepted is a number: format the cell as a number and type it again"
ERROR = "contains the error #REF!; accepted is a value"
FORMULA = "contains a formula; accepted is a value: copy the cell and paste it as a value"


def problems(folder: Path) -> list[str]:
    """Returns the messages of the folder's errors, without the file name."""
    with pytest.raises(ConfigError) as caught:
        load_source_config(folder)
    assert {problem.file.name for problem in caught.value.problems} == {WORKBOOK_FILE}
    return [
        f"{problem.field}: {problem.message}" if problem.field else problem.message for problem in caught.value.problems
    ]


def resource(tmp_path: Path, row: Mapping[str, Any]) -> ResourceConfig:
    """Returns the resource of a workbook with one row."""
    write_workbook(tmp_path / "shop", row)
    [found] = load_source_config(tmp_path / "shop").resources
    return found


BAD_CELLS: dict[str, tuple[dict[str, Any], str]] = {
    "load type misspelt": (
        {"load_type": "INCREMENTEL"},
        "F2: load_type: got 'INCREMENTEL'; accepted: FULL, INCREMENTAL. Did you mean 'INCREMENTAL'?",
    ),
    "source type unknown": (
        {"source_type": "Postgres"},
        ("B2: source_type: got 'Postgres'; accepted: PostgreSQL, Oracle, MSSQL, MySQL, SQLite, API, FILE. "
        "Did you mean 'PostgreSQL'?"),
    ),
    "enabled as a boolean": ({"enabled": True}, "G2: enabled: got 'TRUE'; accepted: Y, N"),
    "required cell empty": ({"table_name": None}, "E2: table_name: is empty; accepted: text"),
    "required cell blank": ({"load_type": "  "}, "F2: load_type: is empty; accepted: FULL, INCREMENTAL"),
    "incremental without watermark": (
        {"load_type": "INCREMENTAL", "last_watermark": 0},
        ("J2: watermark_column: is empty and load_type is INCREMENTAL; accepted: a column that grows with "
        "new rows, for instance updated_at"),
    ),
    "incremental without a first value": (
        {"load_type": "incremental", "watermark_column": "id"},
        ("K2: last_watermark: is empty and load_type is INCREMENTAL; accepted: the start value of the first run, "
        "for instance 2024-01-01 or 0"),
    ),
    "Oracle without schema": (
        {"source_type": "oracle"},
        "D2: schema_name: is empty and source_type is Oracle; accepted: the schema that owns the table",
    ),
    "API without endpoint": (
        {"source_type": "API"},
        ("M2: api_endpoint: is empty and source_type is API; accepted: a path below the base URL, for "
        "instance /api/v1/users"),
    ),
    "endpoint of a database": (
        {"api_endpoint": "/users"},
        "M2: api_endpoint: is not used for source_type SQLite; leave it empty",
    ),
    "filter of an API": (
        {"source_type": "API", "api_endpoint": "/users", "query_filter": "a = 1"},
        "L2: query_filter: is not used for source_type API; leave it empty",
    ),
    "container without folder": (
        {"target_container": "raw-data"},
        ("I2: target_folder_path: is empty and target_container is not; accepted: both for the lake, "
        "or neither for the warehouse"),
    ),
    "folder that climbs": (
        {"target_container": "raw-data", "target_folder_path": "../x"},
        ("I2: target_folder_path: got '../x'; accepted: folders of letters, digits, _ . = -, for instance "
        "raw or bronze/sales"),
    ),
    "job id with a space": (
        {"job_id": "my job"},
        "A2: job_id: got 'my job'; accepted: letters, digits, _ . - (at most 63)",
    ),
    "name of a connection with a dot": (
        {"source_name": "sales.db"},
        "C2: source_name: got 'sales.db'; accepted: letters, digits, _ and -, for instance sales_db",
    ),
    "a formula": ({"table_name": '="or"&"ders"'}, f"E2: table_name: {FORMULA}"),
    "a formula among numbers": ({"chunk_size": "=10*1000"}, f"P2: chunk_size: {FORMULA}"),
    "an error of Excel's": ({"query_filter": "#REF!"}, f"L2: query_filter: {ERROR}"),
    "a number as text": ({"chunk_size": "10000"}, f"P2: chunk_size: got the text '10000'; {TEXT}"),
    "a watermark as text": (
        {**INCREMENTAL, "last_watermark": "12345"},
        f"K2: last_watermark: got the text '12345'; {TEXT}",
    ),
    "a word for a number": ({"parallelism": "many"}, "Q2: parallelism: got 'many'; accepted is a whole number"),
    "half a connection": (
        {"parallelism": 1.5},
        "Q2: parallelism: got 1.5; input should be a valid integer, got a number with a fractional part",
    ),
    "no rows at a time": ({"chunk_size": 0}, "P2: chunk_size: got 0; input should be greater than or equal to 1"),
    "a name that became a date": (
        {"table_name": dt.date(2024, 3, 1)},
        ("E2: table_name: Excel converted it to 2024-03-01 00:00:00; accepted is text: format the cell as text "
        "and type it again"),
    ),
    "an unknown template": (
        {"query_filter": "day = '{{ today }}'"},
        ("L2: query_filter: got \"day = '{{ today }}'\"; unknown template '{{ today }}'; accepted: partition.key, "
        "partition.start, partition.end, env.NAME"),
    ),
}  # fmt: skip


@pytest.mark.parametrize(("cells", "message"), BAD_CELLS.values(), ids=BAD_CELLS)
def test_an_error_names_the_cell_and_the_accepted_values(tmp_path: Path, cells: dict[str, Any], message: str) -> None:
    """Each refused cell has one error, with its sheet and cell."""
    write_workbook(tmp_path / "shop", {**JOB, **cells})
    assert problems(tmp_path / "shop") == [f"SourceConfig!{message}"]


def test_all_errors_are_listed_at_once(tmp_path: Path) -> None:
    """The errors of all rows are in order from top to bottom and left to right; valid rows have none."""
    first = {**JOB, "chunk_size": "1", "enabled": "yes"}
    rows = [JOB, {}, {**first, "job_id": "b"}, {**JOB, "table_name": "=A1"}]
    write_workbook(tmp_path / "shop", *rows)
    assert [problem.partition(": ")[0] for problem in problems(tmp_path / "shop")] == [
        "SourceConfig!G4", "SourceConfig!P4", "SourceConfig!A5", "SourceConfig!E5",
    ]  # fmt: skip


def test_a_duplicate_job_id_is_refused(tmp_path: Path) -> None:
    """The error names the cell of the first one, whether the rows are enabled or not."""
    write_workbook(tmp_path / "shop", JOB, {**JOB, "table_name": "other", "enabled": "N"})
    message = "got 'orders', which A2 has too; accepted is a different job_id in each row"
    assert problems(tmp_path / "shop") == [f"SourceConfig!A3: job_id: {message}"]


def _rename(to: str) -> Callable[[Any], None]:
    def change(found: Any) -> None:
        found.title = to

    return change


SHEETS: dict[str, tuple[dict[str, Any], str]] = {
    "no rows": ({"rows": []}, "SourceConfig!A2: no row below the header; accepted is one row for each table"),
    "merged cells": (
        {"change": lambda found: found.merge_cells("C2:C3")},
        ("SourceConfig!C2:C3: the cells are merged; accepted is one value in each cell: unmerge the cells "
        "and fill each one"),
    ),
    "a sheet of another name": (
        {"change": _rename("Sheet1")},
        "has no sheet 'SourceConfig'; it has 'Sheet1'. Rename 'Sheet1' to SourceConfig",
    ),
    "a column nobody knows": (
        {"columns": (*COLUMNS, "job_nr")},
        f"SourceConfig!S1: unknown column 'job_nr'; accepted: {', '.join(COLUMNS)}. Did you mean 'job_id'?",
    ),
    "a column twice": (
        {"columns": (*COLUMNS, "job_id"), "rows": [{}]},
        "SourceConfig!S1: the column 'job_id' occurs twice, first in A1; keep one",
    ),
    "columns that lack": (
        {"columns": tuple(name for name in COLUMNS if name not in ("job_id", "enabled"))},
        "SourceConfig: the first row lacks the columns job_id, enabled",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("how", "message"), SHEETS.values(), ids=SHEETS)
def test_a_sheet_with_a_wrong_structure_is_refused(tmp_path: Path, how: dict[str, Any], message: str) -> None:
    """Wrong headers, merged cells and a wrong sheet name are refused."""
    write_workbook(tmp_path / "shop", *how.pop("rows", [JOB]), **how)
    assert problems(tmp_path / "shop") == [message]


def test_too_many_rows_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A sheet that is filled to its last row is refused at the first row beyond the limit."""
    monkeypatch.setattr(sheet, "MAX_ROWS", 2)
    write_workbook(tmp_path / "shop", *({**JOB, "job_id": name, "table_name": name} for name in "abc"))
    assert problems(tmp_path / "shop") == [
        "SourceConfig!A4: more than 2 rows have values; accepted is one row for each table"
    ]


def _zip(**parts: bytes) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as written:
        for name, content in parts.items():
            written.writestr(f"{name}.xml", content)
    return stream.getvalue()


OLE = bytes.fromhex("d0cf11e0a1b11ae1")
FILES: dict[str, tuple[bytes, str]] = {
    "encrypted": (
        OLE + bytes(500) + "EncryptedPackage".encode("utf-16-le") + bytes(500),
        "is encrypted; save it without a password",
    ),
    "old": (OLE + bytes(1000), "has the old format .xls; save it as an Excel workbook (.xlsx)"),
    "text": (b"job_id,source_type\n", "is not an Excel workbook (.xlsx), or is truncated: File is not a zip file"),
    "empty": (b"", "is not an Excel workbook (.xlsx), or is truncated: File is not a zip file"),
    "zip of something": (_zip(a=b"<a/>"), "is not a readable workbook: KeyError"),
    "zip bomb": (
        _zip(a=bytes(FREE_BYTES + 1)),
        "unpacks to 67,108,865 bytes; accepted are at most 67,108,864, which is 200 times its size or 64 MiB",
    ),
    "XML bomb": (_zip(a=b'<!DOCTYPE a [<!ENTITY b "b">]><a/>'), "contains an XML document type"),
    "hidden XML bomb": (_zip(a=b" " * 2**20 + b"<!DOCTYPE a><a/>"), "contains an XML document type"),
    "large": (bytes(20_000_001), "is not an Excel workbook (.xlsx), or is truncated: File is not a zip file"),
}


@pytest.mark.parametrize(("content", "message"), FILES.values(), ids=FILES)
def test_a_file_that_is_not_a_workbook_is_refused(tmp_path: Path, content: bytes, message: str) -> None:
    """The error explains what the file is; little memory is used, and one folder is broken."""
    (tmp_path / "shop").mkdir()
    (tmp_path / "shop" / WORKBOOK_FILE).write_bytes(content)
    [found] = problems(tmp_path / "shop")
    assert found.startswith(message)


def test_a_truncated_workbook_is_refused(tmp_path: Path) -> None:
    """A file that is cut at any point is refused."""
    file = write_workbook(tmp_path / "shop", JOB)
    content = file.read_bytes()
    for size in (100, len(content) // 2, len(content) - 1):
        file.write_bytes(content[:size])
        [found] = problems(tmp_path / "shop")
        assert found.startswith("is not an Excel workbook (.xlsx), or is truncated")


def test_a_damaged_part_is_one_problem(tmp_path: Path) -> None:
    """The XML of a sheet ends halfway."""
    file = write_workbook(tmp_path / "shop", JOB)
    with zipfile.ZipFile(file) as parts:
        contents = {name: parts.read(name) for name in parts.namelist()}
    with zipfile.ZipFile(file, "w") as parts:
        for name, content in contents.items():
            parts.writestr(name, content[: len(content) // 2] if "sheet1" in name else content)
    [found] = problems(tmp_path / "shop")
    assert found.startswith("is not a readable workbook: ParseError")


def test_blank_rows_and_formats_are_ignored(tmp_path: Path) -> None:
    """Rows without values are ignored anywhere, and so are cells with a format only."""

    def change(found: Any) -> None:
        found["B900"].number_format = "@"
        found["C40"] = "   "

    write_workbook(tmp_path / "shop", {}, JOB, {}, change=change)
    assert [str(place) for place in load_source_config(tmp_path / "shop").places] == [
        f"shop/{WORKBOOK_FILE} SourceConfig!A3"
    ]


def test_columns_may_have_any_order_and_case(tmp_path: Path) -> None:
    """The header names the columns; optional columns can be left out."""
    write_workbook(tmp_path / "a", JOB)
    write_workbook(tmp_path / "b", JOB, columns=tuple(reversed(REQUIRED)))
    write_workbook(tmp_path / "c", JOB, change=lambda found: found.__setitem__("A1", " Job_ID "))
    a, b, c = (load_source_config(tmp_path / name).resources for name in "abc")
    assert a == b == c


ROWS: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "full": (
        {**JOB, "schema_name": "main", "query_filter": "a = 'b'", "chunk_size": 10, "parallelism": 2},
        {
            "kwargs": {"connection": "sales_db", "dialect": "sqlite", "schema": "main", "table": "orders",
                       "query_filter": "a = 'b'", "chunk_size": 10, "parallelism": 2},
            "write_disposition": "replace",
        },
    ),
    "incremental on the table's own key": (
        INCREMENTAL,
        {
            "kwargs": {"connection": "sales_db", "dialect": "sqlite", "table": "orders", "merge_on_key": True},
            "incremental": {"cursor_path": "updated_at", "initial_value": dt.date(2024, 1, 1)},
        },
    ),
    "incremental on a key that is told": (
        {**INCREMENTAL, "primary_key": "id, line", "last_watermark": 17},
        {
            "kwargs": {"connection": "sales_db", "dialect": "sqlite", "table": "orders"},
            "write_disposition": "merge", "primary_key": ["id", "line"],
            "incremental": {"cursor_path": "updated_at", "initial_value": 17},
        },
    ),
    "Oracle into the lake": (
        {**JOB, "source_type": "ORACLE", "schema_name": "hr", "table_name": "EMP$HIST", "target_container": "raw-data",
         "target_folder_path": "bronze/erp"},
        {
            "kwargs": {"connection": "sales_db", "dialect": "oracle", "schema": "hr", "table": "EMP$HIST"},
            "destination": "raw.sales_db_EMP_HIST", "write_disposition": "replace",
            "lake": {"container": "raw-data", "folder": "bronze/erp"},
        },
    ),
    "API": (
        {**API, "api_method": "get", "pagination_type": "Offset", "chunk_size": 50, "parallelism": 1},
        {
            "entry": "data_foundation.readers.rest.get_endpoint",
            "kwargs": {"connection": "example_api", "endpoint": "/api/v1/users", "method": "GET",
                       "pagination": "offset", "page_size": 50},
            "destination": "raw.example_api_users", "write_disposition": "replace",
        },
    ),
    "API, incremental: its times are texts, and without pages they have no size": (
        {**API, "chunk_size": 100_000, "load_type": "INCREMENTAL", "watermark_column": "at", "last_watermark": SIX},
        {
            "entry": "data_foundation.readers.rest.get_endpoint",
            "kwargs": {"connection": "example_api", "endpoint": "/api/v1/users"},
            "destination": "raw.example_api_users",
            "incremental": {"cursor_path": "at", "initial_value": "2024-01-01T06:00:01"},
        },
    ),
    "files": (
        {**JOB, "source_type": "FILE", "source_name": "bank", "table_name": "inbox/2024-*/orders_*.csv.gz"},
        {
            "entry": "data_foundation.readers.files.get_rows",
            "kwargs": {"connection": "bank", "path": "inbox/2024-*/orders_*.csv.gz"},
            "destination": "raw.bank_orders", "write_disposition": "replace",
        },
    ),
    "files named by their folder": (
        {**JOB, "source_type": "FILE", "source_name": "bank", "table_name": "inbox/*.parquet"},
        {
            "entry": "data_foundation.readers.files.get_rows",
            "kwargs": {"connection": "bank", "path": "inbox/*.parquet"},
            "destination": "raw.bank_inbox", "write_disposition": "replace",
        },
    ),
}  # fmt: skip


@pytest.mark.parametrize(("row", "expected"), ROWS.values(), ids=ROWS)
def test_a_row_is_a_resource(tmp_path: Path, row: dict[str, Any], expected: dict[str, Any]) -> None:
    """Every column corresponds to a key of the grammar; an empty cell is the default."""
    keys = {
        "entry": "data_foundation.readers.sql.get_table", "destination": "raw.sales_db_orders",
        "tags": {"job_id": "orders"}, **expected,
    }  # fmt: skip
    assert resource(tmp_path, row) == ResourceConfig.model_validate(keys).inherit(
        load_source_config(tmp_path / "shop").defaults
    )


def test_a_disabled_row_is_not_a_resource(tmp_path: Path) -> None:
    """A row with N is left out, as with `enabled: false`."""
    write_workbook(tmp_path / "shop", {**JOB, "enabled": "n"}, {**JOB, "job_id": "b", "table_name": "b"})
    assert [found.job_id for found in load_source_config(tmp_path / "shop").resources] == ["b"]


def test_a_workbook_and_sources_yaml_are_combined(location: Location) -> None:
    """Resources of both files are used; `source:` of the YAML also applies to the workbook's rows."""
    folder = location.root / "dlthub" / "shop"
    write_workbook(folder, JOB)
    location.write("dlthub/shop/sources.yaml", "source: {owners: ['team:sales'], automation: '@daily'}")
    [found] = load_source_config(folder).resources
    assert (found.owners, found.automation and found.automation.cron) == (("team:sales",), "@daily")
    location.add("shop", "resources: [{entry: data.get_rows, destination: raw.own}]")
    config = load_source_config(folder)
    assert [found.table for found in config.resources] == ["own", "sales_db_orders"]
    assert config.file.name == "sources.yaml"


def test_a_table_declared_in_both_is_refused(location: Location) -> None:
    """The error of each place names the other."""
    folder = location.add("shop", "resources: [{entry: data.get_rows, destination: raw.Sales_DB_Orders}]")
    write_workbook(folder, JOB)
    [broken] = find_sources(location.root)[1]
    yaml, workbook = sorted(map(str, broken.problems), reverse=True)
    assert (
        "sources.yaml:1: destination: 'raw.Sales_DB_Orders' is table raw.sales_db_orders, which is also the destination"
        in yaml
    )
    assert f"of dlthub/shop/{WORKBOOK_FILE} SourceConfig!A2 (raw.sales_db_orders); rename one" in yaml
    assert f"{WORKBOOK_FILE}: SourceConfig!E2: destination: 'raw.sales_db_orders'" in workbook
    assert "of dlthub/shop/sources.yaml:1 (raw.Sales_DB_Orders); rename one" in workbook


def test_an_error_of_a_reader_names_the_cell(location: Location) -> None:
    """This includes arguments that only the reader of the row checks."""
    write_workbook(location.root / "dlthub" / "shop", {**API, "api_endpoint": "https://example.com/users"})
    [broken] = find_sources(location.root)[1]
    [problem] = broken.problems
    assert problem.field == "SourceConfig!M2"
    assert (
        "raw.example_api_users: kwargs.endpoint: got 'https://example.com/users'; accepted is a path" in problem.message
    )


def test_two_tables_in_one_folder_of_the_lake_are_refused(location: Location) -> None:
    """Different datasets of the warehouse would be one place in the lake: refused."""
    lake = "lake: {container: raw-data, folder: bronze}"
    location.add("a", f"resources: [{{entry: data.get_rows, destination: raw.orders, {lake}}}]")
    location.add("b", f"resources: [{{entry: data.get_rows, destination: other.orders, {lake}}}]")
    broken = find_sources(location.root)[1]
    assert [source.name for source in broken] == ["a", "b"]
    assert "'raw-data/bronze' is table raw-data/bronze.orders, which is also the destination of dlthub/b/" in str(
        broken[0].problems[0]
    )


def test_errors_of_yaml_and_workbook_are_shown_at_once(location: Location) -> None:
    """The errors of both files are shown at once."""
    folder = location.add("shop", "resources: [{entry: data.get_rows}]")
    write_workbook(folder, {**JOB, "enabled": "maybe"})
    [broken] = find_sources(location.root)[1]
    assert [problem.field for problem in broken.problems] == ["SourceConfig!G2", "resources[0].destination"]


def test_the_error_without_openpyxl_names_the_extra(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The extra is needed only if a folder has a workbook."""
    write_workbook(tmp_path / "shop", JOB)
    monkeypatch.setitem(sys.modules, "openpyxl", None)
    assert problems(tmp_path / "shop") == [
        "needs openpyxl, which is not installed: install data-foundation[workbook] or data-foundation[files]"
    ]


NAMES = st.text(string.ascii_lowercase + string.digits + "_", min_size=1, max_size=12).map(lambda name: f"t{name}")
MOMENTS = st.dates(dt.date(2000, 1, 1), dt.date(2040, 1, 1)).map(lambda day: dt.datetime.combine(day, SIX.time()))
TEXTS = st.text(string.ascii_letters + " '=<>\u00e9\u20ac%\"#:-", min_size=1, max_size=20).map(lambda text: f"x {text}")

AMBIGUOUS = st.sampled_from(
    ["2024-01-01", "2024-01-01 00:00:00", "2024-01-01T00:00:00Z", "yes", "null", "1:30", "a: b"]
)


@st.composite
def jobs(draw: st.DrawFn) -> dict[str, Any]:
    """Generates a valid row."""
    kind = draw(st.sampled_from(["PostgreSQL", "Oracle", "MSSQL", "MySQL", "SQLite", "API", "FILE"]))
    row = {**JOB, "source_type": kind, "table_name": draw(NAMES), "enabled": draw(st.sampled_from("YN"))}
    if draw(st.booleans()):
        first = draw(
            st.one_of(
                st.integers(0, 2**40), AMBIGUOUS, MOMENTS, st.dates(dt.date(2000, 1, 1), dt.date(2040, 1, 1)), TEXTS
            )
        )
        row |= {"load_type": "INCREMENTAL", "watermark_column": draw(NAMES), "last_watermark": first}
        row |= {"primary_key": draw(st.sampled_from([None, "id", "a, b"]))}
    if draw(st.booleans()):
        row |= {
            "target_container": draw(NAMES),
            "target_folder_path": "/".join(draw(st.lists(NAMES, min_size=1, max_size=3))),
        }
    if kind == "API":
        row |= {"api_endpoint": draw(TEXTS), "api_method": draw(st.sampled_from([None, "GET", "POST"]))}
        row |= {"pagination_type": draw(st.sampled_from([None, "none", "offset", "cursor", "page"]))}
    elif kind != "FILE":
        row |= {"schema_name": draw(NAMES), "query_filter": draw(st.one_of(st.none(), TEXTS))}
        row |= {"parallelism": draw(st.one_of(st.none(), st.integers(1, 8)))}
    return row


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(jobs(), min_size=1, max_size=3, unique_by=lambda row: row["table_name"]))
def test_the_exported_yaml_has_equal_resources(tmp_path: Path, rows: list[dict[str, Any]]) -> None:
    """The exported YAML of any workbook gives equal resources, including disabled ones."""
    numbered = [{**row, "job_id": f"job{number}"} for number, row in enumerate(rows)]
    file = write_workbook(tmp_path / "workbook", *numbered)
    (tmp_path / "yaml").mkdir(exist_ok=True)
    text = export_yaml(file)
    (tmp_path / "yaml" / "sources.yaml").write_text(text, encoding="utf-8")
    by_workbook, by_yaml = (load_source_config(tmp_path / name).resources for name in ("workbook", "yaml"))
    assert by_workbook == by_yaml
    assert len(re.findall("^- entry", text, re.MULTILINE)) == len(rows)
    assert len(by_yaml) == sum(row["enabled"] == "Y" for row in rows)


def test_the_sheet_has_the_documented_columns() -> None:
    """The columns are those of the workbook that it replaces, in the same order, and the key."""
    assert " ".join(COLUMNS) == (
        "job_id source_type source_name schema_name table_name load_type enabled target_container target_folder_path "
        "watermark_column last_watermark query_filter api_endpoint api_method pagination_type chunk_size parallelism "
        "primary_key"
    )
    assert all(field.description for field in WorkbookRow.model_fields.values())


def test_other_sheets_are_ignored(tmp_path: Path) -> None:
    """A workbook can have other sheets, for instance with notes or pivot tables."""
    book = Workbook()
    book.worksheets[0].append(["anything"])
    found = book.create_sheet("SourceConfig")
    for row in (COLUMNS, [JOB.get(column) for column in COLUMNS]):
        found.append(list(row))
    book.save(tmp_path / WORKBOOK_FILE)
    assert read_workbook(tmp_path / WORKBOOK_FILE).problems == []


def test_a_chart_as_the_sheet_is_refused(tmp_path: Path) -> None:
    """The error is in words, not the name of a class."""
    book = Workbook()
    book.create_chartsheet("SourceConfig").add_chart(BarChart())
    (tmp_path / "shop").mkdir()
    book.save(tmp_path / "shop" / WORKBOOK_FILE)
    assert problems(tmp_path / "shop") == ["has a chart as its sheet 'SourceConfig'; accepted is a sheet with cells"]


def test_a_strict_workbook_is_refused(tmp_path: Path) -> None:
    """Openpyxl finds no sheet in it."""
    file = write_workbook(tmp_path / "shop", JOB)
    with zipfile.ZipFile(file) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    transitional = b"http://schemas.openxmlformats.org/spreadsheetml/2006/main"
    with zipfile.ZipFile(file, "w") as archive:
        for name, part in parts.items():
            strict = part.replace(transitional, b"http://purl.oclc.org/ooxml/spreadsheetml/main")
            archive.writestr(name, strict)
    (message,) = problems(tmp_path / "shop")
    assert message == "is a Strict Open XML workbook, or has no sheet; save it as an Excel workbook (.xlsx)"


@pytest.mark.parametrize("key", ["id; line", "id|line", "id\nline"])
def test_a_key_with_another_separator_is_refused(tmp_path: Path, key: str) -> None:
    """It would be one column of that name."""
    write_workbook(tmp_path / "shop", {**INCREMENTAL, "primary_key": key})
    (message,) = problems(tmp_path / "shop")
    assert re.search(r"primary_key: .*accepted: names of columns separated by commas, for instance id, line", message)


@pytest.mark.parametrize("path", ["inbox/orders_*.csv.zst", "inbox/orders.xls", "inbox/orders.csv.zip", "orders/*.ods"])
def test_every_kind_of_file_that_can_be_read_names_its_table(tmp_path: Path, path: str) -> None:
    """The ending, that of a compression too, is no part of the name."""
    found = resource(tmp_path, {**JOB, "source_type": "FILE", "source_name": "bank", "table_name": path})
    assert found.destination == "raw.bank_orders"

"""The pages: tables, one table, loads, and SQL."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs

from jinja2 import Environment, PackageLoader, select_autoescape
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from data_foundation.audit.read import read_trail
from data_foundation.errors import FoundationError
from data_foundation.inspection.schema_history import describe_type
from data_foundation.inspection.select import dialect_of, read_select
from data_foundation.process_wide.redaction import redact
from data_foundation.project.find_sources import find_sources
from data_foundation.ui import formats, plots
from data_foundation.ui.guard import Guard
from data_foundation.ui.look import Look
from data_foundation.ui.overview import make_overview
from data_foundation.ui.table_page import QUERY_SECONDS, find_model_names, make_table_page

if TYPE_CHECKING:
    from data_foundation.warehouses.base import Warehouse

FOLDER = Path(__file__).parent
MOST_LINES, MOST_ROWS, MOST_ATTEMPTS = 500, 500, 100
MOST_SQL_BYTES = 100_000
DIALECTS: Mapping[str, str] = {
    "duckdb": "DuckDB", "postgres": "PostgreSQL", "snowflake": "Snowflake", "mysql": "MariaDB and MySQL",
    "sqlite": "SQLite", "databricks": "Databricks",
}  # fmt: skip
"""Names of engines by sqlglot's name of their SQL."""


def build_app(root: Path, warehouse: Warehouse, port: int, token: str) -> Starlette:
    """Returns the pages of a repository.

    Args:
        root: The repository.
        warehouse: The warehouse that it loads into.
        port: The port that the pages are served on.
        token: What a browser must know to see them.
    """
    pages = Pages(root, Look(warehouse))
    return Starlette(
        routes=[
            Route("/", pages.tables),
            Route("/table/{name}", pages.table),
            Route("/loads", pages.loads),
            Route("/sql", pages.sql, methods=["GET", "POST"]),
            Mount("/static", StaticFiles(directory=FOLDER / "static")),
        ],
        middleware=[Middleware(Guard, port=port, token=token)],
        exception_handlers={404: pages.not_found, 500: pages.failed},
    )


class Pages:
    """The pages of one repository."""

    def __init__(self, root: Path, look: Look) -> None:
        self._root = root
        self._look = look
        self._templates = Environment(
            loader=PackageLoader("data_foundation.ui"),
            autoescape=select_autoescape(default=True),
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._templates.globals |= {
            "formats": formats,
            "spark": plots.spark,
            "describe_type": describe_type,
            "warehouse": look.warehouse,
            "place": look.warehouse.location.replace(f"{root}/", ""),
            "dialect": self._dialect,
        }

    def _dialect(self) -> str:
        try:
            dialect = dialect_of(self._look.warehouse)
        except FoundationError:
            # Its settings are incomplete; a SELECT is answered with what is missing.
            return "the warehouse"
        return DIALECTS.get(dialect, dialect)

    def tables(self, request: Request) -> Response:
        """Returns the list of all tables, or of those whose name or source contains `q`."""
        sources, broken = find_sources(self._root)
        models = find_model_names(self._root, self._look)
        overview = make_overview(sources, self._look, models)
        wanted = request.query_params.get("q", "").strip().lower()
        state = request.query_params.get("state", "")
        lines = [
            line
            for line in overview.lines
            if (wanted in line.name or wanted in line.source.lower()) and state in ("", line.state)
        ]
        states = [line.state for line in overview.lines]
        return self._render(
            "tables.html",
            lines=lines[:MOST_LINES],
            left=len(lines) - len(lines[:MOST_LINES]),
            total=len(overview.lines),
            states={one: states.count(one) for one in ("failed", "killed", "overdue", "not loaded") if one in states},
            problems=[*overview.problems, *(str(problem) for source in broken for problem in source.problems)],
            wanted=wanted,
            state=state,
        )

    def table(self, request: Request) -> Response:
        """Returns the page of a table."""
        name = request.path_params["name"].lower()
        if name.count(".") != 1:
            return self._render("error.html", 404, message=f"{name}: accepted is dataset.table, as in raw.orders")
        page = make_table_page(self._root, name, find_sources(self._root)[0], self._look)
        exists = page.rows or page.source or page.trail.attempts
        return self._render(
            "table.html", 200 if exists else 404, page=page, plots=plots.plot_attempts(page.trail.attempts)
        )

    def loads(self, request: Request) -> Response:
        """Returns the newest attempts to load, the newest first."""
        failed = request.query_params.get("failed") == "1"
        trail = self._look.read_attempts(lambda: read_trail(self._look.warehouse, last=MOST_ATTEMPTS, failed=failed))
        shown = [one for one in trail.attempts if not failed or one.status != "loaded"][-MOST_ATTEMPTS:]
        problems = [trail.unreachable] if trail.unreachable else []
        return self._render("loads.html", shown=shown[::-1], failed=failed, problems=problems)

    async def sql(self, request: Request) -> Response:
        """Returns the box for a SELECT; a posted one is executed."""
        if request.method != "POST":
            return await run_in_threadpool(self._render, "sql.html", sql=request.query_params.get("sql", ""))
        body = await request.body()
        if len(body) > MOST_SQL_BYTES:
            return await run_in_threadpool(self._render, "error.html", 413, message="the SELECT is too long")
        sql = parse_qs(body.decode(errors="replace")).get("sql", [""])[0]
        return await run_in_threadpool(self._answer, sql)

    def _answer(self, sql: str) -> Response:
        """Returns the rows of a SELECT, or why there are none."""
        warehouse = self._look.warehouse
        try:
            rows = self._look.read(lambda: read_select(warehouse, sql, MOST_ROWS, QUERY_SECONDS), QUERY_SECONDS)
        except FoundationError as error:
            return self._render("sql.html", 400, sql=sql, error=str(error))
        return self._render("sql.html", sql=sql, rows=rows)

    def not_found(self, request: Request, error: Exception) -> Response:
        """Returns the page for an unknown address."""
        del error
        return self._render("error.html", 404, message=f"there is no page {request.url.path}")

    def failed(self, request: Request, error: Exception) -> Response:
        """Returns the page for an error that no page expects, such as a setting that is not set."""
        del request
        message = str(error) if isinstance(error, FoundationError) else redact(f"{type(error).__name__}: {error}")
        return self._render("error.html", 500, message=message)

    def _render(self, template: str, status: int = 200, **values: Any) -> HTMLResponse:
        context: Mapping[str, Any] = {"now": datetime.now(UTC), "page_name": template, **values}
        return HTMLResponse(self._templates.get_template(template).render(context), status)

"""Prints results as JSON lines, one object on each line and nothing else on stdout; and their JSON Schemas."""

from __future__ import annotations

import inspect
import json
import math
import re
from collections.abc import Iterable, Mapping
from contextvars import ContextVar
from dataclasses import asdict, dataclass, field
from datetime import date, time
from typing import Annotated, Any, TextIO

import typer

from data_foundation.cli.consoles import out
from data_foundation.process_wide.masked_output import diverted_stdout

_lines_to: ContextVar[TextIO | None] = ContextVar("lines_to", default=None)
"""stdout as it was before a command with `--json` began; everything else that is printed goes to stderr."""


def _keep_stdout_for_lines(context: typer.Context, value: bool) -> bool:
    """Sends everything but JSON lines to stderr until the command ends, whatever code or child processes print."""
    if value:
        _lines_to.set(context.with_resource(diverted_stdout()))
    return value


AsJson = Annotated[bool, typer.Option("--json", help="Print JSON lines.", callback=_keep_stdout_for_lines)]

WRITING = (
    "init", "upgrade", "new", "discover", "adopt", "copy", "dbt-staging", "dbt-sources", "dbt-manifest", "docs",
    "workbook new", "workbook export", "alerts test", "alerts digest", "lake optimize", "ui",
)  # fmt: skip
"""Commands whose lines are `WriteLine`."""

DIALECT = "https://json-schema.org/draft/2020-12/schema"
_ATTRIBUTE = re.compile(r"^    (\w+): (.+(?:\n      +.+)*)", re.MULTILINE)


@dataclass(frozen=True)
class ListedAsset:
    """An asset of `foundation list`.

    Attributes:
        source: The folder in `dlthub/`.
        asset: dataset.table.
        disposition: How rows are written, for instance `append` or `merge scd2`.
        automation: The cron with its time zone, the name of a condition, or `manual`.
        missing_settings: Settings without which the source cannot be loaded.
    """

    source: str
    asset: str
    disposition: str
    automation: str
    missing_settings: tuple[str, ...]


@dataclass(frozen=True)
class PreviewedChanges:
    """What `foundation preview --diff` says of one resource.

    Attributes:
        asset: dataset.table.
        changes: A line for each table and column that a load of the rows would create, or could not fill as it is.
    """

    asset: str
    changes: tuple[str, ...]


@dataclass(frozen=True)
class TestedResource:
    """The result of `foundation test` for one resource.

    Attributes:
        asset: dataset.table.
        rows: 1 if a row was read, 0 if there is none; null if it failed.
        error: Why it failed; "" if it has not.
    """

    asset: str
    rows: int | None = None
    error: str = ""


@dataclass(frozen=True)
class RunLine:
    """The result of `foundation run` for one table or dbt model.

    Attributes:
        name: dataset.table; of a model schema.name.
        kind: `table` or `model`.
        status: `loaded`, `failed` or `stopped`; `blocked` if it landed and a check holds back what reads it; of a model
            dbt's word for it.
        seconds: Duration.
        rows: Rows sent to the table; null of a model, or if it failed.
        row_count: Rows of the table or the model afterwards; null if they were not counted.
        load_id: dlt's id of the load, null if nothing was loaded.
        error: Why it failed; "" if it has not.
        warnings: What a person should know of it.
    """

    name: str
    kind: str
    status: str
    seconds: float
    rows: int | None = None
    row_count: int | None = None
    load_id: str | None = None
    error: str = ""
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True)
class CheckLine:
    """The outcome of one check of `foundation check-data`.

    Attributes:
        asset: dataset.table.
        check: Name of the check.
        passed: True if the table obeys its rule.
        blocks: True if dbt models that read the table must wait.
        message: The finding in one sentence.
        metadata: Its figures.
    """

    asset: str
    check: str
    passed: bool
    blocks: bool
    message: str
    metadata: Mapping[str, Any]


@dataclass(frozen=True)
class WriteLine:
    """What a command that writes, or serves, did with one thing.

    Attributes:
        kind: `file`, `source`, `table`, `message`, `receiver` or `page`.
        name: Path of the file, dataset.table, name of the receiver, or address of the page.
        action: What was done, or would be: for instance `wrote`, `kept`, `merged`, `adopted`, `copied` or `sent`.
        written: False if nothing was changed: it was there already, is shown only, or was refused.
        rows: Rows of the table; null of anything else.
        detail: What a person should know of it: a reason, the difference of a file, or a text; "" for nothing.
        error: Why it was not done; "" if it was.
        metadata: Further figures and names of the command.
    """

    kind: str
    name: str
    action: str
    written: bool = True
    rows: int | None = None
    detail: str = ""
    error: str = ""
    metadata: Mapping[str, Any] = field(default_factory=dict)


def print_written(line: WriteLine, text: str = "", *, as_json: bool) -> None:
    """Prints what a command did with one thing: as JSON, or as a line of text, by default its action and name."""
    if as_json:
        print_lines([asdict(line)])
    else:
        print_note(text or f"{line.action} {line.name}")


def print_note(text: str) -> None:
    """Prints a line for people as it is."""
    out.print(text, highlight=False, markup=False, soft_wrap=True)


def print_lines(objects: Iterable[Mapping[str, Any]]) -> None:
    """Prints each object on a line of its own."""
    for one in objects:
        print_line(json.dumps(_plain(one), ensure_ascii=False))


def print_line(line: str) -> None:
    """Prints an object that is JSON already."""
    typer.echo(line, file=_lines_to.get())


def _plain(value: Any) -> Any:  # noqa: PLR0911 - one for each kind of value
    """Returns a value as JSON has it without a loss: decimals, times and bytes as text, infinite numbers too."""
    match value:
        case None | bool() | int() | str():
            return value
        case float():
            return value if math.isfinite(value) else str(value)
        case Mapping():
            return {str(key): _plain(item) for key, item in value.items()}
        case list() | tuple() | set() | frozenset():
            return [_plain(item) for item in value]
        case bytes() | bytearray() | memoryview():
            return bytes(value).hex()
        case date() | time():
            return value.isoformat()
    return str(value)


def build_line_schemas() -> dict[str, dict[str, Any]]:
    """Returns the JSON Schema of a line of each command with `--json`, by command and option."""
    from data_foundation.audit.write import Attempt
    from data_foundation.cli.resource_status import ResourceStatus
    from data_foundation.errors import Problem
    from data_foundation.inspection.plan import Plan
    from data_foundation.inspection.schema_history import SchemaVersion
    from data_foundation.local.preview import Preview

    row = {"type": "object", "description": "A row: each column with its value. Decimals, times and bytes are text."}
    seconds = {"anyOf": [{"type": "number"}, {"type": "null"}], "description": "Duration, null if it was killed."}
    lines = {
        "check": _describe(Problem),
        "list": _describe(ListedAsset),
        "preview": _describe(Preview),
        "preview --diff": _describe(PreviewedChanges),
        "test": _describe(TestedResource),
        "run": _describe(RunLine),
        "audit": _describe(Attempt, seconds=seconds),
        "audit --jobs": _describe(ResourceStatus),
        "sql": row,
        "show": row,
        "schema": _describe(SchemaVersion),
        "check-data": _describe(CheckLine),
        "plan": _describe(Plan),
        **dict.fromkeys(WRITING, _describe(WriteLine)),
        "dbt": {"type": "object", "description": "An event of dbt, as dbt writes it with `--log-format json`."},
    }
    titles = dict.fromkeys(WRITING, "foundation, commands that write, --json")
    return {
        name: {"$schema": DIALECT, "title": titles.get(name, f"foundation {name} --json"), **line}
        for name, line in lines.items()
    }


def _describe(kind: type, **further: Any) -> dict[str, Any]:
    """Returns the JSON Schema of a dataclass, with the descriptions of its docstring; every key is there."""
    from pydantic import TypeAdapter

    schema = TypeAdapter(kind).json_schema(mode="serialization")
    purpose = inspect.cleandoc(kind.__doc__ or "").split("\n\n", maxsplit=1)[0]
    meanings = dict(_ATTRIBUTE.findall(inspect.cleandoc(kind.__doc__ or "")))
    properties = {
        name: {
            **{key: value for key, value in one.items() if key not in ("title", "default")},
            "description": " ".join(meanings[name].split()).replace("None", "null"),
        }
        for name, one in schema["properties"].items()
    }
    properties |= further
    return {
        "description": purpose,
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }

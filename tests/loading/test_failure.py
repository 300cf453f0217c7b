"""Error messages of failed loads: place, cause and hint in one sentence, without secrets."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import dlt
import pytest
from dlt.destinations.exceptions import DestinationConnectionError
from dlt.load.exceptions import LoadClientJobFailed, LoadClientJobRetry
from dlt.pipeline.exceptions import PipelineStepFailed
from dlt.pipeline.typing import TPipelineStep

from data_foundation.errors import EntryError, LoadError
from data_foundation.loading.failures import failure
from data_foundation.process_wide.redaction import redact
from tests.support.trees import Tree


def fail(tree: Tree, code: str, **options: Any) -> str:
    """Returns the error message of a load whose entry runs `code`."""
    data = f"import requests\n\n\ndef helper():\n    {code}\n\n\ndef get_rows():\n    yield helper()\n"
    once = "retries: {max: 0}"
    tree.add("shop", f"resources: [{{entry: data.get_rows, destination: raw.rows, {once}}}]", data)
    with pytest.raises(LoadError) as failed:
        tree.load("shop.rows", **options)
    return str(failed.value)


@pytest.mark.parametrize(
    ("code", "cause"),
    [
        ("raise ValueError('no rows today')", "ValueError: no rows today"),
        ("raise KeyError('id')", "KeyError: 'id'"),
        ("raise RuntimeError", "RuntimeError: no message"),
        ("return 1 / 0", "ZeroDivisionError: division by zero"),
    ],
)
def test_a_failure_has_place_and_cause(tree: Tree, code: str, cause: str) -> None:
    """The message has resource, phase, line of the source's code and innermost cause, and no wrapper of dlt."""
    message = fail(tree, code).splitlines()[0]
    assert message == f"raw.rows failed while extracting at dlthub/shop/data.py:5 in helper: {cause}"


@pytest.mark.parametrize("path", ["rows?token=s3cret&page=1", "rows?page=1&api_key=s3cret"])
@pytest.mark.parametrize("user", ["", "user:s3cret@"])
def test_secrets_in_addresses_are_masked(tree: Tree, path: str, user: str) -> None:
    """User, password and query values of a failed request's address are masked."""
    message = fail(tree, f"requests.get('http://{user}127.0.0.1:9/{path}', timeout=5)")
    assert "ConnectionError" in message
    assert "page=1" in message
    assert "s3cret" not in message


def test_an_error_of_the_vendor_is_reported(tree: Tree, sandbox_url: str, arm_fault: Callable[..., None]) -> None:
    """The message contains status and address of a refused request."""
    arm_fault("/frankfurter", "500")
    url = f"{sandbox_url}/frankfurter/v1/latest?key=s3cret"
    message = fail(tree, f"requests.get('{url}', timeout=5).raise_for_status()")
    assert "HTTPError: 500 Server Error" in message
    assert "/frankfurter/v1/latest?key=***" in message


def test_a_cursor_that_no_row_has_is_answered_with_the_fields(tree: Tree) -> None:
    """The hint names the fields of the rows; nothing else of them."""
    cursor = "write_disposition: append, incremental: {cursor_path: updated_at}"
    tree.add("shop", f"resources: [{{entry: data.get_rows, destination: raw.rows, {cursor}}}]")
    tree.give("shop", [{"ref": "s3cret", "modified": "2026-01-01"}])
    with pytest.raises(LoadError) as failed:
        tree.load("shop.rows")
    assert "name a field that the rows have as `cursor_path`, or leave it out: ref, modified" in str(failed.value)
    assert "s3cret" not in str(failed.value)


def test_a_failing_import_names_its_line(tree: Tree) -> None:
    """An error during the import of the module is reported with file and line."""
    data = "import not_there\n\n\ndef get_rows(): ...\n"
    tree.add("shop", "resources: [{entry: data.get_rows, destination: raw.rows}]", data)
    with pytest.raises(EntryError, match=r"raw.rows: .*data.py:1: importing it failed: ModuleNotFoundError"):
        tree.load("shop.rows")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("https://user:pass@host/path", "https://***@host/path"),
        ("https://host/p?a=1&token=x y", "https://host/p?a=1&token=*** y"),
        ("'https://host/p?a=1'", "'https://host/p?a=1'"),
        ("url: /p?sig=abc%20d (Caused by", "url: /p?sig=*** (Caused by"),
        ("snowflake://u:p@acme/db?warehouse=w", "snowflake://***@acme/db?warehouse=w"),
        ("a=b and mail@example.com?", "a=b and mail@example.com?"),
        ("refused: token=abc123456, retry", "refused: token=***, retry"),
        ("{'api_key': 'abc123456'}", "{'api_key': '***'}"),
        ("needs SOURCES__SHOP__TOKEN; secret: none", "needs SOURCES__SHOP__TOKEN; secret: none"),
    ],
)
def test_only_secrets_are_masked(text: str, expected: str) -> None:
    """User info is masked, and query values that may be secrets; all other text is unchanged."""
    assert redact(text) == expected


@pytest.mark.parametrize(
    ("step", "cause", "final"),
    [
        ("normalize", ValueError("rows that no table takes"), True),
        ("load", LoadClientJobFailed("1", "job", "conversion failed", ValueError()), True),
        ("load", LoadClientJobRetry("1", "job", 1, 5, "timeout", OSError()), False),
        ("load", DestinationConnectionError("duckdb", "raw", "no route", OSError()), False),
    ],
    ids=["rows at fault", "job refused", "job timed out", "warehouse away"],
)
def test_a_pending_load_is_given_up_only_when_its_rows_are_at_fault(
    step: TPipelineStep, cause: Exception, *, final: bool, tmp_path: Path
) -> None:
    """A pending load is kept if the warehouse was unreachable, and given up if its rows cannot be loaded."""
    pipeline = dlt.pipeline("pending", pipelines_dir=str(tmp_path), destination=dlt.destinations.duckdb(":memory:"))
    assert failure.is_final(PipelineStepFailed(pipeline, step, "1", cause)) is final

"""Tables of plain dlt in Snowflake are taken over: no row is lost, none comes twice."""

import re
from contextlib import suppress

import pytest

from tests.snowflake.conftest import SnowflakeTree
from tests.support.plain_pipelines import (
    CASES,
    assert_rows,
    everything_in,
    give,
    load_twice_alone,
    prove_that_runs_continue,
    rows,
)
from tests.support.servers import SnowflakeServer


@pytest.mark.rare
@pytest.mark.parametrize(("hints", "form"), CASES)
def test_the_run_after_an_adoption_continues(tree: SnowflakeTree, hints: str, form: str) -> None:
    """After two runs of plain dlt, an adoption and two runs here, each row is there once, with its nested rows."""
    load_twice_alone(tree, hints, form)
    prove_that_runs_continue(tree, hints, form)


FAULTS = {
    f"{statement}, {fault}": (pattern, fault)
    for statement, pattern in {
        "begin": "^BEGIN",
        "schema": "INSERT INTO .*_DLT_VERSION",
        "staged file": "^PUT",
        "state": "COPY INTO .*_DLT_PIPELINE_STATE",
        "record of the load": "INSERT INTO .*_DLT_LOADS",
        "commit": "^COMMIT",
    }.items()
    for fault in ("error", "reset", "reset_after", "kill_session")
}


@pytest.mark.rare
@pytest.mark.parametrize(("pattern", "fault"), FAULTS.values(), ids=FAULTS)
def test_an_adoption_that_fails_is_repeated(
    tree: SnowflakeTree, server: SnowflakeServer, pattern: str, fault: str
) -> None:
    """Whatever statement fails, no row has changed, and the adoption has happened in full or not at all."""
    load_twice_alone(tree, "append", "nested")
    before = everything_in(tree)
    server.forget_statements()
    server.arm(pattern, fault)
    with suppress(Exception):
        tree.adopt("s.events", pipeline="theirs")
    server.disarm()
    assert [entry for entry in server.statements() if re.search(pattern, entry["sql"], re.IGNORECASE | re.DOTALL)]
    assert everything_in(tree) == before
    assert tree.adopt("s.events", pipeline="theirs").refusal in {"", "this project has loaded it already"}
    give(tree, "append", "nested", rows(*range(7), form="nested"))
    tree.load("s.events")
    assert_rows(tree, "nested", range(7))

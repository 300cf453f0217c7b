"""dlt's behaviours, one sentence each: here and with dlt alone the tables are those that the case states."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.compat.behaviours.case import Behaviour, Rows
from tests.compat.behaviours.page import PAGE, SUBJECTS, find_cases, render
from tests.compat.plain_dlt import describe, show_rows
from tests.compat.plain_worker import PlainDlt
from tests.compat.side_by_side import SideBySide

FOLDER = Path(__file__).parent / "behaviours"
CASES = [pytest.param(subject, one, id=f"{subject}-{one.name}") for subject in SUBJECTS for one in find_cases(subject)]


@pytest.mark.sampled(37)
@pytest.mark.parametrize(("subject", "one"), CASES)
def test_a_behaviour_of_dlt_holds(tmp_path: Path, plain_dlt: PlainDlt, subject: str, one: Behaviour) -> None:
    """After the same runs, here and with dlt alone, the tables have the rows that the case states."""
    both = SideBySide(tmp_path, plain_dlt, (FOLDER / f"{subject}.py").read_text(encoding="utf-8"))
    for number in range(1, one.runs + 1):
        ours, plain = run_once(both, one, number)
        assert bool(plain) == (number in one.fails), plain or "dlt alone does not fail"
        assert bool(ours) == (number in {*one.fails, *one.fails_here}), ours or "it does not fail here"
    assert show_rows(both.plain) == in_order(one.tables), "with dlt alone"
    if one.differs:
        assert show_rows(both.ours) == in_order(one.here), "here"
    else:
        assert describe(both.ours) == describe(both.plain)


def run_once(both: SideBySide, one: Behaviour, number: int) -> tuple[str, str]:
    """Runs a case here and with dlt alone; returns both errors, "" for a run without one."""
    kwargs = {"run": number}
    tables = {"tables": list(one.select)} if one.select else {}
    ours = both.load_ours({"source": one.name, "kwargs": kwargs, **tables, **one.keys}, one.settings)
    return ours, both.load_plain(one.name, kwargs, one.settings, one.keys, one.select)


def in_order(tables: Mapping[str, Rows]) -> dict[str, Rows]:
    """Returns the tables with their rows as `show_rows` sorts them."""
    return {
        table: sorted((dict(sorted(row.items())) for row in rows), key=repr) for table, rows in sorted(tables.items())
    }


def test_the_page_lists_every_behaviour() -> None:
    """docs/reference/dlt-behaviours.md is what the cases make of it, and has at least 100 behaviours."""
    assert PAGE.read_text(encoding="utf-8") == render(), f"write it anew: python -m {render.__module__}"
    assert len(CASES) >= 100

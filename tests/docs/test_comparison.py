"""Tests that the figures of `docs/explanation/comparison.md` are those of `benchmarks/README.md`."""

import re
from functools import cache

import pytest

from tests.docs.pages import ROOT

PAGE = ROOT / "docs" / "explanation" / "comparison.md"
COLUMNS = {
    "1 million rows": ("1 flat", "load"),
    "200,000 nested": ("2 nested", "load"),
    "PostgreSQL": ("4 sql", "load"),
    "to parquet": ("4 sql", "load"),
    "20 sources": ("6 daily", "run"),
}
"""The benchmark and the phase of each column of the page's table."""
SIDES = {
    "this project": ("ours", "ours", "ours", "ours_parquet", "ours"),
    "dlt, with the fastest settings found": (
        "dlt_parquet", "dlt_parquet", "dlt_connectorx", "dlt_connectorx_parquet", "dlt_bare",
    ),
    "dlt, with its defaults": ("dlt_default", "dlt_default", "dlt_sqlalchemy", "", ""),
    "dagster-dlt": ("dagster_dlt", "dagster_dlt", "", "", "dagster_dlt"),
    "dagster-dlt, in one process": ("", "", "", "", "dagster_dlt_in_process"),
    "Meltano": ("meltano", "meltano", "", "", ""),
    "Sling": ("", "", "sling", "sling_parquet", ""),
    "ingestr": ("", "", "", "ingestr_parquet", ""),
}  # fmt: skip
"""The side of the benchmark that each cell shows."""


@cache
def figures() -> dict[tuple[str, str, str], tuple[float, float, int]]:
    """Returns wall and CPU seconds and MiB by benchmark, side and phase; of several tables the last one counts."""
    found, benchmark, side = {}, "", ""
    for line in (ROOT / "benchmarks" / "README.md").read_text(encoding="utf-8").splitlines():
        if line.startswith("## "):
            benchmark = line.removeprefix("## ")
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if not line.startswith("|") or len(cells) != 8 or not re.match(r"\d", cells[2]):
            continue
        side = cells[0].strip("*") or side
        wall, cpu, memory = (cell.partition(" ")[0] for cell in cells[2:5])
        found[benchmark, side, cells[1]] = float(wall), float(cpu), int(memory)
    return found


def _shown(number: float) -> str:
    return f"{number:.1f}" if number < 9.95 else f"{number:.0f}"


def rows() -> dict[str, list[str]]:
    """Returns the cells of the page's table of seconds by tool."""
    lines = PAGE.read_text(encoding="utf-8").partition("## What was measured")[2].partition("\n## ")[0].splitlines()
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines if line.startswith("|")]
    assert cells[0][1:] == list(COLUMNS)
    return {row[0]: row[1:] for row in cells[2:]}


@pytest.mark.parametrize("tool", SIDES)
def test_each_figure_is_that_of_the_benchmark(tool: str) -> None:
    """Seconds and CPU seconds of each cell are those that were measured last, and an empty cell was not measured."""
    expected = []
    for (benchmark, phase), side in zip(COLUMNS.values(), SIDES[tool], strict=True):
        wall, cpu, _ = figures()[benchmark, side, phase] if side else (0, 0, 0)
        expected.append(f"{_shown(wall)} ({_shown(cpu)})" if side else "")
    assert [cell.removesuffix(" *") for cell in rows()[tool]] == expected


def test_the_page_has_every_tool() -> None:
    """No row of the table is left out of the comparison with the benchmarks."""
    assert list(rows()) == list(SIDES)


def test_what_others_do_better_is_measured_too() -> None:
    """The sentence about runs without new rows, and the one about memory, have the figures of the benchmarks."""
    text = " ".join(PAGE.read_text(encoding="utf-8").split())
    here, dlt = (figures()["7 unchanged", side, "warm"] for side in ("ours", "dlt_bare"))
    assert f"takes {here[0]:.1f} s ({here[1]:.1f}) here, and {dlt[0]:.1f} s ({dlt[1]:.1f}) in dlt alone" in text
    ours, meltano = (figures()["1 flat", side, "load"][2] for side in ("ours", "meltano"))
    sql, sling = (figures()["4 sql", side, "load"][2] for side in ("ours", "sling"))
    assert f"Meltano needs {meltano} MiB of memory for the million rows, and this project {ours}" in text
    assert f"Sling needs {sling} for PostgreSQL's, and this project {sql}" in text


def test_the_versions_are_those_that_were_measured() -> None:
    """Each version on the page is named by the benchmarks."""
    measured = "".join(file.read_text(encoding="utf-8") for file in (ROOT / "benchmarks").glob("*.*"))
    versions = re.findall(r"\d+\.\d+\.\d+", PAGE.read_text(encoding="utf-8"))
    assert versions
    assert [version for version in versions if version not in measured] == []

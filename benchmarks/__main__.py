"""`python -m benchmarks [NAMES]`: runs benchmarks and prints their tables."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer
from rich.box import MARKDOWN
from rich.console import Console
from rich.table import Table

from benchmarks.daily import DAILY
from benchmarks.definitions import DEFINITIONS
from benchmarks.engines import ENGINES
from benchmarks.executors import EXECUTORS
from benchmarks.fence import FENCE
from benchmarks.files import FILES
from benchmarks.flat import FLAT
from benchmarks.growing import GROWING
from benchmarks.http import HTTP
from benchmarks.machines import MACHINES
from benchmarks.measure import Benchmark, compare_scales, compare_sides
from benchmarks.memory import MEMORY
from benchmarks.nested import NESTED
from benchmarks.picture import Bar, draw_bars, find_bars
from benchmarks.report import constant_table, describe_machine, goal_lines, note_lines, scale_table, side_table
from benchmarks.sql import SQL
from benchmarks.start import START
from benchmarks.unchanged import UNCHANGED

_OF_ONE_MACHINE = (FLAT, NESTED, HTTP, SQL, MEMORY, DAILY, UNCHANGED, DEFINITIONS, START, FILES, EXECUTORS, GROWING)
_OF_SEVERAL = (FENCE, MACHINES)
BENCHMARKS = {benchmark.name: benchmark for benchmark in (*_OF_ONE_MACHINE, *_OF_SEVERAL, ENGINES)}


def main(  # noqa: PLR0913, PLR0917 - the options of a command are its arguments
    names: Annotated[
        list[str] | None, typer.Argument(help=f"Names or numbers, of {', '.join(BENCHMARKS)}; all unless named.")
    ] = None,
    size: Annotated[int | None, typer.Option(envvar="SIZE", min=1, help="Instead of the benchmark's own.")] = None,
    scales: Annotated[str, typer.Option(envvar="SCALES", help="Multiples of the size, where it counts: 1,5,20.")] = "",
    sides: Annotated[str, typer.Option(envvar="SIDES", help="Only ours and these: floor,dlt_parquet.")] = "",
    rounds: Annotated[int, typer.Option(envvar="ROUNDS", min=1, help="Processes per side.")] = 3,
    pictures: Annotated[
        Path | None, typer.Option(envvar="PICTURES", help="Folder for a bar chart of each benchmark, as SVG.")
    ] = None,
    small: Annotated[bool, typer.Option("--small", help="See that all work: tiny, once, no downloads.")] = False,  # noqa: FBT002 - typer's way
) -> None:
    """Runs the benchmarks and compares this project with the tools that a user would choose instead."""
    console = Console()
    if not console.is_terminal:
        # A row of a Markdown table must not be wrapped.
        console = Console(width=1000)
    chosen = find_benchmarks(names or [])
    console.print(describe_machine("dagster", "dagster-dlt", "dlt", "duckdb"), highlight=False)
    for benchmark in chosen:
        wanted = benchmark.only(sides.split(",")) if sides else benchmark
        if scales and wanted.scales:
            wanted = replace(wanted, scales=tuple(map(int, scales.split(","))))
        if small:
            wanted = replace(wanted.without_guests(), goals=(), growth_goals=())
        size_of_all, turns = (wanted.small, 1) if small else (size or wanted.size, rounds)
        bars = run(console, wanted, size_of_all, turns)
        if pictures:
            pictures.mkdir(parents=True, exist_ok=True)
            title = f"{wanted.name}: seconds for {size_of_all:,} {wanted.unit}, median of {turns}"
            (pictures / f"{wanted.name}.svg").write_text(draw_bars(title, bars), encoding="utf-8")


def find_benchmarks(names: Sequence[str]) -> list[Benchmark]:
    """Returns the benchmarks with these names or numbers, separated by spaces or commas; all if there are none.

    Raises:
        typer.BadParameter: There is no such benchmark.
    """
    wanted = [name.strip() for given in names for name in given.split(",") if name.strip()]
    known = {**BENCHMARKS, **{str(benchmark.number): benchmark for benchmark in BENCHMARKS.values()}}
    if unknown := [name for name in wanted if name not in known]:
        accepted = ", ".join(f"{benchmark.number} {name}" for name, benchmark in BENCHMARKS.items())
        raise typer.BadParameter(f"got {', '.join(unknown)}; accepted: {accepted}")
    return [known[name] for name in wanted] or list(BENCHMARKS.values())


def run(console: Console, benchmark: Benchmark, size: int, rounds: int) -> list[Bar]:
    """Measures a benchmark, prints its tables, notes and goals, and returns the bars of its picture."""
    console.print(f"\n{benchmark.number}. {benchmark.question}", highlight=False)
    is_grown_only = benchmark.scaled == benchmark.sides
    bars: list[Bar] = []
    if not is_grown_only:
        found = list(compare_sides(benchmark, size, rounds))
        _print_table(console, side_table(benchmark, size, found))
        _print(console, [*note_lines(benchmark, found), *goal_lines(benchmark.goals, found)])
        bars = list(find_bars(benchmark, size, found, grown=False))
    if benchmark.scales:
        grown = list(compare_scales(benchmark, size, rounds))
        table = constant_table if benchmark.is_constant else scale_table
        _print_table(console, table(benchmark, size, grown))
        _print(console, goal_lines(benchmark.growth_goals, grown))
        bars = bars or list(find_bars(benchmark, size, grown, grown=True))
    return bars


def _print_table(console: Console, table: Table) -> None:
    """Prints a table; as Markdown, for README.md, if the output is not a terminal."""
    if not console.is_terminal:
        table.box = MARKDOWN
        for row in table.rows:
            row.end_section = False
    console.print(table)


def _print(console: Console, lines: Iterable[str]) -> None:
    for line in lines:
        console.print(line, highlight=False, markup=False)


if __name__ == "__main__":
    typer.run(main)

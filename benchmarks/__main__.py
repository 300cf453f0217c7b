"""`python -m benchmarks [NAMES]`: runs benchmarks and prints their tables."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.console import Console

from benchmarks.definitions import DEFINITIONS
from benchmarks.measure import compare_scales, compare_sides
from benchmarks.report import describe_machine, scale_table, side_table

BENCHMARKS = {benchmark.name: benchmark for benchmark in (DEFINITIONS,)}


def main(
    names: Annotated[list[str] | None, typer.Argument(help=f"Of {', '.join(BENCHMARKS)}; all unless named.")] = None,
    size: Annotated[int | None, typer.Option(envvar="SIZE", min=1, help="Instead of the benchmark's own.")] = None,
    rounds: Annotated[int, typer.Option(envvar="ROUNDS", min=1, help="Processes per side.")] = 5,
) -> None:
    """Compares with what a user would pick instead, side by side."""
    console = Console()
    if not console.is_terminal:
        console = Console(width=120)
    unknown = set(names or ()) - set(BENCHMARKS)
    if unknown:
        raise typer.BadParameter(f"got {', '.join(sorted(unknown))}; accepted: {', '.join(BENCHMARKS)}")
    console.print(describe_machine("dagster", "dagster-dlt", "dlt"), highlight=False)
    for name in names or BENCHMARKS:
        benchmark = BENCHMARKS[name]
        chosen = size or benchmark.size
        console.print(f"\n{benchmark.question}", highlight=False)
        console.print(side_table(benchmark, chosen, list(compare_sides(benchmark, chosen, rounds))))
        if benchmark.scales:
            console.print(scale_table(benchmark, list(compare_scales(benchmark, chosen, rounds))))


if __name__ == "__main__":
    typer.run(main)

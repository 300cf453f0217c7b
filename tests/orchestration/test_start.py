"""What a process imports before it has something to load: each of these takes a tenth of a second or more."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SHOW = "import sys; print(sorted({'duckdb', 'numpy', 'pyarrow', 'sqlalchemy', 'dagster', 'dbt'} & set(sys.modules)))"
PROGRAMS = {
    "definitions": ("import definitions", "['dagster']"),
    "check": ("from data_foundation.cli.main import app; app(['check'], standalone_mode=False)", "[]"),
    "list": ("from data_foundation.cli.main import app; app(['list'], standalone_mode=False)", "[]"),
}


@pytest.mark.parametrize(("program", "expected"), PROGRAMS.values(), ids=PROGRAMS)
def test_what_loads_rows_is_imported_by_the_first_load(
    program: str, expected: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Definitions, `check` and `list` import no DuckDB, Arrow, SQLAlchemy and dbt, the commands no Dagster either."""
    monkeypatch.setenv("WAREHOUSE", "duckdb")
    code = f"import contextlib\nwith contextlib.suppress(SystemExit, Exception):\n    {program}\n{SHOW}"
    command = [sys.executable, "-c", code]
    # Before the first one there is no dbt manifest; to make it, the warehouse is opened for what dbt's sources say.
    for _ in range(2 if "dagster" in expected else 1):
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == expected, done.stderr

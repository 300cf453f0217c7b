"""The code location of this repository, loaded by Dagster."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_dagster_loads_the_workspace_of_this_repository(tmp_path: Path) -> None:
    """`dagster definitions validate` accepts `workspace.yaml` and the `definitions.py` that it names."""
    program = Path(sys.executable).parent
    environment = {**os.environ, "DAGSTER_HOME": str(tmp_path), "PATH": f"{program}:{os.environ['PATH']}"}
    command = [str(program / "dagster"), "definitions", "validate", "-w", "workspace.yaml"]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=240, check=False)
    assert done.returncode == 0, done.stdout + done.stderr

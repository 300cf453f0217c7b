"""dbt as a child process ends with the process that has started it."""

import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

ROOT = Path(__file__).parents[2]
PARENT = """
import subprocess, sys

child = "import sys; from data_foundation.dbt import child; child.DBT = '/bin/sleep'; sys.argv[1:] = ['60']; "
child += "child.main()"
process = subprocess.Popen([sys.executable, "-c", child])
print(process.pid, flush=True)
process.wait()
"""


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has the signal of a parent's death")
def test_dbt_ends_with_its_parent() -> None:
    """A process that was killed leaves no dbt behind, which would hold the DuckDB file."""
    with subprocess.Popen([sys.executable, "-c", PARENT], cwd=ROOT, stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout
        child = psutil.Process(int(parent.stdout.readline()))
        deadline = time.monotonic() + 60
        while child.name() != "sleep":
            assert time.monotonic() < deadline
            time.sleep(0.05)
        parent.kill()
    child.wait(10)


def test_dbt_receives_its_arguments() -> None:
    """`foundation-dbt` is dbt, with the same arguments and exit code."""
    command = [str(Path(sys.executable).with_name("foundation-dbt")), "no-such-command"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "No such command 'no-such-command'" in done.stderr

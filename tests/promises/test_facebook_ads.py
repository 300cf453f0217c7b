"""A million rows of insights: read in constant memory, loaded, and partly loaded again."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from sandbox.environment import TOKENS
from tests.support.facebook_ads import ship

ROOT = Path(__file__).parents[2]
SAMPLE, ALL = 1_700, 17_000
"""Number of ads of the account, and with --promises."""

SETTINGS: dict[str, Any] = {"page_size": 5000, "poll_seconds": 0, "breakdowns": []}
READ = """
import json, resource, sys

import dlt

from dlthub.facebook_ads.data import get_insights

end, settings = sys.argv[1], json.loads(sys.argv[2])
read = dlt.resource(get_insights, name="insights", section="facebook_ads")("2026-08-01", end, "2026-08-01", **settings)
print(sum(1 for _ in read), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024)
"""
LOAD = """
import json, resource, sys
from pathlib import Path

from tests.support.trees import Tree

end, settings, root = sys.argv[1], json.loads(sys.argv[2]), Path(sys.argv[3])
name = "facebook_ads.facebook_ads_insights"
rows = Tree(root).load(name, start="2026-08-01", end=end, kwargs=settings).row_count
# The last 28 days again, as an ordinary load would.
again = Tree(root).load(name, start="2026-09-01", end=end, kwargs=settings).row_count
assert again == rows, (again, rows)
print(rows, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024)
"""


def run(script: str, *arguments: str) -> tuple[int, int]:
    """Runs a script in another process; returns its row count and its peak memory in MB."""
    command = [sys.executable, "-c", script, *arguments]
    output = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True).stdout.split()
    return int(output[-2]), int(output[-1])


@pytest.mark.rare
@pytest.mark.timeout(1800)
def test_memory_does_not_grow_with_the_rows(sandbox_url: str, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    """Pages of a window are buffered in a file and windows are read in turn, so memory does not grow with the range.

    A load needs more memory for DuckDB's merge. Without --promises there is a tenth of the rows.
    """
    ads = ALL if request.config.getoption("--promises") else SAMPLE
    account = {"accounts": [str(9_000_000 + ads)], "base_url": f"{sandbox_url}/facebook_ads"}
    settings = json.dumps({**SETTINGS, **account, "access_token": TOKENS["facebook_ads"]})
    few, little = run(READ, "2026-08-07", settings)
    many, peak = run(READ, "2026-09-29", settings)
    assert (few, many) == (6 * ads, 59 * ads)
    assert peak < 1.2 * little
    loaded, most = run(LOAD, "2026-09-29", settings, str(ship(tmp_path / "tree").root))
    assert loaded == many
    assert most < 1500

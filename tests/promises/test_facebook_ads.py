"""A million rows of insights: read in the memory that a tenth of them takes, loaded, and in part loaded again."""

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
"""Ads of the account: in every test run, and where the promises are proved in full."""

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
    """Runs it in a process of its own; how many rows there were, and its peak in MB."""
    command = [sys.executable, "-c", script, *arguments]
    told = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True).stdout.split()
    return int(told[-2]), int(told[-1])


@pytest.mark.timeout(1800)
def test_a_million_rows_are_read_in_the_memory_of_a_hundred_thousand(
    sandbox_url: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    """Pages of a window wait in a file, windows come one after the other: memory does not grow with the range.

    What a load needs beyond that is DuckDB's, to merge. Without --promises there are a tenth of the rows.
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

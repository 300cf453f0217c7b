"""google_ads in full: every day of a month, and a million rows of one request."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.sources.google_ads import Ads, play_month

ROOT = Path(__file__).parents[2]
LOADED = """
import resource, sys
from datetime import date, timedelta
from pathlib import Path

from tests.sources.google_ads import LARGE, LAST, Ads, since

days = int(sys.argv[3])
options = since(LAST - timedelta(days=days - 1), LAST, window_days=days)
result = Ads(sys.argv[1], Path(sys.argv[2])).load("ad_group_metrics", str(LAST), options, customer_ids=LARGE)
print(result.row_count, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
"""


@pytest.mark.rare
@pytest.mark.parametrize("by", ["partitions", "hand"])
def test_a_month_loaded_day_by_day_equals_one_load_of_all(
    sandbox_url: str, tmp_path: Path, request: pytest.FixtureRequest, by: str
) -> None:
    """Each day is loaded in its own run; without --promises, three days in each."""
    play_month(Ads(sandbox_url, tmp_path), by, 1 if request.config.getoption("--promises") else 3)


@pytest.mark.rare
def test_memory_does_not_grow_with_the_rows_of_a_request(
    sandbox_url: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    """2,500 ad groups on 400 days, streamed and loaded; without --promises, 20 days compared with 2."""
    most = 400 if request.config.getoption("--promises") else 20
    peaks = {}
    for days in (most // 10 or 1, most):
        command = [sys.executable, "-c", LOADED, sandbox_url, str(tmp_path / str(days)), str(days)]
        output = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True).stdout.split()
        assert int(output[0]) == days * 2_500
        peaks[days] = float(output[1])
    assert peaks[most] < 1.5 * peaks[most // 10], peaks

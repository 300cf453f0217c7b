"""Tests of the table of insights after many loads of facebook_ads, compared with one full load."""

import logging
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from data_foundation.loading.result import LoadResult
from sandbox.models.facebook_insights import FIRST_DAY, GONE_DAY
from tests.support.facebook_ads import ship
from tests.support.trees import Tree


def query(tree: Tree, where: str = "true") -> list[Any]:
    """Returns the table's rows, each with its actions, without the columns that differ between loads."""
    actions = "SELECT list(action_type || value ORDER BY _dlt_list_idx) FROM raw.facebook_ads_insights__actions a"
    return tree.query(
        f"SELECT * EXCLUDE (read_until, _dlt_id, _dlt_load_id), ({actions} WHERE a._dlt_parent_id = i._dlt_id) "
        f"FROM raw.facebook_ads_insights i WHERE {where} ORDER BY date_start, ad_id, breakdown_key"
    )


def load(tree: Tree, url: str, first: int, last: int) -> LoadResult:
    """Loads a range of days, given by number, with the figures that the sandbox has on the last of them."""
    today = FIRST_DAY + timedelta(days=last)
    settings = {"base_url": f"{url}/facebook_ads/as_of/{today}", "poll_seconds": 0, "accounts": ["1001", "1003"]}
    return tree.load(
        "facebook_ads.facebook_ads_insights",
        start=str(FIRST_DAY + timedelta(days=first)),
        end=str(today + timedelta(days=1)),
        kwargs={**settings, "breakdowns": []},
    )


@pytest.mark.rare
def test_a_month_day_by_day_equals_one_full_reload(
    sandbox_settings: dict[str, str], sandbox_url: str, tmp_path: Path
) -> None:
    """Changed figures are updated; rows that Meta removed are deleted, even all rows of a day."""
    assert sandbox_settings
    by_day, at_once = ship(tmp_path / "by_day"), ship(tmp_path / "at_once")
    account, gone = GONE_DAY
    where = f"account_id = '{account}' AND date_start = '{gone}'"
    seen = []
    for number in range(31):
        load(by_day, sandbox_url, max(number - 28, 0), number)
        seen += by_day.query(f"SELECT count(*) FROM raw.facebook_ads_insights WHERE {where}")
    load(at_once, sandbox_url, 0, 30)
    assert max(seen) > 0
    assert seen[-1] == 0
    assert query(by_day) == query(at_once)
    assert len(query(by_day)) > 500
    # The child rows of the deleted rows are deleted too.
    counts = [tree.query("SELECT count(*) FROM raw.facebook_ads_insights__actions") for tree in (by_day, at_once)]
    assert counts[0] == counts[1]


def test_an_account_that_failed_for_days_leaves_no_gap(
    sandbox_settings: dict[str, str],
    sandbox_url: str,
    arm_fault: Callable[..., None],
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """The account keeps its rows, and after it recovers it is read from the first day that failed."""
    assert sandbox_settings
    failing, whole = ship(tmp_path / "failing"), ship(tmp_path / "whole")
    for tree in (failing, whole):
        load(tree, sandbox_url, 0, 5)
    caplog.set_level(logging.INFO)
    before = query(failing, "account_id = '1003'")
    arm_fault("/facebook_ads/*/act_1003", "permission", times=2)
    for first, last in ((4, 10), (8, 15)):
        result = load(failing, sandbox_url, first, last)
        assert result.failed_parts.keys() == {"act_1003"}
    assert query(failing, "account_id = '1003'") == before
    assert len(query(failing, "account_id = '1001' AND date_start > '2026-09-11'")) > 0
    result = load(failing, sandbox_url, 14, 20)
    assert not result.failed_parts
    load(whole, sandbox_url, 4, 20)
    assert query(failing, "account_id = '1003'") == query(whole, "account_id = '1003'")
    assert "act_1003 failed in earlier loads: it is read from 2026-09-05 on, not from 2026-09-15" in caplog.messages


def test_an_ordinary_load_reads_the_last_28_days_again(
    sandbox_settings: dict[str, str], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """The first load begins at the configured start, the next one 28 days before the cursor."""
    assert sandbox_settings
    caplog.set_level(logging.INFO)
    tree, today = ship(tmp_path), datetime.now(UTC).date()
    tree.load("facebook_ads.facebook_ads_insights", kwargs={"window_days": 400})
    assert any(f"2026-08-01 to {today}" in message for message in caplog.messages)
    caplog.clear()
    tree.load("facebook_ads.facebook_ads_insights")
    windows = {message.partition(": window ")[2] for message in caplog.messages if ": window " in message}
    assert {text.partition(": ")[2] for text in windows} == {f"{today - timedelta(days=28)} to {today}"}


def test_an_account_that_is_new_gets_its_history(
    sandbox_settings: dict[str, str], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """A new account is read from the configured start, the others from the cursor."""
    assert sandbox_settings
    caplog.set_level(logging.INFO)
    tree = ship(tmp_path)
    tree.load("facebook_ads.facebook_ads_insights", kwargs={"accounts": ["1001"], "window_days": 400})
    tree.load("facebook_ads.facebook_ads_insights", kwargs={"accounts": ["1001", "1002"], "window_days": 400})
    begin = datetime.now(UTC).date() - timedelta(days=28)
    assert f"act_1002 is new: it is read from 2026-08-01 on, not from {begin}" in caplog.messages
    counts = tree.query("SELECT count(DISTINCT date_start) FROM raw.facebook_ads_insights GROUP BY account_id")
    assert len(counts) == 2
    assert counts[0] == counts[1] > 50
    assert not any("act_1001 is new" in message for message in caplog.messages)


def test_a_sample_skips_days_without_rows(sandbox_settings: dict[str, str], tmp_path: Path) -> None:
    """A month without rows does not use up the limit, and a sample leaves nothing to catch up for later loads."""
    assert sandbox_settings
    tree = ship(tmp_path)
    assert tree.load("facebook_ads.facebook_ads_insights", limit=5).row_count == 5
    result = tree.load("facebook_ads.facebook_ads_insights", start="2026-10-01", end="2026-10-03")
    assert tree.query("SELECT min(date_start)::text FROM raw.facebook_ads_insights WHERE account_id = '1002'") == [
        "2026-10-01"
    ]
    assert not result.failed_parts

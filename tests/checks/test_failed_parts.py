"""Failed parts: one account of a source fails, the others land, and result, check and log report the failure."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from data_foundation.audit.write import read_journal
from data_foundation.errors import EntryError, LoadError
from data_foundation.loading.parallel import Outcome
from data_foundation.loading.read_back import check_table
from data_foundation.local.run import load_and_log
from tests.orchestration.test_asset_checks import check_key, evaluations
from tests.support.locations import Location, failure, landed
from tests.support.trees import Tree

DATA = '''
import json
from pathlib import Path

import dlt


def get_rows():
    """Yields a row for each account, except the accounts in `failed.json`, which fail."""
    failed = json.loads((Path(__file__).parent / "failed.json").read_text())
    for account in ("act_1", "act_2", "act_3"):
        if account not in failed:
            yield {"account": account, "spend": 1}
    dlt.current.resource_metrics()["failed_parts"] = failed
'''
EXPIRED = {"act_2": "code 190: the access token has expired,\n see https://graph.example/?access_token=s3cret"}
MESSAGE = (
    "1 failed and did not land: act_2: code 190: the access token has expired, see https://graph.example/?access_token="
)
MERGE = "write_disposition: merge, primary_key: account"


def add(place: Tree | Location, settings: str = MERGE, failed: Any = EXPIRED) -> Path:
    """Writes the source `ads` with one resource that has these settings; the accounts in `failed` fail."""
    folder = place.add("ads", f"resources: [{{entry: data.get_rows, destination: raw.ads, {settings}}}]", DATA)
    give(place, failed)
    return folder


def give(place: Tree | Location, failed: Any) -> None:
    """Sets the accounts that fail from now on."""
    (place.root / "dlthub" / "ads" / "failed.json").write_text(json.dumps(failed))


def test_other_parts_land_and_the_load_names_the_failed_one(tree: Tree) -> None:
    """Result and audit trail name the part and the reason, with secrets masked; the attempt counts as loaded."""
    add(tree)
    result = tree.load("ads.ads")
    assert tree.query("SELECT account FROM raw.ads ORDER BY 1") == ["act_1", "act_3"]
    assert result.failed_parts["act_2"].startswith("code 190: the access token has expired, see ")
    (attempt,) = read_journal(tree.warehouse)
    assert (attempt.status, attempt.rows, attempt.error_class) == ("loaded", 2, None)
    assert str(attempt.error).startswith(MESSAGE)
    assert "s3cret" not in f"{attempt.error} {result}"


@pytest.mark.parametrize(
    ("checks", "severity", "warned"),
    [("", "error", False), ("block", "error", False), ("warn", "warn", False), ("ignore", None, True)],
)
def test_the_check_complete_names_the_failed_parts(tree: Tree, checks: str, severity: str, *, warned: bool) -> None:
    """The check fails with the configured severity, by default `error`; if it is ignored, the load warns instead."""
    add(tree, MERGE + (f", checks: {{complete: {checks}}}" if checks else ""))
    result = tree.load("ads.ads")
    found = {check.name: check for check in result.checks}
    assert (found["complete"].severity if "complete" in found else None) == severity
    assert [warning[:25] for warning in result.warnings] == ["1 failed and did not land"] * warned
    if severity:
        assert not found["complete"].passed
        assert found["complete"].metadata == {"failed_parts": result.failed_parts}
        assert found["complete"].message.startswith(MESSAGE)


@pytest.mark.parametrize(
    "settings",
    [
        "write_disposition: replace",
        "write_disposition: {disposition: merge, strategy: scd2}, primary_key: account",
        "write_disposition: append, incremental: {cursor_path: spend}",
    ],
    ids=["replace", "scd2", "an appended range"],
)
def test_a_load_that_would_delete_rows_of_the_failed_part_is_refused(tree: Tree, settings: str) -> None:
    """A load that would replace earlier rows fails before it writes, so the rows of the failed account are kept."""
    add(tree, settings, failed={})
    tree.load("ads.ads")
    before = tree.query("SELECT account FROM raw.ads ORDER BY 1")
    give(tree, EXPIRED)
    options = {"start": "0", "end": "9"} if "incremental" in settings else {}
    with pytest.raises(LoadError, match=r"raw\.ads: 1 failed and did not land: act_2: .* nothing was written; with me"):
        tree.load("ads.ads", **options)
    assert tree.query("SELECT account FROM raw.ads ORDER BY 1") == before == ["act_1", "act_2", "act_3"]


def test_failed_parts_must_be_a_dict(tree: Tree) -> None:
    """The message names the accepted type."""
    add(tree, failed=["act_2"])
    with pytest.raises(EntryError, match=r"'failed_parts'\] is a list; accepted: a dict of part to reason"):
        tree.load("ads.ads")


@pytest.mark.parametrize(
    ("settings", "success", "passed"),
    [("checks: {complete: block}", False, False), ("checks: {complete: warn}", True, False), ("", False, None)],
    ids=["block", "warn", "no check"],
)
def test_dagster_shows_the_failed_parts(
    location: Location, *, settings: str, success: bool, passed: bool | None
) -> None:
    """The asset is materialised with the failed parts in its metadata; the check fails, or without a check the step."""
    add(location, f"{MERGE}, {settings}" if settings else MERGE)
    result = location.materialize()
    assert (result.success, landed(result)) == (success, {"raw/ads"})
    [event] = result.get_asset_materialization_events()
    metadata: Mapping[str, Any] = event.materialization.metadata
    assert list(metadata["failed_parts"].value) == ["act_2"]
    check = evaluations(result).get("complete")
    assert (check.passed if check else None) == passed
    if not settings:
        assert "raw.ads: landed, but 1 failed and did not land: act_2: code 190" in failure(result)


def test_the_check_run_alone_reads_the_last_load(location: Location) -> None:
    """The table does not show what failed, so the check reads the audit trail; the next complete load clears it."""
    add(location, f"{MERGE}, checks: {{complete: block}}")
    tree = Tree(location.root)
    resource = tree.task("ads.ads").resource
    assert {check.name: check.passed for check in check_table(resource, tree.warehouse)}["complete"]
    with dg.DagsterInstance.ephemeral() as instance:
        location.materialize(instance=instance)
        job = location.definitions().resolve_implicit_global_asset_job_def()
        alone = job.get_subset(asset_selection=set(), asset_check_selection={check_key("complete", "ads")})
        found = evaluations(alone.execute_in_process(instance=instance, raise_on_error=False))["complete"]
    assert (found.passed, str(found.description).count("act_2: code 190")) == (False, 1)
    give(tree, {})
    tree.load("ads.ads")
    assert {check.name: check.passed for check in check_table(resource, tree.warehouse)}["complete"]


def test_the_daily_log_names_the_failed_parts(tree: Tree) -> None:
    """Loads without Dagster log the failed parts too."""
    add(tree)
    [outcome] = [
        one for one in load_and_log(tree.root, [tree.task("ads.ads")], tree.warehouse) if isinstance(one, Outcome)
    ]
    assert outcome.result
    [log] = (tree.root / "logs").iterdir()
    [line] = [line for line in log.read_text().splitlines() if "complete" in line]
    assert f"ERROR    | raw.ads: complete: {MESSAGE}" in line

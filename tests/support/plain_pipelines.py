"""Pipelines of dlt alone, run in a process of their own: what a project has before its tables are adopted."""

import json
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from data_foundation.errors import LoadError
from tests.support.trees import Tree

CODE = """
import json
from datetime import datetime
from pathlib import Path

import dlt
import pyarrow as pa


@dlt.resource(name="events"{hints})
def events():
    for page in json.loads((Path(__file__).parent / "pages.json").read_text()):
        for row in page:
            if {as_times}:
                row["seen"] = datetime.fromisoformat(row["seen"])
        yield pa.Table.from_pylist(page) if {as_frame} else page
"""
PLAIN = """
import json
import sys

import dlt

wanted = json.load(sys.stdin)
sys.path.insert(0, wanted["folder"])
import data

kind = getattr(dlt.destinations, wanted["kind"])
destination = kind(credentials=wanted["credentials"], enable_dataset_name_normalization=False)
folder, dataset = wanted["pipelines_dir"], wanted["dataset"]
pipeline = dlt.pipeline(wanted["pipeline"], pipelines_dir=folder, destination=destination, dataset_name=dataset)
pipeline.run(data.events(), schema=dlt.Schema(wanted["schema"]))
"""
FIRST = "2024-01-01T00:00:00+00:00"
HINTS = {
    "append": ', incremental=dlt.sources.incremental("seen")',
    "append with initial value": f', incremental=dlt.sources.incremental("seen", initial_value="{FIRST}")',
    "merge": ', write_disposition="merge", primary_key="id", incremental=dlt.sources.incremental("seen")',
    "merge without a cursor": ', write_disposition="merge", primary_key="id"',
    "upsert": ', write_disposition={"disposition": "merge", "strategy": "upsert"}, primary_key="id"',
    "scd2": ', write_disposition={"disposition": "merge", "strategy": "scd2"}',
    "replace": ', write_disposition="replace"',
}
FORMS = {"flat": False, "nested": False, "frames": True}
CASES = [
    (hints, form)
    for hints in HINTS
    for form in FORMS
    # dlt itself needs ids for these, which frames do not have.
    if form != "frames" or hints not in {"upsert", "scd2"}
]


def rows(*ids: int, form: str, value: int = 0) -> list[dict[str, Any]]:
    """Returns rows of which two always share a value of the cursor."""
    lines = {"lines": [{"n": 1, "parts": [{"p": 1}]}]} if form == "nested" else {}
    return [{"id": one, "seen": f"2024-01-{one // 2 + 1:02}T00:00:00+00:00", "v": value, **lines} for one in ids]


def give(
    tree: Tree,
    hints: str,
    form: str,
    *pages: list[dict[str, Any]],
    as_times: bool = False,
    destination: str = "raw.events",
) -> Path:
    """Writes the source folder with what its entry yields from now on."""
    text = CODE.format(hints=HINTS[hints], as_frame=FORMS[form], as_times=as_times)
    folder = tree.add("s", f"resources: [{{entry: data.events, destination: {destination}}}]", text)
    (folder / "pages.json").write_text(json.dumps(pages))
    return folder


def run_plain(tree: Tree, **changes: str) -> None:
    """Loads the entry with a pipeline of dlt, in a process of its own, which lets go of the warehouse.

    Args:
        tree: The project whose entry is loaded, and whose warehouse.
        changes: Other names of `pipeline`, `dataset` or `schema`; other names are environment variables.
    """
    kind, credentials = tree.as_dlt()
    wanted = {
        "kind": kind,
        "credentials": credentials,
        "dataset": tree.warehouse.dataset("raw"),
        "pipeline": "theirs",
        "schema": "theirs",
        "pipelines_dir": str(tree.root / "theirs"),
        "folder": str(tree.root / "dlthub" / "s"),
    }
    environment = {name: value for name, value in changes.items() if name not in wanted}
    done = subprocess.run(
        [sys.executable, "-c", PLAIN],
        input=json.dumps(wanted | {name: value for name, value in changes.items() if name in wanted}),
        env=os.environ | environment,
        cwd=tree.root,
        check=False,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr[-4000:]


def ids_of(tree: Tree, dataset: str = "raw") -> Counter[int]:
    """Returns how often each id is in the table."""
    return Counter(int(one) for one in tree.query(f"SELECT id FROM {dataset}.events"))


def everything_in(tree: Tree) -> list[Any]:
    """Returns all values of the table and of its nested tables."""
    joined = (
        "raw.events AS e LEFT JOIN raw.events__lines AS l ON l._dlt_parent_id = e._dlt_id "
        "LEFT JOIN raw.events__lines__parts AS p ON p._dlt_parent_id = l._dlt_id"
    )
    return tree.query(f"SELECT e.*, l.*, p.* FROM {joined} ORDER BY e.id")


def load_twice_alone(
    tree: Tree, hints: str, form: str, *, as_times: bool = False, destination: str = "raw.events", **changes: str
) -> None:
    """Loads two runs with dlt alone, the second of which brings new rows, and all earlier ones again."""
    pages = [rows(0, 1, 2, form=form)], [rows(2, 3, 4, form=form), rows(0, 1, form=form)]
    for page in pages:
        give(tree, hints, form, *page, as_times=as_times, destination=destination)
        run_plain(tree, **changes)


def prove_that_runs_continue(
    tree: Tree, hints: str, form: str, *, as_times: bool = False, destination: str = "raw.events", **request: Any
) -> None:
    """Adopts the table of two runs of dlt alone, and runs twice here: each row is there once, with its nested rows."""
    dataset, request = destination.split(".", maxsplit=1)[0], {"pipeline": "theirs", **request}
    before = ids_of(tree, dataset)
    assert before == Counter(range(5))
    with pytest.raises(LoadError, match=r"holds \d rows that this project has not loaded"):
        tree.load("s.events")
    assert tree.adopt("s.events", is_dry=True, **request).rows == before.total()
    adoption = tree.adopt("s.events", **request)
    assert adoption.refusal == ""
    assert ids_of(tree, dataset) == before
    assert bool(adoption.cursors) == ("incremental" in HINTS[hints])
    assert any(name.endswith("lines") for name in adoption.tables) == (form == "nested")
    everything = [rows(0, 1, 2, 3, 4, form=form), rows(5, 6, form=form)]
    for _ in range(2):
        give(tree, hints, form, *everything, as_times=as_times, destination=destination)
        tree.load("s.events")
    assert_rows(tree, form, range(7), dataset)


def assert_rows(tree: Tree, form: str, ids: Sequence[int], dataset: str = "raw") -> None:
    """Asserts that each id is in the table once, and has one nested row of each level."""
    assert ids_of(tree, dataset) == Counter(ids)
    if form == "nested":
        table = f"{dataset}.events"
        orphans = f"SELECT count(*) FROM {table}__lines WHERE _dlt_parent_id NOT IN (SELECT _dlt_id FROM {table})"
        assert tree.query(orphans) == [0]
        assert tree.query(f"SELECT count(*) FROM {table}__lines") == [len(ids)]
        assert tree.query(f"SELECT count(*) FROM {table}__lines__parts") == [len(ids)]

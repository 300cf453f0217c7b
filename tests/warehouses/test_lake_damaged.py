"""Tests of lakes with damaged files: none of them holds up its table, and no row is lost or doubled."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from deltalake import DeltaTable

from data_foundation.errors import LoadError
from data_foundation.warehouses.lake import turns
from data_foundation.warehouses.lake.turn_files import Entry, TurnFiles
from tests.support.lakes import LakeTree

DAMAGES: dict[str, Callable[[Path], object]] = {
    "empty": lambda file: file.write_bytes(b""),
    "half": lambda file: file.write_bytes(file.read_bytes()[: file.stat().st_size // 2]),
}
KEPT = {
    "turn": "_dlt_turns/orders/*.json",
    "state": "_dlt_pipeline_state/*.jsonl",
    "schema": "_dlt_version/*.jsonl",
    "load": "_dlt_loads/*.jsonl",
    "dataset": "init",
}
CURSOR = 'incremental: {cursor_path: at, initial_value: "2024-01-01"}'


@pytest.fixture(params=["delta", "parquet"])
def tree(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> LakeTree:
    """A project whose table has two landed loads; nobody is waited for."""
    monkeypatch.setattr(turns, "SILENT_SECONDS", 0.0)
    tree = LakeTree(tmp_path, {"LAKE_URL": "lake", "LAKE_FORMAT": request.param})
    resource = f"{{entry: data.get_rows, destination: raw.orders, write_disposition: append, {CURSOR}}}"
    tree.add("shop", f"resources: [{resource}]")
    for number in (1, 2):
        load(tree, number)
    return tree


def test_the_note_of_an_earlier_version_is_understood(tree: LakeTree) -> None:
    """It had no turns, and a note with whole paths and with the files of state and schema."""
    folder = tree.lake / "raw"
    shutil.rmtree(folder / "_dlt_turns")
    last = max((folder / "_dlt_loads").glob("*.jsonl"))
    load_id = last.stem.rpartition("__")[2]
    last.unlink()
    added = [str(path) for path in folder.rglob(f"*{load_id}*") if path.is_file()]
    assert added
    is_delta = (folder / "orders" / "_delta_log").exists()
    versions = (
        {name: DeltaTable(folder / name).version() - 1 for name in ("orders", "orders__lines")} if is_delta else {}
    )
    note = {"load_id": load_id, "versions": versions, "added": added, "obsolete": []}
    (folder / "_dlt_unfinished").mkdir()
    (folder / "_dlt_unfinished" / "orders.json").write_text(json.dumps(note))
    shutil.rmtree(tree.root / "data")
    load(tree, 3)
    check(tree, 3)
    assert list((folder / "_dlt_unfinished").iterdir()) == []


def load(tree: LakeTree, number: int) -> None:
    """Loads one more row of the vendor, with a line and a new column."""
    rows = [{"id": id_, "at": f"2024-01-{id_:02}", f"c{id_}": 1, "lines": [{"n": id_}]} for id_ in range(1, number + 1)]
    tree.give("shop", rows)
    tree.load("shop.orders")


def check(tree: LakeTree, number: int) -> None:
    """Asserts that the table has each row once."""
    ids = list(range(1, number + 1))
    assert tree.query("select id from raw.orders order by id") == ids
    assert tree.query("select n from raw.orders__lines order by n") == ids


@pytest.mark.sampled(7)
@pytest.mark.parametrize("damage", DAMAGES)
@pytest.mark.parametrize("kept", KEPT)
def test_a_damaged_file_of_a_table_at_rest(tree: LakeTree, kept: str, damage: str) -> None:
    """It is set aside, written again, or not needed; the next loads go on from the newest state."""
    files = sorted((tree.lake / "raw").glob(KEPT[kept]))
    assert files
    DAMAGES[damage](files[-1])
    for number in (3, 4):
        load(tree, number)
        check(tree, number)
    assert tree.turns() == ["free"]


@pytest.mark.sampled(3)
@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_turn_of_a_killed_load(tree: LakeTree, damage: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the load has written is found without its note."""
    create = TurnFiles.create

    def end(files: TurnFiles, number: int, entry: Entry) -> bool:
        if entry.state == "landed":
            raise KeyboardInterrupt
        return create(files, number, entry)

    with monkeypatch.context() as patch:
        patch.setattr(TurnFiles, "create", end)
        with pytest.raises(LoadError, match="KeyboardInterrupt"):
            load(tree, 3)
    [turn] = [
        path for path in (tree.lake / "raw" / "_dlt_turns" / "orders").glob("*.json") if "writing" in path.read_text()
    ]
    DAMAGES[damage](turn)
    load(tree, 4)
    check(tree, 4)

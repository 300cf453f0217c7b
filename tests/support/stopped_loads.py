"""A load that is stopped at the last moment, for every engine."""

import pytest

from data_foundation.errors import LoadStopped
from data_foundation.loading.parallel import Outcome, load_side_by_side
from data_foundation.loading.stop import LoadWatch, RunStop
from tests.support.trees import Tree


def check_stop_before_commit(tree: Tree, disposition: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Loads a row, stops the next load directly before its commit, and checks that only the load after it lands."""
    resource = f"{{entry: data.get_rows, destination: raw.orders, write_disposition: {disposition}, primary_key: id}}"
    tree.add("shop", f"resources: [{resource}]")
    tree.give("shop", [{"id": 1, "lines": [{"n": 1}]}])
    tree.load("shop.orders")
    tree.give("shop", [{"id": 2, "lines": [{"n": 2}]}])
    stop, begin = RunStop(), LoadWatch._begin_commit

    def stop_and_begin(watch: LoadWatch) -> None:
        stop.request()
        begin(watch)

    with monkeypatch.context() as patch:
        patch.setattr(LoadWatch, "_begin_commit", stop_and_begin)
        events = load_side_by_side([tree.task("shop.orders")], tree.warehouse, stop)
        [outcome] = [event for event in events if isinstance(event, Outcome)]
    assert isinstance(outcome.error, LoadStopped)
    assert tree.query("select id from raw.orders") == [1]
    assert tree.query("select n from raw.orders__lines") == [1]
    tree.load("shop.orders")
    rows = [2] if disposition == "replace" else [1, 2]
    assert tree.query("select id from raw.orders order by id") == rows
    assert tree.query("select n from raw.orders__lines order by n") == rows

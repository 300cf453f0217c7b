"""Tests of pending loads whose files are damaged, as a power failure or a full disk leaves them."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from data_foundation.loading.pipeline import TablePipeline
from tests.support.trees import Tree

SETTINGS = {
    "append with a cursor": 'write_disposition: append, incremental: {cursor_path: at, initial_value: "2024-01-01"}',
    "append": "write_disposition: append",
    "replace": "write_disposition: replace",
}
DAMAGES: dict[str, Callable[[Path], object]] = {
    "missing": Path.unlink,
    "empty": lambda file: file.write_bytes(b""),
    "half": lambda file: file.write_bytes(file.read_bytes()[: file.stat().st_size // 2]),
}


@pytest.mark.sampled(10)
@pytest.mark.parametrize("damage", DAMAGES)
@pytest.mark.parametrize("settings", SETTINGS)
def test_a_damaged_pending_load_is_set_aside(
    settings: str, damage: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whichever of its files it is: the next run says so, reads the rows again, and no later run is held up."""
    tree = Tree(tmp_path / "tree")
    tree.add("shop", f"resources: [{{entry: data.get_rows, destination: raw.orders, {SETTINGS[settings]}}}]")
    tree.give("shop", [{"id": 1, "at": "2024-01-01", "lines": [{"n": 1}]}])
    tree.load("shop.orders")
    tree.give("shop", [{"id": 2, "at": "2024-01-02", "lines": [{"n": 2}]}])
    with monkeypatch.context() as patch:
        patch.setattr(TablePipeline, "load", interrupt)
        with pytest.raises(KeyboardInterrupt):
            tree.load("shop.orders")
    files = [path.relative_to(tree.root) for path in tree.root.rglob("raw-orders.unfinished/**/*") if path.is_file()]
    assert {file.suffix for file in files} >= {".json", ".parquet"}
    for number, file in enumerate(files):
        one = Tree(tmp_path / str(number))
        shutil.copytree(tree.root, one.root)
        content = (one.root / file).read_bytes()
        (one.root / file).unlink()  # it shares its content with others by hard links
        (one.root / file).write_bytes(content)
        DAMAGES[damage](one.root / file)
        result = one.load("shop.orders")
        if content or damage == "missing":
            assert "was set aside because it cannot be loaded" in " ".join(result.warnings), file
        expected = [2] if settings == "replace" else [1, 2]
        assert one.query("select id from raw.orders order by id") == expected, file
        one.give("shop", [{"id": 3, "at": "2024-01-03"}])
        assert one.load("shop.orders").warnings == (), file


def interrupt(*_arguments: object) -> None:
    """Ends the run as Ctrl-C does."""
    raise KeyboardInterrupt

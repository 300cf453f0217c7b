"""Sources of every shape that dlt's users write, unchanged: here and with dlt alone the tables are the same."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from data_foundation.project.discovery.discover import discover
from tests.compat.plain_dlt import describe, import_package, run_plain
from tests.compat.side_by_side import load_all
from tests.support.trees import Tree

SHAPES = Path(__file__).parent / "shapes"
NAMES = sorted(file.stem for file in SHAPES.glob("*.py") if file.stem != "turn")
DECLARED = "resources:\n  - source: source\n    destination: raw.{table}\n"


def lay_in(folder: Path, shape: str, turn: int, *, module: str = "__init__.py") -> Path:
    """Copies a shape into a source folder, with the answers of one turn."""
    folder.mkdir(parents=True, exist_ok=True)
    shutil.copy(SHAPES / f"{shape}.py", folder / module)
    shutil.copy(SHAPES / "turn.py", folder / "turn.py")
    (folder / "turn.txt").write_text(str(turn))
    return folder


@pytest.mark.sampled(7)
@pytest.mark.parametrize("module", ["__init__.py", pytest.param("data.py", marks=pytest.mark.rare)])
@pytest.mark.parametrize("shape", NAMES)
def test_a_source_loads_what_dlt_alone_loads(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, shape: str, module: str
) -> None:
    """Two loads here and two of plain dlt give the same tables, columns, rows and nested rows."""
    for name, value in {"API_KEY": "k3y-of-vendor", "REGION": "eu", "PAGE_SIZE": "50"}.items():
        monkeypatch.setenv(f"SOURCES__VENDOR__{name}", value)
    tree = Tree(tmp_path / "ours")
    plain = tmp_path / "plain.duckdb"
    for turn in (1, 2):
        ours = lay_in(tree.root / "dlthub" / "vendor", shape, turn, module=module)
        (ours / "__init__.py").touch()
        tree.write("dlthub/vendor/sources.yaml", DECLARED)
        if turn == 1:
            list(discover(tree.root, ["vendor"]))
        load_all(tree)
        source = import_package(lay_in(tmp_path / "vendor", shape, turn)).source
        run_plain(source(), plain, tmp_path / "pipelines")
    assert describe(Path(tree.warehouse.path)) == describe(plain)

"""Loads side by side do not disturb each other by what they import for the first time."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.trees import Tree

# Arrow reads the version, and does without a pandas that is so old.
LIBRARY = """
import time

__version__ = "0.1"
time.sleep(1.5)


class DataFrame:
    pass


class LazyFrame:
    pass
"""

PROGRAM = """
import sys
from pathlib import Path

from data_foundation.loading.parallel import Outcome, load_side_by_side
from tests.support.trees import Tree

tree = Tree(Path(sys.argv[1]))
sys.path.insert(0, str(tree.root / "libraries"))
tasks = [tree.task(f"shop.t{n}") for n in range(4)]
for event in load_side_by_side(tasks, tree.warehouse):
    if isinstance(event, Outcome) and event.error:
        print(event.error)
"""

DATA = """
import importlib
import time


def get_rows(number, library):
    if number == 0:
        importlib.import_module(library)
    else:
        time.sleep(0.5)
    for page in range(20):
        time.sleep(0.02)
        yield {"id": page}
        yield [{"id": page}]


def get_resource(number, library):
    if number == 0:
        importlib.import_module(library)
    else:
        time.sleep(0.5)
    return [{"id": page} for page in range(40)]
"""


@pytest.mark.parametrize(("library", "entry"), [("polars", "get_rows"), ("pandas", "get_resource")])
def test_a_library_that_one_entry_imports_disturbs_no_other(tree: Tree, library: str, entry: str) -> None:
    """While one thread imports a library of frames, dlt does not look for frames of it among the rows of the others."""
    tree.write(f"libraries/{library}/__init__.py", LIBRARY)
    resources = "".join(
        f"  - {{entry: data.{entry}, args: [{number}, {library}], destination: raw.t{number}}}\n" for number in range(4)
    )
    tree.add("shop", f"source: {{max_concurrency: 4}}\nresources:\n{resources}", DATA)
    # A process of its own: in that of the tests, pandas is imported already.
    command = [sys.executable, "-c", PROGRAM, str(tree.root)]
    ended = subprocess.run(command, capture_output=True, text=True, check=True, cwd=Path(__file__).parents[2])
    assert ended.stdout == ""
    counts = [tree.query(f"select count(*) from raw.t{number}") for number in range(4)]
    assert counts == [[40]] * 4

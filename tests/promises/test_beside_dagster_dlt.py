"""Holds the comparison with plain dagster-dlt in docs/explanation/promises.md to what both do."""

import importlib.metadata
import importlib.util
import json
import os
import re
import signal
import subprocess
import sys
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

import dagster as dg
import dlt
import duckdb
import pytest
from dagster_dlt import DagsterDltResource, dlt_assets
from dlt.destinations.job_client_impl import SqlJobClientBase
from typing_extensions import override

from data_foundation.orchestration.factory import build_definitions
from tests.support.trees import Tree

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "explanation" / "promises.md"

# dagster-dlt's resource is a pydantic model, which Dagster reads in the old way.
pytestmark = pytest.mark.filterwarnings("ignore:The `__fields__` attribute is deprecated")
DATA = '''
import json
from pathlib import Path


def get_rows(table):
    """Whatever the test gave last; fails where it gave nothing."""
    yield json.loads((Path(__file__).parent / f"{table}.json").read_text())
'''


@dataclass(frozen=True)
class Side(ABC):
    """A source of some tables, each an asset, in a DuckDB file of its own.

    Attributes:
        root: Its folder.
        disposition: Of every table.
        tables: Their names.
    """

    root: Path
    disposition: str = "append"
    tables: tuple[str, ...] = ("orders",)

    @property
    def tree(self) -> Tree:
        """The checkout, with the code that both sides take their rows from."""
        return Tree(self.root)

    def add(self) -> None:
        """Writes the source."""
        resources = "\n".join(
            f"  - {{entry: data.get_rows, args: [{table}], destination: raw.{table}, "
            f"write_disposition: {self.disposition}}}"
            for table in self.tables
        )
        self.tree.add("shop", f"resources:\n{resources}\n", DATA)
        self.root.joinpath("data").mkdir()

    def give(self, rows: Sequence[Any], table: str = "orders") -> None:
        """Decides what a table's entry yields from now on."""
        (self.root / "dlthub" / "shop" / f"{table}.json").write_text(json.dumps(rows))

    @abstractmethod
    def assets(self) -> list[dg.AssetsDefinition]:
        """Returns the source as Dagster has it."""

    def run(self) -> "Told":
        """Materialises every table in one run of Dagster."""
        resources = {"dlt": DagsterDltResource()}
        result = dg.materialize(self.assets(), resources=resources, raise_on_error=False)
        events = [event.step_materialization_data for event in result.get_asset_materialization_events()]
        found = [event.materialization for event in events]
        return Told(
            result.success,
            {it.asset_key.path[-1].removeprefix("dlt_shop_"): dict(it.metadata) for it in found},
        )

    def run_killed(self) -> None:
        """Does the same in a process of its own, which is killed when all rows are written and before it says so."""
        command = [sys.executable, "-c", "import sys; from tests.promises.test_beside_dagster_dlt import die; die()"]
        command += [type(self).__name__, str(self.root), self.disposition, *self.tables]
        ended = subprocess.run(command, cwd=ROOT, check=False, capture_output=True, text=True)
        assert ended.returncode == -signal.SIGKILL, ended.stderr

    def rows(self, table: str = "orders") -> int:
        """Returns how many rows are in a table."""
        [count] = self.tree.query(f'select count(*) from raw."{table}"')
        return int(count)

    def refuse(self, table: str, condition: str) -> None:
        """Makes a table of the warehouse refuse rows, as one that is full or too narrow would."""
        [ddl] = self.tree.query(f"select sql from duckdb_tables() where table_name = '{table}' and schema_name = 'raw'")
        with duckdb.connect(self.tree.warehouse.path) as connection:
            connection.execute(f"create table raw.copied as from raw.{table}")
            connection.execute(f"drop table raw.{table}")
            connection.execute(f"{ddl.rstrip().removesuffix(';').removesuffix(')')}, check ({condition}))")
            connection.execute(f"insert into raw.{table} from raw.copied")
            connection.execute("drop table raw.copied")


@dataclass(frozen=True)
class Told:
    """What Dagster knows of a run afterwards.

    Attributes:
        success: Whether it succeeded.
        metadata: Of each materialisation, by table.
    """

    success: bool
    metadata: Mapping[str, Mapping[str, Any]]


class Ours(Side):
    """The source as this project loads it."""

    @override
    def assets(self) -> list[dg.AssetsDefinition]:
        """Returns the op of the source."""
        assets = build_definitions(self.root, self.tree.warehouse).assets or ()
        return [found for found in assets if isinstance(found, dg.AssetsDefinition)]


class Plain(Side):
    """The source as the documentation of dagster-dlt shows it."""

    @override
    def assets(self) -> list[dg.AssetsDefinition]:
        """Returns the op that `@dlt_assets` makes."""
        spec = importlib.util.spec_from_file_location("shop_data", self.root / "dlthub" / "shop" / "data.py")
        assert spec
        assert spec.loader
        module = sys.modules["shop_data"] = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)

        @dlt.source(name="shop")
        def shop() -> Iterator[Any]:
            for table in self.tables:
                yield dlt.resource(module.get_rows, name=table, write_disposition=self.disposition)(table)  # type: ignore[call-overload]

        pipeline = dlt.pipeline(
            "shop",
            pipelines_dir=str(self.root / "pipelines"),
            destination=dlt.destinations.duckdb(self.tree.warehouse.path),
            dataset_name="raw",
        )

        @dlt_assets(dlt_source=shop(), dlt_pipeline=pipeline, name="shop")
        def plain(context: dg.AssetExecutionContext, dlt: DagsterDltResource) -> Iterator[Any]:
            yield from dlt.run(context=context)

        return [plain]


def die() -> None:
    """Runs one side, named by the arguments of the process, as far as to its last write."""

    def killed(*_arguments: object) -> NoReturn:
        os.kill(os.getpid(), signal.SIGKILL)
        raise AssertionError

    SqlJobClientBase.complete_load = killed  # type: ignore[method-assign, assignment]
    name, root, disposition, *tables = sys.argv[1:]
    {"Ours": Ours, "Plain": Plain}[name](Path(root), disposition, tuple(tables)).run()


@dataclass(frozen=True)
class Misfortune:
    """Something that goes wrong.

    Attributes:
        happens: To a source: what came of it, in words.
        disposition: Of its tables.
        tables: Their names.
    """

    happens: Callable[[Side], str]
    disposition: str = "append"
    tables: tuple[str, ...] = ("orders",)


TWO = [{"id": 1}, {"id": 2}]


def _one_of_three_fails(side: Side) -> str:
    for table in ("a", "b"):
        side.give(TWO, table)
    return f"{len(side.run().metadata)} materialised"


def _a_replace_fails(side: Side) -> str:
    side.give(TWO)
    assert side.run().success
    side.refuse("orders", "id < 100")
    side.give([{"id": 1}, {"id": 1000}])
    assert not side.run().success
    return f"{side.rows()} rows"


def _killed_and_run_again(side: Side) -> str:
    side.give(TWO)
    side.run_killed()
    assert side.run().success
    return f"{side.rows()} rows"


def _a_poisoned_load_and_a_good_one(side: Side) -> str:
    side.give(TWO)
    assert side.run().success
    side.refuse("orders", "id < 100")
    side.give([{"id": 1000}])
    assert not side.run().success
    side.give([{"id": 3}])
    return f"the good one {'lands' if side.run().success else 'fails'}, {side.rows()} rows"


def _a_replace_brings_nothing(side: Side) -> str:
    side.give(TWO)
    assert side.run().success
    side.give([])
    succeeded = side.run().success
    return f"{side.rows()} rows, the run {'succeeds' if succeeded else 'fails'}"


def _a_name_with_two_underscores(side: Side) -> str:
    for table in side.tables:
        side.give(TWO, table)
    told = side.run().metadata
    assert told.keys() == {"a", "a__b"}
    said = {"child_tables", "a__b"} & told["a"].keys()
    return f"{side.rows('a__b')} rows, {'shown as a child table of `a`' if said else 'no child table of `a`'}"


def _nothing_new(side: Side) -> str:
    side.give(TWO)
    assert side.run().success
    side.give([])
    told = side.run().metadata["orders"].get("rows_loaded")
    return "no number of rows" if told is None else f"{told.value} rows"


def _a_child_table_refuses(side: Side) -> str:
    side.give([{"id": 1, "lines": [{"n": 1}]}])
    assert side.run().success
    side.refuse("orders__lines", "n < 100")
    side.give([{"id": 2, "lines": [{"n": 1000}]}])
    assert not side.run().success
    return f"{side.rows()} orders, {side.rows('orders__lines')} lines"


MISFORTUNES = {
    "One of three tables fails while it is read": Misfortune(_one_of_three_fails, tables=("a", "b", "c")),
    "A replace of 2 rows fails in the warehouse": Misfortune(_a_replace_fails, "replace"),
    "An append of 2 rows is killed after its last row, then run again": Misfortune(_killed_and_run_again),
    "2 rows, then rows that the warehouse refuses, then 1 good row": Misfortune(_a_poisoned_load_and_a_good_one),
    "2 rows, then a replace that brings none": Misfortune(_a_replace_brings_nothing, "replace"),
    "Two tables, `a` and `a__b`, of 2 rows each": Misfortune(_a_name_with_two_underscores, tables=("a", "a__b")),
    "An append that brings no rows reports": Misfortune(_nothing_new),
    "1 order with 1 line, then an order whose line is refused": Misfortune(_a_child_table_refuses),
}


def rows_of_the_page() -> dict[str, str]:
    """Returns the lines of the page's table by what goes wrong."""
    lines = [line for line in PAGE.read_text(encoding="utf-8").splitlines() if line.startswith("| ")][1:]
    return {line.split(" | ")[0].removeprefix("| "): line for line in lines}


@pytest.mark.parametrize("title", MISFORTUNES)
def test_the_page_says_what_happens(tmp_path: Path, title: str) -> None:
    """What comes of a misfortune with plain dagster-dlt and here is what the page says."""
    misfortune, said = MISFORTUNES[title], []
    for kind in (Plain, Ours):
        side = kind(tmp_path / kind.__name__, misfortune.disposition, misfortune.tables)
        side.add()
        said.append(misfortune.happens(side))
    assert rows_of_the_page()[title] == f"| {title} | {said[0]} | {said[1]} |"


def test_the_page_lists_every_misfortune() -> None:
    """Nothing that is measured is left out, and nothing is claimed that is not."""
    assert list(rows_of_the_page()) == list(MISFORTUNES)


def test_the_page_names_the_version_that_was_measured() -> None:
    """Another dagster-dlt is measured anew."""
    version = ".".join(importlib.metadata.version("dagster-dlt").split(".")[:2])
    assert f"| plain dagster-dlt {version} | here |" in PAGE.read_text(encoding="utf-8")


def test_every_proof_that_the_page_names_is_there() -> None:
    """The page points to tests that exist."""
    named = set(re.findall(r"`(tests/[\w/]+\.py)`", PAGE.read_text(encoding="utf-8")))
    assert named
    assert {name for name in named if not (ROOT / name).exists()} == set()

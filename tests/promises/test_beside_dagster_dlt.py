"""The comparison with plain dagster-dlt in docs/explanation/promises.md, measured for both."""

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

# dagster-dlt's resource is a pydantic model, whose fields Dagster reads with the deprecated attribute.
pytestmark = pytest.mark.filterwarnings("ignore:The `__fields__` attribute is deprecated")
DATA = '''
import json
from pathlib import Path


def get_rows(table):
    """Yields the rows that the test has set; fails if there are none."""
    yield json.loads((Path(__file__).parent / f"{table}.json").read_text())
'''


@dataclass(frozen=True)
class Side(ABC):
    """A source of several tables, each an asset, in its own DuckDB file.

    Attributes:
        root: Its folder.
        disposition: Write disposition of every table.
        tables: Table names.
    """

    root: Path
    disposition: str = "append"
    tables: tuple[str, ...] = ("orders",)

    @property
    def tree(self) -> Tree:
        """The project, with the entries that both sides use."""
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
        """Sets the rows of a table's entry from now on."""
        (self.root / "dlthub" / "shop" / f"{table}.json").write_text(json.dumps(rows))

    @abstractmethod
    def assets(self) -> list[dg.AssetsDefinition]:
        """Returns the assets of the source."""

    def run(self) -> "RunRecord":
        """Materialises all tables in one run of Dagster."""
        resources = {"dlt": DagsterDltResource()}
        result = dg.materialize(self.assets(), resources=resources, raise_on_error=False)
        events = [event.step_materialization_data for event in result.get_asset_materialization_events()]
        found = [event.materialization for event in events]
        return RunRecord(
            result.success,
            {it.asset_key.path[-1].removeprefix("dlt_shop_"): dict(it.metadata) for it in found},
        )

    def run_killed(self) -> None:
        """Does the same in another process, which is killed after the last row and before the load is completed."""
        command = [sys.executable, "-c", "import sys; from tests.promises.test_beside_dagster_dlt import die; die()"]
        command += [type(self).__name__, str(self.root), self.disposition, *self.tables]
        ended = subprocess.run(command, cwd=ROOT, check=False, capture_output=True, text=True)
        assert ended.returncode == -signal.SIGKILL, ended.stderr

    def rows(self, table: str = "orders") -> int:
        """Returns the row count of a table."""
        [count] = self.tree.query(f'select count(*) from raw."{table}"')
        return int(count)

    def refuse(self, table: str, condition: str) -> None:
        """Makes a table reject rows, like a full disk or a narrow type would."""
        [ddl] = self.tree.query(f"select sql from duckdb_tables() where table_name = '{table}' and schema_name = 'raw'")
        with duckdb.connect(self.tree.warehouse.path) as connection:
            connection.execute(f"create table raw.copied as from raw.{table}")
            connection.execute(f"drop table raw.{table}")
            connection.execute(f"{ddl.rstrip().removesuffix(';').removesuffix(')')}, check ({condition}))")
            connection.execute(f"insert into raw.{table} from raw.copied")
            connection.execute("drop table raw.copied")


@dataclass(frozen=True)
class RunRecord:
    """Dagster's record of a run.

    Attributes:
        success: True if the run succeeded.
        metadata: Metadata of each materialisation, by table.
    """

    success: bool
    metadata: Mapping[str, Mapping[str, Any]]


class Ours(Side):
    """The source, loaded by this project."""

    @override
    def assets(self) -> list[dg.AssetsDefinition]:
        """Returns the op of the source."""
        assets = build_definitions(self.root, self.tree.warehouse).assets or ()
        return [found for found in assets if isinstance(found, dg.AssetsDefinition)]


class Plain(Side):
    """The source, loaded as in the documentation of dagster-dlt."""

    @override
    def assets(self) -> list[dg.AssetsDefinition]:
        """Returns the op of `@dlt_assets`."""
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
    """Runs the side named by the process's arguments, up to its last write."""

    def killed(*_arguments: object) -> NoReturn:
        os.kill(os.getpid(), signal.SIGKILL)
        raise AssertionError

    SqlJobClientBase.complete_load = killed  # type: ignore[method-assign, assignment]
    name, root, disposition, *tables = sys.argv[1:]
    {"Ours": Ours, "Plain": Plain}[name](Path(root), disposition, tuple(tables)).run()


@dataclass(frozen=True)
class Fault:
    """A fault and its result.

    Attributes:
        happens: Applies the fault to a source and returns the result in words.
        disposition: Write disposition of the tables.
        tables: Table names.
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
    metadata = side.run().metadata
    assert metadata.keys() == {"a", "a__b"}
    links = {"child_tables", "a__b"} & metadata["a"].keys()
    return f"{side.rows('a__b')} rows, {'shown as a child table of `a`' if links else 'no child table of `a`'}"


def _nothing_new(side: Side) -> str:
    side.give(TWO)
    assert side.run().success
    side.give([])
    loaded = side.run().metadata["orders"].get("rows_loaded")
    return "no number of rows" if loaded is None else f"{loaded.value} rows"


def _a_child_table_refuses(side: Side) -> str:
    side.give([{"id": 1, "lines": [{"n": 1}]}])
    assert side.run().success
    side.refuse("orders__lines", "n < 100")
    side.give([{"id": 2, "lines": [{"n": 1000}]}])
    assert not side.run().success
    return f"{side.rows()} orders, {side.rows('orders__lines')} lines"


FAULTS = {
    "One of three tables fails while it is read": Fault(_one_of_three_fails, tables=("a", "b", "c")),
    "A replace of 2 rows fails in the warehouse": Fault(_a_replace_fails, "replace"),
    "An append of 2 rows is killed after its last row, then run again": Fault(_killed_and_run_again),
    "2 rows, then rows that the warehouse refuses, then 1 good row": Fault(_a_poisoned_load_and_a_good_one),
    "2 rows, then a replace that brings none": Fault(_a_replace_brings_nothing, "replace"),
    "Two tables, `a` and `a__b`, of 2 rows each": Fault(_a_name_with_two_underscores, tables=("a", "a__b")),
    "An append that brings no rows reports": Fault(_nothing_new),
    "1 order with 1 line, then an order whose line is refused": Fault(_a_child_table_refuses),
}


def rows_of_the_page() -> dict[str, str]:
    """Returns the lines of the page's table by their fault."""
    table = PAGE.read_text(encoding="utf-8").split("| What goes wrong")[1].split("\n\n")[0]
    lines = [line for line in table.splitlines() if line.startswith("| ")]
    return {line.split(" | ")[0].removeprefix("| "): line for line in lines}


@pytest.mark.sampled(3)
@pytest.mark.parametrize("title", FAULTS)
def test_the_page_has_the_measured_results(tmp_path: Path, title: str) -> None:
    """The results with plain dagster-dlt and with this project equal those on the page."""
    fault, results = FAULTS[title], []
    for kind in (Plain, Ours):
        side = kind(tmp_path / kind.__name__, fault.disposition, fault.tables)
        side.add()
        results.append(fault.happens(side))
    assert rows_of_the_page()[title] == f"| {title} | {results[0]} | {results[1]} |"


def test_the_page_lists_every_fault() -> None:
    """The page has all measured faults and no others."""
    assert list(rows_of_the_page()) == list(FAULTS)


def test_the_page_names_the_measured_version() -> None:
    """A new minor version of dagster-dlt must be measured again."""
    version = ".".join(importlib.metadata.version("dagster-dlt").split(".")[:2])
    assert f"| plain dagster-dlt {version} | here |" in PAGE.read_text(encoding="utf-8")


def test_tests_named_by_the_page_exist() -> None:
    """The tests that the page names exist."""
    named = set(re.findall(r"`(tests/[\w/]+\.py)`", PAGE.read_text(encoding="utf-8")))
    assert named
    assert {name for name in named if not (ROOT / name).exists()} == set()

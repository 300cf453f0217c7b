"""Random histories of a table: after the next ordinary run it holds the rows of its source."""

import shutil
import tempfile
from pathlib import Path
from typing import Any

import dlt
import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from typing_extensions import override

from data_foundation.errors import LoadError
from tests.promises import killed
from tests.support.spellings import IN_CODE, Spelling, give, in_yaml
from tests.support.trees import Tree

CURSOR = {"incremental": {"cursor_path": "at", "initial_value": "2024-01-01T00:00:00Z"}}
KINDS: dict[str, dict[str, Any]] = {
    "append": {"write_disposition": "append", **CURSOR},
    "replace": {"write_disposition": "replace"},
    "merge": {"write_disposition": "merge", "primary_key": "id", **CURSOR},
    "upsert": {
        "write_disposition": {"disposition": "merge", "strategy": "upsert"},
        "primary_key": "id",
        **CURSOR,
    },
}
SPELLINGS: dict[str, Spelling] = {
    "sources.yaml": in_yaml,
    **{name: IN_CODE[name] for name in ("decorator", "argument", "passed argument")},
}
"""Where a resource is declared."""

ORDERS = "select id, strftime(\"at\", '%Y-%m-%dT%H:%M:%SZ'), value from raw.t order by all"
LINES = "select o.id, l.value from raw.t__lines l join raw.t o on l._dlt_parent_id = o._dlt_id order by all"
SAMPLE, ALL = 1, 500
"""Number of histories for each kind, and with --promises."""


def moment(tick: int) -> str:
    """Returns the time of a tick; a tick is an hour."""
    return f"2024-{tick // 600 + 1:02}-{tick // 24 % 25 + 1:02}T{tick % 24:02}:00:00Z"


class History(RuleBasedStateMachine):
    """A source that grows and changes, its table, and all operations in between.

    The model is the source itself: all rows for an append, otherwise the newest version of each id. Replace, merge and
    upsert have the same model, so a history may change from one to another.
    """

    kind = "append"
    points: tuple[killed.Point, ...] = ()
    created = 0

    def __init__(self) -> None:
        super().__init__()
        type(self).created += 1
        self.tree = Tree(Path(tempfile.mkdtemp()))
        self.source: list[dict[str, Any]] = []
        self.tick = 0
        self.columns = ["value"]
        self.checked = True
        self.has_other_ids = False
        self.backed_up = False

    @initialize(spelling=st.sampled_from(list(SPELLINGS)), has_table=st.booleans())
    def begin(self, *, spelling: str = "sources.yaml", has_table: bool = False) -> None:
        """Declares the resource and gives it its first rows; the table may be adopted from a pipeline of plain dlt."""
        self.declare(spelling)
        self.grow(2)
        if has_table and self.kind != "append":
            self._load_with_plain_dlt()

    @rule(spelling=st.sampled_from(list(SPELLINGS)), kind=st.sampled_from(["replace", "merge", "upsert"]))
    def configure(self, spelling: str, kind: str) -> None:
        """Declares the resource in another place, and with another write disposition if the model is the same."""
        if self.kind != "append":
            self.kind = kind
        self.declare(spelling)

    def declare(self, spelling: str) -> None:
        """Writes the files of the source."""
        SPELLINGS[spelling](self.tree, KINDS[self.kind])

    def _load_with_plain_dlt(self) -> None:
        Path(self.tree.warehouse.path).parent.mkdir(exist_ok=True)
        pipeline = dlt.pipeline(
            "plain",
            pipelines_dir=str(self.tree.root / "plain"),
            destination=dlt.destinations.duckdb(self.tree.warehouse.path),
            dataset_name="raw",
        )
        # dlt gives the children of a row its id only with a disposition that needs it.
        pipeline.run(self.source, table_name="t", write_disposition="merge", primary_key="id")
        self.tree.adopt("s.t", pipeline="plain")
        self.has_other_ids = True

    def load(self, **options: Any) -> None:
        """Loads; an upsert that does not find the rows of lists by the ids that they have is refused with a way out."""
        try:
            self.tree.load("s.t", **options)
        except LoadError as error:
            if not (self.kind == "upsert" and self.has_other_ids and "finds the rows of nested table" in str(error)):
                raise
            self.tree.load("s.t", refresh="drop")
            options = {"refresh": "drop"}
        if options.get("refresh") == "drop":
            self.has_other_ids = False
        self.has_other_ids |= self.kind != "upsert"
        self.checked = False

    @rule(count=st.integers(1, 3))
    def grow(self, count: int) -> None:
        """Adds rows to the source."""
        for _ in range(count):
            self._give(len({row["id"] for row in self.source}) + 1)

    @precondition(lambda self: self.kind != "append" and self.source)
    @rule(which=st.integers(0, 1000))
    def change(self, which: int) -> None:
        """Changes a row of the source."""
        self._give(self.source[which % len(self.source)]["id"])

    @rule()
    def widen(self) -> None:
        """Adds a column to the rows of the source from now on."""
        if len(self.columns) < 4:
            self.columns.append(f"column_{len(self.columns)}")

    def _give(self, identifier: int) -> None:
        self.tick += 1
        row = {"id": identifier, "at": moment(self.tick), "lines": [self.tick, self.tick + 1]}
        row |= dict.fromkeys(self.columns, self.tick)
        if self.kind != "append":
            self.source = [other for other in self.source if other["id"] != identifier]
        self.source.append(row)
        give(self.tree, self.source)

    @rule()
    def run(self) -> None:
        """Runs an ordinary load."""
        self.load()

    @rule(data=st.data())
    def kill(self, data: st.DataObject) -> None:
        """Kills a run at a random point."""
        killed.run(self.tree, "s.t", at=data.draw(st.sampled_from(self.points)))
        self.has_other_ids |= self.kind != "upsert"

    @rule()
    def lose_the_working_folder(self) -> None:
        """Deletes the working folder, as a new machine or an empty disk."""
        shutil.rmtree(self.tree.warehouse.work_folder, ignore_errors=True)

    @rule()
    def move(self) -> None:
        """Goes on on the other machine, which has another disk and perhaps a pending load of its own."""
        here, there = self.tree.warehouse.work_folder, self.tree.root / "other_disk"
        here.mkdir(parents=True, exist_ok=True)
        there.mkdir(exist_ok=True)
        here.rename(self.tree.root / "moved")
        there.rename(here)
        (self.tree.root / "moved").rename(there)

    @rule(hours=st.sampled_from([-1, 1]))
    def run_with_another_clock(self, hours: int) -> None:
        """Runs an ordinary load on a machine whose clock is an hour off."""
        if not (self.kind == "upsert" and self.has_other_ids):
            assert killed.run(self.tree, "s.t", ahead=3600 * hours) == 0, killed.last_failure(self.tree)
            self.has_other_ids |= self.kind != "upsert"
            self.checked = False

    @precondition(lambda self: Path(self.tree.warehouse.path).exists())
    @rule()
    def back_up(self) -> None:
        """Copies the warehouse, as a backup."""
        shutil.copy(self.tree.warehouse.path, self.tree.root / "backup")
        self.backed_up = self.has_other_ids

    @precondition(lambda self: (self.tree.root / "backup").exists())
    @rule()
    def restore(self) -> None:
        """Restores the warehouse from the backup; pending loads stay on the disks."""
        for file in Path(self.tree.warehouse.path).parent.glob("warehouse.duckdb*"):
            file.unlink()
        shutil.copy(self.tree.root / "backup", self.tree.warehouse.path)
        self.has_other_ids = self.backed_up

    @precondition(lambda self: self.kind != "append" and self.tick > 1)
    @precondition(lambda self: not (self.kind == "upsert" and self.has_other_ids))
    @rule(data=st.data(), dies=st.booleans())
    def backfill(self, data: st.DataObject, *, dies: bool) -> None:
        """Loads a range again, or kills such a run."""
        first = data.draw(st.integers(1, self.tick - 1))
        last = data.draw(st.integers(first + 1, self.tick))
        options = {} if self.kind == "replace" else {"start": moment(first), "end": moment(last)}
        at = data.draw(st.sampled_from(self.points)) if dies else None
        assert killed.run(self.tree, "s.t", at=at, **options) in (0, -9), killed.last_failure(self.tree)
        self.has_other_ids |= self.kind != "upsert"

    @rule(refresh=st.sampled_from(["state", "drop"]))
    def refresh(self, refresh: str) -> None:
        """Reloads everything."""
        self.load(refresh=refresh)

    @invariant()
    def the_table_is_the_source(self) -> None:
        """Checks rows, nested rows and columns after each ordinary run."""
        if self.checked:
            return
        self.checked = True
        assert self.tree.query(ORDERS) == sorted((row["id"], row["at"], row["value"]) for row in self.source)
        assert self.tree.query(LINES) == sorted((row["id"], line) for row in self.source for line in row["lines"])
        assert self.tree.query("select count(*) from raw.t__lines") == [2 * len(self.source)]
        for column in self.columns[1:]:
            if values := sorted(row[column] for row in self.source if column in row):
                assert self.tree.query(f"select {column} from raw.t where {column} > 0 order by 1") == values

    @override
    def teardown(self) -> None:
        """Makes the final ordinary run and checks once more."""
        if self.source:
            self.run()
            self.the_table_is_the_source()
        shutil.rmtree(self.tree.root)


@pytest.mark.timeout(3600)
@pytest.mark.parametrize("kind", KINDS)
def test_no_history_loses_or_duplicates_rows(kind: str, request: pytest.FixtureRequest, record_property: Any) -> None:
    """Runs, kills, moves between machines, restored backups, backfills and new columns in any order lose nothing."""
    every = request.config.getoption("--promises")

    class Machine(History):
        """Histories of one kind."""

    Machine.kind = kind
    traced = Machine()
    traced.begin()
    Machine.points = tuple(killed.trace(traced.tree, "s.t"))
    profile = settings(
        max_examples=ALL if every else SAMPLE,
        stateful_step_count=12 if every else 8,
        deadline=None,
        derandomize=not every,
        suppress_health_check=list(HealthCheck),
        database=None,
    )
    run_state_machine_as_test(Machine, settings=profile)
    record_property("histories", Machine.created - 1)

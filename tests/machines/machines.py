"""Machines that load the same table: checkouts without a shared disk, over one warehouse and one vendor."""

import json
import signal
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from multiprocessing.context import ForkServerProcess
from pathlib import Path
from typing import Any

from tests.promises import killed
from tests.promises.killed import Point
from tests.support.trees import Tree

Row = dict[str, Any]

DATA = '''
import json
import time
from pathlib import Path

import dlt

VENDOR = Path(__file__).parents[3]


def get_rows():
    """Yields what the vendor has, once as many machines read as `meet` names."""
    rows = json.loads((VENDOR / "rows.json").read_text())
    meet = VENDOR / "meet"
    if meet.exists():
        (VENDOR / f"{Path(__file__).parents[2].name}.reads").touch()
        deadline = time.monotonic() + 60
        while len(list(VENDOR.glob("*.reads"))) < int(meet.read_text()) and time.monotonic() < deadline:
            time.sleep(0.02)
    yield rows
'''

CURSOR = 'incremental: {cursor_path: at, initial_value: "2024-01-01"}'
EVERY = 'select id, "at", state from raw.orders order by 1, 2, 3'


@dataclass(frozen=True)
class Kind:
    """A way to load the vendor's rows.

    Attributes:
        settings: Settings of the resource.
        judge: Asserts that the table is right; its arguments are a tree, and the vendor's rows by id.
    """

    settings: Sequence[str]
    judge: Callable[[Tree, Mapping[int, Row]], None]


def _is_newest(tree: Tree, rows: Mapping[int, Row]) -> None:
    """Every row once, as the vendor has it now."""
    assert tree.query(EVERY) == [(row["id"], row["at"], row["state"]) for row in rows.values()]


def _each_id_once(tree: Tree, rows: Mapping[int, Row]) -> None:
    """Every row once, as it was when it was first read."""
    assert tree.query("select id from raw.orders order by 1") == list(rows)


def _whole_loads(tree: Tree, rows: Mapping[int, Row]) -> None:
    """Every landed load has all rows that the vendor had; the newest has all that it has now."""
    loads = tree.query("select load_id from raw._dlt_loads where status = 0 order by cast(load_id as double precision)")
    found = {load: tree.query(f"select id from raw.orders where _dlt_load_id = '{load}' order by 1") for load in loads}
    assert all(ids == list(rows)[: len(ids)] for ids in found.values()), found
    assert found[loads[-1]] == list(rows), found
    assert sum(map(len, found.values())) == tree.query("select count(*) from raw.orders")[0]


def _one_open_version(tree: Tree, rows: Mapping[int, Row]) -> None:
    """Every row has one open version, as the vendor has it now, and no version twice."""
    is_open = f"{EVERY.partition(' order')[0]} where _dlt_valid_to is null order by 1"
    assert tree.query(is_open) == [(row["id"], row["at"], row["state"]) for row in rows.values()]
    versions = tree.query(EVERY)
    assert len(versions) == len(set(versions)), versions


def _hub_and_satellites(tree: Tree, rows: Mapping[int, Row]) -> None:
    """Every key is once in the hub, and every version once in the satellite."""
    assert sorted(tree.query("select business_key from raw.hub_orders")) == sorted(map(str, rows))
    names = tree.query("select satellite from raw.hub_orders__satellites")
    assert len(names) == len(set(names)), names
    versions = [version for name in names for version in tree.query(f'select id, "at", state from raw.{name}')]
    assert len(versions) == len(set(versions)), versions
    assert {(row["id"], row["at"], row["state"]) for row in rows.values()} <= set(versions)


MERGE = ("write_disposition: merge", "primary_key: id")
UPSERT = ("write_disposition: {disposition: merge, strategy: upsert}", "primary_key: id")
KINDS = {
    "append": Kind(["write_disposition: append"], _whole_loads),
    "append with a cursor": Kind(["write_disposition: append", CURSOR], _each_id_once),
    "merge with a cursor": Kind([*MERGE, CURSOR], _is_newest),
    "merge": Kind(MERGE, _is_newest),
    "upsert": Kind(UPSERT, _is_newest),
    "replace": Kind(["write_disposition: replace"], _is_newest),
    "scd2": Kind(["write_disposition: {disposition: merge, strategy: scd2}"], _one_open_version),
    "vault": Kind(["landing: vault", "tag: orders", "primary_key: id"], _hub_and_satellites),
}


class Vendor:
    """The rows that all machines read.

    Attributes:
        rows: Its rows by id.
    """

    def __init__(self, folder: Path, *, changes: bool) -> None:
        self.folder = folder
        self.rows: dict[int, Row] = {}
        self._changes = changes
        self._day = 0

    def grow(self, column: str = "colour") -> None:
        """Adds three rows with a further column, and changes those that it has."""
        self._day += 1
        at = f"day {self._day:02}"
        if self._changes:
            self.rows = {number: {**row, "at": at, "state": f"day {self._day}"} for number, row in self.rows.items()}
        for number in range(len(self.rows) + 1, len(self.rows) + 4):
            self.rows[number] = {"id": number, "at": f"{at} {number:02}", "state": "new", column: "red"}
        (self.folder / "rows.json").write_text(json.dumps(list(self.rows.values())))

    def gather(self, machines: int) -> None:
        """Lets no machine read until so many read."""
        (self.folder / "meet").write_text(str(machines))

    def disperse(self) -> None:
        """Lets each machine read at once."""
        for file in (self.folder / "meet", *self.folder.glob("*.reads")):
            file.unlink(missing_ok=True)


@dataclass(frozen=True)
class Site:
    """Two machines, their vendor, and the table that both load.

    Attributes:
        kind: How they load it.
        machines: Their checkouts.
        vendor: The vendor.
    """

    kind: Kind
    machines: tuple[Tree, Tree]
    vendor: Vendor

    def judge(self) -> None:
        """Asserts that the table is right."""
        self.kind.judge(self.machines[0], self.vendor.rows)

    def load_at_once(self) -> None:
        """Loads on both machines, which read the same before either lands; asserts that the table is right."""
        self.vendor.disperse()
        self.vendor.gather(2)
        runs = [killed.start(machine, "shop.orders") for machine in self.machines]
        assert finish(*runs) == [0, 0], [killed.last_failure(machine) for machine in self.machines]
        self.judge()


def set_up(kind: Kind, folder: Path, checkout: Callable[[Path], Tree]) -> Site:
    """Returns two machines that have not loaded yet.

    Args:
        kind: How they load the table.
        folder: The vendor's folder; the machines' are in it.
        checkout: Returns the checkout of a machine in a folder.
    """
    machines = checkout(folder / "a"), checkout(folder / "b")
    settings = "".join(f"    {line}\n" for line in ("destination: raw.orders", *kind.settings))
    for machine in machines:
        machine.write("dlthub/tags.yaml", "orders: {requires: {state: text}}\n")
        machine.add("shop", f"resources:\n  - entry: data.get_rows\n{settings}", DATA)
    vendor = Vendor(folder, changes=kind.judge is not _each_id_once and kind.judge is not _whole_loads)
    vendor.grow()
    return Site(kind, machines, vendor)


def finish(*runs: ForkServerProcess) -> list[int | None]:
    """Waits for runs; returns their exit codes."""
    for run in runs:
        run.join(120)
    return [run.exitcode for run in runs]


def pause(machine: Tree, at: Point) -> ForkServerProcess:
    """Starts a load that pauses itself at a point; returns when it has, or when it has ended without passing it."""
    (machine.root / "killed.txt").unlink(missing_ok=True)
    run = killed.start(machine, "shop.orders", at, sends=signal.SIGSTOP)
    while run.is_alive() and not (machine.root / "killed.txt").exists():
        time.sleep(0.02)
    return run

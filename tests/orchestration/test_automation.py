"""Tests of automation: conditions of built definitions, evaluated by the test, with real runs in between."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from data_foundation.orchestration.automation import LOADED_BY_TAG, model_condition
from data_foundation.orchestration.dbt_models.assets import build_dbt_assets
from data_foundation.orchestration.factory import build_definitions
from data_foundation.warehouses.settings import build_warehouse
from tests.support.trees import Tree

ROOT = Path(__file__).parents[2]
DATA = '''
from pathlib import Path


def get_rows(name):
    """Fails if a certain file exists."""
    if (Path(__file__).parent / f"{name}.fails").exists():
        raise ValueError("the vendor hung up")
    yield {"id": 1, "lines": [{"n": 1}]}
'''
MIDNIGHT = datetime(2030, 6, 10, tzinfo=UTC)


def build_model(name: str, *upstream: str, condition: Any = None) -> dg.AssetsDefinition:
    """Returns an asset in place of a dbt model; its group is its layer."""

    @dg.asset(
        key=name.split("/"),
        deps=[dg.AssetKey(key.split("/")) for key in upstream],
        kinds={"dbt"},
        automation_condition=condition or model_condition(),
    )
    def model() -> None:
        pass

    return model


@dataclass
class Ticks:
    """A location whose automation conditions the test evaluates."""

    tree: Tree
    models: Sequence[dg.AssetsDefinition] = ()
    instance: dg.DagsterInstance = field(default_factory=dg.DagsterInstance.ephemeral)
    cursor: Any = None

    @property
    def definitions(self) -> dg.Definitions:
        """The sources of the tree and the models."""
        sources = build_definitions(self.tree.root, self.tree.warehouse)
        return dg.Definitions.merge(sources, dg.Definitions(assets=list(self.models)))

    def tick(self, at: datetime | None = None) -> set[str]:
        """Evaluates every condition once and returns the requested assets, with the partition after a colon."""
        result = dg.evaluate_automation_conditions(
            self.definitions, self.instance, cursor=self.cursor, evaluation_time=at or datetime.now(UTC)
        )
        self.cursor = result.cursor
        requested = set()
        for entity in result.results:
            assert isinstance(entity.key, dg.AssetKey)
            key = entity.key.to_user_string()
            keys = result.get_requested_partitions(entity.key)
            requested |= {key if partition is None else f"{key}:{partition}" for partition in keys}
        return requested

    def run(self, *keys: str, partition: str | None = None) -> bool:
        """Materializes assets in one run, as Dagster's automation does; returns whether the run succeeded."""
        job = self.definitions.resolve_implicit_global_asset_job_def()
        selection = [dg.AssetKey(key.split("/")) for key in keys]
        result = job.execute_in_process(
            asset_selection=selection, instance=self.instance, partition_key=partition, raise_on_error=False
        )
        return result.success


def add_tables(tree: Tree, *tables: str, source: str = "shop", automation: str = "manual", more: str = "") -> None:
    """Writes a source with these tables."""
    keys = more or "write_disposition: replace"
    resources = "".join(
        f"  - {{entry: data.get_rows, args: [{table}], destination: raw.{table}, {keys}}}\n" for table in tables
    )
    tree.add(source, f"source: {{automation: {automation}}}\nresources:\n{resources}", DATA)


def fail(tree: Tree, table: str, *, source: str = "shop") -> None:
    """Makes the table's load fail until `recover`."""
    (tree.root / "dlthub" / source / f"{table}.fails").touch()


def recover(tree: Tree, table: str, *, source: str = "shop") -> None:
    """Lets the table's load succeed again."""
    (tree.root / "dlthub" / source / f"{table}.fails").unlink()


def test_conditions_without_a_cron(tree: Tree) -> None:
    """`on_missing` requests a missing table, `eager` also after its upstream, `manual` and no automation never."""
    tree.add(
        "shop",
        """
        resources:
          - {entry: data.get_rows, args: [m], destination: raw.missing, automation: on_missing}
          - {entry: data.get_rows, args: [e], destination: raw.eager, automation: eager}
          - {entry: data.get_rows, args: [m], destination: raw.manual, automation: manual}
          - {entry: data.get_rows, args: [n], destination: raw.nothing}
          - {entry: data.transform, data_from: nothing, destination: raw.derived, automation: eager}
        """,
        DATA + "\n\ndef transform(row):\n    yield row\n",
    )
    ticks = Ticks(tree)
    requested = {"raw/missing", "raw/eager", "raw/derived"}
    assert ticks.tick() == requested
    assert ticks.tick() == set()
    assert ticks.run("raw/nothing", *requested)
    assert ticks.tick() == set()
    assert ticks.run("raw/nothing")
    assert ticks.tick() == {"raw/derived"}


CHANGES = {
    "code": ("dlthub/shop/data.py", DATA + "\n\nSIZE = 2\n", True),
    "what is shown": ("dlthub/shop/sources.yaml", "args: [a], description: Rows., tags: {tier: gold}", False),
}
RARE_CHANGES = {
    "arguments": ("dlthub/shop/sources.yaml", "args: [b]", True),
    "code of the package": ("dlthub/shop/__init__.py", "SIZE = 2\n", True),
    "disposition": ("dlthub/shop/sources.yaml", "args: [a], write_disposition: replace", True),
    "nothing": ("dlthub/shop/sources.yaml", "args: [a]", False),
}


@pytest.mark.parametrize(
    ("file", "text", "is_change"),
    [pytest.param(*case, id=name) for name, case in CHANGES.items()]
    + [pytest.param(*case, id=name, marks=pytest.mark.rare) for name, case in RARE_CHANGES.items()],
)
def test_missing_or_changed_requests_a_table_after_a_change(
    tree: Tree, file: str, text: str, *, is_change: bool
) -> None:
    """It requests a missing table once, and then once after each change of what decides its rows."""
    declared = "resources: [{{entry: data.get_rows, destination: raw.t, automation: missing_or_changed, {}}}]"
    tree.add("shop", declared.format("args: [a]"), DATA)
    ticks = Ticks(tree)
    assert [ticks.tick(), ticks.tick()] == [{"raw/t"}, set()]
    assert ticks.run("raw/t")
    assert ticks.tick() == set()
    # A load of what was there before, which ends as the change arrives, does not count for the change.
    assert ticks.run("raw/t")
    tree.write(file, declared.format(text) if file.endswith(".yaml") else text)
    assert [ticks.tick(), ticks.tick()] == [{"raw/t"} if is_change else set(), set()]


def test_a_lazy_table_is_loaded_when_what_is_downstream_wants_it(tree: Tree) -> None:
    """A lazy table is loaded once when it is missing, and when the condition of an asset that reads it is true."""
    tree.add(
        "shop",
        """
        resources:
          - {entry: data.get_rows, args: [a], destination: raw.alone, automation: lazy}
          - {entry: data.get_rows, args: [c], destination: raw.read, automation: lazy}
        """,
        DATA,
    )
    # The vendor's asset, on which the table depends, is never updated.
    cron = dg.AutomationCondition.on_cron("0 7 * * *").ignore(dg.AssetSelection.kind("source", include_sources=True))
    ticks = Ticks(tree, [build_model("marts/read", "raw/read", condition=cron)])
    lazy = {"raw/alone", "raw/read"}
    assert ticks.tick(MIDNIGHT) == lazy
    assert ticks.run(*lazy)
    assert ticks.tick(MIDNIGHT + timedelta(hours=6)) == set()
    assert "raw/read" in ticks.tick(MIDNIGHT + timedelta(hours=7, seconds=1))


def test_a_broken_source_is_requested_once(tree: Tree) -> None:
    """The asset of a broken folder is run once and fails; it is not requested again."""
    tree.add("broken", "resources: [")
    ticks = Ticks(tree)
    requested = [ticks.tick() for _ in range(2)]
    assert set.union(*requested) == {"source/broken"}
    assert not ticks.run("source/broken")
    assert [ticks.tick() for _ in range(3)] == [set()] * 3


def test_a_model_runs_after_its_own_upstreams(tree: Tree) -> None:
    """Upstreams may be loaded by separate runs: a model waits for the last one, and other models do not."""
    add_tables(tree, "a", "b", "c")
    models = [build_model("marts/ab", "raw/a", "raw/b"), build_model("marts/c", "raw/c")]
    ticks = Ticks(tree, models)
    assert ticks.tick() == set()
    assert ticks.run("raw/a")
    assert ticks.tick() == set()
    assert ticks.run("raw/b")
    assert ticks.tick() == {"marts/ab"}
    assert ticks.run("marts/ab")
    assert ticks.tick() == set()
    assert ticks.run("raw/b", "raw/c")
    assert ticks.tick() == {"marts/ab", "marts/c"}


def test_a_chain_of_models_is_requested_in_one_tick(tree: Tree) -> None:
    """Staging, intermediate and mart models run in one dbt build; a child table is an upstream like any other."""
    add_tables(tree, "a", more="write_disposition: replace, child_tables: [lines]")
    models = [
        build_model("staging/a", "raw/a"),
        build_model("staging/lines", "raw/a__lines"),
        build_model("intermediate/a", "staging/a", "staging/lines"),
        build_model("marts/a", "intermediate/a"),
    ]
    ticks = Ticks(tree, models)
    ticks.tick()
    chain = ("staging/a", "staging/lines", "intermediate/a", "marts/a")
    for _ in range(2):
        assert ticks.run("raw/a", "raw/a__lines")
        assert ticks.tick() == set(chain)
        assert ticks.run(*chain)
        assert ticks.tick() == set()


def test_a_model_waits_for_an_upstream_that_failed(tree: Tree) -> None:
    """A table whose latest load failed blocks all of its downstream models, and no others, until a load succeeds."""
    add_tables(tree, "a", "b")
    models = [build_model("staging/a", "raw/a"), build_model("staging/b", "raw/b"),
              build_model("marts/ab", "staging/a", "raw/b")]  # fmt: skip
    ticks = Ticks(tree, models)
    ticks.tick()
    assert ticks.run("raw/a", "raw/b", "staging/a", "staging/b", "marts/ab")
    assert ticks.tick() == set()
    fail(tree, "a")
    assert not ticks.run("raw/a", "raw/b")
    # The mart's own upstream did not fail: it has new rows of `b`, though none of `a`.
    assert ticks.tick() == {"staging/b", "marts/ab"}
    assert ticks.run("staging/b", "marts/ab")
    assert ticks.tick() == set()
    recover(tree, "a")
    assert ticks.run("raw/a")
    assert ticks.tick() == {"staging/a", "marts/ab"}


@pytest.mark.rare
def test_a_load_during_the_build_of_a_model_causes_another_build(tree: Tree) -> None:
    """A table that is materialized after the request of its model causes another, even if the model ends later."""
    add_tables(tree, "a", "b")
    ticks = Ticks(tree, [build_model("marts/ab", "raw/a", "raw/b")])
    assert ticks.run("raw/a", "raw/b", "marts/ab")
    assert ticks.tick() == set()
    assert ticks.run("raw/a")
    assert ticks.tick() == {"marts/ab"}
    assert ticks.run("raw/b")
    assert ticks.tick() == {"marts/ab"}
    seen = []

    @dg.asset(key=["marts", "ab"], kinds={"dbt"})
    def slow() -> None:
        assert Ticks(tree, instance=ticks.instance).run("raw/b")
        seen.append(ticks.tick())

    assert dg.materialize([slow], instance=ticks.instance).success
    assert seen == [set()]
    assert ticks.tick() == {"marts/ab"}
    assert ticks.tick() == set()


def test_a_new_model_is_requested_at_once(tree: Tree) -> None:
    """A model that is added after its tables were materialized is requested at once."""
    add_tables(tree, "a")
    ticks = Ticks(tree)
    assert ticks.run("raw/a")
    ticks.tick()
    ticks.models = [build_model("marts/a", "raw/a")]
    assert ticks.tick() | ticks.tick() == {"marts/a"}
    assert ticks.tick() == set()


def test_a_model_that_fails_is_not_requested_repeatedly(tree: Tree) -> None:
    """A model that fails is requested again when an upstream is materialized, and not before."""

    @dg.asset(key=["marts", "a"], deps=[["raw", "a"]], kinds={"dbt"}, automation_condition=model_condition())
    def model() -> None:
        raise dg.Failure("no such column")

    add_tables(tree, "a")
    ticks = Ticks(tree, [model])
    ticks.tick()
    for _ in range(2):
        assert ticks.run("raw/a")
        assert ticks.tick() == {"marts/a"}
        assert not ticks.run("marts/a")
        assert [ticks.tick() for _ in range(3)] == [set()] * 3


@pytest.mark.parametrize("stock", [False, True], ids=["ours", "stock eager"])
def test_models_skipped_because_of_a_failed_step_are_requested(tree: Tree, *, stock: bool) -> None:
    """If the source step fails, the run skips dbt; the models of loaded tables run next, unlike with `eager`."""
    condition = dg.AutomationCondition.eager() if stock else None
    add_tables(tree, "bad", "good", automation="missing_or_changed")
    models = [build_model(f"marts/{name}", f"raw/{name}", condition=condition) for name in ("bad", "good")]
    ticks = Ticks(tree, models)
    assert ticks.run("raw/bad", "raw/good", "marts/bad", "marts/good")
    assert ticks.tick() == set()
    fail(tree, "bad")
    tree.write("dlthub/shop/data.py", DATA + "\n\nSIZE = 2\n")
    requested = ticks.tick()
    assert requested == ({"raw/bad", "raw/good", "marts/bad", "marts/good"} if stock else {"raw/bad", "raw/good"})
    assert not ticks.run("raw/bad", "raw/good", "marts/bad", "marts/good")
    later = [ticks.tick() for _ in range(3)]
    assert later == [set() if stock else {"marts/good"}, set(), set()]


@pytest.mark.parametrize(("kinds", "tags"), [({"dlt"}, {}), (set(), {LOADED_BY_TAG: "dlt"})], ids=["kind", "tag"])
def test_a_model_waits_while_an_upstream_runs(tree: Tree, kinds: set[str], tags: dict[str, str]) -> None:
    """A model waits until the run of its upstream ends."""
    add_tables(tree, "a", "b")
    ticks = Ticks(tree, [build_model("marts/ab", "raw/a", "raw/b")])
    assert ticks.run("raw/a", "raw/b", "marts/ab")
    ticks.tick()
    seen = []

    @dg.asset(key=["raw", "a"], kinds=kinds, tags=tags)
    def slow() -> None:
        assert Ticks(tree, instance=ticks.instance).run("raw/b")
        seen.append(ticks.tick())

    assert dg.materialize([slow], instance=ticks.instance).success
    assert seen == [set()]
    assert ticks.tick() == {"marts/ab"}


def test_missing_old_partitions_do_not_block_a_model(tree: Tree) -> None:
    """A model waits until one partition is materialized, not for the whole history."""
    partitions = "partitions: {by: daily, start: 2024-01-01}, write_disposition: merge, primary_key: id"
    add_tables(tree, "a", more=partitions)
    add_tables(tree, "b", source="other")
    ticks = Ticks(tree, [build_model("marts/ab", "raw/a", "raw/b")])
    ticks.tick()
    assert ticks.run("raw/b")
    assert ticks.tick() == set()
    assert ticks.run("raw/a", partition="2024-05-05")
    assert ticks.tick() == {"marts/ab"}
    assert ticks.run("marts/ab")
    fail(tree, "a")
    assert not ticks.run("raw/a", partition="2024-05-06")
    assert ticks.run("raw/b")
    assert ticks.tick() == {"marts/ab"}


def test_a_table_without_loads_does_not_block_a_model(tree: Tree) -> None:
    """A dbt source outside `raw` has no asset that is materialized; the other upstreams decide."""
    add_tables(tree, "a")
    ticks = Ticks(tree, [build_model("marts/a", "raw/a", "crm/accounts")])
    ticks.tick()
    assert ticks.run("raw/a")
    assert ticks.tick() == {"marts/a"}


def test_the_dbt_models_of_this_project_follow_their_tables() -> None:
    """Loads outside Dagster count too: the models of a source, down to the marts, are requested, and no others."""
    warehouse = build_warehouse(ROOT)
    definitions = dg.Definitions.merge(build_definitions(ROOT, warehouse), build_dbt_assets(ROOT, warehouse))
    graph = definitions.resolve_asset_graph()
    with dg.DagsterInstance.ephemeral() as instance:
        first = dg.evaluate_automation_conditions(definitions, instance)
        assert first.total_requested == 0
        for key in dg.AssetSelection.groups("open_data").resolve(graph) & graph.materializable_asset_keys:
            instance.report_runless_asset_event(dg.AssetMaterialization(key))
        after = dg.evaluate_automation_conditions(definitions, instance, cursor=first.cursor)
    expected = dg.AssetSelection.groups("open_data").downstream() & dg.AssetSelection.kind("dbt")
    requested = {result.key for result in after.results if after.get_num_requested(result.key)}
    assert requested == expected.resolve(graph)
    assert len({key.path[0] for key in requested if isinstance(key, dg.AssetKey)} & {"staging", "marts"}) == 2

"""docs/how-to/migrate-from-dagster-dlt.md, done: its files are a code location in which a table moves."""

from __future__ import annotations

import runpy
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
from typer.testing import CliRunner

from data_foundation.cli.main import app
from tests.docs.pages import ROOT, find_blocks
from tests.support.locations import COMPONENTS, Location, failure, landed, modules_of_location
from tests.support.rest_server import RestServer, serve

# dagster-dlt's resource is a pydantic model, whose fields Dagster reads with the deprecated attribute.
pytestmark = pytest.mark.filterwarnings("ignore:The `__fields__` attribute is deprecated")

BLOCKS: dict[str, list[str]] = defaultdict(list)
for block in find_blocks(ROOT / "docs" / "how-to" / "migrate-from-dagster-dlt.md"):
    BLOCKS[block.title].append(block.text)
DECORATOR, COMPONENT = BLOCKS["definitions.py"]
ALONE = """
import dagster as dg
from dagster_dlt import DagsterDltResource
from legacy.shop import shop_assets

defs = dg.Definitions(assets=[shop_assets], resources={"dlt": DagsterDltResource()})
"""
HERE = {f"dlthub/shop/{name}": BLOCKS[f"dlthub/shop/{name}"][0] for name in ("sources.yaml", "discovered.yaml")}
CODE = {"dlthub/shop/__init__.py": BLOCKS["dlthub/shop/__init__.py"][0]}
LOADS, YAML = BLOCKS["legacy/defs/shop/loads.py"][0], BLOCKS["legacy/defs/shop/defs.yaml"][0]
ALL_LOADS = {**CODE, "legacy/defs/shop/loads.py": LOADS.replace('.with_resources("customers")', "")}


@dataclass(frozen=True)
class Way:
    """A way to use dagster-dlt.

    Attributes:
        before: The files of its code location.
        during: The files that replace them or come to them when the table moves.
        keys: The asset keys of orders and customers.
    """

    before: dict[str, str]
    during: dict[str, str]
    keys: tuple[str, str]


WAYS = {
    "dlt_assets": Way(
        {"legacy/shop.py": BLOCKS["legacy/shop.py"][0], "definitions.py": ALONE},
        {**CODE, **HERE, "legacy/shop.py": BLOCKS["legacy/shop.py"][1], "definitions.py": DECORATOR},
        ("dlt_shop_orders", "dlt_shop_customers"),
    ),
    "DltLoadCollectionComponent": Way(
        {
            "pyproject.toml": COMPONENTS,
            "legacy/defs/shop/defs.yaml": YAML,
            "definitions.py": COMPONENT.replace("build_definitions(ROOT), ", ""),
            **ALL_LOADS,
        },
        {**HERE, "legacy/defs/shop/loads.py": LOADS, "definitions.py": COMPONENT},
        ("raw/orders", "raw/customers"),
    ),
}


@dataclass(frozen=True)
class Shop(Location):
    """A code location that reads from a server.

    Attributes:
        api: The server.
        instance: The instance of Dagster, which keeps the history.
        cursors: What automation has seen of each asset.
    """

    api: RestServer
    instance: dg.DagsterInstance = field(default_factory=dg.DagsterInstance.ephemeral)
    cursors: dict[str, Any] = field(default_factory=dict)

    def lay(self, files: dict[str, str]) -> None:
        """Writes files."""
        for path, text in files.items():
            self.write(path, text)

    def location(self) -> dg.Definitions:
        """Returns the definitions of the location's file; its modules are imported anew, as in each run."""
        with modules_of_location():
            found = runpy.run_path(str(self.root / "definitions.py"))["defs"]
        assert isinstance(found, dg.Definitions)
        return found

    def requests_report(self, key: str) -> bool:
        """Returns whether an asset downstream of `key` is requested, for a materialisation since the last call."""
        report = dg.AssetSpec("report", deps=[dg.AssetKey.from_user_string(key)])
        condition = dg.AutomationCondition.any_deps_updated()

        @dg.multi_asset(specs=[report.replace_attributes(automation_condition=condition)])
        def build() -> None:
            """Reads the table."""

        definitions = dg.Definitions.merge(self.location(), dg.Definitions(assets=[build]))
        found = dg.evaluate_automation_conditions(
            definitions, self.instance, dg.AssetSelection.assets("report"), cursor=self.cursors.get(key)
        )
        self.cursors[key] = found.cursor
        return found.total_requested == 1

    def give(self, *ids: int) -> None:
        """Sets the rows that the server has: one order and one customer for each id."""
        rows = [{"id": one, "updated_at": f"2024-01-{one:02}T00:00:00Z", "lines": [{"n": 1}]} for one in ids]
        self.api.answer = lambda _request: rows

    def run(self, *keys: str) -> dg.ExecuteInProcessResult:
        """Materialises assets of the location, all in one run, and keeps the history."""
        job = self.location().resolve_implicit_global_asset_job_def()
        chosen = [dg.AssetKey.from_user_string(key) for key in keys]
        return job.execute_in_process(asset_selection=chosen, instance=self.instance, raise_on_error=False)

    def ids(self, table: str) -> Counter[int]:
        """Returns how often each id is in a table."""
        return Counter(int(row[0]) for row in self.query(f"SELECT id FROM raw.{table}"))

    def history(self, key: str) -> int:
        """Returns the number of materialisations of an asset."""
        found = self.instance.fetch_materializations(dg.AssetKey.from_user_string(key), limit=100)
        return len(found.records)


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Shop]:
    """An empty location, the current folder of the process, whose settings name the server."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    for name in ("WAREHOUSE", "DEPLOYMENT", "DUCKDB_PATH"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("DLT_PROJECT_DIR", str(tmp_path))
    monkeypatch.setenv("DLT_DATA_DIR", str(tmp_path / "home"))
    monkeypatch.setenv("DLT_LOCAL_DIR", str(tmp_path))
    (tmp_path / "data").mkdir()
    with serve() as api:
        monkeypatch.setenv("SOURCES__SHOP__BASE_URL", api.url)
        yield Shop(tmp_path, api)


@pytest.mark.rare
@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)
def test_a_table_moves_and_the_other_stays(shop: Shop, way: Way) -> None:
    """No row is lost or doubled, keys, history and automation stay, and dagster-dlt still loads the other table."""
    orders, customers = way.keys
    shop.lay(way.before)
    for last in (2, 3):
        shop.give(*range(1, last + 1))
        assert landed(shop.run(*way.keys)) == set(way.keys)
        is_requested = shop.requests_report(orders)
    assert is_requested
    shop.lay(way.during)
    shop.give(1, 2, 3, 4)
    early = shop.run(*way.keys)
    assert landed(early) == {customers}
    assert not shop.requests_report(orders)
    assert "holds 3 rows that this project has not loaded" in failure(early)
    adopted = CliRunner().invoke(app, ["adopt", "shop.orders", "--pipeline", "shop_pipeline"])
    assert "1 table adopted" in adopted.output
    assert "customers" in adopted.output
    for last in (4, 5):
        shop.give(*range(1, last + 1))
        assert landed(shop.run(*way.keys)) == set(way.keys)
        assert shop.requests_report(orders)
    assert shop.ids("orders") == shop.ids("customers") == Counter(range(1, 6))
    assert shop.query("SELECT count(*) FROM raw.orders__lines") == [(5,)]
    assert (shop.history(orders), shop.history(customers)) == (4, 5)


@pytest.mark.sampled(2)
@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)
def test_a_resource_in_both_definitions_is_refused(shop: Shop, way: Way) -> None:
    """Neither definition wins: Dagster names the key that both have, and loads no location."""
    shop.lay(way.before | way.during)
    for file in ("legacy/shop.py", "legacy/defs/shop/loads.py"):
        if (path := shop.root / file).exists():
            path.write_text(path.read_text().replace('.with_resources("customers")', ""))
    with pytest.raises(dg.DagsterInvalidDefinitionError, match="Duplicate asset key"):
        dg.Definitions.validate_loadable(shop.location())

"""Tests of the factory and the translator: the assets of a source folder."""

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import dagster as dg
import pytest
from typing_extensions import override

from data_foundation.naming import UNICODE, forget_naming
from data_foundation.orchestration.factory import build_definitions
from tests.support.locations import ROWS, Location, failure, landed, metadata_by_table

ROOT = Path(__file__).parents[2]

SHIPPED = """
raw/airports
raw/checking
raw/exchange_rate
raw/exchange_rate_history
raw/facebook_ads_accounts
raw/facebook_ads_ad_creatives
raw/facebook_ads_ad_leads
raw/facebook_ads_ad_sets
raw/facebook_ads_ads
raw/facebook_ads_campaigns
raw/facebook_ads_insights
raw/facebook_ads_insights__action_values
raw/facebook_ads_insights__actions
raw/github_commits
raw/github_commits__parents
raw/github_issues
raw/github_issues__labels
raw/github_pulls
raw/google_ads_ad_group_metrics
raw/google_ads_ad_groups
raw/google_ads_ads
raw/google_ads_campaign_metrics
raw/google_ads_campaigns
raw/google_ads_changes
raw/google_ads_customers
raw/google_ads_keywords
raw/google_ads_search_terms
raw/mentions_facebook_api
raw/mentions_facebook_api__attachments__data
raw/mentions_facebook_scraped
raw/mentions_reddit_api
raw/mentions_reddit_scraped
raw/mentions_x_api
raw/mentions_x_api__entities__urls
raw/mentions_x_scraped
raw/receipts
raw/savings
raw/weather
source/exchange_rate
source/facebook_ads
source/github
source/google_ads
source/mentions
source/open_data
source/personal_finance
"""


@pytest.fixture
def answers() -> dict[str, Any]:
    """The responses of the server of `api` by path and query; others are an empty list."""
    return {}


@pytest.fixture
def api(answers: dict[str, Any]) -> Iterator[str]:
    """A local server that responds with JSON, for sources that call plain `requests`."""

    class Api(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = json.dumps(answers.get(self.path, [])).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        @override
        def log_message(self, *_: object) -> None:
            """Logs nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Api)
    Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def test_a_generator_that_yields_one_dict_replaces_its_table(
    location: Location, api: str, answers: dict[str, Any]
) -> None:
    """`yield data["rates"]`, `entry: exchange_rate.data.get_exchange_rates`, `write_disposition: replace`: one row."""
    location.add(
        "exchange_rate",
        """
        resources:
          - entry: exchange_rate.data.get_exchange_rates
            destination: raw.exchange_rate
            write_disposition: replace
        """,
        f"""
        import requests

        def get_exchange_rates():
            url = "{api}/latest"
            response = requests.get(url)
            data = response.json()

            # Yield in pages or time slices if needed
            yield data["rates"]
        """,
    )
    for rates in ({"USD": 1.25, "JPY": 160.5}, {"USD": 1.5, "JPY": 161.0}):
        answers["/latest"] = {"base": "EUR", "rates": rates}
        assert landed(location.materialize()) == {"raw/exchange_rate"}
        assert location.query("select usd, jpy from raw.exchange_rate") == [tuple(rates.values())]


def test_a_generator_of_lists_appends_with_args(location: Location, api: str, answers: dict[str, Any]) -> None:
    """`entry: github.data.get_commits`, `args: ["org/repo"]`, `write_disposition: append`: each item is a list."""
    location.add(
        "github",
        """
        resources:
          - entry: github.data.get_commits
            args: ["org/repo"]
            destination: raw.github_commits
            write_disposition: append
        """,
        f"""
        import requests

        def get_commits(repo):
            url = f"{api}/repos/{{repo}}/commits"
            for page in range(1, 10):
                yield requests.get(f"{{url}}?page={{page}}").json()
        """,
    )
    answers["/repos/org/repo/commits?page=1"] = [{"sha": "a"}, {"sha": "b"}]
    answers["/repos/org/repo/commits?page=2"] = [{"sha": "c"}]
    for times in (1, 2):
        assert location.materialize().success
        assert location.query("select sha, count(*) from raw.github_commits group by sha order by sha") == [
            ("a", times),
            ("b", times),
            ("c", times),
        ]


FACTORY_FUNCTION = """
from collections.abc import Callable, Generator
from typing import Any

import requests

def get_api_generator(endpoint: str) -> Callable[[], Any]:
    base_uri = "{api}/"

    def api_generator() -> Generator[Any, Any, None]:
        response = requests.get(base_uri+endpoint)
        yield response.json()
        while next_uri := response.json().get("next_page"):
            response = requests.get(next_uri)
            yield response.json()

    return api_generator
"""

FACTORY_DEFINITIONS = """
import dlt
from data_foundation import ConfigurableDltResource

from .data import get_api_generator

resources = [
    ConfigurableDltResource.config(
        dlt.resource(
            get_api_generator("endpoint_one"),
            name="schema.table_one",
            table_name="table_one",
            primary_key="id",
            write_disposition="merge",
        ),
        kinds={"api"}
    ),
    ConfigurableDltResource.config(
        dlt.resource(
            get_api_generator("endpoint_two"),
            name="schema.table_two",
            table_name="table_two",
            primary_key="id",
            write_disposition="merge",
        ),
        kinds={"api"}
    ),
]
"""

FACTORY_YAML = """
resources:
  - {entry: data.get_api_generator, args: [endpoint_one], destination: schema.table_one,
     primary_key: id, write_disposition: merge, kinds: [api]}
  - {entry: data.get_api_generator, args: [endpoint_two], destination: schema.table_two,
     primary_key: id, write_disposition: merge, kinds: [api]}
"""


@pytest.mark.parametrize("form", ["python", "yaml"])
def test_a_factory_function_serves_several_endpoints(
    location: Location, api: str, answers: dict[str, Any], form: str
) -> None:
    """`get_api_generator("endpoint_one")` returns the generator; in Python and in YAML the assets are the same."""
    data = FACTORY_FUNCTION.format(api=api)
    if form == "python":
        location.add_python("shop", FACTORY_DEFINITIONS, data)
    else:
        location.add("shop", FACTORY_YAML, data)
    answers["/endpoint_one"] = {"id": 1, "next_page": f"{api}/one_b"}
    answers["/one_b"] = {"id": 2}
    answers["/endpoint_two"] = {"id": 3}
    specs = location.specs()
    assert set(specs) == {"schema/table_one", "schema/table_two", "source/shop"}
    assert specs["schema/table_one"].kinds == {"dlt", "duckdb", "api"}
    assert specs["schema/table_one"].group_name == "shop"
    for _ in range(2):
        assert location.materialize().success
    assert location.query("select id from schema.table_one order by id") == [(1,), (2,)]
    assert location.query("select id from schema.table_two") == [(3,)]


def test_the_map_form_is_keyed_by_destination(location: Location) -> None:
    """`resources: {schema.table: {arguments, keyword_arguments}}` is the same as the list form."""
    location.add(
        "shop",
        """
        resources:
          schema.orders:
            entry: data.get_rows
            arguments: [1]
            keyword_arguments: {end: 3}
            write_disposition: replace
        """,
        "def get_rows(start, end):\n    yield from ({'id': n} for n in range(start, end))\n",
    )
    assert landed(location.materialize()) == {"schema/orders"}
    assert location.query("select id from schema.orders order by id") == [(1,), (2,)]


LONG_META = """
{dagster: {automation_condition: on_schedule,
           automation_condition_config: {cron_schedule: "@daily", cron_timezone: utc},
           freshness_lower_bound_delta_seconds: 108000}}
"""


def test_the_long_spelling_of_automation_and_freshness(location: Location) -> None:
    """`meta.dagster` with on_schedule, "@daily", utc and 108000 is `automation` and `freshness: 30 h`."""
    location.add(
        "long", f"resources:\n  - entry: data.get_rows\n    destination: raw.long\n    meta: {LONG_META.strip()}"
    )
    location.add(
        "short",
        'resources: [{entry: data.get_rows, destination: raw.short, automation: "@daily", freshness: '
        "{fail_after_hours: 30}}]",
    )
    specs = location.specs()
    long, short = specs["raw/long"], specs["raw/short"]
    [schedule] = location.definitions().schedules or ()
    assert isinstance(schedule, dg.ScheduleDefinition)
    assert (schedule.cron_schedule, schedule.execution_timezone) == ("@daily", "UTC")
    assert schedule.description == "Loads raw/long, raw/short at @daily, UTC."
    assert long.freshness_policy == short.freshness_policy
    assert long.freshness_policy.fail_window.to_timedelta().total_seconds() == 30 * 3600  # type: ignore[union-attr]


PYTHON_DATA = """
import requests

def api_generator():
    \"\"\"Orders, newest first.\"\"\"
    uri = "{api}/endpoint"
    response = requests.get(uri)
    yield response.json()
    while next_uri := response.json().get("next_page"):
        response = requests.get(next_uri)
        yield response.json()
"""

PYTHON_DEFINITIONS = """
import dlt
from data_foundation import ConfigurableDltResource

from .data import api_generator

resources = [
    ConfigurableDltResource.config(
        dlt.resource(
            # the generator you defined in the data.py file
            api_generator,
            # the schema and table to materialize on the
            name="schema.table",
            table_name="table",
            primary_key="id", # the primary key column
            write_disposition="merge", # how to incrementally load
        ),
        kinds={"api"},
        # aditional dagster configuration for orchestration and checks
        meta={
            "dagster": {
                "automation_condition": "on_schedule",
                "automation_condition_config": {
                    "cron_schedule": "@daily",
                    "cron_timezone": "utc",
                },
                "freshness_lower_bound_delta_seconds": 108000
            }
        },
    ),
]
"""


def test_python_instead_of_yaml(location: Location, api: str, answers: dict[str, Any]) -> None:
    """A folder with `definitions.py` has the same asset as one with `sources.yaml`; `schema.table` is the table."""
    data = PYTHON_DATA.format(api=api)
    location.add_python("python", PYTHON_DEFINITIONS, data)
    location.add(
        "yaml",
        "resources:\n  - entry: data.api_generator\n    destination: schema.other\n    primary_key: id\n"
        f"    write_disposition: merge\n    kinds: [api]\n    meta: {LONG_META.strip()}",
        data,
    )
    specs = location.specs()
    python, yaml = specs["schema/table"], specs["schema/other"]
    for attribute in ("kinds", "description", "automation_condition", "freshness_policy", "tags", "owners"):
        assert getattr(python, attribute) == getattr(yaml, attribute), attribute
    assert python.description == "Orders, newest first."
    assert python.metadata["write_disposition"] == "merge"
    answers["/endpoint"] = {"id": 1, "next_page": f"{api}/two"}
    answers["/two"] = {"id": 2}
    for _ in range(2):
        assert landed(location.materialize()) == {"schema/table", "schema/other"}
    assert location.query("select id from schema.table order by id") == [(1,), (2,)]


def test_python_beside_yaml(location: Location) -> None:
    """A folder may have both files; resources in Python also inherit from the `source:` block."""
    location.add(
        "shop",
        "source: {owners: 'team:sales', automation: '@daily'}\n"
        "resources: [{entry: data.get_rows, destination: raw.from_yaml}]",
        definitions="import dlt\nfrom .data import get_rows\n"
        "resources = [dlt.resource(get_rows, name='raw.from_python')]",
    )
    specs = location.specs()
    assert specs["raw/from_python"].owners == specs["raw/from_yaml"].owners == ["team:sales"]
    [schedule] = location.definitions().schedules or ()
    assert schedule.description == "Loads raw/from_yaml, raw/from_python at @daily, UTC."
    assert landed(location.materialize()) == {"raw/from_yaml", "raw/from_python"}


ENTRIES = {
    "dicts": "def dicts():\n    yield {'id': 1}\n    yield {'id': 2}",
    "lists": "def lists():\n    yield [{'id': 1}, {'id': 2}]",
    "arrow_table": "def arrow_table():\n    yield pa.table({'id': [1, 2]})",
    "arrow_batch": "def arrow_batch():\n    yield pa.RecordBatch.from_pydict({'id': [1, 2]})",
    "frame": "def frame():\n    yield pd.DataFrame({'id': [1, 2]})",
    "async_generator": "async def async_generator():\n    yield {'id': 1}\n    yield {'id': 2}",
    "returns_rows": "def returns_rows():\n    return [{'id': 1}, {'id': 2}]",
    "returns_frame": "def returns_frame():\n    return pd.DataFrame({'id': [1, 2]})",
    "returns_generator": "def returns_generator():\n    return ({'id': n} for n in (1, 2))",
    "returns_function": "def returns_function():\n    return dicts",
    "returns_resource": "def returns_resource():\n    return dlt.resource(dicts, name='x')",
    "decorated": "@dlt.resource\ndef decorated():\n    yield [{'id': 1}, {'id': 2}]",
    "resource_object": "resource_object = dlt.resource([{'id': 1}, {'id': 2}], name='any')",
    "anonymous": "anonymous = lambda: [{'id': 1}, {'id': 2}]",
    "callable_object": "class C:\n    def __call__(self):\n        yield [{'id': 1}, {'id': 2}]\ncallable_object = C()",
    "piped": "@dlt.transformer(data_from=dlt.resource([1, 2], name='n'))\ndef piped(n):\n    yield {'id': n}",
    "transformed": "def transformed(order):\n    yield {'id': order['id']}",
    "transformer": "@dlt.transformer\ndef transformer(order):\n    yield {'id': order['id']}",
}


@pytest.fixture(scope="module")
def entries(tmp_path_factory: pytest.TempPathFactory) -> tuple[Location, dg.ExecuteInProcessResult]:
    """Every kind of entry, each a resource of one source, after one run."""
    location = Location(tmp_path_factory.mktemp("entries"))
    parents = {"transformed": ", data_from: dicts", "transformer": ", data_from: raw.dicts"}
    resources = "\n".join(
        f"  - {{entry: data.{name}, destination: raw.{name}{parents.get(name, '')}}}" for name in ENTRIES
    )
    data = "import dlt\nimport pandas as pd\nimport pyarrow as pa\n" + "\n".join(ENTRIES.values())
    location.add("kinds", f"resources:\n{resources}\n", data)
    return location, location.materialize()


@pytest.mark.parametrize("name", ENTRIES)
def test_every_kind_of_entry_is_loaded(entries: tuple[Location, dg.ExecuteInProcessResult], name: str) -> None:
    """A generator, a function that returns a generator or rows, a frame, a resource, a transformer: all are loaded."""
    location, result = entries
    assert f"raw/{name}" in landed(result), failure(result)
    assert location.query(f"select id from raw.{name} order by id") == [(1,), (2,)]


def test_lineage_from_the_source_to_its_tables(location: Location) -> None:
    """One external asset is upstream of a source's tables; a transformer's upstream is its parent."""
    location.add(
        "shop",
        """
        resources:
          - {entry: data.get_rows, destination: raw.orders}
          - {entry: data.get_details, destination: raw.details, data_from: orders}
        """,
        ROWS + "def get_details(order):\n    yield {'order': order['id']}\n",
        __init__='"""The shop.\n\nOwner: sales.\n"""',
    )
    definitions = location.definitions()
    graph = definitions.resolve_asset_graph()
    source, orders, details = (dg.AssetKey(key) for key in (["source", "shop"], ["raw", "orders"], ["raw", "details"]))
    assert graph.get(orders).parent_keys == {source}
    assert graph.get(details).parent_keys == {orders}
    assert not graph.get(source).is_materializable
    specs = location.specs()
    assert specs["source/shop"].description == "The shop.\n\nOwner: sales."
    assert specs["source/shop"].group_name == specs["raw/orders"].group_name == "shop"


def test_attributes_of_an_asset(location: Location) -> None:
    """Owners, tags, kinds, links, table name and columns are shown; the resource's values are added to the source's."""
    folder = location.add(
        "shop",
        """
        source:
          owners: ["team:sales", a@example.com]
          tags: {domain: sales, tier: gold}
          kinds: [api]
        resources:
          - entry: data.get_rows
            destination: raw.ShopOrders
            tags: {tier: silver}
            kinds: [json]
            columns: {id: {data_type: bigint, description: The number.}}
            meta: {reviewed: 2024-01-31, sla: {hours: 4}}
        """,
    )
    spec = location.specs()["raw/shop_orders"]
    assert spec.owners == ["team:sales", "a@example.com"]
    assert {key: value for key, value in spec.tags.items() if not key.startswith("dagster/")} == {
        "domain": "sales",
        "tier": "silver",
    }
    assert spec.kinds == {"dlt", "duckdb", "api", "json"}
    assert spec.metadata["dagster/table_name"] == "warehouse.raw.shop_orders"
    columns = spec.metadata["dagster/column_schema"].columns
    assert [(column.name, column.type, column.description) for column in columns] == [("id", "bigint", "The number.")]
    references = spec.metadata["dagster/code_references"].code_references
    assert [(reference.file_path, reference.line_number) for reference in references] == [
        (str(folder / "sources.yaml"), 7),
        (str(folder / "data.py"), 1),
    ]
    assert str(spec.metadata["reviewed"]) == "2024-01-31"
    assert spec.metadata["sla"] == {"hours": 4}


@pytest.mark.parametrize(
    ("yaml", "data", "expected"),
    [
        pytest.param(
            ", description: From YAML.", 'def get_rows():\n    """From Python."""\n    yield 1', "From YAML.", id="yaml"
        ),
        pytest.param("", 'def get_rows():\n    """From\n    Python."""\n    yield 1', "From\nPython.", id="docstring"),
        pytest.param("", "def get_rows():\n    yield 1", None, id="neither"),
    ],
)
def test_a_description_is_from_the_yaml_or_the_docstring(
    location: Location, yaml: str, data: str, expected: str | None
) -> None:
    """A description in YAML takes precedence over the entry's docstring."""
    location.add("shop", f"resources: [{{entry: data.get_rows, destination: raw.orders{yaml}}}]", data)
    assert location.specs()["raw/orders"].description == expected


NESTED = "def get_rows():\n    yield [{'id': 1, 'items': [{'sku': 'a'}, {'sku': 'b'}], 'notes': ['x']}]\n"


@pytest.mark.parametrize(
    "selected", [[], ["raw/orders__items"], ["raw/orders"]], ids=["all", "child alone", "parent alone"]
)
def test_child_tables_are_assets(location: Location, selected: list[str]) -> None:
    """A nested list in `child_tables` is an asset below its parent; selecting either loads both."""
    location.add(
        "shop",
        "resources: [{entry: data.get_rows, destination: raw.orders, child_tables: [items]}]",
        NESTED,
    )
    assert location.definitions().resolve_asset_graph().get(dg.AssetKey(["raw", "orders__items"])).parent_keys == {
        dg.AssetKey(["raw", "orders"])
    }
    result = location.materialize(*selected)
    assert result.success, failure(result)
    assert landed(result) == {"raw/orders", "raw/orders__items"}
    assert location.query("select sku from raw.orders__items order by sku") == [("a",), ("b",)]


EVENTS = """
import dlt


def get_rows():
    yield dlt.mark.with_table_name([{"id": 1, "tags": ["a"]}, {"id": 2}], "pushes")
    yield [{"id": 3}]
"""


@pytest.mark.parametrize("selected", [[], ["raw/pushes"], ["raw/events"]], ids=["all", "further alone", "own alone"])
def test_further_tables_are_assets(location: Location, selected: list[str]) -> None:
    """A table in `tables` is an asset of the same source; selecting one of a resource loads all of them."""
    location.add(
        "shop",
        "resources: [{entry: data.get_rows, destination: raw.events, tables: [pushes, watches], automation: eager}]",
        EVENTS,
    )
    graph = location.definitions().resolve_asset_graph()
    pushes, events = graph.get(dg.AssetKey(["raw", "pushes"])), graph.get(dg.AssetKey(["raw", "events"]))
    assert pushes.parent_keys == events.parent_keys
    assert (pushes.automation_condition, events.automation_condition is None) == (None, False)
    result = location.materialize(*selected)
    assert result.success, failure(result)
    assert landed(result) == {"raw/events", "raw/pushes", "raw/watches"}
    found = metadata_by_table(result)
    counts = {
        name: (metadata["rows_loaded"].value, metadata["dagster/row_count"].value) for name, metadata in found.items()
    }
    assert counts == {"events": (1, 1), "pushes": (2, 2), "watches": (0, 0)}
    assert found["pushes"]["child_tables"].value == {"raw.pushes__tags": 1}
    assert found["pushes"]["dagster/table_name"].value == "warehouse.raw.pushes"


def test_tables_of_all_scripts_are_assets(location: Location, monkeypatch: pytest.MonkeyPatch) -> None:
    """Dagster accepts no other letters in names of outputs; keys keep them, and two tables are two assets."""
    monkeypatch.setenv("SCHEMA__NAMING", UNICODE)
    forget_naming()
    location.add(
        "shop",
        "resources: [{entry: data.get_rows, destination: raw.订单}, {entry: data.get_rows, destination: raw.客户}]",
        ROWS,
    )
    result = location.materialize()
    assert result.success, failure(result)
    assert landed(result) == {"raw/订单", "raw/客户"}
    monkeypatch.undo()
    forget_naming()


PARTITIONED = """
resources:
  - {entry: data.get_rows, destination: raw.plain}
  - {entry: data.get_days, destination: raw.days, partitions: {by: daily, start: 2024-01-01},
     write_disposition: merge, primary_key: key,
     kwargs: {start: "{{ partition.start }}", end: "{{ partition.end }}", key: "{{ partition.key }}"}}
  - {entry: data.get_rows, destination: raw.months, partitions: {by: monthly, start: 2024-01-01},
     write_disposition: merge, primary_key: id}
"""
DAYS = "def get_days(start, end, key):\n    yield [{'start': str(start), 'end': str(end), 'key': key}]\n"


def test_an_op_per_source_and_partitioning(location: Location) -> None:
    """A source is an op and a pool of its name; each partitioning has an op, which loads a range in one run."""
    location.add("shop", PARTITIONED, ROWS + DAYS)
    ops = {
        asset.op.name: asset for asset in location.definitions().assets or () if isinstance(asset, dg.AssetsDefinition)
    }
    assert set(ops) == {"shop", "shop__daily_20240101", "shop__monthly_20240101"}
    assert {asset.op.pool for asset in ops.values()} == {"shop"}
    assert ops["shop"].partitions_def is None
    assert ops["shop"].backfill_policy is None
    assert ops["shop__daily_20240101"].partitions_def == dg.DailyPartitionsDefinition("2024-01-01")
    assert ops["shop__daily_20240101"].backfill_policy == dg.BackfillPolicy.single_run()
    assert all(asset.can_subset for asset in ops.values())


def test_partition_bounds_reach_the_entry(location: Location) -> None:
    """`{{ partition.start }}`, `.end` and `.key` are those of the partition of the run."""
    location.add("shop", PARTITIONED, ROWS + DAYS)
    result = location.materialize("raw/days", partition_key="2024-02-03")
    assert result.success, failure(result)
    [(start, end, key)] = location.query('select start, "end", key from raw.days')
    assert (start[:10], end[:10], key) == ("2024-02-03", "2024-02-04", "2024-02-03")


@pytest.mark.parametrize(
    "other",
    ["start: 2024-01-01, timezone: Europe/Amsterdam", "start: 2024-01-01, end: 2025-01-01"],
    ids=["timezone", "end"],
)
def test_partitionings_with_one_start_are_separate_ops(location: Location, other: str) -> None:
    """Two partitionings that differ in end or time zone are two ops."""
    merge = "write_disposition: merge, primary_key: id"
    location.add(
        "shop",
        "resources:\n"
        f"  - {{entry: data.get_rows, destination: raw.a, {merge}, partitions: {{by: daily, start: 2024-01-01}}}}\n"
        f"  - {{entry: data.get_rows, destination: raw.b, {merge}, partitions: {{by: daily, {other}}}}}\n",
    )
    assert {"raw/a", "raw/b"} < set(location.specs())


def test_a_folder_needs_no_registration(location: Location) -> None:
    """A new folder needs no other edit; the assets of a removed folder disappear."""
    assert location.specs() == {}
    location.add("shop")
    assert set(location.specs()) == {"source/shop", "raw/shop"}
    (location.root / "dlthub" / "shop").rename(location.root / "dlthub" / "_shop")
    assert location.specs() == {}


def test_a_disabled_resource_is_not_an_asset(location: Location) -> None:
    """`enabled: false` removes the asset, even if it is the only one of its folder."""
    location.add("shop", "resources: [{entry: data.get_rows, destination: raw.orders, enabled: false}]")
    location.add("healthy")
    assert set(location.specs()) == {"source/shop", "source/healthy", "raw/healthy"}
    assert landed(location.materialize()) == {"raw/healthy"}


@pytest.mark.parametrize("name", ["json", "github", "dlt", "requests", "dagster", "data", "typing", "yaml"])
def test_a_folder_named_like_a_package_shadows_nothing(location: Location, name: str) -> None:
    """The folder is loaded with its relative imports, and the package of the same name is still importable."""
    location.add(
        name,
        data="""
        import json

        import dlt
        import requests

        from . import ROWS

        def get_rows():
            is_real = hasattr(requests, "Session") and hasattr(dlt, "pipeline")
            yield [{**json.loads(row), "is_real": is_real} for row in ROWS]
        """,
        __init__="ROWS = ['{\"id\": 1}']\n",
    )
    result = location.materialize()
    assert result.success, failure(result)
    assert location.query(f"select id, is_real from raw.{name}") == [(1, True)]
    assert "_dlthub_" not in getattr(sys.modules.get(name), "__name__", "")


@pytest.fixture(scope="module")
def shipped() -> dict[str, dg.AssetSpec]:
    """The spec of every asset of the sources that ship, by key."""
    return {spec.key.to_user_string(): spec for spec in build_definitions(ROOT).resolve_all_asset_specs()}


def test_the_shipped_assets(shipped: dict[str, dg.AssetSpec]) -> None:
    """A changed key breaks downstream users, so this list must be changed on purpose."""
    assert sorted(shipped) == SHIPPED.split()


def test_every_shipped_table_is_documented(shipped: dict[str, dg.AssetSpec]) -> None:
    """Every table of the sources that ship has description, owner, columns, links, schedule and freshness."""
    scheduled = " ".join(str(schedule.description) for schedule in build_definitions(ROOT).schedules or ())
    for key, spec in shipped.items():
        if key.startswith("source/") or "__" in key:
            continue
        assert spec.description, key
        assert spec.owners, key
        assert spec.freshness_policy, key
        assert spec.automation_condition or f"{key}, " in scheduled.replace(" at ", ", "), key
        assert {"dagster/column_schema", "dagster/code_references", "dagster/table_name"} <= set(spec.metadata), key
    assert all(shipped[key].description for key in shipped)


AUDIT = """
import os, sys
from pathlib import Path

root = Path(sys.argv[1]).resolve()
seen = []

def watch(event, args):
    if event == "socket.connect":
        seen.append(f"{event} {args[1]}")
    elif event == "open":
        path, mode, flags = args
        writes = (flags or 0) & (os.O_WRONLY | os.O_RDWR | os.O_CREAT) or (mode or "r")[0] != "r"
        if isinstance(path, str) and writes and Path(path).resolve().is_relative_to(root):
            seen.append(f"{event} {path} {mode} {flags}")
    elif event in ("os.mkdir", "os.rename", "os.remove") and args[-1] == -1:
        if Path(os.fsdecode(args[0])).resolve().is_relative_to(root):
            seen.append(f"{event} {args[0]}")
    elif event == "exec" and getattr(args[0], "co_filename", "").startswith(str(root / "dlthub")):
        seen.append(f"{event} {args[0].co_filename}")

sys.addaudithook(watch)
"""

BUILD = """
from data_foundation.orchestration.factory import build_definitions
build_definitions(root).resolve_asset_graph()
"""

CHECK = """
from data_foundation.cli.main import app
app(["check"], standalone_mode=False)
"""


@pytest.mark.parametrize("doing", [BUILD, CHECK], ids=["the location", "foundation check"])
def test_building_definitions_has_no_side_effects(doing: str) -> None:
    """Building definitions imports no source, opens no connection, and creates no folder or file."""
    report = "\nprint('SEEN', seen)\nprint('IMPORTED', [name for name in sys.modules if '_dlthub_' in name])"
    done = subprocess.run(
        [sys.executable, "-B", "-c", AUDIT + doing + report, str(ROOT)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert "SEEN []\nIMPORTED []" in done.stdout, done.stdout + done.stderr


def test_the_guard_of_side_effects_detects_them(location: Location) -> None:
    """The guard of the test above detects an import, a folder and a file."""
    location.add_python(
        "loud",
        "from .data import X\nresources = []\n",
        "import os\nX = os.mkdir('made')\nopen('made/file', 'w').close()\n",
    )
    done = subprocess.run(
        [sys.executable, "-B", "-c", AUDIT + CHECK + "\nprint('SEEN', seen)", str(location.root)],
        cwd=location.root, capture_output=True, text=True, check=False,
    )  # fmt: skip
    for effect in ("os.mkdir made", "open made/file", "exec", "data.py"):
        assert effect in done.stdout, done.stdout + done.stderr


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda text: ("\ufeff" + text).encode(), id="byte order mark"),
        pytest.param(lambda text: text.replace("\n", "\r\n").encode(), id="CRLF"),
        pytest.param(lambda text: ("---\n" + text + "...\n").encode(), id="document markers"),
    ],
)
def test_yaml_of_any_editor_is_read(location: Location, change: Callable[[str], bytes]) -> None:
    """Files of editors on other systems, with other line ends or a byte order mark, are read as the same file."""
    location.add("shop", change("resources:\n  - entry: data.get_rows\n    destination: raw.orders\n"))
    assert set(location.specs()) == {"source/shop", "raw/orders"}


def test_a_deployment_has_the_same_asset_keys(location: Location, monkeypatch: pytest.MonkeyPatch) -> None:
    """`DEPLOYMENT=dev` changes the schema of the tables, also in the UI, but no asset key."""
    location.add("shop")
    production = location.specs()
    monkeypatch.setenv("DEPLOYMENT", "dev")
    monkeypatch.setenv("DEPLOYMENT_USER", "Anna_B")
    mine = location.specs()
    assert mine.keys() == production.keys()
    assert production["raw/shop"].metadata["dagster/table_name"] == "warehouse.raw.shop"
    assert mine["raw/shop"].metadata["dagster/table_name"] == "warehouse.raw__anna_b.shop"
    assert location.materialize().success
    assert location.query("select count(*) from raw__anna_b.shop") == [(2,)]

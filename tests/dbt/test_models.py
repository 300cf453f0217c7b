"""Tests of the dbt project: lineage, descriptions, and results that are computed a second time in Python."""

import os
import re
import shutil
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import duckdb
import pytest
import sqlglot
from dagster_dbt import DbtCliResource, build_dbt_asset_specs

from data_foundation.dbt.command import DBT
from data_foundation.loading.attempts import load_resource
from data_foundation.loading.task import Task
from data_foundation.orchestration.dbt_models.assets import build_dbt_assets
from data_foundation.orchestration.dbt_models.manifest import InstalledDbt
from data_foundation.orchestration.factory import build_definitions
from data_foundation.project.source import load_source_config
from data_foundation.warehouses.alchemy.warehouse import AlchemyWarehouse
from data_foundation.warehouses.duckdb.warehouse import DuckDBWarehouse
from tests.support.dbt_builds import LAYERS, PROJECT, ROOT, Build, build_again, read_models, run_dbt

SPELLINGS = (
    "%Y-%m-%dT%H:%M:%S.000Z",
    "%Y-%m-%d %H:%M:%S",
    "%a %b %d %H:%M:%S +0000 %Y",
    "%B %d, %Y at %I:%M %p",
)

# A build takes time: the tests that need one share a worker.
pytestmark = pytest.mark.xdist_group("loaded_warehouse")


def test_every_raw_table_has_an_asset(built: Build) -> None:
    """Every table of dbt's source has an asset with that key, and every asset that dbt reads is a declared source."""
    declared = {node: (source["source_name"], source["name"]) for node, source in built.manifest["sources"].items()}
    assets = build_definitions(ROOT, built.warehouse).resolve_asset_graph().materializable_asset_keys
    assert set(declared.values()) <= {tuple(key.path) for key in assets}
    read = {parent for model in built.models.values() for parent in model["depends_on"]["nodes"]}
    read_sources = {parent for parent in read if parent.startswith("source.")}
    assert read_sources
    assert read_sources <= set(declared)
    # A table without `source()` would have no lineage.
    bare = re.compile(r"\b(?:from|join)\s+raw\.", re.IGNORECASE)
    assert [name for name, model in built.models.items() if bare.search(model["raw_code"])] == []


def test_models_appear_in_dagster_by_layer(built: Build) -> None:
    """A model's group is its layer, its key starts with its schema, and its owner is the analytics team."""
    specs = {spec.key.path[-1]: spec for spec in build_dbt_asset_specs(manifest=built.manifest)}
    assert set(specs) == set(built.models)
    for spec in specs.values():
        assert spec.group_name == spec.key.path[0]
        assert spec.group_name in (*LAYERS, "operations")
        assert list(spec.owners) == ["team:analytics"]


def test_every_model_is_described_and_tested(built: Build) -> None:
    """Every model and every column is described, no missing column is, and every model has a test."""
    tested = {test.get("attached_node") for test in built.manifest["nodes"].values() if test["resource_type"] == "test"}
    actual: dict[str, set[str]] = defaultdict(set)
    for table, column in built.query(
        "SELECT table_name, column_name FROM information_schema.columns"
        " WHERE table_schema IN ('staging', 'intermediate', 'marts', 'operations')"
    ):
        actual[table].add(column)
    for name, model in built.models.items():
        described = {column for column, found in model["columns"].items() if found["description"]}
        assert model["description"], name
        assert model["unique_id"] in tested, name
        assert described == actual[name], name


@pytest.mark.rare
def test_a_second_ingest_and_build_change_nothing(
    built: Build, ingest: Callable[[DuckDBWarehouse], None], tmp_path: Path
) -> None:
    """A second ingest and build succeed, and every row of every model is the same."""
    once, again = read_models(built.warehouse.path), build_again(built, ingest, tmp_path)
    assert set(once) == set(again)
    assert [name for name in once if once[name] != again[name]] == []


def read_count(text: str | None) -> int | None:
    """Parses 1234, 1,234 and 1.2K."""
    if text is None:
        return None
    found = re.fullmatch(r"([\d,.]+)(K?)", text)
    assert found, text
    return round(float(found[1].replace(",", "")) * (1000 if found[2] else 1))


def read_time(text: str) -> datetime:
    """Parses any of the five formats."""
    for spelling in SPELLINGS:
        with suppress(ValueError):
            return datetime.strptime(text, spelling)  # noqa: DTZ007 - every spelling is UTC
    return datetime.fromtimestamp(int(text), UTC).replace(tzinfo=None)


def read_link(text: str | None) -> str | None:
    """Removes query parameters that only track where a link was clicked."""
    return text and text.removesuffix("?utm_source=feed&utm_medium=social").removesuffix("/")


def utc(time: datetime) -> datetime:
    """Returns a time with a zone as UTC without a zone."""
    return time.astimezone(UTC).replace(tzinfo=None)


Mention = tuple[str, datetime, str | None, int | None]
"""Author, time, link, likes."""


def find_scraped(built: Build) -> Iterator[tuple[tuple[str, str], Mention]]:
    """Yields every post of the scrapers."""
    for row in built.records("raw.mentions_facebook_scraped"):
        author, likes = row["user__profile_url"].split("id=")[1], read_count(row["likes"])
        yield ("facebook", row["post_id"]), (author, read_time(row["time"]), read_link(row["link"]), likes)
    for row in built.records("raw.mentions_reddit_scraped"):
        mention = row["username"], read_time(row["created_at"]), read_link(row["link"]), read_count(row["up_votes"])
        yield ("reddit", row["id"]), mention
    for row in built.records("raw.mentions_x_scraped"):
        likes, posted_at = read_count(row["like_count"]), read_time(row["created_at"])
        yield ("x", row["id"]), (row["author__user_name"], posted_at, read_link(row["outlinks"]), likes)


def find_api(built: Build) -> Iterator[tuple[tuple[str, str], Mention]]:
    """Yields every post of the APIs."""
    links = {
        row["_dlt_parent_id"]: row.get("unshimmed_url") or row.get("expanded_url")
        for table in ("mentions_facebook_api__attachments__data", "mentions_x_api__entities__urls")
        for row in built.records(f"raw.{table}")
    }
    for row in built.records("raw.mentions_facebook_api"):
        likes = row["reactions__summary__total_count"]
        mention = row["from__id"], utc(row["created_time"]), links.get(row["_dlt_id"]), likes
        yield ("facebook", row["id"].split("_")[1]), mention
    for row in built.records("raw.mentions_reddit_api"):
        posted_at = datetime.fromtimestamp(row["created_utc"], UTC).replace(tzinfo=None)
        yield ("reddit", row["name"]), (row["author"], posted_at, None if row["is_self"] else row["url"], row["score"])
    for row in built.records("raw.mentions_x_api"):
        link, likes = links.get(row["_dlt_id"]), row["public_metrics__like_count"]
        yield ("x", row["id"]), (row["author__username"], utc(row["created_at"]), link, likes)


@pytest.fixture(scope="session")
def mentions(built: Build) -> dict[tuple[str, str], Mention]:
    """Every post once, computed from raw without dbt; rows of an API take precedence over rows of a scraper."""
    return dict(find_scraped(built)) | dict(find_api(built))


def test_every_post_is_there_once_with_the_api_first(built: Build, mentions: dict[tuple[str, str], Mention]) -> None:
    """Posts of APIs and scrapers are united, in all formats; 150 of each platform are in both."""
    rows = built.records("intermediate.stg_mentions")
    names = ("posted_at", "link", "likes")
    found = {
        (row["platform"], row["post_id"]): (row["author_key"].split(":")[1], *(row[name] for name in names))
        for row in rows
    }
    assert len(found) == len(rows)
    assert found == mentions
    both = "SELECT platform, count(*) FROM intermediate.stg_mentions WHERE is_in_api AND is_in_scraped GROUP BY ALL"
    assert dict(built.query(both)) == {"facebook": 150, "reddit": 150, "x": 150}
    assert built.query("SELECT DISTINCT is_in_api FROM intermediate.stg_mentions WHERE likes_are_rounded") == [(False,)]


def test_likes_are_added_up_by_author_and_day(built: Build, mentions: dict[tuple[str, str], Mention]) -> None:
    """fct_author_likes_daily has every author and day with a post, with the exact number of likes."""
    expected: dict[tuple[str, date], list[int | None]] = defaultdict(list)
    for (platform, _), (author, posted_at, _, likes) in mentions.items():
        expected[f"{platform}:{author}", posted_at.date()].append(likes)
    found = {
        (row["author_key"], row["posted_on"]): (row["mentions"], row["likes"], row["mentions_without_likes"])
        for row in built.records("marts.fct_author_likes_daily")
    }
    assert found == {
        key: (len(likes), sum(it or 0 for it in likes), likes.count(None)) for key, likes in expected.items()
    }
    authors = {row["author_key"]: row["mentions"] for row in built.records("marts.dim_author")}
    assert authors == Counter(f"{platform}:{author}" for (platform, _), (author, *_) in mentions.items())


def test_a_link_is_counted_once_in_any_spelling(built: Build, mentions: dict[tuple[str, str], Mention]) -> None:
    """fct_top_urls ranks 35 URLs by the number of posts that link to them."""
    expected = Counter(link for _, _, link, _ in mentions.values() if link)
    rows = sorted(built.records("marts.fct_top_urls"), key=lambda row: int(row["place"]))
    assert {row["url"]: row["mentions"] for row in rows} == expected
    assert len(rows) == 35
    counts = [row["mentions"] for row in rows]
    assert counts == sorted(counts, reverse=True)
    assert all(
        row["mentions"] == row["mentions_on_facebook"] + row["mentions_on_reddit"] + row["mentions_on_x"]
        for row in rows
    )


def test_every_day_between_two_publications_has_a_rate(built: Build) -> None:
    """Days without a publication have the previous rate; a currency has no rate after its last publication."""
    published: dict[str, dict[date, float]] = defaultdict(dict)
    for row in built.records("raw.exchange_rate_history"):
        published[row["currency"]][row["date"]] = row["rate"]
    expected: dict[tuple[str, date], float] = {}
    for currency, rates in published.items():
        day = min(rates)
        while day <= max(rates):
            rate = rates.get(day) or expected[currency, day - timedelta(days=1)]
            expected[currency, day] = rate
            day += timedelta(days=1)
    found = {(row["currency"], row["rate_date"]): row["rate"] for row in built.records("marts.fct_exchange_rate_daily")}
    assert found == expected
    quoted = dict(built.query("SELECT currency, is_quoted FROM marts.dim_currency"))
    assert quoted == {"EUR": True} | {currency: currency != "BGN" for currency in published}


MERGED = "SELECT _dlt_parent_id FROM raw.github_commits__parents WHERE _dlt_list_idx = 1"
ISSUES = "FROM raw.github_issues WHERE pull_request__url IS NULL"
LABELS = "SELECT count(*) FROM raw.github_issues__labels WHERE _dlt_parent_id = issues._dlt_id"


@pytest.mark.parametrize(
    ("mart", "raw"),
    [
        ("sum(commits) FROM marts.fct_commits_daily", "count(*) FROM raw.github_commits"),
        ("count(*) FROM marts.fct_merge_commits", f"count(*) FROM raw.github_commits WHERE _dlt_id IN ({MERGED})"),
        (
            "sum(merge_commits) FROM marts.fct_commits_daily",
            f"count(*) FROM raw.github_commits WHERE commit__message LIKE 'Merge: %' AND _dlt_id IN ({MERGED})",
        ),
        (
            "count(*), sum(label_count), count(closed_at) FROM marts.fct_issue_age",
            f"count(*), sum(({LABELS})), count(closed_at) FROM ({ISSUES}) AS issues",
        ),
        (
            "count(*), count(*) FILTER (outcome = 'merged'), max(head_branch) FROM marts.fct_pull_requests",
            "count(*), count(merged_at), max(head ->> '$.ref') FROM raw.github_pulls",
        ),
        ("sum(commits), sum(issues), sum(pull_requests) FROM marts.dim_contributor", "640, 250, 180"),
    ],
    ids=["commits", "merges", "merges by day", "issues", "pull requests", "contributors"],
)
def test_github_marts_have_the_loaded_rows(built: Build, mart: str, raw: str) -> None:
    """All commits, merges, issues and pull requests are there, and no others."""
    assert built.query(f"SELECT {mart}") == built.query(f"SELECT {raw}")


def test_open_data_marts_have_the_loaded_rows(built: Build) -> None:
    """Four years of Seattle's weather are 48 months, and every airport has coordinates."""
    assert built.query("SELECT count(*), sum(days) FROM marts.fct_weather_monthly") == [(48, 1461)]
    january = "SELECT wet_days, precipitation_mm FROM marts.fct_weather_monthly WHERE weather_month = '2012-01-01'"
    days = [row for row in built.records("raw.weather") if row["date"].isoformat().startswith("2012-01")]
    rain = [day["precipitation"] for day in days]
    assert built.query(january) == [(sum(it > 0 for it in rain), pytest.approx(sum(rain)))]
    assert built.query("SELECT count(*), count(place) FROM marts.dim_airport") == [(3376, 3376)]


def test_transactions_of_every_format_are_in_one_table(built: Build) -> None:
    """Exports of two banks and receipts are united with the tag's column names, each row once, with exact amounts."""
    found = built.query("SELECT source, count(*), sum(amount) FROM marts.fct_transactions GROUP BY ALL ORDER BY ALL")
    assert [(source, count, float(amount)) for source, count, amount in found] == [
        ("personal_finance.checking", 9, 3164.1),
        ("personal_finance.receipts", 9, -71.94),
        ("personal_finance.savings", 4, 383.79),
    ]
    assert built.query("SELECT count(*) FROM raw.hub_transactions") == [(22,)]
    row = "SELECT booked_on, amount, description FROM marts.fct_transactions WHERE description = 'Atlas of rivers'"
    assert built.query(row) == [(date(2024, 1, 27), Decimal("-34.5"), "Atlas of rivers")]


@pytest.mark.rare
def test_a_changed_export_of_a_bank_stays_in_one_table(built: Build, tmp_path: Path) -> None:
    """After a column is renamed, a new satellite has the new names, beside the old one, and the table has both."""
    shutil.copytree(ROOT / "dlthub" / "personal_finance", folder := tmp_path / "dlthub" / "personal_finance")
    shutil.copy(ROOT / "dlthub" / "tags.yaml", tmp_path / "dlthub")
    for file in (folder / "sources.yaml", folder / "files" / "checking.csv"):
        file.write_text(file.read_text().replace("Bedrag", "Bedrag EUR").replace("-54,30", "-55,30"))
    shutil.copytree(Path(built.warehouse.path).parent, tmp_path / "warehouse")
    warehouse = DuckDBWarehouse(tmp_path / "pipelines", str(tmp_path / "warehouse" / "warehouse.duckdb"))
    config = load_source_config(folder)
    resource = config.find_resource("checking")
    assert resource
    landed = load_resource(Task(config, resource), warehouse)
    assert landed.table.startswith("warehouse.raw.sat_personal_finance_checking_")
    target = built.folder.parent / "target"
    run_dbt(["run", "--select", "fct_transactions", "transaction_versions"], target, **warehouse.dbt_settings())
    with duckdb.connect(warehouse.path, read_only=True) as connection:
        query = (
            "SELECT amount, valid_to IS NULL FROM intermediate.transaction_versions"
            " WHERE description = 'Supermarkt' ORDER BY valid_from"
        )
        assert connection.execute(query).fetchall() == [(Decimal("-54.3"), False), (Decimal("-55.3"), True)]
        query = "SELECT count(*), sum(amount) FROM marts.fct_transactions WHERE source = 'personal_finance.checking'"
        assert connection.execute(query).fetchone() == (9, Decimal("3163.1"))


@pytest.mark.rare
def test_a_nested_table_that_does_not_exist_yet_is_empty(built: Build, tmp_path: Path) -> None:
    """Before the first issue with a label there is no table of labels, but the models can be built."""
    path = str(tmp_path / "warehouse.duckdb")
    shutil.copy(built.warehouse.path, path)
    with duckdb.connect(path) as connection:
        connection.execute("DROP TABLE raw.github_issues__labels")
    target = built.folder.parent / "target"
    run_dbt(["run", "--select", "stg_github__issue_labels", "fct_issue_age"], target, DBT_DUCKDB_PATH=path)
    with duckdb.connect(path, read_only=True) as connection:
        assert connection.execute("SELECT count(*), sum(label_count) FROM marts.fct_issue_age").fetchone() == (250, 0)


def test_every_model_compiles_for_snowflake(tmp_path: Path) -> None:
    """Models and tests compile to SQL of Snowflake's dialect, without a connection or a setting but the deployment."""
    run_dbt(
        ["compile", "--target", "snowflake", "--no-populate-cache", "--no-introspect"], tmp_path,
        **{name: "" for name in os.environ if name.startswith("SNOWFLAKE_")}, DEPLOYMENT="production",
    )  # fmt: skip
    compiled = {file.name: file.read_text() for file in tmp_path.glob("compiled/**/*.sql")}
    assert len(compiled) > 100
    for text in compiled.values():
        sqlglot.parse_one(text, dialect="snowflake", error_level=sqlglot.ErrorLevel.RAISE)
    scraped = compiled["stg_mentions__facebook_scraped.sql"]
    for expected in (
        "try_to_timestamp_ntz(replace(posts.time, ' at ', ' '), 'MMMM DD, YYYY HH12:MI AM')",
        "get_path(try_parse_json(to_varchar(posts.extra)), 'scraper.version')",
        r"regexp_replace(posts.link, '([?&])(utm_[^&#]*&?)+', '\\1')",
    ):
        assert expected in scraped
    # Functions and syntax of DuckDB only.
    foreign = re.compile(r"strptime|make_timestamp|json_extract_string|date_diff|string_agg|at time zone")
    assert {name: found for name, text in compiled.items() if (found := foreign.findall(text))} == {}


def test_the_version_of_dbt_is_read_without_starting_it() -> None:
    """dagster-dbt runs `dbt --version`; our method returns the same version and overrides the method that is called."""
    ours, theirs = (kind(project_dir=str(PROJECT), dbt_executable=str(DBT)) for kind in (InstalledDbt, DbtCliResource))
    assert ours._cli_version == theirs._cli_version


def test_a_repository_without_a_dbt_project_has_no_models(tmp_path: Path) -> None:
    """The sources can be loaded: one asset stands for the models, and says which file is missing."""
    warehouse = DuckDBWarehouse(tmp_path / "pipelines", str(tmp_path / "warehouse.duckdb"))
    [spec] = build_dbt_assets(tmp_path, warehouse).resolve_all_asset_specs()
    assert spec.key.to_user_string() == "dbt_models"
    assert f"{tmp_path / 'dbt_project'}: there is no dbt_project.yml" in (spec.description or "")


def test_a_warehouse_without_dbt_has_no_models(tmp_path: Path) -> None:
    """If dbt cannot run, one asset shows the reason and the settings; dbt parses nothing and no asset can be run."""
    sqlite = AlchemyWarehouse(tmp_path / "pipelines", tmp_path, "sqlite:///raw.db")
    definitions = build_dbt_assets(tmp_path, sqlite)
    [spec] = definitions.resolve_all_asset_specs()
    assert spec.key.to_user_string() == "dbt_models"
    assert f"Tables land in {sqlite.describe()}, where dbt cannot run" in (spec.description or "")
    assert "Set `WAREHOUSE` to duckdb, snowflake, postgres, ducklake or lake" in (spec.description or "")
    assert list(tmp_path.iterdir()) == []

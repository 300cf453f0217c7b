"""Columns marked `pii`: their tags in Dagster and dbt, and the hashes that `pii: hash` stores instead of values."""

import hashlib
import hmac
import json

import dagster as dg
import pytest
import yaml

from data_foundation.cli.required_settings import find_settings
from data_foundation.dbt.sources_yaml import build_dbt_sources
from data_foundation.errors import ConfigError, FoundationError, SettingMissing
from data_foundation.local.preview import preview_resource
from data_foundation.project.find_sources import find_sources
from data_foundation.project.source import load_source_config
from tests.promises.test_secrets import Trial, canary
from tests.support.locations import Location
from tests.support.trees import Tree

KEY = "b3b0c6f2e1d94a7f8a5c0e7d6f4b2a19"
HASHED = "columns: {email: {pii: hash}, user__phone: {pii: hash}, born: {pii: hash}}"

# The same two rows in every form that an entry may yield.
FORMS = {
    "a page of dicts": "yield ROWS",
    "a row at a time": "yield from ROWS",
    "JSON": "yield json.dumps(ROWS).encode()",
    "JSON lines": "yield '\\n'.join(map(json.dumps, ROWS)).encode()",
    "a page of JSON": "yield [json.dumps(row).encode() for row in ROWS]",
    "tuples of objects": "yield tuple(Row(**row) for row in ROWS)",
    "an Arrow table": "yield pa.Table.from_pylist(ROWS)",
    "an Arrow batch": "yield pa.RecordBatch.from_pylist(ROWS)",
    "an encoded Arrow table": (
        "table = pa.Table.from_pylist(ROWS); yield table.set_column(1, 'Email', table['Email'].dictionary_encode())"
    ),
    "a pandas frame": "yield pd.DataFrame(ROWS)",
}
ENTRY = """
import json

import pandas as pd
import pyarrow as pa
from pydantic import BaseModel


class Row(BaseModel):
    id: int
    Email: str | None
    born: str | None
    user: dict | None


ROWS = [
    {"id": 1, "Email": "Ann@example.com ", "born": "1987", "user": {"phone": "+31 6", "city": "Delft"}},
    {"id": 2, "Email": None, "born": None, "user": {"phone": None, "city": "Gouda"}},
]


def get_rows():
    FORM
    assert ROWS[0]["Email"] == "Ann@example.com ", "what the source keeps is its own"
"""


@pytest.fixture(autouse=True)
def _key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PII_HASH_KEY", KEY)


def hashed(text: str) -> str:
    """Returns the hash of a text, computed independently of the package."""
    return hmac.new(KEY.encode(), text.encode(), hashlib.sha256).hexdigest()


@pytest.mark.parametrize("engine", ["columnar", "dlt"])
@pytest.mark.parametrize("form", FORMS)
@pytest.mark.sampled(3)
def test_a_value_has_the_same_hash_in_every_form_of_row(tree: Tree, form: str, engine: str) -> None:
    """The hash is HMAC-SHA-256 of the exact text, at any depth, on both engines; nulls and other columns are kept."""
    tree.add(
        "shop",
        f"resources: [{{entry: data.get_rows, destination: raw.people, engine: {engine}, {HASHED}}}]",
        ENTRY.replace("FORM", FORMS[form]),
    )
    result = tree.load("shop.people")
    assert [text for text in result.warnings if "pii" in text] == []
    (first, second) = tree.query("SELECT id, email, born FROM raw.people ORDER BY id")
    assert first == (1, hashed("Ann@example.com "), hashed("1987"))
    assert second == (2, None, None)
    if "user" in result.columns:  # a frame keeps objects as JSON
        phones = [json.loads(one) for one in tree.query("SELECT user FROM raw.people ORDER BY id")]
        assert phones == [{"phone": hashed("+31 6"), "city": "Delft"}, {"phone": None, "city": "Gouda"}]
    else:
        assert tree.query("SELECT user__phone, user__city FROM raw.people ORDER BY id") == [
            (hashed("+31 6"), "Delft"),
            (None, "Gouda"),
        ]


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("'007'", "007"),
        ("''", ""),
        ("7", "7"),
        ("2.50", "2.5"),
        ("True", "true"),
        ("b'x'", "x"),
        ("Decimal('1.50')", "1.50"),
        ("date(1987, 5, 4)", "1987-05-04"),
        ("datetime(1987, 5, 4, tzinfo=UTC)", "1987-05-04T00:00:00+00:00"),
        ("{'b': [1], 'a': 'é'}", '{"a": "é", "b": [1]}'),
        ("['x', None]", '["x", null]'),
    ],
)
def test_the_text_form_of_each_type_is_hashed(tree: Tree, value: str, text: str) -> None:
    """Text is neither trimmed nor case-folded. Other types have one text form; lists and objects are hashed as JSON."""
    data = "from datetime import UTC, date, datetime\nfrom decimal import Decimal\n\n\n"
    data += f"def get_rows():\n    yield {{'secret': {value}}}\n"
    tree.add(
        "shop",
        "resources: [{entry: data.get_rows, destination: raw.people, columns: {secret: {pii: hash}}}]",
        data,
    )
    tree.load("shop.people")
    assert tree.query("SELECT secret FROM raw.people") == [hashed(text)]


def test_a_hashed_primary_key_merges_rows(tree: Tree) -> None:
    """A merge by a hashed primary key updates the row, because equal values have equal hashes in every load."""
    tree.add(
        "shop",
        "resources: [{entry: data.get_rows, destination: raw.people, write_disposition: merge, primary_key: email, "
        "columns: {email: {pii: hash}}}]",
    )
    for seen in (1, 2):
        tree.give("shop", [{"email": "a@b.c", "seen": seen}])
        tree.load("shop.people")
    assert tree.query("SELECT email, seen FROM raw.people") == [(hashed("a@b.c"), 2)]


@pytest.mark.parametrize("key", [None, "short"])
def test_the_entry_is_not_called_without_a_hash_key(
    tree: Tree, monkeypatch: pytest.MonkeyPatch, key: str | None
) -> None:
    """The load and `foundation list` name the missing or short key before the entry is called."""
    monkeypatch.delenv("PII_HASH_KEY")
    if key:
        monkeypatch.setenv("PII_HASH_KEY", key)
    folder = tree.add(
        "shop",
        "resources: [{entry: data.get_rows, destination: raw.people, columns: {email: {pii: hash}}}]",
        "def get_rows():\n    open(__file__ + '.begun', 'w').close()\n    yield {'email': 'a'}\n",
    )
    with pytest.raises(SettingMissing, match=r"needs PII_HASH_KEY.*32 characters or more"):
        tree.load("shop.people")
    assert not (folder / "data.py.begun").exists()
    [source], _ = find_sources(tree.root)
    assert [(one.name, one.is_set) for one in find_settings(source, {})] == [("PII_HASH_KEY", False)]


def test_a_hashed_column_that_no_row_has_is_a_warning(tree: Tree) -> None:
    """The load warns of a hashed column that no row has; its name may be misspelt."""
    tree.add("shop", "resources: [{entry: data.get_rows, destination: raw.people, columns: {emial: {pii: hash}}}]")
    tree.give("shop", [{"email": "a@b.c"}])
    warning = "columns.emial has pii: hash, and no row has this column. Did you mean 'email'?"
    assert warning in tree.load("shop.people").warnings


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ("columns: {email: {pii: hsh}}", "got 'hsh'; accepted: True, False, hash. Did you mean 'hash'?"),
        ("columns: {age: {pii: hash, data_type: bigint}}", "pii: hash lands as text, not bigint"),
        ("columns: {gone: {pii: hash, hard_delete: true}}", "pii: hash leaves nothing to delete by"),
        (
            "columns: {user_email: {pii: hash}}, incremental: {cursor_path: userEmail}",
            "columns.user_email: pii: hash has no order, and it is the cursor of `incremental`",
        ),
        (
            "columns: {user: {pii: hash}}, incremental: {cursor_path: user.changed}",
            "columns.user: pii: hash has no order",
        ),
    ],
)
def test_settings_that_contradict_a_hash_are_refused(tree: Tree, settings: str, message: str) -> None:
    """The settings are checked before anything runs; the error names file and line."""
    folder = tree.add("shop", f"resources: [{{entry: data.get_rows, destination: raw.people, {settings}}}]")
    with pytest.raises(ConfigError) as refused:
        load_source_config(folder)
    assert message in str(refused.value)


def test_dagster_and_dbt_mark_personal_columns(location: Location) -> None:
    """Dagster tags the columns before and after a load, dbt's source has `pii` in `meta`, and descriptions are kept."""
    columns = "{email: {pii: true, description: Of the buyer.}, Phone: {pii: hash}, id: {}}"
    location.add(
        "shop",
        f"resources: [{{entry: data.get_rows, destination: raw.people, columns: {columns}}}]",
        "def get_rows():\n    yield {'id': 1, 'email': 'a@b.c', 'Phone': '1'}\n",
    )
    spec = location.specs()["raw/people"].metadata["dagster/column_schema"]
    [event] = location.materialize().get_asset_materialization_events()
    landed = event.materialization.metadata["dagster/column_schema"]
    assert isinstance(landed, dg.TableSchemaMetadataValue)
    for schema in (spec, landed.value):
        tags = {column.name.lower(): dict(column.tags) for column in schema.columns}
        assert (tags["email"], tags["phone"], tags["id"]) == ({"pii": "true"}, {"pii": "true"}, {})
    [(email, phone)] = location.query("SELECT email, phone FROM raw.people")
    assert (email, phone) == ("a@b.c", hashed("1"))
    [source] = yaml.safe_load(build_dbt_sources(location.root, Tree(location.root).warehouse))["sources"]
    [table] = source["tables"]
    assert table["columns"] == [
        {"name": "email", "data_type": "text", "description": "Of the buyer.", "config": {"meta": {"pii": True}}},
        {"name": "phone", "data_type": "text", "config": {"meta": {"pii": True}}},
        {"name": "id", "data_type": "bigint"},
    ]


EMAIL = canary("a person")
PEOPLE = f"""
ROW = {{"id": 1, "email": {EMAIL!r}, "user": {{"email": {EMAIL!r}}}}}


def get_rows():
    yield [ROW]


def get_refused():
    yield [ROW | {{"id": {{1, 2}}}}]


def get_rows_and_fail():
    yield [ROW] * 1000
    raise ConnectionError("away")
"""
YAML = """
resources:
  - {entry: data.get_rows, destination: raw.rows, COLUMNS, checks: {accepted_values: {email: [x]}}}
  - {entry: data.get_rows, destination: raw.by_dlt, engine: dlt, COLUMNS}
  - {entry: data.get_rows, destination: raw.keyed, tag: people, landing: vault, primary_key: email, COLUMNS}
  - {entry: data.get_refused, destination: raw.refused, COLUMNS}
  - {entry: data.get_rows_and_fail, destination: raw.failed, retries: {max: 1, backoff: 0}, COLUMNS}
  - entry: data_foundation.readers.files.get_rows
    destination: raw.aside
    kwargs: {path: "*.csv", connection: inbox, on_bad_row: quarantine}
    columns: {email: {PII}, id: {data_type: bigint}}
  - entry: data_foundation.readers.files.get_rows
    destination: raw.bad
    kwargs: {path: "*.csv", connection: inbox}
    columns: {email: {PII}, id: {data_type: bigint}}
"""


@pytest.mark.sampled(3)
@pytest.mark.parametrize("pii", ["hash", "true"])
def test_a_hashed_value_is_never_stored_as_plain_text(
    location: Location, monkeypatch: pytest.MonkeyPatch, pii: str
) -> None:
    """With `pii: hash` no file, table, event, log or preview of a load contains the value. With `pii: true` some do."""
    columns = f"columns: {{email: {{pii: {pii}}}, user__email: {{pii: {pii}}}}}"
    inbox = location.write(".dlt/inbox/people.csv", f"id,email\n1,{EMAIL}\n{EMAIL},2\nx{EMAIL},{EMAIL}\n").parent
    monkeypatch.setenv("SOURCES__SHOP__INBOX__URL", str(inbox))
    location.write("dlthub/tags.yaml", "people: {requires: {email: text}}\n")
    location.add("shop", YAML.replace("COLUMNS", columns).replace("PII", f"pii: {pii}"), PEOPLE)
    trial = Trial(location)
    home = location.root / "home"
    home.mkdir()
    with dg.DagsterInstance.local_temp(str(home)) as instance:
        result = location.materialize(instance=instance)
    landed = {event.asset_key.path[-1] for event in result.get_asset_materialization_events() if event.asset_key}
    assert landed == {"rows", "by_dlt", "keyed", "aside"}
    config = load_source_config(location.root / "dlthub" / "shop")
    for resource in config.resources:
        try:
            trial.output += map(str, preview_resource(config, resource, 5))
        except FoundationError as error:
            trial.output.append(str(error))
    places = {place.split("/")[0] for place in trial.places(EMAIL)}
    assert places == (set() if pii == "hash" else {"data", "home", "output"})

"""Tests of bad input: the error names file and line, and every other source is loaded."""

import keyword
import os
import subprocess
import sys
from pathlib import Path

import pytest
from dagster._core.definitions.utils import DISALLOWED_NAMES
from typer.testing import CliRunner

from data_foundation.cli.main import app
from data_foundation.project import python_resources as configurable
from data_foundation.project import source_import
from data_foundation.project.find_sources import BrokenSource, find_sources
from data_foundation.project.source_folder import OP_NAMES
from tests.support.locations import COMPOSITION, ROWS, Location, failure, landed

YAML = "dlthub/bad/sources.yaml"
BOMB = "resources:\n" + "".join(
    f"  - &{name} [{', '.join([f'*{before}' if before else 'x'] * 9)}]\n"
    for before, name in zip(("", *"abcdefg"), "abcdefgh", strict=True)
)


def resource(extra: str = "", entry: str = "data.get_rows", destination: str = "raw.bad") -> str:
    """Returns a sources.yaml whose resource begins on line 2 and has `extra` on line 4."""
    return f"resources:\n  - entry: {entry}\n    destination: {destination}\n    {extra}\n"


def two(first: str, extra: str, second: str, more: str = "") -> str:
    """Returns a sources.yaml whose second resource begins on line 5."""
    return resource(extra, destination=first) + resource(more, destination=second).removeprefix("resources:\n")


MALFORMED: dict[str, tuple[str | bytes, int | None, str]] = {
    "tabs": ("resources:\n\t- entry: data.get_rows\n", 2, "YAML allows no tabs"),
    "a tab further on": ("resources:\n  - entry: data.get_rows\n\tdestination: raw.a\n", 3, "YAML allows no tabs"),
    "duplicate keys": (resource("entry: data.get_rows"), 4, "the key 'entry' is given twice, first on line 2"),
    "duplicate top key": ("resources: []\nresources: []\n", 2, "the key 'resources' is given twice, first on line 1"),
    "python tag": ("resources:\n  - !!python/object/apply:os.system [exit]\n", 2, "no tags"),
    "tag of one's own": ("resources: !include other.yaml\n", 1, "no tags"),
    "alias bomb": (BOMB, 7, "aliases expand to more than"),
    "alias of itself": ("resources: &r\n  - *r\n", 1, "aliases expand to more than"),
    "unknown alias": ("resources: *nothing\n", 1, "undefined alias"),
    "nested too deep": ("resources:\n  " + "[" * 100_000 + "]" * 100_000, 2, "nested more than 200 levels"),
    "nested blocks": ("resources:\n" + "- " * 50_000, 2, "nested more than 200 levels"),
    "a list as a key": ("? [a, b]\n: 1\nresources: []\n", 1, "cannot be a key"),
    "no such date": (resource("partitions: {by: daily, start: 2024-13-45}"), 4, "month must be in 1..12"),
    "unclosed": ("resources: [{entry: data.get_rows\n", 2, "not valid YAML"),
    "two documents": ("resources: []\n---\nresources: []\n", 2, "another document"),
    "a control character": (b"resources:\x00 []\n", None, "not valid YAML"),
    "empty": ("", 1, "is empty"),
    "only comments": ("# resources: []\n", 1, "is empty"),
    "latin-1": ("# ok\n# caf\xe9\nresources: []\n".encode("latin-1"), 2, "is not UTF-8 text: byte 0xe9"),
    "UTF-16": ("resources: []\n".encode("utf-16"), 1, "is not UTF-8 text"),
    "a list at the top": ("- entry: data.get_rows\n", 1, "got a list; accepted is a mapping"),
    "a word at the top": ("hello\n", 1, "got a str; accepted is a mapping"),
    "no resources": ("source: {}\n", 1, "needs at least one resource"),
    "resources: {}": ("source: {}\nresources: {}\n", 2, "needs at least one resource"),
    "resources: a word": ("source: {}\nresources: all\n", 2, "needs at least one resource"),
    "a resource that is a word": (
        "resources:\n  - data.get_rows\n",
        2,
        "resources[0]: got 'data.get_rows'; accepted is a mapping",
    ),
    "source: a list": ("source: []\n" + resource(), 1, "source: accepted is a mapping"),
    "source: false": ("source: false\n" + resource(), 1, "source: accepted is a mapping"),
}

MISSPELT = {
    "top": (
        resource().replace("resources", "resurces"),
        1,
        "unknown key 'resurces'; accepted: source, sources, alerts, resources. Did you mean 'resources'?",
    ),
    "source": ("source:\n  owner: x\n" + resource(), 2, "source.owner: unknown key 'owner'"),
    "resource": (
        resource("write_dispositon: append"),
        4,
        "resources[0].write_dispositon: unknown key",
        "Did you mean 'write_disposition'?",
    ),
    "incremental": (
        resource("incremental: {cursor: id}"),
        4,
        "Did you mean 'cursor_path'?",
        "cursor_path: is required and missing",
    ),
    "name of a column": (
        resource("columns: {id: {name: id}}"),
        4,
        "columns.id.name: unknown key 'name'; accepted: data_",
    ),
    "columns": (
        resource("columns: {id: {type: text}}"),
        4,
        "columns.id.type: unknown key 'type'",
        "Did you mean 'data_type'?",
    ),
    "partitions": (resource("partitions: {by: daily, start: 2024-01-01, ends: 2025-01-01}"), 4, "Did you mean 'end'?"),
    "freshness": (resource("freshness: {fail_after: 30}"), 4, "Did you mean 'fail_after_hours'?"),
    "automation": (resource("automation: {crn: '@daily'}"), 4, "Did you mean 'cron'?"),
    "catch_up": (resource("automation: {cron: '@daily', catch_up: 7 days}"), 4, "hours, days or weeks: 12h, 7d or 2w"),
    "catch_up without a cron": (
        resource("automation: {condition: eager, catch_up: 7d}"),
        4,
        "catch_up is of a cron, and the condition is eager",
    ),
    "catch_up without partitions": (
        resource("automation: {cron: '@daily', catch_up: 7d}"),
        2,
        "looks back at partitions, and there are none",
    ),
    "automation word": (resource("automation: missing_or_change"), 4, "Did you mean 'missing_or_changed'?"),
    "schema_contract": (resource("schema_contract: {column: freeze}"), 4, "Did you mean 'columns'?"),
    "write_disposition key": (
        resource("write_disposition: {disposition: merge, strategi: upsert}"),
        4,
        "Did you mean 'strategy'?",
    ),
    "meta.dagster": (resource("meta: {dagster: {automation: '@daily'}}"), 4, "Did you mean 'automation_condition'?"),
    "automation_condition": (
        resource("meta: {dagster: {automation_condition: on_shedule}}"),
        4,
        "Did you mean 'on_schedule'?",
    ),
    "cron_schedul": (
        resource("meta: {dagster: {automation_condition_config: {cron_schedul: '@daily'}}}"),
        4,
        "Did you mean 'cron_schedule'?",
    ),
    "write_disposition": (
        resource("write_disposition: upsrt"),
        4,
        "got 'upsrt'",
        "Did you mean {disposition: merge, strategy: upsert}?",
    ),
    "disposition": (resource("write_disposition: replce"), 4, "Did you mean 'replace'?"),
    "by": (resource("partitions: {by: dayly, start: 2024-01-01}"), 4, "Did you mean 'daily'?"),
    "data_type": (resource("columns: {id: {data_type: txt}}"), 4, "Did you mean 'text'?"),
    "on_empty": (resource("on_empty: kep"), 4, "Did you mean 'keep'?"),
    "time zone": (
        resource("automation: {cron: '@daily', timezone: Europe/Amsterdm}"),
        4,
        "Did you mean 'Europe/Amsterdam'?",
    ),
    "template": (
        resource("kwargs: {a: '{{ partition.strt }}'}"),
        4,
        "unknown template '{{ partition.strt }}'",
        "Did you mean 'partition.start'?",
    ),
}

REFUSED = {
    "a number": (resource("primary_key: 7"), 4, "got 7"),
    "args: a word": (resource("args: org/repo"), 4, "args: got 'org/repo'; accepted is a list"),
    "kwargs: a list": (resource("kwargs: [a]"), 4, "kwargs: got ['a']; accepted is a mapping"),
    "kwargs: nothing": (resource("kwargs:"), 4, "kwargs: got None; accepted is a mapping"),
    "a key that is a number": (resource("7: x"), 4, "keys should be strings"),
    "enabled: perhaps": (resource("enabled: perhaps"), 4, "enabled: got 'perhaps'"),
    "max_concurrency: 0": ("source: {max_concurrency: 0}\n" + resource(), 1, "max_concurrency: got 0"),
    "no entry": ("resources:\n  - destination: raw.bad\n", 2, "entry: is required and missing"),
    "no destination": ("resources:\n  - entry: data.get_rows\n", 2, "destination: is required and missing"),
    "a destination without dataset": (resource(destination="bad"), 3, "accepted: dataset.table"),
    "a destination of three": (resource(destination="db.raw.bad"), 3, "accepted: dataset.table"),
    "a destination with spaces": (resource(destination="raw.my table"), 3, "accepted: dataset.table"),
    "a destination in quotes": (resource(destination="raw.'b\"ad'"), 3, "accepted: dataset.table"),
    "a destination of signs": (resource(destination="raw.---"), 3, "accepted: dataset.table"),
    "a destination beyond ASCII": (resource(destination="raw.日本"), 2, "'日本' has letters beyond a to z"),
    "a destination that is a number": (resource(destination="1.5"), 3, "destination: got 1.5"),
    "a very long table": (resource(destination="raw." + "x" * 300), 2, "has 303 characters; accepted are at most 200"),
    "dlt's own table": (resource(destination="raw._dlt_loads"), 2, "tables that begin with _dlt are dlt's own"),
    "the dataset of the sources": (
        resource(destination="Source.healthy"),
        2,
        "the dataset 'source' has the vendors' asset keys in Dagster; use another name",
    ),
    "two destinations": (
        "resources:\n  raw.bad:\n    entry: data.get_rows\n    destination: raw.other\n",
        4,
        "the key 'raw.bad' is the destination already",
    ),
    "merge without a key": (resource("write_disposition: merge"), 2, "merge needs a primary_key or a merge_key"),
    "append upsert": (
        resource("write_disposition: {disposition: append, strategy: upsert}"),
        4,
        "strategy 'upsert' is for disposition merge",
    ),
    "a template of nothing": (resource("args: ['{{ now() }}']"), 4, "unknown template '{{ now() }}'"),
    "a template in a list in a mapping": (
        resource("kwargs: {a: [{b: '{{ foo }}'}]}"),
        4,
        "unknown template '{{ foo }}'",
    ),
    "partition.start of no range": (
        resource("args: ['{{ partition.start }}']"),
        2,
        "needs `partitions` or `incremental`",
    ),
    "file_format": (resource("file_format: csv"), 4, "got 'csv'; accepted: parquet, preferred; rows travel as parquet"),
    "table_format": (resource("table_format: hive"), 4, "got 'hive'; accepted: delta and iceberg, in a lake"),
    "spec": (resource("spec: {token: text}"), 4, "'spec' is no key of this file; it is a class"),
    "table_name": (resource("table_name: t"), 4, "the table is the second part of `destination`"),
    "section": (
        resource("section: vendor"),
        2,
        "got 'vendor'; the settings of this folder are read from [sources.bad]",
    ),
    "incremental: false": (resource("incremental: false"), 4, "got False; accepted: true, if the code"),
    "incremental: true of a replace": (
        resource("incremental: true\n    write_disposition: replace"),
        2,
        "replace with `incremental` would leave only",
    ),
    "an empty cursor": (resource("incremental: {cursor_path: ''}"), 4, "cursor_path: got ''"),
    "nested_hints: a list": (resource("nested_hints: [items]"), 4, "got ['items']; accepted is a mapping"),
    "pii in nested_hints": (
        resource("nested_hints: {items: {columns: {mail: {pii: hash}}}}"),
        4,
        "unknown key 'pii'; accepted: data_type",
    ),
    "a key in nested_hints": (
        resource("nested_hints: {items: {columns: {}, primary_key: sku}}"),
        4,
        "unknown key 'primary_key'; accepted: columns",
    ),
    "references of one column to two": (
        resource("references: [{referenced_table: a, columns: x, referenced_columns: [y, z]}]"),
        4,
        "got 1 columns and 2 referenced_columns",
    ),
    "references to another dataset": (
        resource("references: [{referenced_table: crm.a, columns: x, referenced_columns: y}]"),
        2,
        "'crm.a' is in another dataset than raw.bad",
    ),
    "columns without names": (resource("columns: [{data_type: text}]"), 4, "a list of columns that have a `name` each"),
    "a column twice": (resource("columns: [{name: a}, {name: a}]"), 4, "no two the same"),
    "a set with values": (resource("kinds: {api: 1}"), 4, "kinds: got {'api': 1}; accepted is a list"),
    "two names of one key": (
        resource("enabled: true\n    selected: true"),
        4,
        "enabled: is `selected` under another name, which is there too; leave one of them out",
    ),
    "skip": (
        resource("write_disposition: skip"),
        4,
        "{disposition: merge, strategy: ...}; `enabled: false` loads nothing",
    ),
    "a condition of another project": (
        resource("meta: {dagster: {automation_condition: lazy_on_cron}}"),
        4,
        "got 'lazy_on_cron'; accepted: on_schedule, on_cron, eager, on_missing, missing_or_changed, lazy, manual",
    ),
    "a parent that is not enabled": (
        two("raw.other", "selected: false", "raw.bad", "data_from: other"),
        5,
        "bad takes its items from other, which is not enabled; set `enabled: true` there",
    ),
    "sources: a list": ("sources: [bad]\n" + resource(), 1, "sources: accepted is a mapping of names"),
    "sources without resources": ("sources: {shop: {}}\n" + resource(), 1, "sources.shop.resources: is required"),
    "sources: unknown resource": (
        "sources: {shop: {resources: [raw.bed]}}\n" + resource(),
        1,
        "'raw.bed' is no resource of this folder, which has raw.bad. Did you mean 'raw.bad'?",
    ),
    "sources: one resource twice": (
        "sources:\n  a: {resources: [raw.bad]}\n  b: {resources: bad}\n" + resource(),
        3,
        "raw.bad is listed by sources.a too",
    ),
    "sources: a schema": ("sources: {a: {resources: bad, schema: s}}\n" + resource(), 1, "@dlt.source(schema=...)"),
    "sources: another automation": (
        "sources:\n  a: {resources: bad, meta: {dagster: {automation_condition: lazy}}}\n"
        + resource("automation: eager"),
        2,
        "raw.bad has another automation of its own; leave it out here or there",
    ),
    "sources: another freshness": (
        "sources:\n  a:\n    resources: bad\n    freshness: {fail_after_hours: 1}\n"
        + resource("freshness: {fail_after_hours: 2}"),
        4,
        "raw.bad has another freshness of its own",
    ),
    "cron": (resource("automation: 61 * * * *"), 4, "accepted: a cron"),
    "cron with seconds": (resource("automation: '* * * * * *'"), 4, "accepted: a cron"),
    "a cron that never comes": (resource("automation: 0 0 31 2 *"), 4, "accepted: a cron"),
    "@reboot": (resource("automation: '@reboot'"), 4, "accepted: a cron"),
    "on_cron without cron": (resource("automation: on_cron"), 2, "automation: on_cron needs a cron"),
    "on_schedule without cron": (resource("meta: {dagster: {automation_condition: on_schedule}}"), 2, "needs a cron"),
    "long cron": (
        resource("meta: {dagster: {automation_condition_config: {cron_schedule: daily}}}"),
        4,
        "cron_schedule: got 'daily'",
    ),
    "long time zone": (
        resource("meta: {dagster: {automation_condition_config: {cron_schedule: '@daily', cron_timezone: Mars}}}"),
        4,
        "cron_timezone: got 'Mars'",
    ),
    "a path for a time zone": (
        resource("automation: {cron: '@daily', timezone: ../../etc/passwd}"),
        4,
        "accepted: an IANA time zone",
    ),
    "owner": (resource("owners: [bob]"), 4, "owners[0]: got 'bob'; accepted: an e-mail address or team:<name>"),
    "owner of Dagster's rules": (resource("owners: [a@b.c]"), 4, "accepted: an e-mail address"),
    "kind": (resource("kinds: [a b]"), 4, "kinds[0]: got 'a b'"),
    "too many kinds": (resource(f"kinds: {list('abcdefghi')}"), 2, "got 9 kinds; accepted are at most 8"),
    "tag": (resource("tags: {a: b c}"), 4, "tags.a: got 'b c'"),
    "tag key": (resource("tags: {a/b/c: d}"), 4, "tags.a/b/c: got 'a/b/c'"),
    "tag beyond ASCII": (resource("tags: {größe: a}"), 4, "accepted: letters, digits"),
    "a tag that is a number": (resource("tags: {a: 1}"), 4, "tags.a: got 1"),
    "freshness of a second": (resource("freshness: {fail_after_hours: 0.0003}"), 4, "fail_after_hours: got 0.0003"),
    "freshness of ever": (resource("freshness: {fail_after_hours: .inf}"), 4, "fail_after_hours: got inf"),
    "long freshness": (resource("meta: {dagster: {freshness_lower_bound_delta_seconds: 1}}"), 4, "seconds: got 1"),
    "warns too late": (
        resource("freshness: {fail_after_hours: 1, warn_after_hours: 2}"),
        4,
        "warn_after_hours must be less",
    ),
    "partitions backwards": (
        resource("partitions: {by: daily, start: 2024-01-01, end: 2023-01-01}"),
        4,
        "must come after start",
    ),
    "partitions of old": (
        resource("partitions: {by: daily, start: 0001-01-01}"),
        4,
        "start: got 0001-01-01; accepted: 1970 or later",
    ),
    "a date without dashes": (
        resource("partitions: {by: daily, start: 20240101}"),
        4,
        "accepted: a date as 2024-01-31",
    ),
    "metadata of Dagster's": (resource("meta: {dagster/column_schema: x}"), 4, "keys that begin with dagster/"),
    "data_from nowhere": (resource("data_from: ordres"), 2, "data_from 'ordres' of bad"),
    "data_from itself": (
        resource("data_from: bad"),
        2,
        "data_from is circular: bad (line 2) -> bad (line 2)",
    ),
    "data_from in a circle": (
        two("raw.a", "data_from: b", "raw.b", "data_from: a"),
        2,
        "a (line 2) -> b (line 5) -> a (line 2)",
    ),
    "duplicate": (
        two("raw.bad", "", "raw.bad"),
        2,
        f"'raw.bad' is table raw.bad, which is also the destination of {YAML}:5 (raw.bad)",
    ),
    "duplicate on one line": (
        "resources: [{entry: data.get_rows, destination: raw.a}, {entry: data.get_rows, destination: raw.A}]",
        1,
        f"also the destination of {YAML}:1 (raw.A)",
    ),
    "a child like a table": (
        two("raw.a", "child_tables: [b]", "raw.a__b"),
        2,
        f"'raw.a: child_tables' is table raw.a__b, which is also the destination of {YAML}:5 (raw.a__b)",
    ),
    "a child twice": (
        resource("child_tables: [items, Items]"),
        2,
        f"also the destination of {YAML}:2 (raw.bad: child_tables)",
    ),
    "a name that nothing has": (resource(entry="rows"), 2, "dlthub/bad/data.py has no 'rows'; it has: get_rows"),
    "an entry that is called": (resource(entry="data.get_rows()"), 2, "accepted: function or module.function"),
    "an entry elsewhere": (resource(entry="../healthy/data.get_rows"), 2, "accepted: function or module.function"),
    "no such module": (
        resource(entry="dta.get_rows"),
        2,
        "there is no module 'dta', neither in this folder (dlthub/bad has data.py) nor installed",
    ),
    "no such module below": (resource(entry="bad.dta.get_rows"), 2, "there is no module 'dta'"),
    "another source": (resource(entry="dlthub.healthy.data.get_rows"), 2, "there is no module 'dlthub'"),
    "no such function": (resource(entry="data.get_row"), 2, "dlthub/bad/data.py has no 'get_row'; it has: get_rows"),
    "only a module": (resource(entry="bad.data"), 2, "names the module dlthub/bad/data.py and nothing inside it"),
    "too many arguments": (resource("args: [1]"), 2, "too many positional arguments; the entry's signature is ()"),
    "unknown argument": (resource("kwargs: {since: 1}"), 2, "got an unexpected keyword argument 'since'"),
}

CODE: dict[str, tuple[str | bytes, str]] = {
    "a syntax error": ("def get_rows(:\n    yield 1\n", "dlthub/bad/data.py:1 is not valid Python"),
    "an indentation error": ("def get_rows():\nyield 1\n", "dlthub/bad/data.py:2 is not valid Python"),
    "a null byte": ("def get_rows():\n    yield '\0'\n", "dlthub/bad/data.py is not valid Python"),
    "another encoding": (
        "def get_rows():\n    yield 'é'\n".encode("latin-1"),
        "dlthub/bad/data.py:2 is not valid Python",
    ),
    "too deep for the parser": ("x = " + "-" * 100_000 + "1\n", "dlthub/bad/data.py is not valid Python"),
    "nothing": ("", "dlthub/bad/data.py has no 'get_rows'; it has: no functions"),
    "a required argument": (
        "def get_rows(repo):\n    yield 1\n",
        "missing a required argument: 'repo'; the entry's signature is (repo)",
    ),
    "a required keyword": (
        "def get_rows(a=1, *, repo):\n    yield 1\n",
        "missing a required argument: 'repo'; the entry's signature is (a=..., *, repo)",
    ),
}

FOLDERS = {
    "my-folder": "accepted are letters, digits and _",
    "my folder": "accepted are letters, digits and _",
    "größe": "accepted are letters, digits and _",
    "it's": "accepted are letters, digits and _",
    "transformation": "dlt's plugin owns that name",
    "runner": "dlt's plugin owns that name",
    "current": "dlt's plugin owns that name",
    "meta": "Dagster and Python own that word",
    "class": "Dagster and Python own that word",
}


def declared(option: str) -> str:
    """Returns a definitions.py that declares a resource with an option."""
    return (
        "import dlt\nfrom data_foundation import ConfigurableDltResource as C\n"
        f"resources = [C.config(dlt.resource([1], name='a.b'), {option})]\n"
    )


DEFINITIONS = {
    "sys.exit": ("import sys\nsys.exit(3)\n", "dlthub/bad/definitions.py:2: importing it failed: calls sys.exit"),
    "exit in its data.py": (
        "from .data import get_rows\nresources = []\n",
        "dlthub/bad/data.py:2: importing it failed: calls sys.exit",
    ),
    "an exception": ("resources = [1 / 0]\n", "dlthub/bad/definitions.py:1: importing it failed: ZeroDivisionError"),
    "no resources": ("import dlt\n", "has no attribute 'resources'"),
    "an endless loop": ("while True:\n    pass\n", "importing it did not end within 1 s"),
    "an endless wait": ("import time\ntime.sleep(20)\n", "importing it did not end within 1 s"),
    "a word": ("resources = 'none'\n", "`resources` is a str; accepted is a list"),
    "a mapping": ("resources = {}\n", "`resources` is a dict; accepted is a list"),
    "a number in the list": (
        "resources = [7]\n",
        "resources[0]: got a int; accepted: ConfigurableDltResource.config(...)",
    ),
    "no destination": (
        "import dlt\nresources = [dlt.resource([1], name='a.b.c')]\n",
        "resources[0].destination: got 'a.b.c'; accepted: dataset.table",
    ),
    "misspelt": (declared("kind='x'"), "resources[0].kind: unknown key 'kind'"),
    "an entry of one's own": (declared("entry='data.x'"), "resources[0].entry: is the dlt resource's own"),
    "on_schedule without cron": (
        declared("meta={'dagster': {'automation_condition': 'on_schedule'}}"),
        "on_cron needs a cron",
    ),
    "data_from nowhere": (declared("data_from='x'"), "data_from 'x' of b"),
    "merge without a key": (
        "import dlt\nresources = [dlt.resource([1], name='a.b', write_disposition='merge')]\n",
        "merge needs a primary_key",
    ),
    "not a resource": (
        "from data_foundation import ConfigurableDltResource as C\nresources = [C.config(print)]\n",
        "takes a dlt resource, got a builtin_function_or_method",
    ),
}


def check() -> tuple[int, str]:
    """Runs `foundation check` in this folder, and returns its exit code and output."""
    result = CliRunner().invoke(app, ["check"])
    return result.exit_code, result.output


def assert_broken(location: Location, *messages: str, name: str = "bad") -> BrokenSource:
    """Asserts that this folder alone is broken, and that its asset and `foundation check` show the messages."""
    specs = location.specs()
    assert "raw/healthy" in specs
    [broken] = find_sources(location.root)[1]
    assert broken.name == name
    standing_for_it = [spec for spec in specs.values() if spec.kinds == {"broken"}]
    assert len(standing_for_it) == 1
    code, output = check()
    assert code == 1
    for message in messages:
        assert message in "\n".join(map(str, broken.problems))
        assert message in (standing_for_it[0].description or "")
        assert message in output
    return broken


@pytest.fixture
def healthy(location: Location) -> Location:
    """A repository with one valid source."""
    location.add("healthy")
    return location


@pytest.mark.parametrize(("yaml", "line", "message"), MALFORMED.values(), ids=MALFORMED)
def test_malformed_yaml(healthy: Location, yaml: str | bytes, line: int | None, message: str) -> None:
    """The error of an invalid YAML file names the line, and the other sources are loaded."""
    healthy.add("bad", yaml or b"\n")
    assert_broken(healthy, f"{YAML}:{line}: " if line else YAML, message)


@pytest.mark.parametrize("case", MISSPELT.values(), ids=MISSPELT)
def test_misspelt_keys_and_words(healthy: Location, case: tuple[str, int, str]) -> None:
    """The error of an unknown key or word names the line, what is accepted, and the nearest spelling."""
    yaml, line, *message = case
    healthy.add("bad", yaml)
    assert_broken(healthy, f"{YAML}:{line}: ", *message)


@pytest.mark.parametrize(("yaml", "line", "message"), REFUSED.values(), ids=REFUSED)
def test_refused_values(healthy: Location, yaml: str, line: int, message: str) -> None:
    """The error of a refused value names the line, the value and what is accepted."""
    healthy.add("bad", yaml)
    assert_broken(healthy, f"{YAML}:{line}: ", message)


@pytest.mark.parametrize(("data", "message"), CODE.values(), ids=CODE)
def test_errors_in_code_found_without_import(healthy: Location, data: str | bytes, message: str) -> None:
    """Errors in `data.py` are found without importing it."""
    healthy.add("bad", resource(), data)
    assert_broken(healthy, f"{YAML}:2: ", message)


@pytest.mark.parametrize(("name", "message"), FOLDERS.items(), ids=FOLDERS)
def test_invalid_folder_names(healthy: Location, name: str, message: str) -> None:
    """A folder name that Dagster, dlt or Python cannot use is refused, and the other sources are loaded."""
    healthy.add(name, resource())
    assert_broken(healthy, f"dlthub/{name}: ", message, name=name)


@pytest.mark.parametrize(("definitions", "message"), DEFINITIONS.values(), ids=DEFINITIONS)
def test_invalid_definitions_in_python(
    healthy: Location, monkeypatch: pytest.MonkeyPatch, definitions: str, message: str
) -> None:
    """A `definitions.py` that exits, hangs, raises or has invalid declarations is reported; others are loaded."""
    monkeypatch.setattr(configurable, "IMPORT_DEADLINE", 1.0)
    healthy.add_python("bad", definitions, "import sys\nsys.exit()\ndef get_rows(): yield 1\n")
    assert_broken(healthy, message)


def test_reserved_folder_names_are_those_of_dagster() -> None:
    """Our list of reserved names is Dagster's list of names that no op may have."""
    assert {name for name in DISALLOWED_NAMES if not keyword.iskeyword(name)} == set(OP_NAMES)


@pytest.mark.parametrize(
    ("files", "message"),
    [
        pytest.param({"data.py": ROWS}, "there is no such file; add it", id="no sources.yaml"),
        pytest.param({"sources.yml": resource()}, "there is sources.yml: rename it", id="sources.yml"),
        pytest.param({"source.yaml": resource()}, "there is source.yaml: rename it", id="source.yaml"),
        pytest.param({"sources.yaml/x": ""}, "cannot be read", id="sources.yaml is a folder"),
        pytest.param(
            {"sources.yaml": resource(), "data/readme": ""}, "there is no module 'data'", id="data is a folder"
        ),
        pytest.param({"sources.yaml": resource()}, "(dlthub/bad has no modules)", id="no data.py"),
        pytest.param(
            {"sources.yaml": resource(), "data.py": ROWS, "__init__.py": "\ndef (:"},
            "dlthub/bad/__init__.py:2: is not valid Python",
            id="__init__.py",
        ),
    ],
)
def test_files_that_are_missing_or_wrong(
    healthy: Location, monkeypatch: pytest.MonkeyPatch, files: dict[str, str], message: str
) -> None:
    """The missing file is named; a package `data` on the import path is not used in place of data.py."""
    healthy.write("data/warehouse.txt", "")
    monkeypatch.syspath_prepend(str(healthy.root))
    for name, text in files.items():
        healthy.write(f"dlthub/bad/{name}", text)
    assert_broken(healthy, message)


@pytest.mark.parametrize(
    ("destination", "files"),
    [
        pytest.param("raw.healthy", ("dlthub/healthy/sources.yaml:1", f"{YAML}:2"), id="across folders"),
        pytest.param("Raw.HEALTHY", ("(raw.healthy)", "(Raw.HEALTHY)"), id="after normalisation"),
    ],
)
def test_duplicates_across_folders(healthy: Location, destination: str, files: tuple[str, str]) -> None:
    """Both folders with the same destination are refused, each with the place of the other; a third one is loaded."""
    healthy.add("bad", resource(destination=destination))
    healthy.add("third")
    assert landed(healthy.materialize("raw/third")) == {"raw/third"}
    broken = find_sources(healthy.root)[1]
    assert [source.name for source in broken] == ["bad", "healthy"]
    assert files[0] in str(broken[0].problems[0])
    assert files[1] in str(broken[1].problems[0])
    assert check()[0] == 1


@pytest.mark.parametrize(
    ("left", "right"),
    [("raw.GitHubCommits", "raw.git_hub_commits"), ("raw.my-table", "raw.my_table"), ("RAW.a", "raw.A")],
)
def test_names_that_normalise_to_one_name_are_duplicates(location: Location, left: str, right: str) -> None:
    """Spellings that dlt normalises to one identifier are one destination."""
    location.add("a", resource(destination=left))
    location.add("b", resource(destination=right))
    assert len(find_sources(location.root)[1]) == 2


def test_leftover_folders_are_not_sources(healthy: Location) -> None:
    """Folders that have only `__pycache__`, are empty or hidden, and stray files are ignored."""
    for path in ("gone/__pycache__/data.pyc", ".idea/x", "_draft/sources.yaml", "README.md", "mac/.DS_Store"):
        healthy.write(f"dlthub/{path}", "")
    (healthy.root / "dlthub" / "empty").mkdir()
    assert find_sources(healthy.root)[1] == []


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(resource("write_disposition: 'https://bob:hunter2@example.com/x?token=hunter2'"), id="a value"),
        pytest.param(resource(entry="'postgres://bob:hunter2@example.com/x'"), id="an entry"),
        pytest.param(resource(destination="'snowflake://bob:hunter2@host/raw.bad'"), id="a destination"),
        pytest.param(resource("'https://bob:hunter2@example.com/': 1"), id="a key"),
        pytest.param(resource("{k}: 1\n    {k}: 2".replace("{k}", "'https://bob:hunter2@e.com/'")), id="a key, twice"),
        pytest.param(resource("kwargs: ['https://bob:hunter2@example.com/']"), id="in a list"),
    ],
)
def test_secrets_are_masked_in_errors(healthy: Location, text: str) -> None:
    """A password in a URL in the wrong field is masked in the error, the UI and the terminal."""
    healthy.add("bad", text)
    broken = assert_broken(healthy, "***")
    assert "hunter2" not in check()[1] + "".join(map(str, broken.problems))


def test_all_errors_of_all_files_are_listed_at_once(healthy: Location) -> None:
    """`foundation check` lists the problems of all folders, in order, and their number."""
    healthy.add("bad", resource("on_empty: x\n    colums: {}\n    owners: [bob]"))
    healthy.add("worse", "", "")
    healthy.add("worst", b"\n")
    code, output = check()
    assert code == 1
    for message in (f"{YAML}:4: ", f"{YAML}:5: ", f"{YAML}:6: ", "dlthub/worse/", "dlthub/worst/"):
        assert message in output
    assert "5 problems in 3 of 4 sources" in output
    healthy.add("bad")
    healthy.add("worse")
    healthy.add("worst")
    assert check() == (0, "4 sources with 4 resources are valid\n")


def test_a_broken_folder_is_one_failing_asset(healthy: Location) -> None:
    """If everything is run, the broken folder has a failed check with its problems; the valid source is loaded."""
    healthy.add("bad", resource("on_empty: x"))
    result = healthy.materialize()
    assert result.success
    assert landed(result) == {"raw/healthy"}
    [check] = [one for one in result.get_asset_check_evaluations() if not one.passed]
    assert f"{YAML}:4: resources[0].on_empty: got 'x'" in str(check.description or check.metadata)
    assert healthy.query("select count(*) from raw.healthy") == [(2,)]


LOADS = {
    "None": (
        "def get_rows():\n    return None\n",
        "EntryError: raw.bad: entry 'data.get_rows' returned None; accepted: a generator function",
    ),
    "a number": (
        "def get_rows():\n    return 7\n",
        "entry 'data.get_rows' returned a int; accepted: a generator function",
    ),
    "text": (
        "def get_rows():\n    return 'rows'\n",
        "entry 'data.get_rows' returned a str; accepted: a generator function",
    ),
    "exit": (
        "import sys\nsys.exit(3)\ndef get_rows(): yield 1\n",
        "dlthub/bad/data.py:2: importing it failed: calls sys.exit",
    ),
    "loop": ("while True:\n    pass\ndef get_rows(): yield 1\n", "importing it did not end within 1 s"),
    "wait": (
        "import time\n\ntime.sleep(20)\ndef get_rows(): yield 1\n",
        "dlthub/bad/data.py:3: importing it did not end within 1 s",
    ),
    "exception": ("1 / 0\ndef get_rows(): yield 1\n", "dlthub/bad/data.py:1: importing it failed: ZeroDivisionError"),
    "no package": (
        "import no_such_package\ndef get_rows(): yield 1\n",
        "dlthub/bad/data.py:1: importing it failed: ModuleNotFoundError",
    ),
    "interrupt": ("raise KeyboardInterrupt\ndef get_rows(): yield 1\n", "importing it failed: KeyboardInterrupt"),
    "later": (
        "def get_rows():\n    yield {'id': 1}\n    raise RuntimeError('boom')\n",
        "at dlthub/bad/data.py:3 in get_rows: RuntimeError: boom",
    ),
}


@pytest.mark.sampled(3)
@pytest.mark.parametrize(("data", "message"), LOADS.values(), ids=LOADS)
def test_code_that_fails_when_it_runs(
    healthy: Location, monkeypatch: pytest.MonkeyPatch, data: str, message: str
) -> None:
    """The definitions load; in the run the resource fails with the place in its code, and all others are loaded."""
    monkeypatch.setattr(source_import, "IMPORT_DEADLINE", 1.0)
    healthy.add(
        "bad",
        resource() + "  - {entry: other.get_rows, destination: raw.sibling}\n",
        data,
        other=ROWS,
    )
    assert check()[0] == 0
    result = healthy.materialize()
    assert landed(result) == {"raw/healthy", "raw/sibling"}
    assert message in failure(result)
    assert "1 of 2 resources of bad failed; the others landed" in failure(result)


def test_code_that_exits_while_it_runs(healthy: Location) -> None:
    """`sys.exit` inside a generator fails its resource; the other resource of the op is loaded."""
    sibling = "  - {entry: other.get_rows, destination: raw.sibling}\n"
    healthy.add("bad", resource() + sibling, "import sys\ndef get_rows():\n    yield 1\n    sys.exit(3)\n", other=ROWS)
    result = healthy.materialize()
    assert landed(result) == {"raw/healthy", "raw/sibling"}
    assert "dlthub/bad/data.py:4" in failure(result)


def test_a_tuple_of_rows_is_rows_or_an_error(healthy: Location) -> None:
    """A yielded tuple of two rows is loaded as two rows, or is an error."""
    healthy.add("bad", resource(), "def get_rows():\n    yield ({'id': 1}, {'id': 2})\n")
    result = healthy.materialize("raw/bad")
    assert not result.success or healthy.query("select id from raw.bad") == [(1,), (2,)]


def test_a_template_of_an_unset_variable_fails_its_resource(healthy: Location, monkeypatch: pytest.MonkeyPatch) -> None:
    """`{{ env.NAME }}` is rendered when the resource runs; the error of an unset variable names it."""
    yaml = resource("kwargs: {token: '{{ env.SHOP_TOKEN }}'}\n    write_disposition: replace")
    healthy.add("bad", yaml, "def get_rows(token):\n    yield {'token': token}\n")
    monkeypatch.delenv("SHOP_TOKEN", raising=False)
    assert check()[0] == 0
    result = healthy.materialize()
    assert landed(result) == {"raw/healthy"}
    assert "SettingMissing: needs SHOP_TOKEN" in failure(result)
    monkeypatch.setenv("SHOP_TOKEN", "abc")
    assert landed(healthy.materialize("raw/bad")) == {"raw/bad"}
    assert healthy.query("select token from raw.bad") == [("abc",)]


@pytest.mark.parametrize("name", ["names", "letters and case"])
def test_broken_folders_of_similar_names(healthy: Location, name: str) -> None:
    """Broken folders whose names Dagster would normalise to one name are separate assets."""
    for folder in ("a-b", "a b", "a_b") if name == "names" else ("B", "b"):
        healthy.add(folder, b"\n")
    assert len([spec for spec in healthy.specs().values() if spec.kinds == {"broken"}]) == 3 - (name != "names")


@pytest.fixture(scope="module")
def wreck(tmp_path_factory: pytest.TempPathFactory) -> Location:
    """A repository with its own `definitions.py`, one valid source and many broken ones."""
    location = Location(tmp_path_factory.mktemp("wreck"))
    location.write("definitions.py", COMPOSITION)
    location.add("healthy")
    texts: list[str | bytes] = [case[0] for case in MALFORMED.values()]
    texts += [str(case[0]) for case in [*MISSPELT.values(), *REFUSED.values()]]
    for number, text in enumerate(texts[:70]):
        location.add(f"bad_{number}", text or b"\n")
    for number, (data, _) in enumerate(CODE.values()):
        location.add(f"code_{number}", f"resources: [{{entry: data.get_rows, destination: raw.code_{number}}}]", data)
    location.add_python("exits", "import sys\nsys.exit(1)\n")
    location.add("exits_later", data="import sys\nsys.exit(1)\ndef get_rows(): yield 1\n")
    location.add("json")
    return location


def run(location: Location, *command: str) -> subprocess.CompletedProcess[str]:
    """Runs a program of the environment in a repository."""
    home = location.root / "home"
    home.mkdir(exist_ok=True)
    environment = {**os.environ, "DAGSTER_HOME": str(home), "DLT_PROJECT_DIR": str(location.root)}
    program = [str(Path(sys.executable).parent / command[0]), *command[1:]]
    return subprocess.run(
        program, cwd=location.root, env=environment, capture_output=True, text=True, timeout=120, check=False
    )


def test_the_real_location_loads_with_broken_folders(wreck: Location) -> None:
    """`dagster definitions validate` accepts a repository full of broken folders."""
    done = run(wreck, "dagster", "definitions", "validate", "-f", "definitions.py")
    assert done.returncode == 0, done.stderr


def test_the_real_location_runs_valid_sources(wreck: Location) -> None:
    """`dagster asset materialize` loads the valid sources of a repository full of broken folders."""
    done = run(
        wreck,
        "dagster",
        "asset",
        "materialize",
        "-f",
        "definitions.py",
        "--select",
        'key:"raw/healthy" or key:"raw/json"',
    )
    assert done.returncode == 0, done.stderr
    assert wreck.query("select count(*) from raw.healthy") == wreck.query("select count(*) from raw.json") == [(2,)]


def test_the_real_check_lists_all_broken_folders(wreck: Location) -> None:
    """`foundation check` exits with 1 and names every broken folder, and no other."""
    done = run(wreck, "foundation", "check")
    assert done.returncode == 1
    broken = {source.name for source in find_sources(wreck.root)[1]}
    assert len(broken) > 70
    assert broken == {
        line.split("/")[1].split(":")[0] for line in done.stderr.splitlines() if line.startswith("dlthub/")
    }
    assert not broken & {"healthy", "json", "exits_later"}

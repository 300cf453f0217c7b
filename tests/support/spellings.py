"""The same declaration of a resource in every place that accepts one: sources.yaml, and the forms that code has."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

import yaml

from tests.support.trees import Tree

HEAD = '''
import json
from pathlib import Path

import dlt
import pyarrow as pa


def read(name):
    """Yields what the test gave, as dicts or as an Arrow table."""
    given = json.loads((Path(__file__).parent / "rows.json").read_text())
    if given["failed"]:
        dlt.current.resource_metrics()["failed_parts"] = given["failed"]
    if given["form"] == "arrow":
        yield from (pa.Table.from_pylist([row]) for row in given["rows"])
    else:
        yield from given["rows"]
'''
ENTRY = "\n\n{decorator}def rows({argument}):\n    yield from read('rows')\n{after}"
TABLE = "raw.t"

Settings = Mapping[str, Any]
"""Keys of the grammar: write_disposition, primary_key, merge_key, incremental, columns, max_table_nesting, ..."""


def _literal(settings: Settings, *without: str) -> str:
    """Returns the settings as keyword arguments of dlt."""
    hints = {name: value for name, value in settings.items() if name not in without}
    cursor = hints.pop("incremental", None)
    arguments = [f"{name}={value!r}" for name, value in hints.items()]
    return ", ".join([*arguments, *([f"incremental={_cursor(cursor)}"] if cursor else [])])


def _cursor(settings: Settings) -> str:
    return f"dlt.sources.incremental({', '.join(f'{name}={value!r}' for name, value in settings.items())})"


def _add(tree: Tree, entry: str, resource: Settings) -> None:
    document = {"resources": [{"entry": "data.rows", "destination": TABLE, **resource}]}
    tree.add("s", yaml.safe_dump(document, sort_keys=False), HEAD + entry)


def in_yaml(tree: Tree, settings: Settings, **resource: Any) -> None:
    """Declares everything in sources.yaml, over a plain generator."""
    _add(tree, ENTRY.format(decorator="", argument="", after=""), {**settings, **resource})


def in_decorator(tree: Tree, settings: Settings, **resource: Any) -> None:
    """Declares everything in the decorator."""
    decorator = f"@dlt.resource({_literal(settings)})\n"
    _add(tree, ENTRY.format(decorator=decorator, argument="", after=""), resource)


def in_argument(tree: Tree, settings: Settings, **resource: Any) -> None:
    """Declares the cursor as the default of an argument, and the rest in the decorator."""
    cursor = settings.get("incremental")
    argument = f"cursor={_cursor(cursor)}" if cursor else ""
    decorator = f"@dlt.resource({_literal(settings, 'incremental')})\n"
    _add(tree, ENTRY.format(decorator=decorator, argument=argument, after=""), resource)


def in_passed_argument(tree: Tree, settings: Settings, **resource: Any) -> None:
    """Passes the cursor in code to a resource that is the entry, bound."""
    cursor = settings.get("incremental")
    decorator = f"@dlt.resource({_literal(settings, 'incremental')})\n"
    argument = "cursor: dlt.sources.incremental = None" if cursor else ""
    entry = ENTRY.format(decorator=decorator, argument=argument, after="").replace("def rows(", "def made(")
    _add(tree, f"{entry}\nrows = made({_cursor(cursor) if cursor else ''})\n", resource)


def in_parallel_resource(tree: Tree, settings: Settings, **resource: Any) -> None:
    """Passes the cursor in code, and then runs the resource in a thread of dlt's pool."""
    if not (cursor := settings.get("incremental")):
        in_decorator(tree, settings, **resource)
        return
    decorator = f"@dlt.resource({_literal(settings, 'incremental')})\n"
    entry = ENTRY.format(decorator=decorator, argument="cursor: dlt.sources.incremental = None", after="")
    entry = entry.replace("def rows(", "def made(")
    _add(tree, f"{entry}\nrows = made({_cursor(cursor)}).parallelize()\n", resource)


def in_step(tree: Tree, settings: Settings, **resource: Any) -> None:
    """Adds the cursor as a pipe step to a resource whose function could take one, and selects it for no source."""
    cursor = settings.get("incremental")
    decorator = f"@dlt.resource({_literal({**settings, 'selected': False}, 'incremental')})\n"
    after = f"\nrows.add_step({_cursor(cursor)})\n" if cursor else ""
    argument = "cursor: dlt.sources.incremental = None" if cursor else ""
    _add(tree, ENTRY.format(decorator=decorator, argument=argument, after=after), resource)


def in_function(tree: Tree, settings: Settings, **resource: Any) -> None:
    """Declares the cursor as the default of a function that returns the rows, and the rest in sources.yaml."""
    # Without a cursor it is called before dlt has a resource, of which `read` reports what failed.
    rows = "list(read('rows'))" if "incremental" in settings else "read('rows')"
    after = f"\ndef make({{argument}}):\n    return {rows}\n"
    _beside_yaml(tree, settings, after, entry="data.make", **resource)


def in_method(tree: Tree, settings: Settings, **resource: Any) -> None:
    """Declares the cursor as the default of a method, and the rest in sources.yaml."""
    after = "\nclass Client:\n    def get(self, {argument}):\n        yield from read('rows')\n\n\nclient = Client()\n"
    _beside_yaml(tree, settings, after, entry="data.client.get", **resource)


def in_partial(tree: Tree, settings: Settings, **resource: Any) -> None:
    """Declares the cursor as the default of a function, whose partial is the entry, and the rest in sources.yaml."""
    after = (
        "\nimport functools\n\n\ndef make(size, {argument}):\n    yield from read('rows')\n\n\n"
        "made = functools.partial(make, 1)\n"
    )
    _beside_yaml(tree, settings, after, entry="data.made", **resource)


def _beside_yaml(tree: Tree, settings: Settings, code: str, **resource: Any) -> None:
    cursor = settings.get("incremental")
    code = code.replace("{argument}", f"cursor={_cursor(cursor)}" if cursor else "")
    rest = {name: value for name, value in settings.items() if name != "incremental"}
    _add(tree, ENTRY.format(decorator="", argument="", after=code), {**rest, **resource})


def in_apply_hints(tree: Tree, settings: Settings, **resource: Any) -> None:
    """Applies hints in code to a resource that declares none."""
    nesting = settings.get("max_table_nesting")
    after = f"\nrows.apply_hints({_literal(settings, 'max_table_nesting')})\n"
    after += f"rows.max_table_nesting = {nesting}\n" if nesting is not None else ""
    _add(tree, ENTRY.format(decorator="@dlt.resource\n", argument="", after=after), resource)


def in_returned_resource(tree: Tree, settings: Settings, **resource: Any) -> None:
    """Returns a resource with hints from a function that is called."""
    after = f"\ndef make():\n    return dlt.resource(rows, name='made', {_literal(settings)})\n"
    _add(tree, ENTRY.format(decorator="", argument="", after=after), {**resource, "entry": "data.make"})


def in_definitions(tree: Tree, settings: Settings, **resource: Any) -> None:
    """Declares a dlt resource in definitions.py."""
    tree.add("s", "", HEAD + ENTRY.format(decorator="", argument="", after=""))
    (tree.root / "dlthub/s/sources.yaml").unlink()
    options = "".join(f", {name}={value!r}" for name, value in resource.items())
    definitions = (
        "import dlt\n\nfrom data_foundation import ConfigurableDltResource\n\nfrom .data import rows\n\n"
        f"made = dlt.resource(rows, name='{TABLE}', {_literal(settings)})\n"
        f"resources = [ConfigurableDltResource.config(made{options})]\n"
    )
    tree.write("dlthub/s/definitions.py", definitions)


Spelling = Callable[..., None]

IN_CODE: Mapping[str, Spelling] = {
    "decorator": in_decorator,
    "argument": in_argument,
    "passed argument": in_passed_argument,
    "parallel resource": in_parallel_resource,
    "step": in_step,
    "function": in_function,
    "method": in_method,
    "partial": in_partial,
    "apply_hints": in_apply_hints,
    "returned resource": in_returned_resource,
    "definitions.py": in_definitions,
}


def give(tree: Tree, rows: list[Any], *, form: str = "dict", failed: Mapping[str, str] | None = None) -> None:
    """Decides what the entry yields from now on."""
    given = {"rows": rows, "form": form, "failed": failed or {}}
    (tree.root / "dlthub/s/rows.json").write_text(json.dumps(given))

"""The asset keys that a translator changed, for code that knows only table names: dbt sources and `--record`."""

from __future__ import annotations

import ast
import runpy
import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

import dagster as dg

from data_foundation.config.grammar import ResourceConfig
from data_foundation.config.table_names import child_table_of, further_table_of, table_name_of
from data_foundation.errors import FoundationError
from data_foundation.orchestration.translator import ResourceAssets

DEFINITIONS_FILE = "definitions.py"
_METADATA = "foundation/asset_keys"
_BEFORE_TRANSLATOR = ("root", "warehouse")
_AFTER_TRANSLATOR = ("automation_seconds",)

AssetKeys = Mapping[dg.AssetKey, dg.AssetKey]
"""Changed asset keys by default key, which is dataset and table. Tables that keep the default key are not listed."""


def default_keys(resource: ResourceConfig) -> list[dg.AssetKey]:
    """Returns the default asset keys, dataset and table, of a resource's table, its child tables and further tables."""
    children = (child_table_of(resource, child) for child in resource.child_tables)
    further = (further_table_of(resource, name) for name in resource.tables)
    return [dg.AssetKey(key) for key in (table_name_of(resource), *children, *further)]


def find_changed_keys(members: Iterable[ResourceAssets]) -> dict[dg.AssetKey, dg.AssetKey]:
    """Returns the asset keys that the translator changed, by default key."""
    pairs = (zip(default_keys(assets.data.resource), assets.keys, strict=True) for assets in members)
    return {default: key for pair in pairs for default, key in pair if default != key}


def to_metadata(keys: AssetKeys) -> dict[str, dict[str, str]]:
    """Returns the keys as metadata of a code location, in which `read_asset_keys` finds them."""
    texts = {default.to_user_string(): key.to_user_string() for default, key in keys.items()}
    return {_METADATA: texts} if texts else {}


def read_asset_keys(definitions: dg.Definitions) -> AssetKeys:
    """Returns the asset keys that the translator of `build_definitions` changed; works for merged definitions too."""
    metadata = (definitions.metadata or {}).get(_METADATA)
    texts = metadata.value if isinstance(metadata, dg.JsonMetadataValue) and isinstance(metadata.value, dict) else {}
    return {dg.AssetKey.from_user_string(old): dg.AssetKey.from_user_string(new) for old, new in texts.items()}


def load_asset_keys(root: Path) -> AssetKeys:
    """Returns the asset keys that the translator of the code location `root/definitions.py` changed.

    Runs the file, which takes seconds, unless its syntax tree shows that it passes no translator.

    Raises:
        FoundationError: Running the file raised an error.
    """
    file = root / DEFINITIONS_FILE
    if not file.exists() or _has_default_keys(file):
        return {}
    try:
        with _importable(root):
            names = runpy.run_path(str(file), run_name=file.stem)
    except Exception as error:
        message = (
            f"{file.name}: cannot be run to read the asset keys: {type(error).__name__}: {error}; nothing was written "
            "into Dagster's history: repair the file, or run without --record"
        )
        raise FoundationError(message) from error
    locations = (value for value in names.values() if isinstance(value, dg.Definitions))
    return {default: key for location in locations for default, key in read_asset_keys(location).items()}


def _has_default_keys(file: Path) -> bool:
    """Returns True if the file calls `build_definitions`, and no call can pass a translator."""
    with suppress(SyntaxError):
        nodes = ast.walk(ast.parse(file.read_bytes()))
        calls = [node for node in nodes if isinstance(node, ast.Call) and _name(node.func) == "build_definitions"]
        return bool(calls) and all(_passes_no_translator(call) for call in calls)
    return False


def _name(function: ast.expr) -> str:
    return function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")


def _passes_no_translator(call: ast.Call) -> bool:
    if len(call.args) > len(_BEFORE_TRANSLATOR) or any(isinstance(argument, ast.Starred) for argument in call.args):
        return False
    return {keyword.arg for keyword in call.keywords} <= {*_BEFORE_TRANSLATOR, *_AFTER_TRANSLATOR}


@contextmanager
def _importable(root: Path) -> Iterator[None]:
    """Adds the repository to `sys.path`, as Dagster does when it loads the code location."""
    before = list(sys.path)
    sys.path.insert(0, str(root))
    try:
        yield
    finally:
        sys.path[:] = before

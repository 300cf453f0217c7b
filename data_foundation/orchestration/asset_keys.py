"""Which asset keys the translator changed, for what knows a table by its name alone: dbt's sources and `--record`."""

from __future__ import annotations

import ast
import runpy
import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

import dagster as dg

from data_foundation.config.grammar import ResourceConfig
from data_foundation.config.table_names import child_table_of, table_name_of
from data_foundation.errors import FoundationError
from data_foundation.orchestration.translator import ResourceAssets

DEFINITIONS_FILE = "definitions.py"
_METADATA = "foundation/asset_keys"
_BEFORE_TRANSLATOR = ("root", "warehouse")
_AFTER_TRANSLATOR = ("automation_seconds",)

AssetKeys = Mapping[dg.AssetKey, dg.AssetKey]
"""Asset keys by default key, which is dataset and table; a table whose key is the default one is not in it."""


def default_keys(resource: ResourceConfig) -> list[dg.AssetKey]:
    """Returns dataset and table of a resource's table and of its child tables, as asset keys."""
    children = (child_table_of(resource, child) for child in resource.child_tables)
    return [dg.AssetKey(key) for key in (table_name_of(resource), *children)]


def find_changed_keys(members: Iterable[ResourceAssets]) -> dict[dg.AssetKey, dg.AssetKey]:
    """Returns the keys that the translator changed."""
    pairs = (zip(default_keys(assets.data.resource), assets.keys, strict=True) for assets in members)
    return {default: key for pair in pairs for default, key in pair if default != key}


def to_metadata(keys: AssetKeys) -> dict[str, dict[str, str]]:
    """Returns the metadata of a code location from which `read_asset_keys` reads the keys."""
    texts = {default.to_user_string(): key.to_user_string() for default, key in keys.items()}
    return {_METADATA: texts} if texts else {}


def read_asset_keys(definitions: dg.Definitions) -> AssetKeys:
    """Returns the keys that the translator of `build_definitions` changed, also from merged definitions."""
    found = (definitions.metadata or {}).get(_METADATA)
    texts = found.value if isinstance(found, dg.JsonMetadataValue) and isinstance(found.value, dict) else {}
    return {dg.AssetKey.from_user_string(old): dg.AssetKey.from_user_string(new) for old, new in texts.items()}


def load_asset_keys(root: Path) -> AssetKeys:
    """Returns the keys that the translator of the code location `root/definitions.py` changed.

    Runs that file, which takes seconds, unless its text shows that it passes no translator.

    Raises:
        FoundationError: The file cannot be run.
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
    locations = (found for found in names.values() if isinstance(found, dg.Definitions))
    return {default: key for found in locations for default, key in read_asset_keys(found).items()}


def _has_default_keys(file: Path) -> bool:
    """Returns True if the file calls `build_definitions`, and each call certainly passes no translator."""
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
    """Makes the modules of the repository importable, as Dagster does for its code location."""
    before = list(sys.path)
    sys.path.insert(0, str(root))
    try:
        yield
    finally:
        sys.path[:] = before

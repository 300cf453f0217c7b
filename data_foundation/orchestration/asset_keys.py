"""The asset keys that a translator changed, for code that knows only table names: dbt sources and `--record`."""

from __future__ import annotations

import ast
import runpy
import sys
from collections import ChainMap
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import dagster as dg

from data_foundation.config.grammar import ResourceConfig
from data_foundation.config.table_names import tables_of
from data_foundation.errors import FoundationError
from data_foundation.naming import TableName
from data_foundation.orchestration.keys import KeyPattern
from data_foundation.orchestration.translator import ResourceAssets

DEFINITIONS_FILE = "definitions.py"
_METADATA, _PATTERN = "foundation/asset_keys", "foundation/asset_key"
_BEFORE_TRANSLATOR = ("root", "warehouse")
_AFTER_TRANSLATOR = ("automation_seconds", "executor")


@dataclass(frozen=True)
class AssetKeys:
    """The asset keys of tables.

    Attributes:
        pattern: The form of the keys of all tables that `changed` does not list.
        changed: By default key, which is dataset and table: those of another form.
    """

    changed: Mapping[dg.AssetKey, dg.AssetKey] = field(default_factory=dict)
    pattern: KeyPattern = field(default_factory=KeyPattern)

    def find(self, default: dg.AssetKey) -> dg.AssetKey:
        """Returns the key of the table whose default key this is."""
        return self.changed.get(default) or self.pattern.key_of(TableName(*default.path))


def default_keys(resource: ResourceConfig) -> list[dg.AssetKey]:
    """Returns the default asset keys, dataset and table, of a resource's table, its child tables and further tables."""
    return [dg.AssetKey(table) for table in tables_of(resource)]


def find_changed_keys(members: Iterable[ResourceAssets], pattern: KeyPattern) -> dict[dg.AssetKey, dg.AssetKey]:
    """Returns the asset keys that do not have the form of the pattern, by default key."""
    pairs = (zip(default_keys(assets.data.resource), assets.keys, strict=True) for assets in members)
    return {default: key for pair in pairs for default, key in pair if pattern.key_of(TableName(*default.path)) != key}


def to_metadata(keys: AssetKeys) -> dict[str, Any]:
    """Returns the keys as metadata of a code location, in which `read_asset_keys` finds them."""
    texts = {default.to_user_string(): key.to_user_string() for default, key in keys.changed.items()}
    is_default = keys.pattern == KeyPattern()
    return ({_METADATA: texts} if texts else {}) | ({} if is_default else {_PATTERN: keys.pattern.text})


def read_asset_keys(definitions: dg.Definitions) -> AssetKeys:
    """Returns the asset keys that the translator of `build_definitions` changed; works for merged definitions too."""
    metadata = definitions.metadata or {}
    found, pattern = metadata.get(_METADATA), metadata.get(_PATTERN)
    texts = found.value if isinstance(found, dg.JsonMetadataValue) and isinstance(found.value, dict) else {}
    changed = {dg.AssetKey.from_user_string(old): dg.AssetKey.from_user_string(new) for old, new in texts.items()}
    return AssetKeys(changed, KeyPattern(pattern.value) if isinstance(pattern, dg.TextMetadataValue) else KeyPattern())


def load_asset_keys(root: Path) -> AssetKeys:
    """Returns the asset keys that the translator of the code location `root/definitions.py` changed.

    Runs the file, which takes seconds, unless its syntax tree shows that it passes no translator.

    Raises:
        FoundationError: Running the file raised an error.
    """
    file = root / DEFINITIONS_FILE
    if not file.exists() or _has_default_keys(file):
        return AssetKeys()
    try:
        with _importable(root):
            names = runpy.run_path(str(file), run_name=file.stem)
    except Exception as error:
        message = (
            f"{file.name}: cannot be run to read the asset keys: {type(error).__name__}: {error}; nothing was written "
            "into Dagster's history: repair the file, or run without --record"
        )
        raise FoundationError(message) from error
    found = [read_asset_keys(value) for value in names.values() if isinstance(value, dg.Definitions)]
    patterns = (keys.pattern for keys in found if keys.pattern != KeyPattern())
    return AssetKeys(dict(ChainMap(*(dict(keys.changed) for keys in found))), next(patterns, KeyPattern()))


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

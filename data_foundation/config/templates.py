"""Templates in `args` and `kwargs`: bounds of the partition and environment variables; nothing else is evaluated."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from data_foundation.errors import SettingMissing

_TEMPLATE = re.compile(r"\{\{\s*(.*?)\s*\}\}", re.DOTALL)
_ENV = re.compile(r"env\.([A-Za-z_][A-Za-z0-9_]*)$")
PARTITION_NAMES = ("partition.key", "partition.start", "partition.end")
ACCEPTED = f"{', '.join(PARTITION_NAMES)}, env.NAME"


def find_templates(value: Any) -> Iterator[str]:
    """Yields the name inside every `{{ ... }}` of a nested value of dicts, lists and scalars."""
    if isinstance(value, str):
        yield from _TEMPLATE.findall(value)
    elif isinstance(value, Mapping):
        for item in value.values():
            yield from find_templates(item)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from find_templates(item)


def is_known(name: str) -> bool:
    """Returns True if a template of this name can be rendered."""
    return name in PARTITION_NAMES or _ENV.match(name) is not None


def environment_names(value: Any) -> Iterator[str]:
    """Yields NAME of every `{{ env.NAME }}` in a nested value."""
    for name in find_templates(value):
        if match := _ENV.match(name):
            yield match[1]


def render(value: Any, values: Mapping[str, str]) -> Any:
    """Returns `value` with every template replaced by `values[name]`.

    Raises:
        SettingMissing: A template names a setting that is not set, so `values` lacks it.
    """
    if isinstance(value, str):
        if missing := [name for name in find_templates(value) if name not in values]:
            raise SettingMissing([missing[0].removeprefix("env.")], "A template in sources.yaml names it")
        return _TEMPLATE.sub(lambda match: values[match[1]], value)
    if isinstance(value, Mapping):
        return {key: render(item, values) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [render(item, values) for item in value]
    return value

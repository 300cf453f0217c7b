"""Writes the `sources.yaml` of a dlt source: each of its functions, with what is left to fill in."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from textwrap import wrap

from data_foundation.project.scaffold.dlt_functions import CONFIG, SECRET, Argument, DltCode, DltFunction

_WIDTH = 114
_HEAD = """\
# yaml-language-server: $schema=../sources.schema.json
# The code of this folder is that of a dlt source, unchanged: docs/how-to/use-dlt-sources.md. To load it:
{steps}
source:
  owners: ["team:data-platform"]
  automation: {{cron: "0 6 * * *", timezone: UTC}}

resources:
"""
_VALUES = (
    (r"(typing\.)?(dict|mapping)\b", ""),
    (r"(typing\.)?(list|sequence|iterable|tuple|set)\[", '["..."]'),
    (r".*\bbool\b", "true"),
    (r".*\b(int|float)\b", "0"),
    (r"$|any$|(.*\W)?(str|t?secretstrvalue|tsecretvalue|tanydatetime|datetime|date)\b", '"..."'),
)
"""How settings of a type, in lower case, look in TOML, "" for a table; the first that fits counts."""


def write_yaml(name: str, code: DltCode) -> str:
    """Returns the text of `sources.yaml`; every resource has `enabled: false`, as its arguments are to be filled in."""
    places = _places(name, code.functions)
    resources = [line for one, place in zip(code.functions, places, strict=True) for line in _resource(one, place)]
    return _HEAD.format(steps="\n".join(_steps(name, code))) + "\n".join(resources) + "\n"


def next_command(name: str, code: DltCode) -> str:
    """Returns the command that comes after `sources.yaml` is filled in: what is no source needs no discovery."""
    return (
        f"foundation discover {name}" if any(one.is_source for one in code.functions) else f"foundation preview {name}"
    )


def _steps(name: str, code: DltCode) -> Iterator[str]:
    """Yields the comment that says how to get from the folder to its tables, in numbered steps."""
    steps: list[list[str]] = []
    for kind, file in ((SECRET, ".dlt/secrets.toml"), (CONFIG, ".dlt/config.toml")):
        if settings := [setting for setting in code.settings if setting.default == kind]:
            steps.append([f"Set in {file}, .env or the environment:", *_toml(name, settings)])
    then = " lists its tables" if "discover" in next_command(name, code) else " shows its rows"
    steps += [
        ["Below, set the arguments of each resource that you want, and remove its `enabled: false`."],
        [f"`{next_command(name, code)}`{then}, `foundation run {name}` loads them."],
    ]
    for number, (first, *others) in enumerate(steps, 1):
        yield f"# {number}. {first}"
        yield from (f"#      {line}" for line in others)


def _toml(name: str, settings: Sequence[Argument]) -> Iterator[str]:
    """Yields settings as TOML, each with its environment variable; one that is an object has a table of its own."""
    values = {setting.name: _value(setting) for setting in settings}
    if any(values.values()):
        yield f"[sources.{name}]"
    for setting in settings:
        variable = f"SOURCES__{name}__{setting.name}".upper()
        if value := values[setting.name]:
            yield f"{setting.name} = {value}  # {_optional(setting)}or {variable}"
    for setting in settings:
        if not values[setting.name]:
            yield f"[sources.{name}.{setting.name}]  # {_optional(setting)}{setting.annotation}"


def _value(setting: Argument) -> str:
    """Returns how a value of the setting looks in TOML, "" if it is a table."""
    inner = re.sub(r"^(typing\.)?optional\[(.*)\]$", r"\2", setting.annotation.lower())
    return next((value for pattern, value in _VALUES if re.match(pattern, inner)), "")


def _optional(setting: Argument) -> str:
    return "optional, " if re.search(r"\bOptional\[|\bNone\b", setting.annotation) else ""


def _places(name: str, functions: Sequence[DltFunction]) -> list[str]:
    """Returns a destination for each function; no two are equal."""
    sources = [function for function in functions if function.is_source]
    names = [name if sources == [function] else _table(name, function) for function in functions]
    doubled = {one for one, count in Counter(names).items() if count > 1}
    return [
        f"raw.{_table_of_path(name, function) if one in doubled else one}{'_{table}' if function.is_source else ''}"
        for function, one in zip(functions, names, strict=True)
    ]


def _table(name: str, function: DltFunction) -> str:
    own = function.name.strip("_").removesuffix("_source")
    return own if own == name or own.startswith(f"{name}_") else f"{name}_{own}"


def _table_of_path(name: str, function: DltFunction) -> str:
    return f"{name}_{function.path.replace('.', '_')}"


def _resource(function: DltFunction, destination: str) -> Iterator[str]:
    yield from (f"  # {line}" for line in wrap(function.summary, _WIDTH))
    entry = function.path if "." in function.path else f"__init__.{function.path}"
    yield f"  - source: {function.path}" if function.is_source else f"  - entry: {entry}"
    yield "    enabled: false"
    if required := [argument for argument in function.arguments if argument.default is None]:
        yield "    # kwargs:"
        yield from (
            f"    #   {one.name}: ...  # required{one.annotation and f', {one.annotation}'}" for one in required
        )
    if optional := [one.name for one in function.arguments if one.default is not None and not one.is_setting]:
        yield from (f"    # {line}" for line in wrap(f"Optional in kwargs: {', '.join(optional)}", _WIDTH))
    yield f'    destination: "{destination}"' if function.is_source else f"    destination: {destination}"

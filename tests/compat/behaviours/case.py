"""What a case of dlt's behaviour is: a sentence, code as dlt's users write it, and the tables after its last run."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

Rows = list[dict[str, Any]]
Function = TypeVar("Function", bound=Callable[..., Any])

REGISTERED: dict[str, dict[str, Behaviour]] = {}
"""The behaviours of each module, by the name of their function."""


@dataclass(frozen=True)
class Behaviour:
    """A behaviour of dlt, with the code that shows it.

    Attributes:
        name: Name of the function that builds the resources of a run; its argument is the run's number, from 1 on.
        sentence: The behaviour.
        tables: The rows of each table after the last run with dlt alone; a missing key is NULL.
        runs: Number of runs.
        fails: Runs that fail, here and with dlt alone.
        fails_here: Runs that fail here alone.
        differs: What happens here instead, "" if nothing differs.
        here: The rows of each table here, where they differ.
        keys: Keys of `sources.yaml`, which dlt alone gets by `apply_hints`.
        select: Resources to load; all that are selected if empty.
        settings: Settings in the environment.
    """

    name: str
    sentence: str
    tables: Mapping[str, Rows]
    runs: int = 2
    fails: Sequence[int] = ()
    fails_here: Sequence[int] = ()
    differs: str = ""
    here: Mapping[str, Rows] = field(default_factory=dict)
    keys: Mapping[str, Any] = field(default_factory=dict)
    select: Sequence[str] = ()
    settings: Mapping[str, str] = field(default_factory=dict)


def behaviour(tables: Mapping[str, Rows], **options: Any) -> Callable[[Function], Function]:
    """Registers a function as the code of a behaviour, whose sentence is its docstring; see `Behaviour`."""

    def register(function: Function) -> Function:
        sentence = " ".join((function.__doc__ or "").split())
        name = function.__name__
        REGISTERED.setdefault(function.__module__, {})[name] = Behaviour(name, sentence, tables, **options)
        return function

    return register

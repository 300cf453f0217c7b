"""The values of a state that several loads write: the newest of each leaf counts, whatever was written beside it.

Two loads at once write copies of the state. A copy that replaced the other one would lose a value, for instance the
time up to which one resource was read, and its rows would be appended again.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

Path = tuple[str, ...]
"""The keys from the top of the state to a leaf: to a value that is no mapping, or is an empty one."""


@dataclass(frozen=True)
class Leaf:
    """One value of the state.

    Attributes:
        version: Higher than every version that its writer knew.
        writer: Name of the pipeline that wrote it.
        value: The value.
        is_gone: True if the writer removed it.
    """

    version: int
    writer: str
    value: Any = None
    is_gone: bool = False

    @property
    def order(self) -> tuple[int, str]:
        """What the newest of several has most of; two of one version were written at once."""
        return self.version, self.writer


Leaves = Mapping[Path, Leaf]


def flatten(state: Mapping[Any, Any], path: Path = ()) -> Iterator[tuple[Path, Any]]:
    """Yields path and value of each leaf of a state."""
    for name, value in state.items():
        own = (*path, str(name))
        if isinstance(value, Mapping) and value:
            yield from flatten(value, own)
        else:
            yield own, value


def merge(copies: Iterable[Leaves]) -> Leaves:
    """Returns the newest version of each leaf."""
    newest: dict[Path, Leaf] = {}
    for path, leaf in (item for leaves in copies for item in leaves.items()):
        if path not in newest or leaf.order > newest[path].order:
            newest[path] = leaf
    return newest


def as_state(leaves: Leaves) -> dict[str, Any]:
    """Returns the state as code reads it; of a value and a mapping at one path, the newer one."""
    state: dict[str, Any] = {}
    for path, leaf in sorted(leaves.items(), key=lambda item: item[1].order):
        if leaf.is_gone:
            continue
        inside = state
        for name in path[:-1]:
            if not isinstance(inside.get(name), dict):
                inside[name] = {}
            inside = inside[name]
        if not (leaf.value == {} and isinstance(inside.get(path[-1]), dict)):
            inside[path[-1]] = deepcopy(leaf.value)
    return state


def find_written(before: Leaves, state: Mapping[Any, Any], writer: str) -> Leaves:
    """Returns the leaves that a load has written or removed.

    Args:
        before: The leaves that the load began with.
        state: The state after it.
        writer: Name of the pipeline of the load.
    """
    version = 1 + max((leaf.version for leaf in before.values()), default=0)
    was, now = dict(flatten(as_state(before))), dict(flatten(state))
    written = {
        path: Leaf(version, writer, deepcopy(value))
        for path, value in now.items()
        if path not in was or was[path] != value
    }
    return {**written, **{path: Leaf(version, writer, is_gone=True) for path in was.keys() - now.keys()}}


def as_versions(leaves: Leaves) -> dict[str, Any]:
    """Returns version and writer of each leaf, in the form in which they are stored beside the state."""
    return {json.dumps(path): [leaf.version, leaf.writer] for path, leaf in leaves.items()}


def read_leaves(state: Mapping[Any, Any], versions: Mapping[str, Any], writer: str) -> Leaves:
    """Returns the leaves of a stored state.

    Args:
        state: The state.
        versions: What `as_versions` returned; a leaf that it does not have was written before there were versions.
        writer: Name of the pipeline whose copy it is.
    """
    known = {tuple(json.loads(path)): (int(version), str(one)) for path, (version, one) in versions.items()}
    values = dict(flatten(state))
    leaves = {path: Leaf(*known.get(path, (0, writer)), value) for path, value in values.items()}
    return {**leaves, **{path: Leaf(*known[path], is_gone=True) for path in known.keys() - values.keys()}}

"""Gives each load a dlt resource of its own: copies that dlt makes share pipe steps with their original."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from copy import copy
from typing import Any

from dlt.extract import DltResource
from dlt.extract.incremental import Incremental, IncrementalResourceWrapper
from dlt.extract.items_transform import ItemTransform

from data_foundation.dlt_keys import ROOT_KEY
from data_foundation.project.code_hints import find_ancestors, unbind


def copy_resource(resource: DltResource, name: str) -> DltResource:
    """Returns a copy of a resource under another name, which loads of other resources and runs do not change.

    A resource of a module lives as long as its process, and several resources of `sources.yaml` may name it. The
    cursor, the limit and other steps of its pipe have a state: where one load is, and which cursor it was given.

    Args:
        resource: The resource, with arguments bound or not.
        name: Name of the copy.
    """
    own = resource.with_name(name)
    if root_key := resource.custom_metrics.get(ROOT_KEY):
        own.custom_metrics[ROOT_KEY] = root_key
    # Code may leave it out of a source; here it was named as an entry.
    own.selected = True
    for one, original in zip((own, *find_ancestors(own)), (resource, *find_ancestors(resource)), strict=True):
        _own_steps(one)
        with _named(one, original.name):
            if one.args_bound:
                _own_cursor(one)
            else:
                _own_settings(one)
    return own


@contextmanager
def _named(resource: DltResource, name: str) -> Iterator[None]:
    """Gives a copy the name of its original: dlt looks up settings under the name that a resource has now."""
    pipe = resource._pipe  # noqa: SLF001 - dlt has no public access to it
    copied, pipe.name = pipe.name, name
    try:
        yield
    finally:
        pipe.name = copied


def _own_settings(resource: DltResource) -> None:
    wrapper = resource.incremental
    from_hints = wrapper._from_hints if isinstance(wrapper, IncrementalResourceWrapper) else None  # noqa: SLF001 - as dlt's own copy
    if resource._eject_config():  # noqa: SLF001 - the same
        resource._inject_config(incremental_from_hints_override=from_hints)  # noqa: SLF001 - the same


def _own_steps(resource: DltResource) -> None:
    steps = resource._pipe.steps  # noqa: SLF001 - dlt has no public access to it
    hints: Any = resource._hints or {}  # noqa: SLF001 - dlt's properties have no cursor
    for index, step in enumerate(steps):
        if isinstance(step, Incremental):
            steps[index] = step.copy()
            if hints.get("incremental") is step:
                # A copy that dlt makes while it extracts takes it from here.
                hints["incremental"] = steps[index]
        elif isinstance(step, ItemTransform) and not isinstance(step, IncrementalResourceWrapper):
            steps[index] = copy(step)


def _own_cursor(resource: DltResource) -> None:
    """Binds the arguments of a resource again: dlt makes a new cursor for a copy only while they are not bound."""
    wrapper, pipe = resource.incremental, resource._pipe  # noqa: SLF001 - dlt has no public access to it
    bound = unbind(pipe.gen)
    if not isinstance(wrapper, IncrementalResourceWrapper) or bound is None:
        return
    function = getattr(bound.function, "__GEN__", None)
    if function is None:
        return
    is_parallel = bound.is_parallel
    pipe.remove_by_type(IncrementalResourceWrapper)
    pipe.replace_gen(function)
    resource._args_bound = False  # noqa: SLF001 - dlt binds once
    resource._inject_config(incremental_from_hints_override=wrapper._from_hints)  # noqa: SLF001 - as dlt's own copy
    resource.bind(*bound.args, **bound.kwargs)
    if is_parallel:
        resource.parallelize()

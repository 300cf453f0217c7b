"""Reads a state together with the load after which it stands: never with a newer one."""

from __future__ import annotations

from collections.abc import Callable

from data_foundation.warehouses.table_columns import Synchronisation


def synchronise_after(
    shared: Synchronisation | None, synchronise: Callable[[], None], newest: Callable[[], str | None]
) -> str | None:
    """Synchronises, and returns the newest load that had landed when the state was read, or an earlier one.

    A load is refused at its commit if another has landed since its parent. So the parent may be older than the state,
    which costs a second reading, and must not be newer, which would lose or double rows.

    Args:
        shared: What the clients of the engine share: state and newest load are read by one query. None for an engine
            that reads each by itself.
        synchronise: Restores state and schema.
        newest: Returns the id of the newest landed load, None if there is none.
    """
    if shared is None:
        parent = newest()
        synchronise()
        return parent
    synchronise()
    if shared.landed is not None:
        return next(iter(shared.landed), None)
    # There was no table of states. If there is a load now, a first one has landed meanwhile: its state is read.
    parent = newest()
    if parent is not None:
        synchronise()
    return parent

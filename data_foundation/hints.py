"""Which settings are declared secret, found out once for each type that they are declared with.

Read in dlt 1.31.0: it takes the type apart anew for each of the places where a setting may be in the environment, a
thousand times a load, though a load has some twenty types.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from dlt.common.configuration.providers import environ
from dlt.common.configuration.specs.base_configuration import is_secret_hint as take_apart

known = lru_cache(maxsize=1024)(take_apart)


def is_secret_hint(hint: Any) -> bool:
    """Tells what dlt's function of this name does."""
    try:
        return known(hint)
    except TypeError:  # it cannot be looked up, for instance for a list in it
        return take_apart(hint)


def remember_hints() -> None:
    """Has dlt ask here, where it looks into the environment."""
    environ.is_secret_hint = is_secret_hint  # type: ignore[attr-defined] # it imports that, as we do

"""Memoises two functions that dlt calls again and again with the same types.

Read in dlt 1.31.0: it decides whether a setting is secret for each environment variable that may hold it, a thousand
times a load, though a load has some twenty types; and it reads the fields of the same typed dicts again for each
schema it creates, some twenty a load.
"""

from __future__ import annotations

import sys
from functools import lru_cache
from typing import Any

from dlt.common import validation
from dlt.common.configuration.providers import environ
from dlt.common.configuration.specs.base_configuration import is_secret_hint as dlt_is_secret_hint
from dlt.common.typing import get_type_hints as read_fields  # type: ignore[attr-defined] # dlt imports it there

known_secrets = lru_cache(maxsize=1024)(dlt_is_secret_hint)


def is_secret_hint(hint: Any) -> bool:
    """Returns the result of dlt's function of this name."""
    try:
        return known_secrets(hint)
    except TypeError:  # not hashable, for instance because of a list in it
        return dlt_is_secret_hint(hint)


@lru_cache(maxsize=1024)
def known_fields(typed_dict: type) -> dict[str, Any]:
    """Returns the types of a typed dict's fields, by name; callers must not change the result."""
    module = sys.modules.get(typed_dict.__module__)
    return read_fields(typed_dict, globalns=vars(module) if module else None)


def _get_type_hints(typed_dict: type, globalns: Any = None) -> dict[str, Any]:
    del globalns  # always those of its module
    return known_fields(typed_dict)


def remember_hints() -> None:
    """Replaces dlt's functions where it reads the environment and where it validates dicts."""
    environ.is_secret_hint = is_secret_hint  # type: ignore[attr-defined] # dlt imports it there
    validation.get_type_hints = _get_type_hints  # type: ignore[assignment, attr-defined]

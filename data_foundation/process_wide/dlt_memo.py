"""What dlt asks of types again and again, found out once for each type.

Read in dlt 1.31.0: whether a setting is a secret it asks for each of the places where it may be in the environment, a
thousand times a load, though a load has some twenty types; and for each schema that it makes, some twenty a load, it
reads the fields of the same typed dicts anew.
"""

from __future__ import annotations

import sys
from functools import lru_cache
from typing import Any

from dlt.common import validation
from dlt.common.configuration.providers import environ
from dlt.common.configuration.specs.base_configuration import is_secret_hint as take_apart
from dlt.common.typing import get_type_hints as read_fields  # type: ignore[attr-defined] # it imports that

known_secrets = lru_cache(maxsize=1024)(take_apart)


def is_secret_hint(hint: Any) -> bool:
    """Tells what dlt's function of this name does."""
    try:
        return known_secrets(hint)
    except TypeError:  # it cannot be looked up, for instance for a list in it
        return take_apart(hint)


@lru_cache(maxsize=1024)
def known_fields(typed_dict: type) -> dict[str, Any]:
    """Returns the types of a typed dict's fields, by name; whoever asks changes nothing."""
    module = sys.modules.get(typed_dict.__module__)
    return read_fields(typed_dict, globalns=vars(module) if module else None)


def _get_type_hints(typed_dict: type, globalns: Any = None) -> dict[str, Any]:
    del globalns  # those of its module
    return known_fields(typed_dict)


def remember_hints() -> None:
    """Has dlt ask here, where it looks into the environment and where it validates dicts."""
    environ.is_secret_hint = is_secret_hint  # type: ignore[attr-defined] # it imports that, as we do
    validation.get_type_hints = _get_type_hints  # type: ignore[assignment, attr-defined]

"""Finds the code that an error comes from: the source's or the framework's."""

from __future__ import annotations

import traceback
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING

from dlt.common.exceptions import DltException

from data_foundation.project.source_import import shown
from data_foundation.vendors.retries import http_status, is_transient

if TYPE_CHECKING:
    from data_foundation.config.grammar import ResourceConfig
    from data_foundation.project.source import SourceConfig

PACKAGE = __name__.partition(".")[0]

_MISTAKES = (
    ArithmeticError,
    AssertionError,
    AttributeError,
    LookupError,
    NameError,
    RuntimeError,
    TypeError,
    ValueError,
)
"""Classes by which Python, and libraries such as Arrow with classes derived from them, report a mistake in code."""

_REPORTS = (OSError, MemoryError, ImportError, DltException)
"""Classes that report a fault outside the code: of a disk, a network, the machine, or the input of dlt."""


@dataclass(frozen=True)
class Origin:
    """The code that an error comes from.

    Attributes:
        place: `file:line in function` of the frame at fault, "" if there is none.
        is_ours: True for a mistake in the framework's code.
    """

    place: str
    is_ours: bool = False


def find_origin(source: SourceConfig, resource: ResourceConfig, error: BaseException) -> Origin:
    """Returns the origin of `error`: the innermost frame of the source or of the framework.

    The framework runs the source's generators, and the source calls the framework (`Calls`), so the innermost frame of
    both decides, whatever library it called. An error of a database, a vendor or a disk is no mistake in code: its
    place is the innermost frame of the source, if there is one.

    Args:
        source: The source of the resource.
        resource: The resource; if its entry is in an installed package, that package counts as the source's code.
        error: The root cause.
    """
    package = resource.entry.partition(".")[0]
    can_be_ours = _is_mistake(error)
    for frame, line in reversed(list(traceback.walk_tb(error.__traceback__))):
        file, top = Path(frame.f_code.co_filename), _top_level(frame)
        where = f":{line} in {frame.f_code.co_name}"
        if file.is_relative_to(source.folder):
            return Origin(f"dlthub/{source.name}/{file.relative_to(source.folder).as_posix()}{where}")
        if top == PACKAGE:
            if can_be_ours:
                return Origin(f"{_inside_package(file)}{where}", is_ours=True)
        elif top == package:
            return Origin(f"{shown(file)}{where}")
    return Origin("")


def _is_mistake(error: BaseException) -> bool:
    """Returns True if the error's class reports a mistake in code; most classes of libraries report faulty input."""
    if is_transient(error) or http_status(error) is not None or isinstance(error, _REPORTS):
        return False
    return type(error).__module__.partition(".")[0] in {"builtins", PACKAGE} or isinstance(error, _MISTAKES)


def _top_level(frame: FrameType) -> str:
    """Returns the top-level package of the code that a frame runs."""
    return str(frame.f_globals.get("__name__", "")).partition(".")[0]


def _inside_package(file: Path) -> str:
    """Returns the path of one of the framework's files, beginning with the package."""
    parts = file.parts
    return "/".join(parts[len(parts) - 1 - parts[::-1].index(PACKAGE) :])

"""Code versions of tables, for the automation that reacts to a change of code or configuration."""

from __future__ import annotations

import hashlib
from pathlib import Path

from data_foundation.config.grammar import ResourceConfig
from data_foundation.config.several.discovered import digest_code
from data_foundation.project.entry import EntryPlace

CONDITIONS = ("missing_or_changed", "lazy")
"""Values of `automation` that react to another code version; only their tables have one."""

_SHOWN = {"owners", "automation", "freshness", "tags", "kinds", "checks", "meta", "description"}
"""Keys of a resource that do not change its rows."""


def find_code_version(resource: ResourceConfig, folder: Path, place: EntryPlace) -> str | None:
    """Returns a digest of the code and the configuration that decide a table's rows; None if nothing reads it.

    Args:
        resource: The resource.
        folder: The source folder, all of whose code counts.
        place: Place of the entry; of an installed package only the module of the entry counts.
    """
    if resource.automation is None or resource.automation.condition not in CONDITIONS:
        return None
    module = "" if place.folder else hashlib.sha256(place.file.read_bytes()).hexdigest()
    configured = resource.configured.model_dump_json(exclude=_SHOWN)
    parts = [*sorted(digest_code(folder).items()), module, configured]
    return hashlib.sha256(repr(parts).encode()).hexdigest()[:12]

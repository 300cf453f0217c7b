"""Where files are: the settings of a connection, or this repository."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import dlt
from dlt.common.runtime.run_context import active

from data_foundation.errors import SettingMissing
from data_foundation.readers.files.found import Storage
from data_foundation.readers.files.local import LocalStorage


def find_storage(folder: str, connection: str | None) -> Storage:
    """Returns where the files of a source folder are.

    Args:
        folder: Of the source.
        connection: The name of its settings, `[sources.<folder>.<connection>]` of dlt's configuration; None for the
            repository.

    Raises:
        SettingMissing: Naming the setting that is not set.
    """
    root = Path(active().run_dir)
    if connection is None:
        return LocalStorage(root)
    section = f"sources.{folder}.{connection}"
    url: Any = dlt.config.get(f"{section}.url")
    if not url:
        hint = f"Set it in .dlt/config.toml under [{section}], in .env or the environment, for instance /srv/inbox"
        raise SettingMissing([f"{section.replace('.', '__')}__URL".upper()], hint)
    return LocalStorage(root / str(url).removeprefix("file://"))

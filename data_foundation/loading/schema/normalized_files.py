"""Finds the files of rows that dlt has normalised and not loaded yet, by table."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from dlt.common.storages import LoadStorage, PackageStorage, ParsedLoadJobFileName

if TYPE_CHECKING:
    import dlt

_FILES = f"load/{LoadStorage.NORMALIZED_FOLDER}/*/{PackageStorage.NEW_JOBS_FOLDER}/*"


def find_files(pipeline: dlt.Pipeline) -> dict[str, list[str]]:
    """Returns the paths of the files by the name of their table; those of dlt's own tables are left out.

    `pipeline.get_load_package_info` knows them too, and reads the schema of the package for it each time.
    """
    files: dict[str, list[str]] = {}
    for file in sorted(Path(pipeline.working_dir).glob(_FILES)):
        table = ParsedLoadJobFileName.parse(file.name).table_name
        if not table.startswith("_dlt"):
            files.setdefault(table, []).append(str(file))
    return files

"""Finds DuckDB's extensions: in the wheels of the extra `ducklake`, else where DuckDB keeps and downloads them."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path

import duckdb

from data_foundation.errors import WarehouseError


def load_extensions(connection: duckdb.DuckDBPyConnection, names: Iterable[str]) -> None:
    """Loads extensions, each signed by DuckDB, from their wheels; DuckDB downloads those that have none.

    Args:
        connection: A connection to the DuckDB that needs them.
        names: Their names, for instance ducklake.

    Raises:
        WarehouseError: An extension is not there, or fits another version of DuckDB.
    """
    for name in names:
        try:
            if file := _find_wheel(name):
                connection.load_extension(str(file))
            else:
                connection.install_extension(name)
                connection.load_extension(name)
        except duckdb.Error as error:
            message = f"DuckDB {duckdb.__version__} cannot load its extension {name}: {str(error).splitlines()[0]}"
            raise WarehouseError(f"{message}. Install the extra: pip install 'data-foundation[ducklake]'") from None


def link_extensions(folder: Path, names: Iterable[str]) -> None:
    """Links the extensions that have a wheel into a folder that is laid out as DuckDB's `extension_directory`.

    Args:
        folder: The folder; for the extensions without a wheel, DuckDB downloads them to it.
        names: Their names.
    """
    [(platform,)] = duckdb.sql("PRAGMA platform").fetchall()
    below = folder / f"v{duckdb.__version__}" / platform
    below.mkdir(parents=True, exist_ok=True)
    for name in names:
        link = below / f"{name}.duckdb_extension"
        if (file := _find_wheel(name)) and not link.exists():
            link.unlink(missing_ok=True)
            with suppress(FileExistsError):  # another process makes the same
                link.symlink_to(file)


def _find_wheel(name: str) -> Path | None:
    """Returns the file of an extension for this version of DuckDB, None if no installed wheel has one."""
    spec = find_spec(f"duckdb_extension_{name}")
    if spec is None or spec.origin is None:
        return None
    file = Path(spec.origin).parent / "extensions" / f"v{duckdb.__version__}" / f"{name}.duckdb_extension"
    return file if file.exists() else None

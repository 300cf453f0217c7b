"""Refuses what the code of an entry declares only while its rows are read, when it is too late to guard them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dlt.extract import DltResource

from data_foundation.errors import EntryError
from data_foundation.project.code_hints import find_all_cursors, read_table_hints

if TYPE_CHECKING:
    from collections.abc import Mapping

    from data_foundation.loading.pipeline import TablePipeline


class EarlyHints:
    """The hints and cursors that are known before the first row is read.

    `dlt.mark.with_hints` and `dlt.current.resource().apply_hints` change hints in between, and dlt resolves an argument
    of `dlt.config.value` only when it calls the function. By then it is decided whether a replace without rows, a
    sample or a failed part would lose rows.
    """

    def __init__(self, resource: DltResource, pipeline: TablePipeline) -> None:
        self._resource, self._pipeline = resource, pipeline
        self._hints = read_table_hints(resource)
        self._cursors = find_all_cursors(resource)

    def refuse_late(self, entry: str) -> None:
        """Compares with what is known after the last row.

        Args:
            entry: The entry as it is configured.

        Raises:
            EntryError: The code has changed the disposition or a key, or has a cursor that was not known.
        """
        for resource in (self._resource, self._pipeline.extracted):
            self._refuse_hints(entry, read_table_hints(resource))
        self._refuse_cursors(entry)

    def _refuse_hints(self, entry: str, hints: Mapping[str, Any]) -> None:
        if changed := [name for name in _guarded(hints) if hints.get(name) != self._hints.get(name)]:
            received = ", ".join(f"{name}: {_shown(hints.get(name))}" for name in changed)
            message = (
                f"entry '{entry}' has declared {received} while its rows were read, too late to keep rows from being "
                f"lost; nothing was written. Set {' and '.join(changed)} in sources.yaml or in the decorator, and "
                "leave it out of with_hints and apply_hints"
            )
            raise EntryError(message)

    def _refuse_cursors(self, entry: str) -> None:
        if late := sorted(find_all_cursors(self._pipeline.extracted) - self._cursors):
            name, path = late[0]
            message = (
                f"entry '{entry}' has declared the cursor '{path}' of {name}, which was not known before its rows were "
                f"read; nothing was written. Set `incremental: {{cursor_path: {path}}}` in sources.yaml"
            )
            raise EntryError(message)


def _guarded(hints: Mapping[str, Any]) -> tuple[str, ...]:
    """Returns the hints that decide which rows of the table a load removes."""
    is_merge = hints.get("write_disposition", {}).get("disposition") == "merge"
    return ("write_disposition", "primary_key", "merge_key") if is_merge else ("write_disposition",)


def _shown(hint: Any) -> str:
    if isinstance(hint, dict):
        return " ".join(hint.values())
    return hint if isinstance(hint, str) else ", ".join(hint or ("none",))

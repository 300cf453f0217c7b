"""Which files have been loaded: dlt's state of the resource, which is stored with the rows or not at all."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Any

import dlt

from data_foundation.dlt_keys import UNCHANGED
from data_foundation.errors import EntryError
from data_foundation.readers.files.load_warning import warn
from data_foundation.readers.files.stores.storage import SourceFile

logger = logging.getLogger(__name__)

_NAMED = 3
"""Files that a message names; of more it tells the number."""


class Ledger:
    """What was found, beside what has been loaded.

    Attributes:
        reads_all: The table is made anew of all files whenever one of them changes.
    """

    def __init__(self, resource: Any, found: Sequence[SourceFile]) -> None:
        """Compares; notes nothing yet.

        Args:
            resource: dlt's, while it runs.
            found: All files there are.

        Raises:
            EntryError: The table is one that new files alone cannot keep.
        """
        said = resource.write_disposition
        disposition = said if isinstance(said, dict) else {"disposition": said}
        if disposition.get("strategy") == "scd2":
            raise EntryError(
                "write_disposition: scd2 would retire the rows of files that have not changed; replace or merge"
            )
        self.reads_all = disposition["disposition"] == "replace"
        self._appends = disposition["disposition"] == "append"
        self._is_sample = bool(resource.limit) and resource.limit.limit(1) is not None
        self._found = found
        # A load without a single file is noted too.
        self._known: dict[str, list[str]] | None = dlt.current.resource_state().get("files")

    def unread(self) -> Sequence[SourceFile]:
        """Returns the files that have to be read; says so where there is none."""
        if self._is_sample or self._known is None:
            return self._found
        known = self._known
        changed = [file for file in self._found if known.get(file.name) != file.mark]
        if self.reads_all:
            gone = known.keys() - {file.name for file in self._found}
            changed = list(self._found) if changed or gone else []
            is_same = not changed and not gone
        else:
            self._tell_twice([file.name for file in changed if file.name in known])
            is_same = not changed
        if is_same:
            count = len(self._found)
            text = (
                f"{count} file{'s' if count != 1 else ''}, none of them new or changed" if count else "no file matches"
            )
            dlt.current.resource_metrics()[UNCHANGED] = text
            logger.info("%s: nothing was read", text)
        return changed

    def _tell_twice(self, names: Sequence[str]) -> None:
        if names and self._appends:
            more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
            warn(
                f"{', '.join(names[:_NAMED])}{more} changed and is read again: append adds its rows once more; "
                "`write_disposition: merge` with `merge_key: _file` replaces them"
            )

    def note(self) -> None:
        """Notes that all files have been read; a sample notes nothing."""
        if self._is_sample:
            return
        seen = {file.name: file.mark for file in self._found}
        # Files that are gone stay known elsewhere: another pattern, that of a partition for instance, may have them.
        dlt.current.resource_state()["files"] = seen if self.reads_all else {**(self._known or {}), **seen}

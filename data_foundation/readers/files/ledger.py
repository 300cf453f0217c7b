"""Remembers which files were loaded, in the dlt state of the resource: state and rows are committed together."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from typing import Any

import dlt

from data_foundation.dlt_keys import UNCHANGED
from data_foundation.errors import EntryError
from data_foundation.readers.files.stores.storage import SourceFile
from data_foundation.readers.load_warning import warn

logger = logging.getLogger(__name__)

_NAMED_FILES = 3
"""Files that a message names; further ones are counted."""


class Ledger:
    """Compares the files of a path with those that were loaded.

    Attributes:
        reads_all: True if the load replaces the table: one changed file then makes it read all files.
    """

    def __init__(
        self, resource: Any, found: Sequence[SourceFile], place: str, digest_of: Callable[[SourceFile], str]
    ) -> None:
        """Reads the state of the resource; does not change it.

        Args:
            resource: The running dlt resource.
            found: All files that match the path.
            place: The path and the root, for messages.
            digest_of: Reads a file and returns the digest of its content.

        Raises:
            EntryError: The write disposition needs the rows of unchanged files too.
        """
        hint = resource.write_disposition
        disposition = hint if isinstance(hint, dict) else {"disposition": hint}
        if disposition.get("strategy") == "scd2":
            raise EntryError(
                "write_disposition: got merge with the strategy scd2, which would retire the rows of unchanged files; "
                "accepted: append, replace, or merge with another strategy"
            )
        self.reads_all = disposition["disposition"] == "replace"
        self._appends = disposition["disposition"] == "append"
        self._is_sample = bool(resource.limit) and resource.limit.limit(1) is not None
        self._found = found
        self._place = place
        # None before the first load; empty after a load without files.
        self._known: dict[str, list[str]] | None = dlt.current.resource_state().get("files")
        self._contents: dict[str, str] = dlt.current.resource_state().get("contents", {})
        self._read: dict[str, str] = {}
        self._digest_of = digest_of

    def unread(self) -> Sequence[SourceFile]:
        """Returns the files to read. Logs a line if there are none."""
        if self._is_sample or self._known is None:
            if not self._found:
                warn(f"no file matches {self._place}")
            return self._found
        known = self._known
        changed = [file for file in self._found if known.get(file.name) != file.mark and not self._is_copy(file)]
        if self.reads_all:
            gone = known.keys() - {file.name for file in self._found}
            changed = list(self._found) if changed or gone else []
            is_same = not changed and not gone
        else:
            self._warn_of_repeated_rows([file.name for file in changed if file.name in known])
            is_same = not changed
        if is_same:
            count = len(self._found)
            files = f"{count} file{'s' if count != 1 else ''}, none of them new or changed"
            text = files if count else f"no file matches {self._place}"
            dlt.current.resource_metrics()[UNCHANGED] = text
            logger.info("%s: nothing was read", text)
        return changed

    def _is_copy(self, file: SourceFile) -> bool:
        """Returns True if a file differs in its time alone: another checkout of a repository, a file sent again."""
        assert self._known is not None  # noqa: S101 - the caller has looked
        size = self._known.get(file.name, [""])[0]
        content = self._contents.get(file.name)
        return size == str(file.size) and content is not None and content == self._digest_of(file)

    def note_read(self, file: SourceFile, digest: str) -> None:
        """Records the digest of the content of a file that is read."""
        self._read[file.name] = digest

    def _warn_of_repeated_rows(self, names: Sequence[str]) -> None:
        if names and self._appends:
            more = f" and {len(names) - _NAMED_FILES} more" if len(names) > _NAMED_FILES else ""
            warn(
                f"{', '.join(names[:_NAMED_FILES])}{more} changed since the last load, and append adds all rows again; "
                "to replace them, set `write_disposition: merge` and `merge_key: _file`"
            )

    def note(self) -> None:
        """Records in the state that all files were read; does nothing for a sample."""
        if self._is_sample:
            return
        seen = {file.name: file.mark for file in self._found}
        # Keeps files that this path does not match: another path, for instance of another partition, may match them.
        dlt.current.resource_state()["files"] = seen if self.reads_all else {**(self._known or {}), **seen}
        contents = {**self._contents, **self._read}
        kept = {name: digest for name, digest in contents.items() if not self.reads_all or name in seen}
        dlt.current.resource_state()["contents"] = kept

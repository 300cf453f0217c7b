"""What `foundation init` or `foundation upgrade` wrote last: `.foundation.json`, committed with the repository."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from data_foundation.errors import FoundationError

RECORD_FILE = ".foundation.json"


@dataclass(frozen=True)
class Record:
    """The files of a repository as a version of the package wrote them, before anybody changed them.

    Attributes:
        version: The version of the package; "" if the repository was not written by it.
        files: Their texts, by path relative to the repository.
    """

    version: str = ""
    files: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def read(cls, root: Path) -> Self:
        """Returns the record of a repository, an empty one if there is none.

        Raises:
            FoundationError: The file is not what `write` writes.
        """
        file = root / RECORD_FILE
        if not file.exists():
            return cls()
        try:
            kept = json.loads(file.read_text(encoding="utf-8"))
            return cls(kept["version"], {path: "".join(lines) for path, lines in kept["files"].items()})
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            message = (
                f"{file}: cannot be read: {error}; restore it from git: it is written by `foundation upgrade` only"
            )
            raise FoundationError(message) from None

    def write(self, root: Path) -> None:
        """Writes the record, a line of a file on a line, so that git shows what a version has changed."""
        lines = {path: text.splitlines(keepends=True) for path, text in sorted(self.files.items())}
        text = json.dumps({"version": self.version, "files": lines}, indent=1, ensure_ascii=False)
        (root / RECORD_FILE).write_text(text + "\n", encoding="utf-8")

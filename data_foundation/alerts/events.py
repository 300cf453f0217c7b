"""What can happen to a table that people want to know of."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from data_foundation.config.alerts.targets import EventKind
from data_foundation.process_wide.redaction import redact

LONGEST_CAUSE, LONGEST_HINT = 600, 200

HINTS: Mapping[EventKind, str] = {
    "failure": "the other tables of the run are not affected; `foundation audit` shows every attempt",
    "blocking_check": "the dbt models that read the table wait until the check passes",
    "schema_drift": "see whether the models that read the table need the change; `schema_contract` can refuse it",
    "freshness": "see why its runs fail, or do not start; `foundation audit` shows them",
    "nothing_loaded": "see whether the vendor still delivers, and whether the cursor is right",
}
"""What to do about an event that has no hint of its own."""

_HINT, _TRACEBACK = re.compile(r"\s+Hint: "), re.compile(r"\s+Traceback: ")
_CLASS = re.compile(r"(?:LoadError|EntryError): ")


@dataclass(frozen=True)
class Event:
    """One thing that happened to a table; without secrets, and short enough for any service.

    Attributes:
        kind: What happened.
        table: dataset.table; the name of a source folder, a dbt model or a step if it is no table.
        cause: Why, in a sentence.
        source: The source of the table, "" if it has none.
        hint: What to do about it; default: what helps with any event of its kind.
    """

    kind: EventKind
    table: str
    cause: str
    source: str = ""
    hint: str = ""

    def __post_init__(self) -> None:
        object.__setattr__(self, "cause", shorten(redact(self.cause), LONGEST_CAUSE))
        object.__setattr__(self, "hint", shorten(redact(self.hint or HINTS[self.kind]), LONGEST_HINT))

    @classmethod
    def of_error(cls, table: str, text: str, source: str = "") -> Event:
        """Returns the failure of a table.

        Args:
            table: dataset.table.
            text: The message of the error, which may contain a hint and the file of a traceback.
            source: The source of the table.
        """
        text, *_ = _TRACEBACK.split(text, 1)
        cause, _, hint = _HINT.sub("\0", text, 1).partition("\0")
        cause = _CLASS.sub("", cause, 1).removeprefix(f"{table}: ").removeprefix(f"{table} ")
        return cls("failure", table, cause, source, hint)


def shorten(text: str, longest: int) -> str:
    """Returns a text on one line that every service can encode, its end cut off if it is longer than `longest`."""
    line = " ".join(text.encode(errors="replace").decode().replace("\0", " ").split())
    return line if len(line) <= longest else f"{line[: longest - 4].rstrip()} ..."

"""What can go wrong, as exceptions whose messages tell where, what, what is accepted and what to do.

FoundationError
├── ConfigError        a source's files say something that cannot be accepted; carries every Problem found
├── EntryError         an entry cannot be imported, called, or what it returned cannot be loaded
├── SettingMissing     a source or the warehouse needs a setting that is not set
├── WarehouseError     the warehouse cannot be used
│   └── WarehouseBusy  somebody else holds the warehouse
└── LoadError          a resource was not loaded; what readers see is as it was before
    ├── ResourceBusy            another run of the resource holds it
    ├── RequiredColumnsMissing  the rows lack columns that `requires` names; nothing was written
    ├── NoRows                  a replace brought no rows and `on_empty: fail` forbids that
    └── ValueRefused            a value would have been changed or lost on its way; nothing was written
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from typing_extensions import override

from data_foundation.process_wide.redaction import redact


class FoundationError(Exception):
    """Anything that the framework itself refuses or reports; its message never holds a secret."""

    def __init__(self, message: str = "") -> None:
        super().__init__(redact(message))


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong in a source's files.

    Attributes:
        file: The file, as the reader should open it.
        message: What was received, what is accepted, what to do; never with a secret in it.
        line: 1-based, None where no line is to blame.
        field: Path inside the document, for instance `resources[0].write_disposition`.
    """

    file: Path
    message: str
    line: int | None = None
    field: str | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "message", redact(self.message))

    @override
    def __str__(self) -> str:
        file = self.file.relative_to(Path.cwd()) if self.file.is_relative_to(Path.cwd()) else self.file
        where = f"{file}:{self.line}" if self.line else str(file)
        return f"{where}: {self.field}: {self.message}" if self.field else f"{where}: {self.message}"


@dataclass(frozen=True)
class Place:
    """Where a resource is declared: a line of a file, or a row of a workbook.

    Attributes:
        file: The file.
        line: 1-based; of a workbook the row.
        cell: Of a workbook, for instance `SourceConfig!A7`.
        cells: Of a workbook, by the part of the resource that comes from them, for instance `kwargs.endpoint`.
    """

    file: Path
    line: int = 1
    cell: str = ""
    cells: Mapping[str, str] = field(default_factory=dict, repr=False, compare=False)

    @override
    def __str__(self) -> str:
        where = f"{self.file.parent.name}/{self.file.name}"
        return f"{where} {self.cell}" if self.cell else f"{where}:{self.line}"

    def problem(self, message: str, field: str) -> Problem:
        """Returns a Problem of what is declared here; `field` names the resource, and the key that is at fault."""
        if self.cell:
            part = field.rpartition(": ")[2]
            while part and part not in self.cells:
                part = part.rpartition(".")[0]
            return Problem(self.file, f"{field}: {message}", field=self.cells.get(part, self.cell))
        return Problem(self.file, message, self.line, field)


class ConfigError(FoundationError):
    """A source's files say something that cannot be accepted; carries every Problem found."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(map(str, self.problems)))


class EntryError(FoundationError):
    """An entry cannot be imported, called, or what it returned cannot be loaded."""


class SettingMissing(FoundationError):
    """A source or the warehouse needs a setting that is not set."""

    def __init__(self, settings: Iterable[str], hint: str = "") -> None:
        self.settings = tuple(settings)
        super().__init__(f"needs {', '.join(self.settings)}" + (f". {hint}" if hint else ""))


class WarehouseError(FoundationError):
    """The warehouse cannot be used."""


class WarehouseBusy(WarehouseError):
    """Somebody else holds the warehouse."""


class LoadError(FoundationError):
    """A resource was not loaded; what readers see is as it was before."""


class ResourceBusy(LoadError):
    """Another run of the resource holds it."""


class RequiredColumnsMissing(LoadError):
    """The rows lack columns that `requires` names; nothing was written."""


class NoRows(LoadError):
    """A replace brought no rows and `on_empty: fail` forbids that."""


class ValueRefused(LoadError):
    """A value would have been changed or lost on its way; nothing was written."""

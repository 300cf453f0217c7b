"""The exceptions of the framework; a message names the place, the received and the accepted value, and what to do.

FoundationError
├── ConfigError        a source's files contain something that is not accepted; has every Problem of them
├── EntryError         an entry cannot be imported or called, or its return value cannot be loaded
├── SettingMissing     a source or the warehouse needs a setting that is not set
├── WarehouseError     the warehouse cannot be used
│   └── WarehouseBusy  another program holds the warehouse
├── AlertNotSent       a service did not accept a message
├── LoadStopped        the run was interrupted before the load's commit; the table is unchanged
├── TimedOut           the load, or its wait for a page, took longer than `timeout` allows; the table is unchanged
└── LoadError          a resource was not loaded; its table is unchanged
    ├── ResourceBusy            another run is loading the resource
    ├── LoadOvertaken           another load of the table landed first; nothing of this one was written
    ├── RequiredColumnsMissing  the rows lack columns that `requires` names; nothing was written
    ├── NoRows                  a replace has no rows and `on_empty: fail` is configured
    └── ValueRefused            a value would be changed or lost; nothing was written
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from typing_extensions import override

from data_foundation.process_wide.redaction import redact


class FoundationError(Exception):
    """Base class of all errors that the framework raises on purpose; its message never contains a secret."""

    def __init__(self, message: str = "") -> None:
        super().__init__(redact(message))


@dataclass(frozen=True)
class Problem:
    """One fault in a source's files.

    Attributes:
        file: Path of the file.
        message: The received value, what is accepted and what to do; without secrets.
        line: 1-based line number, None if no single line is at fault.
        field: Path of the key in the document, for instance `resources[0].write_disposition`.
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
    """The place where a resource is declared: a line of a file, or a row of a workbook.

    Attributes:
        file: The file.
        line: 1-based line number; for a workbook the row.
        cell: For a workbook the first cell, for instance `SourceConfig!A7`.
        cells: For a workbook the cell of each part of the resource, for instance of `kwargs.endpoint`.
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
        """Returns a Problem at this place; `field` names the resource and the key at fault."""
        if self.cell:
            part = field.rpartition(": ")[2]
            while part and part not in self.cells:
                part = part.rpartition(".")[0]
            return Problem(self.file, f"{field}: {message}", field=self.cells.get(part, self.cell))
        return Problem(self.file, message, self.line, field)


class ConfigError(FoundationError):
    """A source's files contain something that is not accepted; has every Problem of them."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(map(str, self.problems)))


class EntryError(FoundationError):
    """An entry cannot be imported or called, or its return value cannot be loaded."""


class SettingMissing(FoundationError):
    """A source or the warehouse needs a setting that is not set."""

    def __init__(self, settings: Iterable[str], hint: str = "") -> None:
        self.settings = tuple(settings)
        super().__init__(f"needs {', '.join(self.settings)}" + (f". {hint}" if hint else ""))


class WarehouseError(FoundationError):
    """The warehouse cannot be used."""


class WarehouseBusy(WarehouseError):
    """Another program holds the warehouse."""


class AlertNotSent(FoundationError):
    """A service did not accept a message."""

    def __init__(self, message: str, *, may_pass: bool = False) -> None:
        self.may_pass = may_pass
        super().__init__(message)


class LoadStopped(FoundationError):
    """The run was interrupted before the load's commit; the table is unchanged."""


class TimedOut(FoundationError):
    """The load, or its wait for a page, took longer than `timeout` allows; the table is unchanged."""


class LoadError(FoundationError):
    """A resource was not loaded; its table is unchanged."""


class ResourceBusy(LoadError):
    """Another run is loading the resource."""


class LoadOvertaken(LoadError):
    """Another load of the table landed first; nothing of this one was written."""

    def __init__(self, message: str, newest: str | None = None) -> None:
        self.newest = newest
        super().__init__(message)


class RequiredColumnsMissing(LoadError):
    """The rows lack columns that `requires` names; nothing was written."""


class NoRows(LoadError):
    """A replace has no rows and `on_empty: fail` is configured."""


class ValueRefused(LoadError):
    """A value would be changed or lost; nothing was written."""

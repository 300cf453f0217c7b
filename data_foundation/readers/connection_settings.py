"""The settings of one connection, wherever dlt's configuration has them, and what to say of those it has not."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import dlt

from data_foundation.errors import SettingMissing


@dataclass(frozen=True)
class ConnectionSettings:
    """The table `[sources.<folder>.<name>]` of dlt's files, or the same in the environment.

    Attributes:
        folder: The source's.
        name: As `sources.yaml` calls the connection.
    """

    folder: str
    name: str

    @property
    def section(self) -> str:
        """Where it stands in dlt's configuration."""
        return f"sources.{self.folder}.{self.name}"

    @property
    def hint(self) -> str:
        """Tells where a setting may be set."""
        return f"Set it in .dlt/secrets.toml under [{self.section}], in .env or the environment"

    def whole(self) -> Any:
        """Returns what stands in the place of the table, which may be an address; None where nothing does."""
        return dlt.secrets.get(self.section) or dlt.config.get(self.section)

    def find(self, setting: str, *, secret: bool = False) -> Any:
        """Returns the value of a setting, None where it is not set.

        Args:
            setting: Its name, with dots where it stands in a table of its own.
            secret: dlt keeps such values out of its trace.
        """
        key = f"{self.section}.{setting}"
        value: Any = dlt.secrets.get(key) if secret else None
        return dlt.config.get(key) if value is None else value

    def variable(self, setting: str) -> str:
        """Returns the environment variable that sets it."""
        return f"{self.section}.{setting}".replace(".", "__").upper()

    def missing(self, settings: Iterable[str], more: str = "") -> SettingMissing:
        """Returns the error for settings that are not set; `more` follows where they may be set."""
        return SettingMissing([self.variable(setting) for setting in settings], f"{self.hint}{more}")

"""Any destination of dlt as warehouse, by its name and with dlt's own settings."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Self

from dlt.common.configuration.exceptions import ConfigFieldMissingException
from typing_extensions import override

from data_foundation.errors import WarehouseError
from data_foundation.warehouses.base import WORK_FOLDER, Setting, Warehouse
from data_foundation.warehouses.general.dbt_profile import PROFILES, dbt_settings
from data_foundation.warehouses.general.destination import build_destination
from data_foundation.warehouses.general.dispositions import refuse_unsupported
from data_foundation.warehouses.general.dlt_settings import find_factory, find_strategies, refuse_missing, resolve

if TYPE_CHECKING:
    from data_foundation.config.grammar import ResourceConfig
    from data_foundation.warehouses.base import Destination, Query
    from data_foundation.warehouses.general.destination import GeneralDestination

_PLACE = ("host", "server_hostname", "port", "project_id", "aws_data_catalog", "catalog", "database")
"""Parts of credentials that say which warehouse it is, and are no secrets."""

_INFORMATION = re.compile(r"(?i)\binformation_schema\.")


@dataclass(frozen=True)
class GeneralWarehouse(Warehouse):
    """A warehouse of which only dlt's destination is known here. `engine_of` returns a class with its name.

    Attributes:
        credentials: As dlt's class takes them; None for those in dlt's settings.
    """

    credentials: Any = field(default=None, repr=False, kw_only=True)
    known_settings: ClassVar[Sequence[Setting]] = ()
    runs_dbt: ClassVar[bool] = False

    @classmethod
    @override
    def of(cls, root: Path, settings: Mapping[str, str], *, suffix: str, others: Callable[[str], Warehouse]) -> Self:
        """Returns the warehouse that dlt's settings of the destination name."""
        folder = cls.find_work_folder(WORK_FOLDER.find_path(root, settings), cls._place() + suffix)
        return cls(folder, suffix=suffix, others=others)

    @classmethod
    def _place(cls) -> str:
        configuration = resolve(cls.kind)
        known = [configuration, getattr(configuration, "credentials", None)]
        return "/".join(str(value) for name in _PLACE for part in known if (value := getattr(part, name, None)))

    @override
    def describe(self) -> str:
        return f"{self.kind}://{self._place()}"

    @property
    @override
    def database(self) -> str:
        configuration = resolve(self.kind)
        credentials = getattr(configuration, "credentials", None)
        names = ("catalog", "project_id", "database", "aws_data_catalog")
        found = (getattr(part, name, None) for name in names for part in (credentials, configuration))
        return str(next(filter(None, found), ""))

    @override
    def destination(self) -> Destination:
        return self._destination()

    def _destination(self) -> GeneralDestination:
        try:
            return build_destination(self.kind, **({"credentials": self.credentials} if self.credentials else {}))
        except ModuleNotFoundError as error:
            raise WarehouseError(f"WAREHOUSE={self.kind} needs {error.name}: pip install 'dlt[{self.kind}]'") from None

    @override
    def dbt_settings(self) -> Mapping[str, str]:
        return dbt_settings(self.kind)

    @contextmanager
    @override
    def query(self) -> Iterator[Query]:
        with super().query() as query:
            yield query if self.kind != "bigquery" else lambda sql: query(in_region(sql, resolve(self.kind).location))

    @override
    def accept(self, resource: ResourceConfig) -> None:
        refuse_unsupported(resource, self.kind, find_strategies(self.kind))

    @contextmanager
    @override
    def open(self, label: Mapping[str, str] | None = None) -> Iterator[Destination]:
        """Yields a destination, each of whose clients connects by itself.

        Raises:
            SettingMissing: The credentials are not set.
            WarehouseError: The driver is not installed.
        """
        destination = self._destination()
        wanted = destination.spec()
        wanted.dataset_name = self.dataset("raw")
        try:
            destination.configuration(wanted)
            _ = destination.client_class
        except ConfigFieldMissingException as error:
            refuse_missing(self.kind, error.fields)
        except ImportError as error:
            raise WarehouseError(f"WAREHOUSE={self.kind} needs {error}: pip install 'dlt[{self.kind}]'") from None
        yield destination


def in_region(sql: str, location: str) -> str:
    """Returns a query of BigQuery with the region of its information schema, which only datasets have without it."""
    return _INFORMATION.sub(f"`region-{location.lower()}`.INFORMATION_SCHEMA.", sql)


@lru_cache(maxsize=32)
def engine_of(name: str) -> type[Warehouse]:
    """Returns the class of warehouses for a destination of dlt.

    Args:
        name: dlt's name, for instance `bigquery`.

    Raises:
        WarehouseError: dlt has no such destination, or one without SQL.
    """
    find_factory(name)
    named: dict[str, Any] = {"kind": name, "runs_dbt": name in PROFILES, "__doc__": f"dlt's destination {name}."}
    return dataclass(frozen=True)(type(f"{name.title()}Warehouse", (GeneralWarehouse,), named))

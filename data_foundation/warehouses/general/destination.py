"""Any destination of dlt, with the fence of its load, translated statements, and types that do not change unseen."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import lru_cache
from typing import TYPE_CHECKING, Any, ClassVar, cast

from dlt.common.schema import Schema
from dlt.common.schema.utils import is_complete_column
from dlt.destinations.job_client_impl import SqlJobClientBase
from typing_extensions import override

from data_foundation.errors import LoadError, WarehouseError
from data_foundation.warehouses.cached_configuration import ResolvedOnce
from data_foundation.warehouses.connection import connect, execute_all, is_ddl
from data_foundation.warehouses.fence import read_newest_load
from data_foundation.warehouses.general.dlt_settings import find_factory
from data_foundation.warehouses.one_load import OneLoad
from data_foundation.warehouses.sql.translation import TranslatingSqlClient
from data_foundation.warehouses.transactional_destination import AS_NAMED, TransactionalDestination

if TYPE_CHECKING:
    from dlt.common.destination import DestinationCapabilitiesContext

    from data_foundation.warehouses.connection import Statement
    from data_foundation.warehouses.fence import Fence

_TYPE = ("data_type", "precision", "scale", "timezone")
_WITHOUT_AN_EMPTY_MOMENT = ("insert-from-staging", "staging-optimized")


class GeneralLoad(OneLoad):
    """One load of a destination whose statements commit one by one.

    Attributes:
        changes: Statements that change rows, executed once the tables have all their columns.
        fence: What must still hold when the load is recorded; None for nothing.
    """

    def __init__(self, changes: Sequence[Statement], fence: Fence | None) -> None:
        super().__init__()
        self.changes, self.fence = list(changes), fence


class GeneralClient(SqlJobClientBase):
    """dlt's job client of a destination, named before dlt's own class.

    Attributes:
        load: The current load, None outside of one.
        destination: The destination that made the client.
    """

    load: GeneralLoad | None = None
    destination: GeneralDestination

    @override
    def update_stored_schema(self, *args: Any, **kwargs: Any) -> Any:
        """Refuses columns of another type, creates tables and columns, and executes what the load changes in rows."""
        if self.load and (stored := self.get_stored_schema(self.schema.name)):
            _refuse_other_types(Schema.from_stored_schema(_parsed(stored.schema)), self.schema)
        update = super().update_stored_schema(*args, **kwargs)
        if self.load:
            changes, self.load.changes = self.load.changes, []
            for sql, values in changes:
                self.sql_client.execute_sql(sql, *values)
        return update

    @override
    def complete_load(self, load_id: str) -> None:
        """Records the load as landed, unless another has landed since its state was read."""
        if self.load:
            if self.load.fence:
                self.load.fence.check_in(self.destination)
            self.load.before_commit()
        super().complete_load(load_id)


def _parsed(text: str) -> Any:
    from dlt.common.json import json  # noqa: PLC0415 - one use

    return json.loads(text)


def _refuse_other_types(stored: Schema, now: Schema) -> None:
    """Compares the types of known columns: the general engine does not read those of the table.

    Raises:
        LoadError: A column has another type than the one that its table was created with.
    """
    for name, table in now.tables.items():
        for column, wanted in table["columns"].items():
            known = stored.tables.get(name, {}).get("columns", {}).get(column)
            if not known or not is_complete_column(known) or not is_complete_column(wanted):
                continue
            if [known.get(key) for key in _TYPE] != [wanted.get(key) for key in _TYPE]:
                raise LoadError(
                    f"column {column} of table {name} was created as {_spell(known)}, and this load has "
                    f"{_spell(wanted)}; this warehouse changes no types: declare the former in `columns`, or load with "
                    "`refresh: drop`, which makes the table anew"
                )


def _spell(column: Any) -> str:
    return ", ".join(f"{key}: {column[key]}" for key in _TYPE if column.get(key) is not None)


class GeneralDestination(TransactionalDestination[GeneralLoad], ResolvedOnce):
    """Any destination of dlt; `general_class` names it before dlt's own class."""

    factory: ClassVar[Any]

    @property
    @override
    def client_class(self) -> Any:
        """The class of its job clients."""
        theirs: Any = super(TransactionalDestination, self).client_class  # type: ignore[safe-super] # of dlt's own class
        return _client_class(theirs)

    @override
    def _raw_capabilities(self) -> DestinationCapabilitiesContext:
        capabilities = super()._raw_capabilities()  # type: ignore[safe-super] # of dlt's own class
        found = [name for name in capabilities.supported_replace_strategies or () if name in _WITHOUT_AN_EMPTY_MOMENT]
        if found:
            # Else dlt would empty the table first.
            capabilities.supported_replace_strategies = cast("Any", found)
        return capabilities

    @override
    def prepare(self, client: Any) -> None:
        if not hasattr(client, "sql_client"):
            raise WarehouseError(f"WAREHOUSE={self.destination_name}: its tables cannot be read by SQL")
        client.load, client.destination = self.load, self
        kind: Any = type(client.sql_client)
        if not issubclass(kind, TranslatingSqlClient):
            client.sql_client.__class__ = _translating(kind)

    @contextmanager
    @override
    def transaction(self, first: Sequence[Statement] = (), fence: Fence | None = None) -> Iterator[None]:
        """Checks the fence before and after the load; the statements between commit one by one."""
        dataset = fence.dataset if fence else ""
        if fence:
            fence.check_in(self)
        execute_all(self, dataset, [statement for statement in first if is_ddl(statement[0])])
        changes = [statement for statement in first if not is_ddl(statement[0])]
        with self.sharing(GeneralLoad(changes, fence)) as load, load.raising_first_error():
            yield
            # A load without files has updated no schema.
            execute_all(self, dataset, load.changes)

    def newest(self, dataset: str, schema: str) -> str | None:
        """Returns the id of the newest landed load of a dlt schema, None if there is none."""
        with connect(self, dataset) as client:
            return read_newest_load(client, schema)


@lru_cache(maxsize=32)
def _client_class(theirs: type[Any]) -> type[Any]:
    return type(f"General{theirs.__name__}", (GeneralClient, theirs), {})


@lru_cache(maxsize=32)
def _translating(theirs: type[Any]) -> type[Any]:
    return type(f"Translating{theirs.__name__}", (TranslatingSqlClient, theirs), {})


def general_class(name: str) -> type[GeneralDestination]:
    """Returns the class of a destination by dlt's name."""
    factory = find_factory(name)
    named = {"dlt_type": f"dlt.destinations.{name}", "__orig_base__": factory, "factory": factory}
    return cast("type[GeneralDestination]", type(f"General_{name}", (GeneralDestination, factory), named))


def build_destination(name: str, **settings: Any) -> GeneralDestination:
    """Returns a destination by dlt's name, with dlt's own settings.

    Args:
        name: dlt's name, for instance `bigquery`.
        settings: Arguments of dlt's class that supersede its settings.
    """
    return general_class(name)(**{**AS_NAMED, **settings})

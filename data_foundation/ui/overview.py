"""Collects the list of all tables: what is configured, what was loaded, and what is in the warehouse."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING

from data_foundation.alerts.history import find_deadlines
from data_foundation.audit.read import read_newest
from data_foundation.config.table_names import landing_table_of, tables_of
from data_foundation.errors import FoundationError
from data_foundation.inspection.catalogue import Relation, list_relations
from data_foundation.inspection.tables import asset_of
from data_foundation.naming import TableName

if TYPE_CHECKING:
    from data_foundation.audit.write import Attempt
    from data_foundation.project.find_sources import FoundSource
    from data_foundation.ui.look import Look
    from data_foundation.warehouses.base import Warehouse

COUNT_SECONDS = 4.0
"""How long the rows of tables are counted for one page."""

RECENT = 12
"""Loads of a table whose rows are drawn."""


@dataclass(frozen=True)
class Line:
    """One table, or a view.

    Attributes:
        name: dataset.table as it is configured.
        source: Its source; `dbt` for a model, "" if neither fills it.
        relation: The table in the warehouse, None if it does not exist, or if the warehouse could not be read.
        attempts: Its newest attempts, the newest last.
        overdue_since: When it became overdue, None if it is not.
        is_missing: True if it is configured, and the warehouse has no such table.
    """

    name: str
    source: str = ""
    relation: Relation | None = None
    attempts: tuple[Attempt, ...] = ()
    overdue_since: datetime | None = None
    is_missing: bool = False

    @property
    def landed(self) -> datetime | None:
        """When it was loaded last."""
        return next((one.ended or one.started for one in reversed(self.attempts) if one.status == "loaded"), None)

    @property
    def state(self) -> str:
        """What a person looks for first: failed, killed, overdue, not loaded or loaded; "" for what no load fills."""
        if self.attempts and self.attempts[-1].status != "loaded":
            return self.attempts[-1].status
        if self.overdue_since:
            return "overdue"
        if self.attempts:
            return "loaded"
        return "not loaded" if self.is_missing else ""

    @property
    def recent_rows(self) -> list[int]:
        """Rows of the newest successful loads, the oldest first."""
        return [one.rows or 0 for one in self.attempts if one.status == "loaded"]


@dataclass(frozen=True)
class Overview:
    """All tables.

    Attributes:
        lines: The tables, those of sources first.
        problems: What could not be read, each a sentence.
    """

    lines: tuple[Line, ...] = ()
    problems: tuple[str, ...] = field(default=())


def make_overview(sources: Sequence[FoundSource], look: Look, models: Collection[str] = ()) -> Overview:
    """Returns all tables, also if the warehouse cannot be read: then with what this machine knows of loads.

    Args:
        sources: The valid sources.
        look: Reads the warehouse.
        models: The dbt models, each schema.name as it is in the warehouse.
    """
    trail = look.read_attempts(lambda: read_newest(look.warehouse, each=RECENT))
    attempts: dict[str, list[Attempt]] = defaultdict(list)
    for attempt in trail.attempts:
        attempts[attempt.asset].append(attempt)
    relations, problems = _read_relations(sources, look)
    owners = {
        str(name): source.config.name
        for source in sources
        for resource in source.config.resources
        for name in tables_of(resource)
    }
    owners |= {name: "dbt" for name, one in relations.items() if str(one.name).lower() in models}
    now = datetime.now(UTC)
    deadlines = find_deadlines([source.config for source in sources], trail.attempts)
    overdue = {deadline.table: deadline.at for deadline in deadlines if deadline.at <= now}
    # Those that no source fills come last.
    names = sorted({*owners, *attempts, *relations}, key=lambda name: (owners.get(name, "dbt") == "dbt", name))
    lines = [
        Line(
            name,
            owners.get(name, ""),
            relations.get(name),
            tuple(attempts.get(name, ())),
            overdue.get(name),
            is_missing=name in owners and name not in relations and not problems,
        )
        for name in names
    ]
    further = [problem for problem in problems if problem not in trail.unreachable]
    return Overview(tuple(lines), tuple(dict.fromkeys(filter(None, (trail.unreachable, *further)))))


def _read_relations(sources: Sequence[FoundSource], look: Look) -> tuple[dict[str, Relation], list[str]]:
    """Returns the tables of every warehouse by their configured name, and the errors of those that cannot be read."""
    relations: dict[str, Relation] = {}
    problems = []
    for warehouse, tables in _by_warehouse(sources, look.warehouse):
        reading = partial(list_relations, warehouse, [name for name, _ in tables], COUNT_SECONDS)
        try:
            found = {str(one.name).lower(): one for one in look.read(reading)}
        except FoundationError as error:
            problems.append(str(error))
            continue
        named = {str(name).lower(): asset for name, asset in tables}
        if warehouse is look.warehouse:
            relations |= {asset_of(warehouse, one.name): one for name, one in found.items() if name not in named}
        relations |= {asset: found[name] for name, asset in named.items() if name in found}
    return relations, problems


def _by_warehouse(
    sources: Sequence[FoundSource], home: Warehouse
) -> Iterator[tuple[Warehouse, Sequence[tuple[TableName, str]]]]:
    """Yields each warehouse that tables land in, with the tables as it spells them and as they are configured."""
    places: dict[str, Warehouse] = {home.location: home}
    tables: dict[str, list[tuple[TableName, str]]] = defaultdict(list)
    for source in sources:
        for resource in source.config.resources:
            warehouse = home.serving(resource)
            key = warehouse.location
            places.setdefault(key, warehouse)
            main, *others = tables_of(resource)
            for landed, name in [(landing_table_of(source.config.name, resource), main), *((o, o) for o in others)]:
                tables[key].append((TableName(warehouse.dataset(landed.dataset), landed.table), str(name)))
    for key, warehouse in places.items():
        yield warehouse, tables[key]

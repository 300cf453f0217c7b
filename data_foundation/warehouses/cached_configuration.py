"""A dlt destination that resolves its configuration once, and not at every call."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

from dlt.common.configuration.container import Container
from dlt.common.configuration.specs.config_section_context import ConfigSectionContext
from dlt.common.destination import Destination
from typing_extensions import override

from data_foundation.warehouses.table_columns import Synchronisation, TypedColumns

if TYPE_CHECKING:
    from dlt.common.destination import DestinationCapabilitiesContext
    from dlt.common.normalizers.naming import NamingConvention

CACHE_KEY_TYPES = (str, int, float, bool, type(None))


class ResolvedOnce(Destination[Any, Any]):
    """Caches configuration and capabilities for its lifetime, which is one `Warehouse.open`.

    dlt resolves both about thirty times a load, each time from the environment and from files: half of the cost of a
    small load. Callers get a copy, because dlt changes the object that it gets.

    Attributes:
        shared: What all clients of the destination share about the table of a load.
    """

    def __init__(self, *arguments: Any, **named: Any) -> None:
        self._configurations: dict[tuple[Any, ...], Any] = {}
        self._capabilities: dict[tuple[Any, ...], DestinationCapabilitiesContext] = {}
        self.shared = Synchronisation()
        super().__init__(*arguments, **named)

    @override
    def configuration(self, initial_config: Any, accept_partial: bool = False) -> Any:
        """Returns `initial_config` resolved with the settings of this destination."""
        initial = initial_config or self.spec()
        values = {field.name: getattr(initial, field.name, None) for field in dataclasses.fields(initial)}
        if initial.is_resolved() or not all(isinstance(value, CACHE_KEY_TYPES) for value in values.values()):
            return super().configuration(initial, accept_partial)
        key = (type(initial), accept_partial, *self._settings(), *values.items())
        if key not in self._configurations:
            self._configurations[key] = super().configuration(initial, accept_partial)
        return self._configurations[key].copy()

    @override
    def client(self, schema: Any, initial_config: Any = None) -> Any:
        """Returns a client. All clients share what was read together with a state."""
        client = super().client(schema, initial_config)
        if isinstance(client, TypedColumns):
            client.shared = self.shared
        return client

    @override
    def capabilities(
        self, config: Any = None, naming: NamingConvention | None = None
    ) -> DestinationCapabilitiesContext:
        """Returns the capabilities of the engine under a naming convention."""
        key = (type(naming), *self._settings())
        if key not in self._capabilities:
            self._capabilities[key] = super().capabilities(config or self._any_configuration(), naming)
        return self._capabilities[key].copy()

    def _any_configuration(self) -> Any:
        """Returns a configuration for `capabilities`; an unresolved one if they do not depend on settings."""
        adjusts = type(self).adjust_capabilities.__func__ is not Destination.adjust_capabilities.__func__  # type: ignore[attr-defined]
        return self.configuration(self.spec(), accept_partial=True) if adjusts else self.spec()

    def _settings(self) -> tuple[Any, ...]:
        """Returns the values that configuration depends on; dlt binds a destination to its pipeline only later."""
        # A query outside of the pipeline belongs to the load too, and has the same settings.
        pipeline = Container()[ConfigSectionContext].pipeline_name or self.config_params.get("pipeline_name")
        plain = ((name, value) for name, value in self.config_params.items() if isinstance(value, CACHE_KEY_TYPES))
        return pipeline, *plain

"""A destination of dlt's that looks up its settings once, not each time that dlt asks for them."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

from dlt.common.configuration.container import Container
from dlt.common.configuration.specs.config_section_context import ConfigSectionContext
from dlt.common.destination import Destination
from typing_extensions import override

from data_foundation.warehouses.state_query import StateWithSchema

if TYPE_CHECKING:
    from dlt.common.destination import DestinationCapabilitiesContext
    from dlt.common.destination.client import StorageSchemaInfo
    from dlt.common.normalizers.naming import NamingConvention

PLAIN = (str, int, float, bool, type(None))


class ResolvedOnce(Destination[Any, Any]):
    """Remembers its settings for as long as it lives, which is one `Warehouse.open`.

    dlt resolves the configuration of a destination, and what it is capable of, some thirty times a load, each time
    from the environment and from files: half of what a small load costs. Whoever asks is given a copy, as dlt changes
    what it is given.
    """

    def __init__(self, *arguments: Any, **named: Any) -> None:
        self._configurations: dict[tuple[Any, ...], Any] = {}
        self._capabilities: dict[tuple[Any, ...], DestinationCapabilitiesContext] = {}
        self._schemas: dict[str, StorageSchemaInfo] = {}
        super().__init__(*arguments, **named)

    @override
    def configuration(self, initial_config: Any, accept_partial: bool = False) -> Any:
        """Returns what `initial_config` becomes with the settings of this destination."""
        initial = initial_config or self.spec()
        told = {field.name: getattr(initial, field.name, None) for field in dataclasses.fields(initial)}
        if initial.is_resolved() or not all(isinstance(value, PLAIN) for value in told.values()):
            return super().configuration(initial, accept_partial)
        key = (type(initial), accept_partial, *self._settings(), *told.items())
        if key not in self._configurations:
            self._configurations[key] = super().configuration(initial, accept_partial)
        return self._configurations[key].copy()

    @override
    def client(self, schema: Any, initial_config: Any = None) -> Any:
        """Returns a client; what one of them has read with a state is known to all."""
        client = super().client(schema, initial_config)
        if isinstance(client, StateWithSchema):
            client.schemas = self._schemas
        return client

    @override
    def capabilities(
        self, config: Any = None, naming: NamingConvention | None = None
    ) -> DestinationCapabilitiesContext:
        """Returns what the engine is capable of, with names that `naming` makes."""
        key = (type(naming), *self._settings())
        if key not in self._capabilities:
            self._capabilities[key] = super().capabilities(config or self._any_configuration(), naming)
        return self._capabilities[key].copy()

    def _any_configuration(self) -> Any:
        """Returns a configuration to know capabilities by; without settings where they do not depend on any."""
        adjusts = type(self).adjust_capabilities.__func__ is not Destination.adjust_capabilities.__func__  # type: ignore[attr-defined]
        return self.configuration(self.spec(), accept_partial=True) if adjusts else self.spec()

    def _settings(self) -> tuple[Any, ...]:
        """Returns what decides on settings as long as this object lives; dlt binds it to a pipeline only later."""
        # A query outside of the pipeline is one of the load all the same.
        pipeline = Container()[ConfigSectionContext].pipeline_name or self.config_params.get("pipeline_name")
        told = ((name, value) for name, value in self.config_params.items() if isinstance(value, PLAIN))
        return pipeline, *told

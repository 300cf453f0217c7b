"""dlt's REST API source, as code uses it."""

from typing import Any

import dlt
from dlt.sources.rest_api import rest_api_resources, rest_api_source
from dlt.sources.rest_api.typing import RESTAPIConfig

__all__ = ["in_code", "rest_api_resources", "rest_api_source"]


@dlt.source
def in_code(config: RESTAPIConfig) -> Any:
    """The resources of a configuration, in a source of one's own."""
    yield from rest_api_resources(config)

"""Settings of the source and of a resource, from the section of the folder: nearly every vendor's source."""

from collections.abc import Iterator
from typing import Any

import dlt


@dlt.source
def source(api_key: str = dlt.secrets.value, region: str = dlt.config.value, limit: int = 2) -> Any:
    """A secret, a setting and a default."""

    @dlt.resource(write_disposition="replace")
    def accounts(page_size: int = dlt.config.value) -> Iterator[Any]:
        yield {"key_length": len(api_key), "region": region, "limit": limit, "page_size": page_size}

    return accounts

"""Models of the keys that limit a load: how often it is tried, and how long it may take."""

from __future__ import annotations

from pydantic import Field

from data_foundation.config.fields import Model


class Retries(Model):
    """Retries of a load that failed with a transient fault."""

    max: int = Field(default=3, ge=0, le=100, description="Attempts after the first.")
    backoff: float = Field(
        default=1.0, ge=0, le=300, description="Seconds before the second attempt; doubled each time, up to 300."
    )
    deadline: float = Field(
        default=900.0, ge=0, description="Seconds after the first attempt after which no other starts."
    )


class Timeout(Model):
    """Limits of the duration of a load; it fails, and changes nothing, if one is exceeded."""

    page: float = Field(default=3600.0, gt=0, description="Seconds until the entry yields its first or next page.")
    run: float = Field(default=43200.0, gt=0, description="Seconds for the whole load, with its waits and retries.")

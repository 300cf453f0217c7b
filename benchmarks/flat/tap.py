"""The same rows as a tap of Meltano's SDK."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from singer_sdk import Stream, Tap  # type: ignore[import-not-found] # in an environment of its own
from singer_sdk import typing as th

from benchmarks.flat.rows import get_pages


class Rows(Stream):  # type: ignore[misc] # the same
    """The flat rows."""

    name = "rows"
    primary_keys = ("id",)
    schema = th.PropertiesList(
        th.Property("id", th.IntegerType, required=True),
        th.Property("reference", th.StringType),
        th.Property("quantity", th.IntegerType),
        th.Property("price", th.NumberType),
        th.Property("rating", th.NumberType),
        th.Property("customer", th.StringType),
        th.Property("note", th.StringType),
        th.Property("is_paid", th.BooleanType),
        th.Property("created_at", th.DateTimeType),
        th.Property("updated_at", th.DateTimeType),
    ).to_dict()

    def get_records(self, context: Any) -> Iterator[dict[str, Any]]:
        """Yields single rows, as the SDK requires."""
        del context
        for page in get_pages(self.config["size"]):
            yield from page


class RowsTap(Tap):  # type: ignore[misc] # the same
    """A tap of one stream."""

    name = "tap-rows"
    config_jsonschema = th.PropertiesList(th.Property("size", th.IntegerType)).to_dict()

    def discover_streams(self) -> list[Any]:
        """Returns the stream."""
        return [Rows(self)]


if __name__ == "__main__":
    RowsTap.cli()

"""Names that only the vendor has, with spaces and capitals: sheets, databases, channels."""

from collections.abc import Iterator
from typing import Any

import dlt


def _sheet(name: str) -> Iterator[Any]:
    yield [{"Row Number": number, "Sheet": name} for number in range(2)]


@dlt.source
def source() -> Iterator[Any]:
    """Sheets of a workbook."""
    for name in ("Sales 2024", "Customer List!", "namedRange"):
        yield dlt.resource(_sheet(name), name=name, write_disposition="replace")

"""Columns from a pydantic model, and from a mapping of hints."""

from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from typing import Any

import dlt
from pydantic import BaseModel


class Invoice(BaseModel):
    """A row."""

    id: int
    due: date | None = None
    amount: Decimal


@dlt.source
def source() -> Any:
    """The same rows with two ways of hints."""

    @dlt.resource(write_disposition="replace", columns=Invoice)
    def modelled() -> Iterator[Any]:
        yield [{"id": 1, "amount": "1.50"}, {"id": 2, "due": "2024-01-31", "amount": "2.25"}]

    columns: Any = {"amount": {"data_type": "decimal"}, "note": {"data_type": "text"}}

    @dlt.resource(write_disposition="replace", columns=columns)
    def hinted() -> Iterator[Any]:
        yield [{"id": 1, "amount": Decimal("1.50")}]

    return modelled, hinted

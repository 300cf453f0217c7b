"""Pydantic models as columns."""

from datetime import date
from decimal import Decimal
from typing import Any

import dlt
from pydantic import BaseModel

from tests.compat.behaviours.case import behaviour


class Invoice(BaseModel):
    """A row."""

    id: int
    due: date | None = None
    amount: Decimal


class Tagged(BaseModel):
    """A row with an object and a list."""

    id: int
    meta: dict[str, Any] | None = None
    tags: list[str] = []


@behaviour({"things": [{"id": 1, "amount": "1.5"}]}, runs=1)
def columns_of_a_model(run: int) -> Any:
    """A model declares the columns and their types; rows are validated and converted."""
    return [dlt.resource([{"id": str(run), "amount": "1.50"}], name="things", columns=Invoice)]


@behaviour({"things": [{"id": 1, "amount": "1.5", "due": "2024-01-31"}]}, runs=1)
def rows_are_models(run: int) -> Any:
    """Rows may be instances of a model."""
    row = Invoice(id=run, amount=Decimal("1.5"), due=date(2024, 1, 31))
    return [dlt.resource([row], name="things", columns=Invoice)]


@behaviour({}, runs=1, fails=[1])
def row_that_is_not_valid(run: int) -> Any:
    """A row that a model refuses fails the load."""
    return [dlt.resource([{"id": run, "amount": "much"}], name="things", columns=Invoice)]


@behaviour({"things": [{"id": 2, "amount": "1"}]}, runs=1)
def discarded_rows(run: int) -> Any:  # noqa: ARG001 - the only run
    """With `data_type: discard_row`, rows that a model refuses are left out."""
    rows = [{"id": 1, "amount": "much"}, {"id": 2, "amount": "1"}]
    return [dlt.resource(rows, name="things", columns=Invoice, schema_contract={"data_type": "discard_row"})]


@behaviour({"things": [{"id": 1, "amount": "1"}]}, runs=1)
def key_that_the_model_does_not_have(run: int) -> Any:
    """With `columns: discard_value`, keys that a model does not have are left out."""
    rows = [{"id": run, "amount": "1", "more": 1}]
    return [dlt.resource(rows, name="things", columns=Invoice, schema_contract={"columns": "discard_value"})]


@behaviour({"things": [{"id": 1, "amount": "1", "more": 1}]}, runs=1)
def key_beside_a_model(run: int) -> Any:
    """Under a contract that evolves, keys beside those of a model are columns too."""
    rows = [{"id": run, "amount": "1", "more": 1}]
    return [dlt.resource(rows, name="things", columns=Invoice, schema_contract="evolve")]


@behaviour({"things": [{"id": 1, "meta": '{"a":1}', "tags": '["x"]'}]}, runs=1)
def lists_of_a_model(run: int) -> Any:
    """Objects and lists of a model are JSON columns."""
    return [dlt.resource([{"id": run, "meta": {"a": 1}, "tags": ["x"]}], name="things", columns=Tagged)]


@behaviour({"things": [{"id": 1, "amount": "2"}]})
def merge_of_models(run: int) -> Any:
    """A merge takes rows of a model."""
    rows = [Invoice(id=1, amount=Decimal(run))]
    return [dlt.resource(rows, name="things", columns=Invoice, write_disposition="merge", primary_key="id")]

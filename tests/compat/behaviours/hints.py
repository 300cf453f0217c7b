"""What hints of columns, keys and tables do, wherever they are declared."""

from decimal import Decimal
from typing import Any

import dlt

from tests.compat.behaviours.case import behaviour


@behaviour({"things": [{"id": 1, "note": "x"}]}, runs=1)
def column_of_another_type(run: int) -> Any:
    """A declared type is what the column gets, and values are converted to it."""
    columns: Any = {"id": {"data_type": "double"}, "note": {"data_type": "text"}}
    return [dlt.resource([{"id": run, "note": "x"}], name="things", columns=columns)]


@behaviour({"things": [{"id": 1}]}, runs=1)
def column_without_values(run: int) -> Any:
    """A column with a declared type is there although no row has a value."""
    columns: Any = {"note": {"data_type": "text"}}
    return [dlt.resource([{"id": run}], name="things", columns=columns)]


@behaviour({"things": [{"id": 1}]}, runs=1)
def column_of_nulls(run: int) -> Any:
    """A column that is always NULL and has no declared type is not created."""
    return [dlt.resource([{"id": run, "note": None}], name="things")]


@behaviour({"things": [{"id": 1}, {"id": 2, "note": "late"}]})
def column_that_comes_later(run: int) -> Any:
    """A new key in a later load adds a column; earlier rows have NULL in it."""
    return [dlt.resource([{"id": run, **({"note": "late"} if run == 2 else {})}], name="things")]


@behaviour({"things": [{"id": 1, "note": "x"}, {"id": 2}]})
def column_that_goes(run: int) -> Any:
    """A key that no longer comes leaves its column, with NULL in new rows."""
    return [dlt.resource([{"id": run, **({"note": "x"} if run == 1 else {})}], name="things")]


@behaviour({"things": []}, runs=1, fails=[1], differs="nothing is written, not even an empty table.")
def not_nullable(run: int) -> Any:
    """A row without a value for a column with `nullable: False` fails the load."""
    columns: Any = {"note": {"data_type": "text", "nullable": False}}
    return [dlt.resource([{"id": run, "note": "x"}, {"id": 2}], name="things", columns=columns)]


@behaviour({"things": [{"amount": "1.25"}]}, runs=1)
def precision_and_scale(run: int) -> Any:
    """A decimal gets the declared precision and scale."""
    columns: Any = {"amount": {"data_type": "decimal", "precision": 10, "scale": 2}}
    return [dlt.resource([{"amount": Decimal("1.25") * run}], name="things", columns=columns)]


@behaviour({"things": [{"doc": '{"a":[1]}'}]}, runs=1)
def json_column(run: int) -> Any:
    """`data_type: json` keeps an object in one column."""
    columns: Any = {"doc": {"data_type": "json"}}
    return [dlt.resource([{"doc": {"a": [run]}}], name="things", columns=columns)]


@behaviour({"other": [{"id": 1}]}, runs=1)
def table_name(run: int) -> Any:
    """`table_name` is the table that a resource is loaded into."""
    return [dlt.resource([{"id": run}], name="things", table_name="other")]


@behaviour({"things": [{"id": 1, "v": 2}]}, keys={"primary_key": "id"})
def key_from_outside(run: int) -> Any:
    """A key from outside the code is joined with the disposition that the code declares."""
    return [dlt.resource([{"id": 1, "v": run}], name="things", write_disposition="merge")]


@behaviour({"things": [{"id": 1, "v": 2}]})
def key_as_a_column_hint(run: int) -> Any:
    """`primary_key: True` of a column is the same as the key of the resource."""
    columns: Any = {"id": {"primary_key": True}}
    return [dlt.resource([{"id": 1, "v": run}], name="things", write_disposition="merge", columns=columns)]


@behaviour({"things": [{"id": 1, "v": 1.0}]}, runs=1)
def hints_join(run: int) -> Any:
    """`apply_hints(columns=...)` adds to the columns of the decorator."""
    columns: Any = {"id": {"data_type": "bigint"}}
    more: Any = {"v": {"data_type": "double"}}
    things = dlt.resource([{"id": run, "v": 1}], name="things", columns=columns)
    things.apply_hints(columns=more)
    return [things]


@behaviour({"things": [{"user_id": 1, "v": 2}]})
def key_by_its_own_name(run: int) -> Any:
    """A key is named as in the rows; it counts for the column of the normalised name."""
    rows = [{"userId": 1, "v": run}]
    return [dlt.resource(rows, name="things", write_disposition="merge", primary_key="userId")]


@behaviour({"things": [{"id": 1, "at": "2024-01-01T00:00:00Z"}]}, runs=1)
def text_to_a_time(run: int) -> Any:
    """Text in a column of timestamps is read as a time."""
    columns: Any = {"at": {"data_type": "timestamp"}}
    return [dlt.resource([{"id": run, "at": "2024-01-01"}], name="things", columns=columns)]


@behaviour({"things": [{"id": 1, "on": "2024-01-31"}]}, runs=1)
def text_to_a_date(run: int) -> Any:
    """Text in a column of dates is read as a date."""
    columns: Any = {"on": {"data_type": "date"}}
    return [dlt.resource([{"id": run, "on": "2024-01-31"}], name="things", columns=columns)]


@behaviour({"things": [{"id": 1}, {"id": 2}]}, runs=2)
def none_as_columns(run: int) -> Any:
    """Hints that are None count as not given."""
    hints: Any = {"columns": None, "primary_key": None}
    return [dlt.resource([{"id": run}], name="things", **hints)]


@behaviour({"things": [{"id": 1}], "things__lines": [{"sku": "a", "count": "2"}]}, runs=1)
def nested_hints(run: int) -> Any:
    """`nested_hints` declares the columns of nested tables."""
    hints: Any = {"lines": dlt.mark.make_nested_hints(columns=[{"name": "count", "data_type": "text"}])}
    return [dlt.resource([{"id": run, "lines": [{"sku": "a", "count": 2}]}], name="things", nested_hints=hints)]

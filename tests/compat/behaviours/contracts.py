"""What a schema contract lets through."""

from typing import Any

import dlt

from tests.compat.behaviours.case import behaviour


def things_of(run: int, contract: Any, later: Any) -> Any:
    """Returns a resource that brings another row in its second run."""
    row = {"id": 1, "v": 1} if run == 1 else {"id": 2, **later}
    return [dlt.resource([row], name="things", schema_contract=contract)]


@behaviour({"things": [{"id": 1, "v": 1}, {"id": 2, "new": 1}]})
def evolve(run: int) -> Any:
    """Without a contract columns are added as they come."""
    return things_of(run, None, {"new": 1})


@behaviour({"things": [{"id": 1, "v": 1}]}, fails=[2])
def frozen_columns(run: int) -> Any:
    """`columns: freeze` fails the load that brings a new column, and none of its rows land."""
    return things_of(run, {"columns": "freeze"}, {"new": 1})


@behaviour({"things": [{"id": 1, "v": 1}, {"id": 2}]})
def discarded_columns(run: int) -> Any:
    """`columns: discard_value` leaves out the new column and keeps the row."""
    return things_of(run, {"columns": "discard_value"}, {"new": 1})


@behaviour({"things": [{"id": 1, "v": 1}]})
def discarded_rows(run: int) -> Any:
    """`columns: discard_row` leaves out the rows with a new column."""
    return things_of(run, {"columns": "discard_row"}, {"new": 1})


@behaviour({"things": [{"id": 1, "v": 1}, {"id": 2, "v__v_text": "x"}]})
def types_evolve(run: int) -> Any:
    """A value that does not fit the column's type goes to a column of its own."""
    return things_of(run, None, {"v": "x"})


@behaviour({"things": [{"id": 1, "v": 1}]}, fails=[2])
def frozen_types(run: int) -> Any:
    """`data_type: freeze` fails the load that brings a value of another type."""
    return things_of(run, {"data_type": "freeze"}, {"v": "x"})


@behaviour({"things": [{"id": 1, "v": 1}, {"id": 2}]})
def discarded_values_of_types(run: int) -> Any:
    """`data_type: discard_value` leaves out a value of another type."""
    return things_of(run, {"data_type": "discard_value"}, {"v": "x"})


@behaviour({"things": [{"id": 1, "v": 1}]})
def discarded_rows_of_types(run: int) -> Any:
    """`data_type: discard_row` leaves out a row with a value of another type."""
    return things_of(run, {"data_type": "discard_row"}, {"v": "x"})


@behaviour({"things": [{"id": 1, "v": 1}]}, fails=[2])
def one_word(run: int) -> Any:
    """A contract of one word counts for tables, columns and types."""
    return things_of(run, "freeze" if run == 2 else None, {"new": 1})


@behaviour({"things": [{"id": 1, "v": 1}, {"id": 2}]})
def no_new_tables(run: int) -> Any:
    """`tables: discard_row` leaves out nested tables that are new."""
    return things_of(run, {"tables": "discard_row"} if run == 2 else None, {"l": [1]})


@behaviour({"things": [{"id": 1, "v": 1}]}, fails=[2])
def frozen_tables(run: int) -> Any:
    """`tables: freeze` fails the load that brings a new nested table."""
    return things_of(run, {"tables": "freeze"} if run == 2 else None, {"l": [1]})


@behaviour({}, runs=1, fails=[1])
def frozen_from_the_start(run: int) -> Any:
    """`tables: freeze` in the first load fails it, because its own table is new."""
    return things_of(run, {"tables": "freeze"}, {})


@behaviour({"things": [{"id": 1, "v": 1}]}, runs=1)
def first_load_of_frozen_columns(run: int) -> Any:
    """The first load of a table may bring any column, whatever the contract of columns."""
    return things_of(run, {"columns": "freeze"}, {})


@behaviour({"things": [{"id": 1, "v": 1}, {"id": 2}]})
def contract_of_the_source(run: int) -> Any:
    """A contract of the source counts for resources without one."""

    @dlt.source(schema_contract={"columns": "discard_value"})
    def vendor() -> Any:
        return things_of(run, None, {"new": 1})

    return vendor()


@behaviour({"things": [{"id": 1, "v": 1}, {"id": 2, "new": 1}]})
def contract_of_the_resource(run: int) -> Any:
    """A contract of a resource wins over that of its source."""

    @dlt.source(schema_contract={"columns": "discard_value"})
    def vendor() -> Any:
        return things_of(run, "evolve", {"new": 1})

    return vendor()


@behaviour({"things": [{"id": 1, "v": 1}, {"id": 2}]}, keys={"schema_contract": {"columns": "discard_value"}})
def contract_from_outside(run: int) -> Any:
    """A contract from outside the code wins over the decorator."""
    return things_of(run, "evolve", {"new": 1})


@behaviour({"things": [{"id": 1, "v": 1}], "things__l": [{"a": 1}]}, runs=1)
def declared_column(run: int) -> Any:
    """A nested table may come with the first load under a contract that discards columns."""
    row = {"id": run, "v": 1, "l": [{"a": 1}]}
    return [dlt.resource([row], name="things", schema_contract={"columns": "discard_value"})]

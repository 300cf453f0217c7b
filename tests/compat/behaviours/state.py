"""What code remembers between loads."""

from typing import Any

import dlt

from tests.compat.behaviours.case import behaviour


@behaviour({"things": [{"count": 1}, {"count": 2}]})
def of_a_resource(run: int) -> Any:  # noqa: ARG001 - the state counts
    """`dlt.current.resource_state()` holds what a resource wrote in the load before."""

    @dlt.resource
    def things() -> Any:
        state = dlt.current.resource_state()
        state["count"] = state.get("count", 0) + 1
        yield {"count": state["count"]}

    return [things]


@behaviour({"things": [{"count": 1}, {"count": 2}]})
def of_a_source(run: int) -> Any:  # noqa: ARG001 - the state counts
    """`dlt.current.source_state()` holds what a source wrote in the load before."""

    @dlt.source
    def vendor() -> Any:
        @dlt.resource
        def things() -> Any:
            state = dlt.current.source_state()
            state["count"] = state.get("count", 0) + 1
            yield {"count": state["count"]}

        return things

    return vendor()


@behaviour({"a": [{"seen": 0}], "b": [{"seen": 1}]}, runs=1)
def shared_by_a_source(run: int) -> Any:  # noqa: ARG001 - the only run
    """The resources of a source share its state."""

    @dlt.source
    def vendor() -> Any:
        def read() -> Any:
            state = dlt.current.source_state()
            seen, state["seen"] = state.get("seen", 0), 1
            yield {"seen": seen}

        return [dlt.resource(read, name=name) for name in "ab"]

    return vendor()


@behaviour({"a": [{"count": 1}, {"count": 2}], "b": [{"count": 1}, {"count": 2}]})
def of_each_resource(run: int) -> Any:  # noqa: ARG001 - the state counts
    """Each resource has a state of its own."""

    def read() -> Any:
        state = dlt.current.resource_state()
        state["count"] = state.get("count", 0) + 1
        yield {"count": state["count"]}

    return [dlt.resource(read, name=name) for name in "ab"]


@behaviour({"things": [{"count": 1}, {"count": 2}]}, runs=3, fails=[2])
def of_a_failed_load(run: int) -> Any:
    """What a failed load wrote into the state is forgotten."""

    @dlt.resource
    def things() -> Any:
        state = dlt.current.resource_state()
        state["count"] = state.get("count", 0) + 1
        if run == 2:
            message = "the vendor is gone"
            raise ValueError(message)
        yield {"count": state["count"]}

    return [things]


@behaviour({"things": [{"token": "0"}, {"token": "page 2"}]}, runs=3)
def without_rows(run: int) -> Any:
    """A load without rows keeps what the code wrote into the state."""

    @dlt.resource
    def things() -> Any:
        state = dlt.current.resource_state()
        if run != 2:
            yield {"token": state.get("token", "0")}
        state["token"] = f"page {run}"

    return [things]


@behaviour({"things": [{"count": 1}]})
def of_a_replace(run: int) -> Any:  # noqa: ARG001 - the state counts
    """A replace begins with an empty state of its resource."""

    @dlt.resource(write_disposition="replace")
    def things() -> Any:
        state = dlt.current.resource_state()
        state["count"] = state.get("count", 0) + 1
        yield {"count": state["count"]}

    return [things]


@behaviour({"things": [{"tables": 1}]}, runs=1)
def in_a_transformer(run: int) -> Any:  # noqa: ARG001 - the only run
    """A transformer has a state of its own."""

    @dlt.transformer(data_from=dlt.resource([1], name="numbers"))
    def things(number: int) -> Any:
        state = dlt.current.resource_state()
        state["tables"] = number
        yield {"tables": state["tables"]}

    return [things]

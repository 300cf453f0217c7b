"""Where arguments of sources and resources come from."""

from typing import Any

import dlt

from tests.compat.behaviours.case import behaviour


@behaviour({"things": [{"region": "eu"}]}, runs=1, settings={"SOURCES__VENDOR__REGION": "eu"})
def of_the_source(run: int) -> Any:  # noqa: ARG001 - the only run
    """`dlt.config.value` of a source is looked up in the section of its module."""

    @dlt.source
    def vendor(region: str = dlt.config.value) -> Any:
        return dlt.resource([{"region": region}], name="things")

    return vendor()


@behaviour({"things": [{"length": 4}]}, runs=1, settings={"SOURCES__VENDOR__API_KEY": "k3y4"})
def secret_of_the_source(run: int) -> Any:  # noqa: ARG001 - the only run
    """`dlt.secrets.value` is found in the same way."""

    @dlt.source
    def vendor(api_key: str = dlt.secrets.value) -> Any:
        return dlt.resource([{"length": len(api_key)}], name="things")

    return vendor()


@behaviour({"things": [{"size": 50}]}, runs=1, settings={"SOURCES__VENDOR__SIZE": "50"})
def of_the_resource(run: int) -> Any:  # noqa: ARG001 - the only run
    """A resource has settings too, and they have the type of the argument."""

    @dlt.resource
    def things(size: int = dlt.config.value) -> Any:
        yield {"size": size}

    return [things]


@behaviour(
    {"a": [{"size": 50}], "b": [{"size": 7}]},
    runs=1,
    settings={"SOURCES__VENDOR__SIZE": "50", "SOURCES__VENDOR__B__SIZE": "7"},
)
def of_one_resource(run: int) -> Any:  # noqa: ARG001 - the only run
    """A setting below the resource's name wins over that of the module."""

    def read(size: int = dlt.config.value) -> Any:
        yield {"size": size}

    return [dlt.resource(read, name=name) for name in "ab"]


@behaviour({"things": [{"size": 7}]}, runs=1, settings={"SOURCES__VENDOR__SIZE": "7"})
def over_a_default(run: int) -> Any:  # noqa: ARG001 - the only run
    """A setting wins over the default of an argument."""

    @dlt.source
    def vendor(size: int = 5) -> Any:
        return dlt.resource([{"size": size}], name="things")

    return vendor()


@behaviour({"things": [{"size": 9}]}, runs=1, settings={"SOURCES__VENDOR__SIZE": "7"})
def argument_wins(run: int) -> Any:  # noqa: ARG001 - the only run
    """An argument of the call wins over a setting."""

    @dlt.source
    def vendor(size: int = 5) -> Any:
        return dlt.resource([{"size": size}], name="things")

    return vendor(size=9)


@behaviour({}, runs=1, fails=[1])
def missing(run: int) -> Any:  # noqa: ARG001 - the only run
    """A setting that is not there fails the load."""

    @dlt.source
    def vendor(region: str = dlt.config.value) -> Any:
        return dlt.resource([{"region": region}], name="things")

    return vendor()


@behaviour({"things": [{"on": True}]}, runs=1)
def optional(run: int) -> Any:  # noqa: ARG001 - the only run
    """An optional argument without a setting is None."""

    @dlt.source
    def vendor(region: str | None = None) -> Any:
        return dlt.resource([{"on": region is None}], name="things")

    return vendor()


@behaviour({"things": [{"names": "a,b"}]}, runs=1, settings={"SOURCES__VENDOR__NAMES": '["a", "b"]'})
def list_of_values(run: int) -> Any:  # noqa: ARG001 - the only run
    """A setting of a list is written as JSON."""

    @dlt.source
    def vendor(names: list[str] = dlt.config.value) -> Any:
        return dlt.resource([{"names": ",".join(names)}], name="things")

    return vendor()


@behaviour({"things": [{"v": "x"}]}, runs=1, settings={"SOURCES__VENDOR__LABEL": "x"})
def by_key(run: int) -> Any:  # noqa: ARG001 - the only run
    """Code may read any setting by `dlt.config[...]`."""
    return [dlt.resource([{"v": dlt.config["sources.vendor.label"]}], name="things")]

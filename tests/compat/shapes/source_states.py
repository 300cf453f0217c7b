"""A state that one resource writes for others, or that each adds its part to: pipedrive, zendesk, matomo."""

from collections.abc import Iterator
from typing import Any

import dlt

from .turn import turn

FIELDS = {"f1": "size", "f2": "colour"}


@dlt.source
def source() -> Any:
    """Names of fields, which deals and leads are renamed by, and the last turn of each."""

    @dlt.resource(write_disposition="replace")
    def fields() -> Iterator[Any]:
        known = dlt.current.source_state().setdefault("fields", {})
        known.update({"f1": "size"} if turn() == 1 else FIELDS)
        yield [{"field": field, "name": name} for field, name in known.items()]

    def rows(name: str) -> Iterator[Any]:
        state = dlt.current.source_state()
        last = state.setdefault("last", {})
        since = last.get(name, 0)
        names = state.get("fields", {})
        for at in range(since + 1, turn() + 2):
            yield {"at": at, names.get("f1", "f1"): at, names.get("f2", "f2"): at}
        last[name] = turn() + 1

    yield fields
    for name in ("deals", "leads"):
        yield dlt.resource(rows, name=name, write_disposition="append")(name)

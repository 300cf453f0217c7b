"""Hints and tables that come with the items: dlt.mark, as kafka, kinesis and airtable's bases use it."""

from collections.abc import Iterator
from typing import Any

import dlt

from .turn import turn


@dlt.source
def source() -> Any:
    """One resource with a table of its own and a further one."""

    @dlt.resource
    def messages() -> Iterator[Any]:
        yield [{"number": turn()}]
        yield dlt.mark.with_table_name({"topic": "errors", "number": turn()}, "messages_errors")

    return messages

"""Arrow tables and data frames instead of dicts: sql_database with a backend, filesystem with readers."""

from collections.abc import Iterator
from typing import Any

import dlt
import pandas as pd
import pyarrow as pa

from .turn import turn


@dlt.source
def source() -> Any:
    """An Arrow table and a data frame."""

    @dlt.resource(primary_key="id", write_disposition="merge")
    def arrow() -> Iterator[Any]:
        yield pa.table({"id": [1, 2], "turn": [turn(), turn()]})

    @dlt.resource(write_disposition="append")
    def pandas() -> Iterator[Any]:
        yield pd.DataFrame({"id": [1, 2], "turn": [turn(), turn()]})

    return arrow, pandas

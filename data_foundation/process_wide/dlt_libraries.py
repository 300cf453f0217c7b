"""Hides from dlt the libraries of frames that another thread is importing.

Read in dlt 1.31.0: it looks into `sys.modules` for pandas and polars, and reads their classes to tell frames from other
items. While a thread imports one of them, the module is there and its classes are not: the loads of all other threads
failed with "partially initialized module". Until a library is imported nothing can be one of its frames.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from types import ModuleType

from dlt.common import libs


def _finder(name: str, *classes: str) -> Callable[[], ModuleType | None]:
    """Returns a function that finds a library once it has the classes that dlt reads, and None before."""
    complete: ModuleType | None = None

    def find() -> ModuleType | None:
        nonlocal complete
        module = sys.modules.get(name)
        # dlt looks for each item that is yielded: the classes are looked at until they are there.
        if module is not complete and all(hasattr(module, each) for each in classes):
            complete = module
        return complete

    return find


_find_pyarrow = _finder("pyarrow", "Table", "RecordBatch", "Schema")
_find_pandas = _finder("pandas", "DataFrame")
_find_polars = _finder("polars", "DataFrame", "LazyFrame")
_find_pydantic = _finder("pydantic", "BaseModel")


def hide_partial_libraries() -> None:
    """Replaces dlt's functions that find a library of frames, and that of models."""
    libs.get_pyarrow_module = _find_pyarrow
    libs.get_pandas_module = _find_pandas
    libs.get_polars_module = _find_polars
    libs.get_pydantic_module = _find_pydantic

"""dlt's source of files, as code uses it: a listing, and pipes into readers."""

from typing import Any

import dlt
from dlt.sources.filesystem import filesystem, read_csv, read_jsonl, read_parquet, readers

__all__ = ["listing", "pipes", "readers"]


def listing(bucket_url: str) -> Any:
    """The files themselves, of each run all."""
    return [filesystem(bucket_url, file_glob="*").with_name("files").apply_hints(write_disposition="replace")]


def pipes(bucket_url: str) -> Any:
    """Rows of each format, one of them merged, one of new files alone."""
    changed = filesystem(bucket_url, file_glob="*.jsonl")
    changed.apply_hints(incremental=dlt.sources.incremental("modification_date"))
    sheets = (filesystem(bucket_url, file_glob="*.parquet") | read_parquet()).with_name("sheets")
    sheets.apply_hints(write_disposition="merge", primary_key="id")
    texts = (filesystem(bucket_url, file_glob="*.csv") | read_csv()).with_name("texts")
    texts.apply_hints(write_disposition="replace")
    lines = (filesystem(bucket_url, file_glob="*.jsonl") | read_jsonl()).with_name("lines")
    return [lines, sheets, texts, (changed | read_jsonl()).with_name("news")]

"""`python -m benchmarks.http.server FD SIZE`: serves pages of JSON, compressed in advance so that serving is cheap."""

from __future__ import annotations

import gzip
import itertools
import sys
from collections.abc import Iterator

import orjson

from benchmarks.application import Application
from benchmarks.flat.rows import get_pages
from benchmarks.http.pages import PAGE


def encoded_pages(size: int) -> Iterator[bytes]:
    """Yields pages of 10,000 flat rows, each a compressed JSON array; times are ISO texts."""
    rows = (row for page in get_pages(size) for row in page)
    while page := list(itertools.islice(rows, PAGE)):
        yield gzip.compress(orjson.dumps(page), compresslevel=6, mtime=0)


if __name__ == "__main__":
    descriptor, size = map(int, sys.argv[1:])
    pages = list(encoded_pages(size))
    headers = {"content-type": "application/json", "content-encoding": "gzip"}
    Application(lambda query: pages[int(query.partition(b"page=")[2] or 0)], headers).run(descriptor)

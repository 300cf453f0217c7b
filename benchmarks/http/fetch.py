"""The floor: the requests and the decoding of their responses; nothing is stored."""

from __future__ import annotations

import os
from collections.abc import Generator
from pathlib import Path
from typing import Any

import orjson
import requests

from benchmarks.http.pages import URL, count_pages


def measure(_folder: Path, size: int) -> Generator[str, None, Any]:
    """Measures requests and decoding; only the other sides have hashes of a table."""
    rows = 0
    with requests.Session() as session:
        for page in range(count_pages(size)):
            response = session.get(os.environ[URL], params={"page": page}, timeout=30)
            response.raise_for_status()
            rows += len(orjson.loads(response.content))
    yield "load"
    return {"content": {}, "shown": {"rows": rows}}

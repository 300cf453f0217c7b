"""The tree that every side defines: sources of five resources each, with the metadata of a well-kept project."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

RESOURCES = 5
OWNER = "team:data-platform"
CRON = "0 6 * * *"
TAGS = {"domain": "benchmark"}
SOURCE_DESCRIPTION = "A vendor with five endpoints."
DESCRIPTION = "Rows of an endpoint."
COLUMNS: dict[str, Any] = {
    "id": {"data_type": "bigint", "nullable": False, "description": "Given by the vendor."},
    "updated_at": {"data_type": "timestamp", "description": "When the row changed last."},
}

INIT = f'"""{SOURCE_DESCRIPTION}"""\n'
DATA = f'''"""Rows of the vendor's endpoints."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import dlt
import requests


def get_rows(endpoint: str, base_url: str = dlt.config.value, page_size: int = 100) -> Iterator[list[dict[str, Any]]]:
    """{DESCRIPTION}"""
    url, parameters = f"{{base_url}}/{{endpoint}}", {{"limit": page_size, "offset": 0}}
    while True:
        response = requests.get(url, params=parameters, timeout=30)
        response.raise_for_status()
        rows = response.json()
        yield rows
        if len(rows) < page_size:
            return
        parameters["offset"] += page_size
'''
CONFIG = """\
[sources.{source}]
base_url = "https://{source}.example.com"
"""
SOURCE = f"""\
source:
  owners: [{OWNER}]
  automation: {{cron: "{CRON}"}}
  tags: {{domain: {TAGS["domain"]}}}
resources:
"""
RESOURCE = """\
  - entry: data.get_rows
    args: [{endpoint}]
    destination: raw.{table}
    write_disposition: merge
    primary_key: id
    columns:
      id: {{data_type: bigint, nullable: false, description: Given by the vendor.}}
      updated_at: {{data_type: timestamp, description: When the row changed last.}}
"""


def source_names(size: int) -> Iterator[str]:
    """Yields the names of the sources."""
    return (f"vendor_{number:05}" for number in range(size))


def tables(source: str) -> dict[str, str]:
    """Returns, for each table of a source, the endpoint of its rows."""
    return {f"{source}_endpoint_{number}": f"endpoint_{number}" for number in range(RESOURCES)}


@contextmanager
def prepare(root: Path, size: int) -> Iterator[Mapping[str, str]]:
    """Writes three files for each source, and the settings of all."""
    for source in source_names(size):
        folder = root / "dlthub" / source
        folder.mkdir(parents=True)
        text = SOURCE + "".join(RESOURCE.format(table=t, endpoint=endpoint) for t, endpoint in tables(source).items())
        for name, content in {"__init__.py": INIT, "data.py": DATA, "sources.yaml": text}.items():
            (folder / name).write_text(content, encoding="utf-8")
    (root / ".dlt").mkdir()
    config = "\n".join(CONFIG.format(source=source) for source in source_names(size))
    (root / ".dlt" / "config.toml").write_text(config, encoding="utf-8")
    yield {}

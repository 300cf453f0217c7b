"""A source folder `s` whose entry is a dlt source with three resources."""

from __future__ import annotations

from pathlib import Path

from data_foundation.project.source import load_source_config
from tests.support.trees import Tree

CODE = '''
import dlt


@dlt.source
def shop(size: int = 2, prefix: str = "o"):
    """A shop."""

    @dlt.resource(write_disposition="merge", primary_key="id")
    def orders(cursor=dlt.sources.incremental("id", initial_value=0)):
        """Orders of the shop."""
        yield [{"id": number, "name": prefix} for number in range(size)]

    @dlt.resource(write_disposition="replace")
    def tmp_drafts():
        yield {"id": 1}

    @dlt.resource(selected=False)
    def pages():
        yield {"page": 1}

    return orders, tmp_drafts, pages


def get_rows():
    """No source."""
    yield {"id": 1}


shops = shop(3)
'''


def declare(tree: Tree, more: str = "", code: str = CODE, *, source: str = "source: shop") -> Path:
    """Writes the source folder `s`."""
    return tree.add("s", f"resources:\n  - {source}\n    destination: raw.s_{{table}}\n{more}", code)


def names(folder: Path) -> list[str]:
    """Returns the destinations of the folder's resources."""
    return [resource.destination for resource in load_source_config(folder).resources]

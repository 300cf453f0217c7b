"""The command that writes the generated reference."""

from __future__ import annotations

import typer

from data_foundation.cli.consoles import out
from data_foundation.project.root import find_root

app = typer.Typer()


@app.command(hidden=True)
def docs(context: typer.Context) -> None:
    """Write the generated reference: the JSON Schemas in dlthub/, and the tables in docs/reference/."""
    from data_foundation.cli.reference_docs import PAGES, write_reference

    for file in write_reference(root := find_root(), context.find_root().command):
        out.print(f"wrote {file.relative_to(root)}", highlight=False)
    if not (root / PAGES).is_dir():
        out.print(f"no pages were written: {PAGES}/ exists in the repository of data-foundation only", highlight=False)

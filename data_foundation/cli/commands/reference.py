"""The command that writes the generated reference."""

from __future__ import annotations

import typer

from data_foundation.cli.json_lines import AsJson, WriteLine, print_note, print_written
from data_foundation.project.root import find_root

app = typer.Typer()


@app.command(hidden=True)
def docs(context: typer.Context, as_json: AsJson = False) -> None:
    """Write the generated reference: the JSON Schemas in dlthub/, and the tables in docs/reference/."""
    from data_foundation.cli.reference_docs import PAGES, write_reference

    for file in write_reference(root := find_root(), context.find_root().command):
        print_written(WriteLine("file", str(file.relative_to(root)), "wrote"), as_json=as_json)
    if not (root / PAGES).is_dir():
        note = f"no pages were written: {PAGES}/ exists in the repository of data-foundation only"
        print_note(note)

"""The commands `foundation workbook new` and `foundation workbook export`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from data_foundation.cli.json_lines import AsJson, WriteLine, print_note, print_written
from data_foundation.errors import FoundationError
from data_foundation.project.root import find_root
from data_foundation.workbook import WORKBOOK_FILE

app = typer.Typer(no_args_is_help=True, help="Configuration in Excel: ingestion_config.xlsx in a source's folder.")

Folder = Annotated[str, typer.Argument(metavar="FOLDER", help="Name of the source: a folder in dlthub/.")]


@app.command()
def new(folder: Folder, as_json: AsJson = False) -> None:
    """Write an example workbook into a new or existing source."""
    from data_foundation.workbook.template import write_template

    root = find_root()
    file = _source(root, folder) / WORKBOOK_FILE
    write_template(file)
    print_written(WriteLine("file", str(file.relative_to(root)), "wrote"), as_json=as_json)
    note = f"next: fill in its rows, set enabled to Y, then `foundation check` and `foundation run {folder}`"
    print_note(note)


@app.command()
def export(
    folder: Folder,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="File to write, instead of the terminal.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Print the YAML that is equivalent to a workbook."""
    from data_foundation.workbook.export import export_yaml

    text = export_yaml(_source(find_root(), folder) / WORKBOOK_FILE)
    if output is None:
        if as_json:
            print_written(WriteLine("file", "sources.yaml", "printed", written=False, detail=text), as_json=True)
        else:
            typer.echo(text, nl=False)
        return
    if output.exists():
        raise FoundationError(f"{output}: exists already and is not overwritten; remove it, or choose another --output")
    output.write_text(text, encoding="utf-8")
    print_written(WriteLine("file", str(output), "wrote"), as_json=as_json)


def _source(root: Path, folder: str) -> Path:
    """Returns the folder of a source, given its name or its path."""
    name = Path(folder).name
    if not name.isidentifier():
        raise FoundationError(f"folder name '{folder}': accepted are letters, digits and _")
    return root / "dlthub" / name

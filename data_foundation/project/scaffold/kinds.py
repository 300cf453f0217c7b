"""The kinds of `foundation new --from`: what each writes, and what to do next."""

from __future__ import annotations

from pathlib import Path

from data_foundation.errors import FoundationError
from data_foundation.project.scaffold.dlt_folder import draft_folder, open_dlt_folder
from data_foundation.project.scaffold.draft import Draft, read_templates
from data_foundation.suggestions import nearest

PYTHON = "python"
DLT = "dlt"
_EDIT = "edit what EDIT marks in dlthub/{name}/sources.yaml"
_TRY = "`foundation run {name}` loads the sample that is there now"
_STEPS = {
    PYTHON: ("edit dlthub/{name}/data.py", "set SOURCES__{NAME}__BASE_URL in .env", "`foundation preview {name}`"),
    "rest": (_EDIT, "set SOURCES__{NAME}__API__BASE_URL in .env", "`foundation preview {name}`"),
    "sql": (_TRY, f"{_EDIT}, and set your database in .dlt/config.toml", "`foundation preview {name}`"),
    "files": (_TRY, _EDIT, "`foundation preview {name}`"),
    "dlt_rest_api": (_EDIT, "set {NAME}_BASE_URL and {NAME}_TOKEN in .env", "`foundation discover {name}`"),
    "dlt_sql_database": (_TRY, _EDIT, "`foundation discover {name}`"),
    "dlt_filesystem": (_TRY, _EDIT, "`foundation discover {name}`"),
}  # fmt: skip
_SETTINGS = {
    "sql": '[sources.{name}.database]\ndrivername = "sqlite"\ndatabase = "dlthub/{name}/sample.sqlite"\n',
}
KINDS = tuple(kind for kind in _STEPS if not kind.startswith(f"{DLT}_"))
SHIPPED = tuple(kind.removeprefix(f"{DLT}_") for kind in _STEPS if kind.startswith(f"{DLT}_"))
"""Sources that the dlt package holds; no code of them is laid into a folder."""


def draft_source(root: Path, name: str, kind: str, location: str | None = None) -> Draft:
    """Returns the files of a new source; writes none.

    Raises:
        FoundationError: The kind is not accepted, or the dlt source cannot be found or read.
    """
    head, _, origin = kind.partition(":")
    if head == DLT and origin and origin not in SHIPPED:
        with open_dlt_folder(root, origin, location, SHIPPED) as folder:
            return draft_folder(root, name, folder, SHIPPED)
    template = f"{DLT}_{origin}" if head == DLT else kind
    if location is not None or template not in _STEPS or head.startswith(f"{DLT}_"):
        raise FoundationError(_refusal(kind, location))
    return Draft(
        read_templates(template, name),
        tuple(step.format(name=name, NAME=name.upper()) for step in _STEPS[template]),
        _SETTINGS.get(template, "").format(name=name),
    )


def _refusal(kind: str, location: str | None) -> str:
    if kind in {DLT, f"{DLT}:"}:
        return (
            f"--from: got '{kind}'; add the source: {', '.join(f'dlt:{one}' for one in SHIPPED)}, which dlt ships; the "
            "name of a verified source, for instance dlt:chess; or a folder, for instance dlt:../verified/sources/chess"
        )
    if kind in KINDS or kind.removeprefix(f"{DLT}:") in SHIPPED:
        return (
            f"--location: got '{location}'; it goes with --from dlt:<name of a verified source>, and with no other kind"
        )
    close = nearest(kind.lower(), [*KINDS, *(f"{DLT}:{one}" for one in SHIPPED)])
    return (
        f"--from: got '{kind}'; accepted: {', '.join(KINDS)}, or {DLT}:<name or folder of a dlt source>, for instance "
        f"{DLT}:chess{close}"
    )

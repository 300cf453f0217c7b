"""Writes docs/reference/dlt-behaviours.md from the cases: `python -m tests.compat.behaviours.page`."""

from __future__ import annotations

import importlib
from pathlib import Path

from tests.compat.behaviours.case import REGISTERED, Behaviour

PAGE = Path(__file__).parents[3] / "docs" / "reference" / "dlt-behaviours.md"
SUBJECTS = {
    "dispositions": "Write dispositions",
    "strategies": "Strategies of merge",
    "incremental": "Cursors",
    "bounds": "Bounds of a cursor",
    "transformers": "Transformers",
    "selection": "Selection and limits",
    "steps": "Steps, threads and coroutines",
    "hints": "Hints",
    "nesting": "Objects and lists",
    "contracts": "Contracts",
    "state": "State",
    "settings": "Settings",
    "naming": "Names and tables",
    "models": "Pydantic models",
    "frames": "Arrow tables and frames",
    "values": "Values",
}
"""Title by module, in the order of the page."""

for _subject in SUBJECTS:
    importlib.import_module(f"tests.compat.behaviours.{_subject}")

_INTRODUCTION = """\
# Behaviours of dlt

What dlt's users rely on, one sentence each. Each sentence has a case in `tests/compat/behaviours/`: code as dlt's users
write it, loaded here and by dlt alone, mostly twice. The rows are those that the case states, and tables, columns, rows
and nested rows are equal. {differ} of {all} differ on purpose: their cases state the rows of both.

`python -m tests.compat.behaviours.page` writes this page.
"""


def find_cases(subject: str) -> list[Behaviour]:
    """Returns the behaviours of a subject, in the order of its module."""
    return list(REGISTERED[f"tests.compat.behaviours.{subject}"].values())


def render() -> str:
    """Returns the text of the page."""
    cases = {title: find_cases(subject) for subject, title in SUBJECTS.items()}
    every = [one for found in cases.values() for one in found]
    counts = {"differ": sum(bool(one.differs) for one in every), "all": len(every)}
    parts = [_INTRODUCTION.format_map(counts)]
    for title, found in cases.items():
        parts.append(f"\n## {title}\n\n" + "".join(_render(one) for one in found))
    return "".join(parts)


def _render(one: Behaviour) -> str:
    line = f"- {one.sentence}\n"
    return line + (f"    **Here:** {one.differs}\n" if one.differs else "")


if __name__ == "__main__":
    PAGE.write_text(render(), encoding="utf-8")

"""`python -m tests.upstream.table`: writes the table of hooks into docs/architecture.md."""

from __future__ import annotations

import re
from pathlib import Path

from tests.upstream.hooks import HOOKS

PAGE = Path(__file__).parents[2] / "docs" / "architecture.md"
HEAD = "| Ours, in `data_foundation/` | Why | Theirs | Tests, in `tests/` |\n|---|---|---|---|\n"
_TABLE = re.compile(re.escape(HEAD) + r"(?:\|.*\n)*")


def build_table() -> str:
    """Returns the table as Markdown; the full names are in tests/upstream/hooks.py."""
    rows = []
    for hook in HOOKS:
        ours = f"`{hook.file.removeprefix('data_foundation/')}`: `{hook.ours.__qualname__}`"
        theirs = ", ".join(dict.fromkeys(f"`{name.partition(':')[2]}`" for name in hook.theirs))
        tests = ", ".join(f"`{test}`" for test in hook.tests)
        rows.append(f"| {ours} | {hook.why} | {theirs} | {tests} |\n")
    return HEAD + "".join(rows)


def write_table() -> None:
    """Replaces the table on the page."""
    PAGE.write_text(_TABLE.sub(lambda _: build_table(), PAGE.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    write_table()

"""The files of a repository as this version of the package writes them."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path

DISTRIBUTION = "data-foundation"
TEMPLATES = Path(__file__).parent / "templates"
REQUIREMENTS = "requirements.txt"
LINKS: Mapping[str, str] = {"profiles.yml": "dbt_project/profiles.yml"}
"""Symbolic links and their targets: dbt looks for its profiles in the working directory only."""


def package_version() -> str:
    """Returns the version of this package."""
    return version(DISTRIBUTION)


def build_files() -> dict[str, str]:
    """Returns the text of each file, by path relative to the repository, without the generated JSON Schemas."""
    templates = sorted(file for file in TEMPLATES.rglob("*.txt") if file.is_file())
    texts = {
        file.relative_to(TEMPLATES).as_posix().removesuffix(".txt"): file.read_text(encoding="utf-8")
        for file in templates
    }
    return {**texts, REQUIREMENTS: _requirements(package_version())}


def _requirements(installed: str) -> str:
    """Returns the packages that the repository needs: this one, up to its next minor version."""
    major, minor, *_ = installed.split(".")
    return (
        "# Add the extras that your sources and your warehouse need: snowflake, postgres, lake, files, sql, workbook.\n"
        f"{DISTRIBUTION}[webserver]>={installed},<{major}.{int(minor) + 1}\n"
        "pytest>=8,<10\n"
    )

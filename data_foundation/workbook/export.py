"""Converts a workbook to the equivalent `sources.yaml`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from data_foundation.errors import ConfigError
from data_foundation.workbook.document import read_workbook


def export_yaml(file: Path) -> str:
    """Returns a `sources.yaml` with all resources of a workbook, including disabled ones.

    Raises:
        ConfigError: The workbook has errors; contains all of them.
    """
    document = read_workbook(file)
    if document.problems:
        raise ConfigError(document.problems)
    resources: list[dict[str, Any]] = document.value["resources"]
    text: str = yaml.safe_dump({"resources": resources}, sort_keys=False, allow_unicode=True, width=120)
    return f"# yaml-language-server: $schema=../sources.schema.json\n{text}"

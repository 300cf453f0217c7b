"""Reads and checks `dlthub/alerts.yaml`."""

from __future__ import annotations

from pathlib import Path

from pydantic import ValidationError

from data_foundation.config.alerts.keys import AlertsFile, TreeAlerts
from data_foundation.config.messages import explain_validation
from data_foundation.config.yaml_document import load_yaml
from data_foundation.errors import ConfigError

ALERTS_FILE = "alerts.yaml"
EXAMPLE = 'alerts: {targets: {team: {slack: "{{ env.SLACK_WEBHOOK }}"}}}'


def load_alerts(root: Path) -> TreeAlerts:
    """Returns the block of `dlthub/alerts.yaml` in a repository, an empty one if there is no such file.

    Raises:
        ConfigError: With every problem of the file at once.
    """
    file = root / "dlthub" / ALERTS_FILE
    if not file.exists():
        return TreeAlerts()
    document = load_yaml(file)
    if not isinstance(document.value, dict):
        raise ConfigError([document.problem((), f"accepted is a mapping: {EXAMPLE}")])
    try:
        return AlertsFile.model_validate(document.value).alerts
    except ValidationError as error:
        found = explain_validation(AlertsFile, document.value, error)
        raise ConfigError([document.problem(path, message) for path, message in found]) from None

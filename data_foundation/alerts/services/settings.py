"""Fills the templates of a target with settings; the values are masked in everything that the process writes."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

import dlt

from data_foundation.config.alerts.secret_text import find_names
from data_foundation.config.templates import render
from data_foundation.errors import SettingMissing
from data_foundation.process_wide.redaction import remember
from data_foundation.process_wide.secret_settings import learn_settings
from data_foundation.warehouses.settings import template_values

SECRETS = "secrets."


def fill(value: Any, *, secret: bool = True) -> Any:
    """Returns a text, list or dict with the values of its templates.

    Args:
        value: With templates.
        secret: Whether the values are masked from now on.

    Raises:
        SettingMissing: A setting is not set; the message names all that are not.
    """
    known, values, missing = template_values(), {}, []
    for name in find_names(value):
        found = dlt.secrets.get(name.removeprefix(SECRETS)) if name.startswith(SECRETS) else known.get(name)
        if not found:
            missing.append(name.removeprefix("env."))
        values[name] = str(found)
    if missing:
        raise SettingMissing(missing, "Set it in .env or the environment, or in .dlt/secrets.toml for secrets.NAME")
    if secret:
        remember(part for value in values.values() for part in _secret_parts(value))
        learn_settings({"webhook": list(values.values())})
    return render(value, values)


def _secret_parts(text: str) -> tuple[str, ...]:
    """Returns what is secret in a value: of an address its path and query, else every address on its host is masked."""
    try:
        parts = urlsplit(text)
    except ValueError:
        return (text,)
    return (parts.path, parts.query) if parts.netloc else (text,)

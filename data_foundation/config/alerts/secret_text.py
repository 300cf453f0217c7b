"""Text that holds a secret: it is a template, so that the file itself never contains the secret."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field

from data_foundation.config.scalars import HiddenValueError, Names
from data_foundation.config.templates import find_templates

ACCEPTED = "{{ env.NAME }} of the environment, or {{ secrets.NAME }} of .dlt/secrets.toml"

_TEMPLATE = re.compile(r"(env\.[A-Za-z_]\w*|secrets(\.[A-Za-z_][\w-]*)+)", re.ASCII)
_SECRET_HEADER = re.compile(r"(?i)auth|cookie|key|pass|secret|sign|token")


def _known(value: str) -> str:
    if unknown := next((name for name in find_templates(value) if not _TEMPLATE.fullmatch(name)), None):
        message = f"unknown template '{{{{ {unknown} }}}}'; accepted: {ACCEPTED}"
        raise HiddenValueError(message)
    return value


def _secret(value: object) -> object:
    """Refuses a value without a template; pydantic never sees it, so that no message shows it."""
    if not isinstance(value, str) or not any(find_templates(value)):
        message = f"is a secret, which no file may contain; accepted: {ACCEPTED}"
        raise HiddenValueError(message)
    return value


def _secret_headers(value: Mapping[str, str]) -> Mapping[str, str]:
    for name, text in value.items():
        if _SECRET_HEADER.search(name) and not any(find_templates(text)):
            message = f"the header {name} is a secret, which no file may contain; accepted: {ACCEPTED}"
            raise HiddenValueError(message)
    return {name: _known(text) for name, text in value.items()}


Text = Annotated[str, AfterValidator(_known)]
"""Text that may contain templates."""

Texts = Annotated[Names, AfterValidator(lambda texts: tuple(map(_known, texts)))]
"""Several texts that may contain templates."""

Secret = Annotated[
    str,
    BeforeValidator(_secret),
    AfterValidator(_known),
    Field(json_schema_extra={"pattern": r"\{\{.*\}\}"}),
]
"""Text with at least one template."""

Headers = Annotated[dict[str, str], AfterValidator(_secret_headers)]
"""Headers of a request, by name; those that hold a secret have a template."""


def find_names(value: Any) -> Iterator[str]:
    """Yields the name inside every template of a nested value, each once."""
    yield from dict.fromkeys(find_templates(value))

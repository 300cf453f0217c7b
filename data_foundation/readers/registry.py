"""What text tells of the `kwargs` of entries that ship with the framework, before anything runs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import ValidationError

from data_foundation.config.fields import Model
from data_foundation.config.grammar import ResourceConfig
from data_foundation.config.messages import explain_validation
from data_foundation.config.templates import find_templates
from data_foundation.readers.files.arguments import FileArguments
from data_foundation.readers.rest.arguments import EndpointArguments

GRAMMARS: Mapping[str, type[Model]] = {
    "data_foundation.readers.files.get_rows": FileArguments,
    "data_foundation.readers.rest.get_endpoint": EndpointArguments,
}
"""By entry what its `kwargs` accept."""


def find_argument_problems(resource: ResourceConfig) -> Iterator[tuple[str, str]]:
    """Yields the place of each value in a resource that its entry does not accept, and why.

    What a template stands for shows in a run, which looks again.
    """
    if (grammar := GRAMMARS.get(resource.entry)) is None:
        return
    kwargs: Mapping[str, Any] = resource.kwargs
    try:
        asked = grammar.model_validate(kwargs)
    except ValidationError as error:
        for path, message in explain_validation(grammar, kwargs, error):
            if not any(find_templates(_at(kwargs, path))):
                yield ".".join(map(str, ("kwargs", *path))), message
    else:
        if isinstance(asked, EndpointArguments) and asked.parent_fields and not resource.data_from:
            field = asked.parent_fields[0]
            yield "kwargs", f"'{field}' is a field of a parent; name that resource in `data_from`"


def _at(value: Any, path: tuple[str | int, ...]) -> Any:
    for part in path:
        value = value[part]
    return value

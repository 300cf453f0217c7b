"""The entries that ship with the framework: checks of their `kwargs`, and their missing connection settings."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from pydantic import ValidationError

from data_foundation.config.fields import Model
from data_foundation.config.grammar import ResourceConfig
from data_foundation.config.messages import explain_validation
from data_foundation.config.templates import find_templates
from data_foundation.errors import EntryError, SettingMissing
from data_foundation.readers.deleted_rows import find_problems_of_deleted
from data_foundation.readers.files.file_arguments import FileArguments
from data_foundation.readers.rest.endpoint_arguments import EndpointArguments
from data_foundation.readers.sql.table_arguments import find_problems_of_query

FILES = "data_foundation.readers.files.get_rows"
REST = "data_foundation.readers.rest.get_endpoint"
SQL = "data_foundation.readers.sql.get_table"

_ARGUMENT_MODELS: Mapping[str, type[Model]] = {FILES: FileArguments, REST: EndpointArguments}
"""The model that validates the `kwargs` of each entry; SQL arguments need the database to be checked."""


def find_argument_problems(folder: str, resource: ResourceConfig) -> Iterator[tuple[str, str]]:
    """Yields the path and the error message of each value in `kwargs` that the entry does not accept.

    Values with templates are skipped: they are known at run time, and the entry checks them then.

    Args:
        folder: Name of the source's folder.
        resource: The resource.
    """
    kwargs: Mapping[str, Any] = resource.kwargs
    if resource.entry == SQL:
        yield from _find_problems_of_sql(folder, resource)
    if (model := _ARGUMENT_MODELS.get(resource.entry)) is None:
        return
    try:
        arguments = model.model_validate(kwargs)
    except ValidationError as error:
        for path, message in explain_validation(model, kwargs, error):
            if not any(find_templates(_value_at(kwargs, path))):
                yield ".".join(map(str, ("kwargs", *path))), message
    else:
        if isinstance(arguments, EndpointArguments) and (problem := _find_contradiction(arguments, resource)):
            yield "kwargs", problem


def _find_problems_of_sql(folder: str, resource: ResourceConfig) -> Iterator[tuple[str, str]]:
    kwargs: Mapping[str, Any] = resource.kwargs
    if kwargs.get("deleted") is not None and not any(find_templates(kwargs["deleted"])):
        yield from ((f"kwargs.{path}", message) for path, message in find_problems_of_deleted(kwargs["deleted"]))
    problems = [] if resource.args else list(find_problems_of_query(kwargs))
    yield from (("kwargs", problem) for problem in problems)
    query = kwargs.get("query")
    if problems or query is None or any(find_templates(query)):
        return
    from data_foundation.readers.sql.database_settings import find_connection  # noqa: PLC0415 - see below
    from data_foundation.readers.sql.query import check_query  # noqa: PLC0415 - as above

    try:
        connection = find_connection(folder, str(kwargs.get("connection")), kwargs.get("dialect"))
    except (EntryError, SettingMissing):  # without its settings the dialect is not known; the load reports them
        return
    try:
        check_query(query, connection.dialect)
    except EntryError as error:
        yield "kwargs", str(error)


def _find_contradiction(arguments: EndpointArguments, resource: ResourceConfig) -> str | None:
    """Returns the error message for arguments of an endpoint that other keys of the resource contradict."""
    if not resource.data_from:
        fields = arguments.parent_fields
        return f"'{fields[0]}' is a field of a parent; name that resource in `data_from`" if fields else None
    if resource.incremental and not arguments.shared_cursor:
        return (
            "with `data_from` one `incremental` cursor serves all parents: a row of one parent that is older than the "
            "newest row of another would never be loaded. Leave `incremental` out and merge, or set "
            "`shared_cursor: true` if no row comes later than newer rows of other parents"
        )
    return None


def find_missing_settings(folder: str, resource: ResourceConfig) -> tuple[str, ...]:
    """Returns the environment variables of the settings that the resource's connection lacks; does not connect."""
    name = resource.kwargs.get("connection")
    if not isinstance(name, str) or (find := _connection_finder(resource.entry)) is None:
        return ()
    try:
        find(folder, name)
    except SettingMissing as error:
        return error.settings
    except EntryError:  # an invalid setting; the load reports it
        return ()
    return ()


def _connection_finder(entry: str) -> Callable[[str, str], Any] | None:
    """Returns the function that reads the settings of an entry's connection, or None for any other entry.

    Imports on demand: definitions need none of these modules, and each step of a run pays for every import.
    """
    if entry == FILES:
        from data_foundation.readers.files.stores.storage_settings import find_storage  # noqa: PLC0415 - see above

        return find_storage
    if entry == REST:
        from data_foundation.readers.rest.api_settings import find_api  # noqa: PLC0415 - see above

        return find_api
    if entry == SQL:
        from data_foundation.readers.sql.database_settings import find_connection  # noqa: PLC0415 - see above

        return find_connection
    return None


def _value_at(value: Any, path: tuple[str | int, ...]) -> Any:
    for part in path:
        value = value[part]
    return value

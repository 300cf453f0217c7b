"""Keys of one resource that are each valid and contradict each other."""

from __future__ import annotations

from collections.abc import Iterator

from data_foundation.config.resource_keys import ResourceKeys
from data_foundation.config.templates import find_templates


def find_contradictions(resource: ResourceKeys) -> Iterator[str]:
    """Yields a message for each contradiction between the keys of a resource, with what to do."""
    yield from _of_tag(resource)
    if resource.landing == "vault":
        yield from _of_vault(resource)
    yield from _of_keys(resource)
    yield from _of_cursor(resource)
    yield from _of_partitions(resource)
    if resource.bind and resource.resource is None:
        yield "bind has the arguments of a resource of a dlt source; name that as `resource`, or use kwargs"
    for table in (reference.referenced_table for reference in resource.references):
        if "." in table and not table.startswith(f"{resource.dataset}."):
            yield f"references: '{table}' is in another dataset than {resource.destination}; leave this reference out"
    if resource.lake and resource.warehouse not in {None, "lake", "filesystem"}:
        yield (f"lake is where a table lands in a lake, and warehouse is {resource.warehouse}; leave one of them out")


def _of_tag(resource: ResourceKeys) -> Iterator[str]:
    if resource.landing == "vault" and not resource.tag:
        yield "landing vault needs a tag, which its hub is named after"
    if resource.columns_from and not resource.tag:
        yield "columns_from needs a tag, whose columns it names"
    if resource.tag and not resource.key_columns:
        yield "tag needs a primary_key"


def _of_vault(resource: ResourceKeys) -> Iterator[str]:
    for name in ("child_tables", "merge_key", "nested_hints", "root_key"):
        if getattr(resource, name):
            yield f"landing vault keeps whole rows, lists and objects as JSON; leave {name} out"
    if resource.tables:
        yield "landing vault keeps the rows of one table; leave tables out"
    if resource.max_table_nesting:
        yield "landing vault keeps whole rows, lists and objects as JSON; max_table_nesting is 0"
    if resource.lands_in in {"lake", "filesystem"}:
        yield (
            f"landing vault needs a database, and {resource.lands_in} is none; accepted: duckdb, snowflake, postgres, "
            "ducklake"
        )


def _of_keys(resource: ResourceKeys) -> Iterator[str]:
    mode = resource.write_disposition
    if mode.disposition == "merge" and mode.strategy != "scd2" and not (resource.key_columns or resource.merge_columns):
        yield "write_disposition merge needs a primary_key or a merge_key; add one, or append"
    if resource.checks.primary_key in {"warn", "block"} and not resource.key_columns:
        yield (f"checks.primary_key is {resource.checks.primary_key} and there is no primary_key; add one, or ignore")


def _of_cursor(resource: ResourceKeys) -> Iterator[str]:
    if resource.incremental and resource.write_disposition.disposition == "replace":
        yield (
            "replace with `incremental` would leave only the rows after the cursor; use merge or append, or leave "
            "`incremental` out"
        )
    if resource.meeting == "merge scd2" and not resource.merge_columns:
        for name in ("incremental", "partitions"):
            if getattr(resource, name):
                yield (
                    f"scd2 retires every row that a run does not bring, and with `{name}` a run brings only a part; "
                    f"add a merge_key, whose values limit what is retired, or leave `{name}` out"
                )
    if resource.incremental and (hashed := next(filter(resource.incremental.reads, resource.hashed_columns), None)):
        yield f"columns.{hashed}: pii: hash has no order, and it is the cursor of `incremental`; use another cursor"


def _of_partitions(resource: ResourceKeys) -> Iterator[str]:
    disposition = resource.write_disposition.disposition
    if resource.automation and resource.automation.catch_up and not resource.partitions:
        yield "automation.catch_up looks back at partitions, and there are none; add `partitions`, or leave it out"
    if resource.partitions and disposition == "replace":
        yield "replace swaps the whole table, so each partition would remove the others; use merge, or append"
    if resource.partitions and disposition == "append" and not resource.incremental:
        yield (
            "append to partitions needs `incremental`, whose cursor tells which rows a partition has when it is "
            "loaded again; or use merge with a primary_key"
        )
    if not (resource.partitions or resource.incremental):
        for name in find_templates(resource.all_arguments):
            if name.startswith("partition."):
                yield f"'{{{{ {name} }}}}' needs `partitions` or `incremental`, from which its value comes"

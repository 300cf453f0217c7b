"""Snowflake's merge of versions (scd2), with keys of several columns compared column by column."""

from __future__ import annotations

from collections.abc import Sequence

from dlt.destinations.impl.snowflake.snowflake import SnowflakeMergeJob
from typing_extensions import override


class VersionMerge(SnowflakeMergeJob):
    """Merges as dlt does, but a key of several columns is no text.

    dlt concatenates the columns, in which ('a', 'bc') equals ('ab', 'c'), and finds no key that has a NULL.
    """

    @classmethod
    @override
    def gen_merge_key_present_clause(
        cls, merge_keys: Sequence[str], staging_root_table_name: str, source_filter: str | None = None
    ) -> str | None:
        if len(merge_keys) <= 1:
            return super().gen_merge_key_present_clause(merge_keys, staging_root_table_name, source_filter)
        key = ", ".join(f"{name} IS NULL, COALESCE(TO_VARCHAR({name}), '')" for name in merge_keys)
        chosen = f" WHERE {source_filter}" if source_filter else ""
        return f"({key}) IN (SELECT {key} FROM {staging_root_table_name}{chosen})"  # noqa: S608 - quoted by dlt

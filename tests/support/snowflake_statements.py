"""Statements that a load sends to Snowflake, from the test server's log or a real account's query history."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tests.snowflake.conftest import SnowflakeTree


def statements_of(tree: "SnowflakeTree", act: Callable[[], Any], *, tags: bool = False) -> list[Any]:
    """Returns the statements of `act`, in order; with `tags`, pairs of statement and QUERY_TAG."""
    if server := tree.account.server:
        server.forget_statements()
        act()
        found = [(entry["sql"], entry["query_tag"]) for entry in server.statements()]
    else:
        [began] = tree.query("select current_timestamp()::varchar")
        act()
        since = f"information_schema.query_history_by_user(end_time_range_start => '{began}'::timestamp_ltz)"
        found = tree.query(f"select query_text, query_tag from table({since}) order by start_time")
    trimmed = [(sql.strip(), tag) for sql, tag in found]
    return trimmed if tags else [sql for sql, _ in trimmed]

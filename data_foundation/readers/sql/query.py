"""Checks that `query` is one SELECT in the database's SQL, and finds out what cannot be read with it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from sqlglot import exp

from data_foundation.errors import EntryError, LoadError
from data_foundation.readers.sql.reading_sql import parse_reading

_SHOWN = 60
_ACCEPTED = "accepted is one SELECT, for instance SELECT id, name FROM customers WHERE is_active"
_RANDOM = (exp.Rand, exp.Randn, exp.Uuid)


def check_query(text: str, dialect: str, partial: Sequence[str] = ()) -> str:
    """Returns the SELECT without a semicolon at its end, after checking it.

    Args:
        text: The value of `query`.
        dialect: Dialect of the connection.
        partial: The configured keys that read a part of the query's rows, or read it several times.

    Raises:
        EntryError: The text is not one SELECT that only reads, or does not select the same rows each time that one of
            `partial` reads it.
    """

    def refuse(reason: str) -> EntryError:
        shown = " ".join(text.split())
        return EntryError(f"query: got '{shown[:_SHOWN]}{'...' * (len(shown) > _SHOWN)}', which {reason}; {_ACCEPTED}")

    select = parse_reading(text, dialect, refuse)
    inner: exp.Expression = select.unnest()  # type: ignore[no-untyped-call]
    if not isinstance(inner, exp.Select | exp.SetOperation):
        raise refuse("is no SELECT")
    if dialect == "mssql" and select.find(exp.With):
        raise refuse("has a WITH, which SQL Server has not inside another SELECT; write a subquery in FROM, or a view")
    if dialect == "mssql" and inner.args.get("order") and not _is_limited(inner):
        raise refuse("has an ORDER BY, which SQL Server has not inside another SELECT; set incremental.row_order")
    if partial and _is_limited(inner):
        raise refuse(
            f"limits its rows before {' and '.join(partial)} selects among them: rows would never be read; leave out "
            "the limit, or read all rows with `write_disposition: replace`"
        )
    if partial and any(isinstance(node, _RANDOM) for node in select.walk()):
        raise refuse(f"has other rows each time {' and '.join(partial)} reads it; leave out the random function")
    return text.strip().rstrip("; \n\t")


def _is_limited(query: exp.Expression) -> bool:
    """Returns True if a query has a largest number of rows, in any dialect's words, or takes its rows from such a one.

    Other queries inside of it, as in a condition or in a join, do not limit its rows.
    """
    if any(column.name.lower() == "rownum" for column in query.find_all(exp.Column)):
        return True
    named = {one.alias: one.this for one in query.find_all(exp.CTE)}
    waiting, seen = [query], set[int]()
    while waiting:
        one = waiting.pop().unnest()  # type: ignore[no-untyped-call]
        if id(one) in seen:
            continue  # a WITH RECURSIVE names itself
        seen.add(id(one))
        if any(one.args.get(name) for name in ("limit", "offset")):
            return True
        if isinstance(one, exp.SetOperation):
            waiting += [one.left, one.right]
        elif isinstance(one, exp.Select) and (origin := one.find(exp.From, bfs=True)) and origin.parent is one:
            rows = origin.this
            waiting += [named.get(rows.name, rows)] if isinstance(rows, exp.Table) and not rows.db else [rows]
    return False


def refuse_names(names: Sequence[str]) -> None:
    """Refuses columns of a query that cannot be distinguished by their names.

    Raises:
        LoadError: A column has no name, or two have the same.
    """
    for number, name in enumerate(names, 1):
        if not name.strip() or name == "?column?":
            raise LoadError(f"query: column {number} has no name; name it, as in count(*) AS orders")
    if doubled := next((name for name, count in Counter(names).items() if count > 1), ""):
        raise LoadError(f"query: several columns are named {doubled}; name each, as in {doubled} AS other_{doubled}")

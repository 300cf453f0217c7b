"""Finds the columns from which each column of a SELECT is computed."""

from __future__ import annotations

from collections.abc import Mapping

from sqlglot import exp, parse_one
from sqlglot.errors import SqlglotError
from sqlglot.lineage import Node, lineage
from sqlglot.optimizer.qualify import qualify
from sqlglot.optimizer.scope import build_scope

Parents = Mapping[tuple[str, str], Mapping[str, str]]
"""Data types of columns by name, by schema and name of the relation in lower case."""

Column = tuple[tuple[str, str], str]
"""A relation and the name of one of its columns."""


def find_column_lineage(sql: str, dialect: str, parents: Parents) -> dict[str, set[Column]]:
    """Returns the columns from which each column of a query is computed; an empty set for a constant.

    Args:
        sql: The query.
        dialect: Its dialect, as sqlglot calls it.
        parents: The relations that it reads. A column of another relation is left out.

    Returns:
        The columns by name, {} if sqlglot cannot parse the query.
    """
    schema: dict[str, dict[str, dict[str, str]]] = {}
    for (dataset, table), columns in parents.items():
        schema.setdefault(dataset, {})[table] = dict(columns)
    try:
        query = qualify(_without_databases(sql, dialect), dialect, schema=schema, validate_qualify_columns=False,
                        identify=False)  # fmt: skip
        # Qualified once: `lineage` would do so for each column.
        scope = build_scope(query)
        names = scope.expression.named_selects if scope else []
        return {
            name: _leaves(lineage(name, query, dialect=dialect, scope=scope, trim_selects=False, copy=False), parents)
            for name in names
        }
    except (SqlglotError, ValueError, RecursionError):
        return {}


def _without_databases(sql: str, dialect: str) -> exp.Expression:
    """Returns the parsed query with relations named by schema and table, as they are in `parents`."""
    tree = parse_one(sql, dialect=dialect)
    for table in tree.find_all(exp.Table):
        table.set("catalog", None)
    return tree


def _leaves(column: Node, parents: Parents) -> set[Column]:
    """Returns the columns of relations at the ends of a column's lineage."""
    found: set[Column] = set()
    for node in column.walk():
        table = None if node.downstream else node.expression.find(exp.Table)
        relation = (table.db.lower(), table.name.lower()) if table else ("", "")
        name = exp.to_column(node.name).name.lower() if relation in parents else ""
        found.update((relation, known) for known in parents.get(relation, ()) if known.lower() == name)
    return found

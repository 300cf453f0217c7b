"""Reads, in source text, the hints of an entry's decorator and the cursor in an argument's default; runs nothing."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from typing import Any

HINTS = ("write_disposition", "primary_key", "merge_key", "columns", "max_table_nesting", "incremental")
"""Arguments of dlt's decorators that are keys of `sources.yaml` as well."""

_DECORATOR = re.compile(r"(dlt\.)?(resource|transformer)")
_CURSOR = re.compile(r"(dlt\.sources\.)?incremental(\[.*\])?")


def read_text_hints(node: ast.FunctionDef | ast.AsyncFunctionDef) -> dict[str, Any]:
    """Returns what the text of a function declares, by key of `sources.yaml`; only literal values are known.

    Args:
        node: The function of an entry, with its decorators.
    """
    hints: dict[str, Any] = {}
    for decorator in node.decorator_list:
        if isinstance(decorator, ast.Call) and _DECORATOR.fullmatch(ast.unparse(decorator.func)):
            hints |= {
                keyword.arg: value
                for keyword in decorator.keywords
                if keyword.arg in HINTS and (value := _hint(keyword.arg, keyword.value))
            }
    for default in (*node.args.defaults, *filter(None, node.args.kw_defaults)):
        if cursor := _cursor(default):
            hints["incremental"] = cursor
    return hints


def _hint(name: str, node: ast.expr) -> Any:
    """Returns the value of a hint in the form of the grammar, None if the text does not show it."""
    value = _literal(node)
    if name == "write_disposition" and isinstance(value, dict):
        return {key: value[key] for key in ("disposition", "strategy") if key in value}
    is_columns = isinstance(value, dict) and all(isinstance(column, dict) for column in value.values())
    return None if name == "columns" and not is_columns else value


def _literal(node: ast.expr) -> Any:
    """Returns the value of an expression, None if it is no literal."""
    if cursor := _cursor(node):
        return cursor
    try:
        return ast.literal_eval(node)
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
        return None


def _cursor(node: ast.expr) -> dict[str, Any] | None:
    """Returns the settings of a call of `dlt.sources.incremental`; None if the text does not show its path."""
    if not (isinstance(node, ast.Call) and _CURSOR.fullmatch(ast.unparse(node.func))):
        return None
    settings = dict(_arguments(node))
    return settings if isinstance(settings.get("cursor_path"), str) else None


def _arguments(node: ast.Call) -> Iterator[tuple[str, Any]]:
    for name, value in zip(("cursor_path", "initial_value"), node.args, strict=False):
        yield name, _literal(value)
    for keyword in node.keywords:
        if keyword.arg in {"cursor_path", "initial_value", "lag", "row_order", "on_cursor_value_missing"}:
            yield keyword.arg, _literal(keyword.value)

"""Compiles the condition of `where`, a small part of SQL, to a function of a row's fields, which executes no code."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from data_foundation.config.steps.compared_values import (
    BooleanResult,
    as_boolean,
    as_day,
    as_moment,
    as_number,
    as_text,
    as_whole_number,
    compare,
    known,
    number_as_text,
    read_number,
)

Path = tuple[str, ...]
"""Names of a field, and of the fields inside it."""

Evaluate = Callable[[Mapping[Path, Any]], Any]
"""Returns the value of an expression for the values of a row's fields; None is SQL's NULL."""

_ACCEPTED = (
    "accepted is a condition of SQL, for instance status = 'open' AND total > 10, made of fields (author.name is one "
    "inside another), values, comparisons, AND, OR, NOT, IN, BETWEEN, LIKE, ILIKE, IS NULL, CAST, lower, upper, trim, "
    "length, abs and coalesce"
)


@dataclass(frozen=True)
class RowCondition:
    """A compiled condition.

    Attributes:
        fields: The fields that it names.
        evaluate: Returns True, False or None for the values of these fields.
    """

    fields: Sequence[Path]
    evaluate: Callable[[Mapping[Path, Any]], BooleanResult]

    @property
    def names(self) -> Sequence[str]:
        """The fields of the row itself that it names, or that contain what it names."""
        return tuple(dict.fromkeys(path[0] for path in self.fields))

    @classmethod
    def of(cls, text: str) -> RowCondition:
        """Returns the condition that a text of SQL describes.

        Raises:
            ValueError: The text is no such condition; the message gives the reason.
        """
        # Imported only where a condition is configured.
        import sqlglot  # noqa: PLC0415 - see above
        from sqlglot.errors import SqlglotError  # noqa: PLC0415 - as above

        try:
            parsed = sqlglot.parse(text, read="duckdb")
            if len(parsed) != 1 or parsed[0] is None:
                message = f"it has {len(parsed)} statements" if any(parsed) else "it is empty"
                raise _refusal(message)
            compiler = _Compiler()
            evaluate = compiler.boolean(parsed[0])
        except (SqlglotError, RecursionError) as error:
            reason = str(error).partition("\n")[0].rstrip(". ") or "too deep"
            raise _refusal(f"it cannot be read as SQL ({reason})") from None
        if not compiler.fields:
            raise _refusal("it names no field")
        return cls(tuple(compiler.fields), evaluate)


def _refusal(reason: str) -> ValueError:
    return ValueError(f"where: {reason}; {_ACCEPTED}")


class _Compiler:
    """Compiles the nodes of one parsed condition, and collects the fields that they name.

    A method is named after the class of sqlglot's node that it compiles.
    """

    def __init__(self) -> None:
        self.fields: dict[Path, None] = {}

    def boolean(self, node: Any) -> Callable[[Mapping[Path, Any]], BooleanResult]:
        """Returns the function of a condition; a field by itself has to be true or false."""
        evaluate = self.value(node)
        return lambda row: as_boolean(evaluate(row))

    def value(self, node: Any) -> Evaluate:
        """Returns the function of an expression.

        Raises:
            ValueError: The expression is not accepted.
        """
        kind = type(node).__name__.lower()
        if {name for name, given in node.args.items() if given} - _PARTS:
            # What the node has besides, such as LEADING of TRIM, would have no effect.
            raise _refusal(f"{node.sql()[:40]} is not accepted")
        if (compile_node := getattr(self, f"_{kind}", None)) is not None:
            compiled: Evaluate = compile_node(node)
            return compiled
        if kind in _COMPARISONS:
            return self._compared(node, _COMPARISONS[kind])
        if kind in _FUNCTIONS and not node.args.get("expression"):
            function, inner = _FUNCTIONS[kind], self.value(node.this)
            return lambda row: None if (value := inner(row)) is None else function(value)
        raise _refusal(f"{node.sql()[:40]} is not accepted")

    def _paren(self, node: Any) -> Evaluate:
        return self.value(node.this)

    def _column(self, node: Any) -> Evaluate:
        path = tuple(part.name for part in node.parts)
        self.fields[path] = None
        return lambda row: known(row[path])

    def _literal(self, node: Any) -> Evaluate:
        value = node.this if node.is_string else read_number(node.this)
        return lambda _: value

    def _boolean(self, node: Any) -> Evaluate:
        return lambda _: bool(node.this)

    def _null(self, _: Any) -> Evaluate:
        return lambda _: None

    def _neg(self, node: Any) -> Evaluate:
        inner = self.value(node.this)
        return lambda row: None if (value := inner(row)) is None else -as_number(value)

    def _not(self, node: Any) -> Evaluate:
        inner = self.boolean(node.this)
        return lambda row: None if (value := inner(row)) is None else not value

    def _and(self, node: Any) -> Evaluate:
        return self._joined(node, ends_at=False)

    def _or(self, node: Any) -> Evaluate:
        return self._joined(node, ends_at=True)

    def _joined(self, node: Any, *, ends_at: bool) -> Evaluate:
        left, right = self.boolean(node.left), self.boolean(node.right)

        def evaluate(row: Mapping[Path, Any]) -> BooleanResult:
            if (first := left(row)) is ends_at:
                return ends_at
            second = right(row)
            return ends_at if second is ends_at else None if None in {first, second} else not ends_at

        return evaluate

    def _compared(self, node: Any, accepted: frozenset[int]) -> Evaluate:
        left, right = self.value(node.left), self.value(node.right)

        def evaluate(row: Mapping[Path, Any]) -> BooleanResult:
            return None if (order := compare(left(row), right(row))) is None else order in accepted

        return evaluate

    def _between(self, node: Any) -> Evaluate:
        value, low, high = (self.value(one) for one in (node.this, node.args["low"], node.args["high"]))

        def evaluate(row: Mapping[Path, Any]) -> BooleanResult:
            below, above = compare(value(row), low(row)), compare(value(row), high(row))
            if below == -1 or above == 1:
                return False
            return None if below is None or above is None else True

        return evaluate

    def _in(self, node: Any) -> Evaluate:
        if not node.expressions:
            raise _refusal("IN needs a list of values")
        value, members = self.value(node.this), [self.value(one) for one in node.expressions]

        def evaluate(row: Mapping[Path, Any]) -> BooleanResult:
            orders = {compare(value(row), member(row)) for member in members}
            return True if 0 in orders else None if None in orders else False

        return evaluate

    def _is(self, node: Any) -> Evaluate:
        inner, right = self.value(node.this), type(node.expression).__name__
        if right == "Null":
            return lambda row: inner(row) is None
        if right != "Boolean":
            raise _refusal("IS takes NULL, TRUE or FALSE")
        expected = bool(node.expression.this)
        return lambda row: as_boolean(inner(row)) is expected

    def _like(self, node: Any) -> Evaluate:
        return self._matched(node, 0)

    def _ilike(self, node: Any) -> Evaluate:
        return self._matched(node, re.IGNORECASE)

    def _matched(self, node: Any, flags: int) -> Evaluate:
        inner, pattern = self.value(node.this), node.expression
        if type(pattern).__name__ != "Literal" or not pattern.is_string:
            raise _refusal("LIKE takes a text")
        parts = (".*" if sign == "%" else "." if sign == "_" else re.escape(sign) for sign in pattern.this)
        matches = re.compile("".join(parts), flags | re.DOTALL).fullmatch
        return lambda row: None if (value := inner(row)) is None else bool(matches(as_text(value)))

    def _coalesce(self, node: Any) -> Evaluate:
        inner = [self.value(one) for one in (node.this, *node.expressions)]
        return lambda row: next((value for one in inner if (value := one(row)) is not None), None)

    def _cast(self, node: Any) -> Evaluate:
        inner, to = self.value(node.this), node.to.this.name
        given = [one.name for one in node.to.expressions]
        if (convert := _CASTS.get(to)) is None or given not in ([], _DEFAULT_DIGITS):
            message = (
                f"CAST to {node.to.sql()} is not known; it takes DECIMAL, DOUBLE, INT, BIGINT, TEXT, DATE and "
                "TIMESTAMP, without a number of digits"
            )
            raise _refusal(message)
        return lambda row: None if (value := inner(row)) is None else convert(value)


_COMPARISONS: Mapping[str, frozenset[int]] = {
    "eq": frozenset({0}), "neq": frozenset({-1, 1}), "lt": frozenset({-1}), "lte": frozenset({-1, 0}),
    "gt": frozenset({1}), "gte": frozenset({0, 1}),
}  # fmt: skip
"""The results of `compare` for which a comparison is true."""

_FUNCTIONS: Mapping[str, Callable[[Any], Any]] = {
    "lower": lambda value: as_text(value).lower(), "upper": lambda value: as_text(value).upper(),
    "trim": lambda value: as_text(value).strip(" "), "length": lambda value: len(as_text(value)),
    "abs": lambda value: abs(as_number(value)),
}  # fmt: skip

_CASTS: Mapping[str, Callable[[Any], Any]] = {
    **dict.fromkeys(("DECIMAL", "DOUBLE", "FLOAT"), lambda value: as_number(value, of_text=True)),
    **dict.fromkeys(("INT", "BIGINT"), as_whole_number),
    **dict.fromkeys(("TEXT", "VARCHAR"), number_as_text),
    **dict.fromkeys(("TIMESTAMP", "TIMESTAMPNTZ", "TIMESTAMPTZ"), as_moment),
    "DATE": as_day,
}
"""The conversions by sqlglot's names of types."""

_DEFAULT_DIGITS = ["18", "3"]
"""The digits that sqlglot adds to a DECIMAL without any; all digits of a number are kept."""

_PARTS = frozenset({"this", "expression", "expressions", "to", "low", "high", "table", "db", "catalog", "is_string"})
"""The parts of sqlglot's nodes that are compiled."""

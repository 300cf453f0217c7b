"""Tests of `query_filter`: one boolean expression that only reads, in every dialect."""

import pytest

from data_foundation.errors import EntryError
from data_foundation.readers.sql.query_filter import check_filter

DIALECTS = ("postgresql", "sqlite", "mysql", "mssql", "oracle")
ACCEPTED = {
    "comparison": "status = 'active'",
    "and-or": "a = 1 AND (b < 2 OR NOT c > 3)",
    "in": "a IN (1, 2)",
    "like": "a LIKE 'x%_'",
    "between": "a BETWEEN 1 AND 2",
    "null": "NOT a IS NULL",
    "function": "Lower(a) = 'x'",
    "case": "CASE WHEN a = 1 THEN 1 ELSE 0 END = 1",
    "a-select-that-reads": "id IN (SELECT id FROM others WHERE b = 1)",
    "exists": "EXISTS(SELECT 1 FROM others AS o WHERE o.id = id)",
    "a-semicolon-in-a-text": "a = 'x; drop table y --'",
    "a-quote-in-a-text": "a = 'it''s'",
    "a-colon-in-a-text": "a = '12:30 :x'",
}


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize("text", ACCEPTED.values(), ids=ACCEPTED)
def test_a_condition_is_sent_as_it_was_written(text: str, dialect: str) -> None:
    """The text of the filter is sent unchanged."""
    assert check_filter(f" {text}\n", dialect) == text


OWN_WORDS = {
    "postgresql": ["data ->> 'k' = 'v'", "a ~ '^x'", "a ILIKE 'x' AND \"Mixed Case\" = ANY(ARRAY[1, 2])", "is_paid"],
    "mysql": ["`Mixed Case` = 1", "a REGEXP '^x'"],
    "mssql": ["[Mixed Case] = 1", "a = N'x'"],
    "oracle": ["rownum < 5", '"Mixed" = 1'],
    "sqlite": ["a GLOB 'x*'"],
}


@pytest.mark.parametrize(("dialect", "text"), [(name, text) for name, texts in OWN_WORDS.items() for text in texts])
def test_a_filter_may_use_the_syntax_of_its_dialect(dialect: str, text: str) -> None:
    """Syntax that only one dialect has is accepted in that dialect."""
    assert check_filter(text, dialect) == text


REFUSED = {
    "two-statements": ("1=1; drop table x", "contains 2 statements"),
    "a-statement": ("drop table x", "is not a condition but a DROP"),
    "a-select": ("select 1", "is not a condition but a SELECT"),
    "a-union": ("a = 1 union select 1", "is not a condition but a UNION"),
    "nothing": ("  ;", "is empty"),
    "empty": ("", "is empty"),
    "a-comment": ("1=1 -- and a = 2", "has a comment"),
    "a-comment-inside": ("a /* x */ = 1", "has a comment"),
    "brackets-that-close-another": ("1=1) or (1=1", "cannot be read as"),
    "a-bracket-that-stays-open": ("(a = 1", "cannot be read as"),
    "a-text-that-stays-open": ("a = 'x", "cannot be read as"),
    "an-order": ("a = 1 order by a", "cannot be read as"),
    "a-limit": ("a = 1 limit 5", "cannot be read as"),
    "a-delete-inside": ("id in (delete from x returning id)", "cannot be read as"),
    "a-delete-in-a-with": ("exists (with x as (delete from o returning 1) select 1 from x)", ""),
    "a-table-made": ("exists (select 1 into z from o)", "writes"),
    "an-update": ("update x set a = 1", "writes"),
    "a-sum": ("a + 1", "is not a condition but an ADD"),
    "a-text": ("'x'", "is not a condition but a LITERAL"),
    "a-name-of-it": ("a = 1 as b", "is not a condition but an ALIAS"),
    "two-expressions": ("a, b", ""),
    "a-placeholder": ("a = :x", "has a placeholder"),
    "a-mark": ("a = ?", "has a placeholder"),
    "a-call": ("exec xp_cmdshell 'x'", ""),
    "too-deep": ("(" * 2000 + "a = 1" + ")" * 2000, "cannot be read as"),
}


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize(("text", "reason"), REFUSED.values(), ids=REFUSED)
def test_anything_else_is_refused(text: str, reason: str, dialect: str) -> None:
    """The error shows the expression, its kind and what is accepted."""
    with pytest.raises(EntryError, match="accepted is one boolean expression") as caught:
        check_filter(text, dialect)
    assert f"query_filter: got {text[:40]!r}"[:-1] in str(caught.value)
    assert reason in str(caught.value)

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


READING = {
    "postgresql": [
        "date_trunc('day', at) > now() - INTERVAL '1 day'", "lower(btrim(name)) LIKE 'x%'",
        "CAST(a AS DECIMAL(10, 2)) > 1",
        "a::numeric(10, 2) > 1 AND b::varchar(3) = 'x'", "jsonb_array_length(data -> 'items') > 2",
        "EXTRACT(year FROM at) = 2024", "count(*) FILTER (WHERE a > 1) OVER (PARTITION BY b) > 2", "CURRENT_DATE > at",
        "a = ALL (SELECT b FROM o) OR (a, b) IN ((1, 2))", "position('x' in a) > 0", "at > CURRENT_TIMESTAMP(3)",
    ],
    "mysql": ["DATE_FORMAT(at, '%Y') = '2024'", "IFNULL(a, 0) > 1", "at > DATE_SUB(NOW(), INTERVAL 1 DAY)"],
    "mssql": ["DATEDIFF(day, at, GETDATE()) < 2", "ISNULL(a, 0) > 1", "CONVERT(VARCHAR(10), a) = 'x'", "LEN(a) > 2"],
    "oracle": ["NVL(a, 0) > 1", "TRUNC(at) = TRUNC(SYSDATE)", "at > TO_DATE('2024-01-01', 'YYYY-MM-DD')"],
    "sqlite": ["strftime('%Y', at) = '2024'", "json_extract(a, '$.b') = 1", "ifnull(a, 0) > 1"],
}  # fmt: skip


@pytest.mark.parametrize(("dialect", "text"), [(name, text) for name, texts in READING.items() for text in texts])
def test_functions_that_only_read_are_accepted(dialect: str, text: str) -> None:
    """Functions of the dialect, types and words before a bracket are no reason to refuse a filter."""
    assert check_filter(text, dialect) == text


ACTING = {
    "postgresql": [
        "pg_terminate_backend(1)", "pg_cancel_backend(1)", "lo_import('/etc/passwd') > 0", "lo_export(1, '/tmp/x') = 1",
        "dblink_exec('', 'drop table x') = ''", "pg_read_file('/etc/passwd') = 'x'", "pg_ls_dir('/') = 'x'",
        "nextval('s') > 0", "setval('s', 1) > 0", "set_config('a.b', 'x', false) = 'x'", "pg_sleep(60) IS NULL",
        "query_to_xml('drop table x', true, true, '') IS NULL", "pg_advisory_lock(1) IS NULL",
        "pg_notify('a', 'b') IS NULL",
        "pg_catalog.pg_sleep(1) IS NULL", '"pg_sleep"(1) IS NULL', 'pg_catalog."pg_sleep"(1) IS NULL',
        "PG_SLEEP (1) IS NULL", "a = 1 AND pg_sleep(1) IS NULL", "CASE WHEN pg_reload_conf() THEN true END",
        "a IN (SELECT pg_sleep(1)::text)", "EXISTS (SELECT 1 FROM dblink('', 'select 1') AS t)", "my_function(a) = 1",
        "lower(pg_read_file('x')) = 'x'", "public.lower(a) = 'x'", 'U&"pg\\005fsleep"(1) IS NULL', "xmltable(a) = 1",
        "EXISTS (SELECT 1 FROM ROWS FROM (pg_sleep(1)) AS t)", "pg_switch_wal() IS NULL", "txid_current() > 1",
    ],
    "mysql": [
        "SLEEP(10) = 0", "LOAD_FILE('/etc/passwd') = 'x'", "GET_LOCK('a', 10) = 1", "BENCHMARK(1000000, MD5('a')) = 0",
        "`SLEEP`(10) = 0", "sys_exec('x') = 0", "RELEASE_ALL_LOCKS() = 0", "LAST_INSERT_ID(5) = 5", "shop.f(1) = 1",
        "UPDATEXML(1, 2, 3) = 1", "s.nextval > 1", "(@a := 1) = 1",
    ],
    "mssql": [
        "dbo.f(1) = 1", "[xp_cmdshell]('x') = 1", "EXISTS (SELECT 1 FROM OPENROWSET('a', 'b', 'c') AS t)",
        "EXISTS (SELECT 1 FROM OPENQUERY(a, 'b') AS t)", "NEXT VALUE FOR s > 1", "master.dbo.f(1) = 1",
    ],
    "oracle": [
        "dbms_lock.sleep(10) = 1", "utl_http.request('http://x') = 'x'", "s.nextval > 1", "s.CURRVAL > 1",
        "httpuritype('http://x').getclob() = 'x'", "dbms_xmlgen.getxml('x') IS NULL",
        "sys.dbms_pipe.receive_message('a') = 1",
    ],
    "sqlite": ["load_extension('x') IS NULL", "readfile('/etc/passwd') = 'x'", "writefile('a', 'b') = 1",
        "edit(a) = 'x'"],
}  # fmt: skip


@pytest.mark.parametrize(("dialect", "text"), [(name, text) for name, texts in ACTING.items() for text in texts])
def test_functions_that_act_are_refused(dialect: str, text: str) -> None:
    """A function that is not known to read is refused, quoted, qualified or deep inside."""
    with pytest.raises(EntryError, match="accepted is one boolean expression"):
        check_filter(text, dialect)

"""Words that an engine does not accept as the name of a column without quotes."""

RESERVED = frozenset(
    """all analyse analyze and anti any array as asc asof asymmetric at authorization between binary both by case cast
    check collate collation column concurrently connect constraint create cross current current_catalog current_date
    current_role current_schema current_time current_timestamp current_user date default deferrable delete desc describe
    distinct do drop else end except exists false fetch following for foreign freeze from full glob grant group having
    ilike in increment initially inner insert intersect interval into is isnull join key lambda language lateral leading
    left level like limit localtime localtimestamp map minus natural not notnull null of offset on only or order outer
    overlaps pivot pivot_longer pivot_wider placing positional primary qualify references regexp returning revoke right
    rlike row rows sample select semi session_user set show similar some start struct summarize symmetric system_user
    table tablesample then time timestamp to trailing trigger true try_cast union unique unpack unpivot update user
    using values variadic verbose view when whenever where window with""".split()  # noqa: SIM905 - a list is long
)
"""Reserved by DuckDB, PostgreSQL or Snowflake."""


def needs_quotes(name: str) -> bool:
    """Whether a column's name is reserved, or has letters that Snowflake accepts between quotes only."""
    return name in RESERVED or not name.isascii()

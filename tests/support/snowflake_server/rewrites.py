"""Rewrites statements in Snowflake's dialect that fakesnow or DuckDB would not accept."""

from sqlglot import exp

from .session import Session
from .stages import qualify

# fakesnow's session has only a database and a schema.
_CONTEXT = {
    exp.CurrentRole: lambda session: session.role,
    exp.CurrentWarehouse: lambda session: session.warehouse,
    exp.CurrentUser: lambda session: session.user.name,
    exp.CurrentDatabase: lambda session: session.database,
    exp.CurrentSchema: lambda session: session.schema,
}
_ALIASED = (exp.From, exp.Join, exp.Delete, exp.Update, exp.Merge)
_UNENFORCED = (exp.PrimaryKey, exp.UniqueColumnConstraint, exp.ForeignKey, exp.Constraint)
_UNENFORCED_OF_COLUMN = (exp.PrimaryKeyColumnConstraint, exp.UniqueColumnConstraint, exp.Reference)


def table_key(session: Session, table: exp.Table) -> tuple[str, str, str]:
    """Returns database, schema and name of a table in a statement."""
    return qualify(session, [_name(part) for part in table.parts])


def table_name(table: exp.Expression) -> str:
    """Returns the last part of a name, in the case of the catalogue."""
    return _name(table.this if isinstance(table, exp.Table) else table)


def _name(part: exp.Expression) -> str:
    return part.name if part.args.get("quoted") else part.name.upper()


def target_of(expression: exp.Expression) -> exp.Table | None:
    """Returns the table that a statement creates, changes or drops."""
    this = expression.this
    if isinstance(this, exp.Schema):
        this = this.this
    if isinstance(this, exp.Table):
        return this
    listed = expression.args.get("tables") or expression.args.get("expressions") or []
    return listed[0] if listed and isinstance(listed[0], exp.Table) else None


def rewrite(session: Session, expression: exp.Expression) -> exp.Expression:
    """Returns an equivalent statement that fakesnow accepts."""
    expression = expression.transform(lambda node: _context(session, node))
    if isinstance(expression, exp.Create):
        _drop_unenforced(expression)
        _note_temporary(session, expression)
    if session.temporary:
        _point_at_temporary(session, expression)
    return expression


def _context(session: Session, node: exp.Expression) -> exp.Expression:
    """Replaces CURRENT_ROLE() and similar functions by their values in this session."""
    if isinstance(node, exp.Column) and node.name.upper() == "DATETIME_PRECISION":
        # fakesnow's INFORMATION_SCHEMA does not have it; DuckDB keeps every time to the microsecond.
        return exp.cast(exp.Null(), "INT")
    for kind, value in _CONTEXT.items():
        if isinstance(node, kind):
            found = value(session)
            return exp.Null() if found is None else exp.Literal.string(found)
    if isinstance(node, exp.Anonymous) and node.name.upper() == "CURRENT_SESSION":
        return exp.Literal.string(str(session.number))
    return node


def _drop_unenforced(create: exp.Create) -> None:
    """Removes primary keys and unique constraints: Snowflake does not enforce them, but DuckDB would."""
    schema = create.this
    if not isinstance(schema, exp.Schema):
        return
    schema.set("expressions", [item for item in schema.expressions if not isinstance(item, _UNENFORCED)])
    for column in schema.find_all(exp.ColumnDef):
        kept = [c for c in column.constraints if not isinstance(c.kind, _UNENFORCED_OF_COLUMN)]
        column.set("constraints", kept)


def is_temporary(create: exp.Expression) -> bool:
    """Returns True if a CREATE makes a temporary object."""
    properties = create.args.get("properties")
    return properties is not None and any(isinstance(item, exp.TemporaryProperty) for item in properties.expressions)


def _note_temporary(session: Session, create: exp.Create) -> None:
    table = target_of(create)
    if create.kind in {"TABLE", "VIEW"} and table is not None and is_temporary(create):
        key = table_key(session, table)
        session.temporary[key] = ".".join(key)


def _point_at_temporary(session: Session, expression: exp.Expression) -> None:
    """Renames temporary tables to their full names: DuckDB keeps all in one schema, Snowflake in several."""
    moved: set[str] = set()
    for table in list(expression.find_all(exp.Table)):
        if not isinstance(table.this, exp.Identifier) or (not table.db and session.schema is None):
            continue
        key = table_key(session, table)
        if key not in session.temporary:
            continue
        original, alias = table.name, table.args.get("alias")
        table.set("this", exp.to_identifier(session.temporary[key], quoted=True))
        table.set("db", None)
        table.set("catalog", None)
        if alias is None and isinstance(table.parent, _ALIASED) and table.arg_key != "expression":
            table.set("alias", exp.TableAlias(this=exp.to_identifier(original, quoted=True)))
        moved.add(original.upper())
    for column in expression.find_all(exp.Column):
        if column.table.upper() in moved and column.args.get("db"):
            column.set("db", None)
            column.set("catalog", None)


def forget_temporary(session: Session, expression: exp.Expression) -> None:
    """Forgets a temporary table that was dropped."""
    if isinstance(expression, exp.Drop) and (table := target_of(expression)) is not None:
        session.temporary = {key: name for key, name in session.temporary.items() if name != table.name}

"""Executes SQL in the one session of a load, so that what readers see changes by a single commit."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, nullcontext, suppress
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from dlt.destinations.exceptions import DatabaseTerminalException, DatabaseUndefinedRelation
from dlt.destinations.impl.sqlalchemy.db_api_client import SqlalchemyClient
from dlt.destinations.sql_client import raise_database_error
from typing_extensions import override

from data_foundation.warehouses.alchemy.dialects import IS_LOAD, write_ahead
from data_foundation.warehouses.one_load import OneTransaction
from data_foundation.warehouses.sql.translation import TranslatingSqlClient

if TYPE_CHECKING:
    from data_foundation.warehouses.alchemy.dialects import Dialect

_TEMPORARY = re.compile(r"\s*(CREATE|DROP) TABLE\b", re.IGNORECASE)
_DDL = re.compile(r"\s*(CREATE|DROP|ALTER|TRUNCATE|RENAME)\b(?! TEMPORARY)", re.IGNORECASE)
_READS = re.compile(r"\s*(SELECT|WITH|SHOW|PRAGMA)\b", re.IGNORECASE)

LOCKS = "_load_locks"


class SessionLoad(OneTransaction):
    """One load in an open session.

    Where statements that change definitions commit, they come first: new tables and columns are empty, readers see
    nothing of them. The transaction begins with the first row that changes; emptied tables and dlt's record of the
    schema wait for it.

    Attributes:
        on_begin: Called in the new transaction, after the locks were taken: the fence, and changes that waited.
    """

    def __init__(self, session: sa.Connection, dialect: Dialect) -> None:
        super().__init__()
        self.session, self.dialect = session, dialect
        self.on_begin: list[Callable[[], None]] = []
        self._transaction: sa.RootTransaction | None = None

    @property
    def has_begun(self) -> bool:
        """True from the beginning of the transaction to its end."""
        return self._transaction is not None

    def begin(self) -> None:
        """Begins the transaction unless it has begun."""
        if self.has_begun:
            return
        self.session.info[IS_LOAD] = True
        try:
            self._transaction = self.session.begin()
        finally:
            self.session.info.pop(IS_LOAD)
        waiting, self.on_begin = self.on_begin, []
        for change in waiting:
            change()

    @override
    def commit_session(self) -> None:
        if self._transaction:
            self._transaction.commit()
            self._transaction = None

    @override
    def end(self) -> None:
        # A session that is lost was rolled back by the server.
        with suppress(sa.exc.SQLAlchemyError):
            if self._transaction:
                self._transaction.rollback()
        self._transaction = None


class SessionSqlClient(TranslatingSqlClient, SqlalchemyClient):
    """Executes on the shared session, which the load opens, commits and closes.

    Attributes:
        session: The open session; None if the destination gives names only.
        load: The current load, None outside of one: each statement then commits by itself.
        dialect_rules: What only this database has.
        grown: Columns added to tables that had rows, by table.
    """

    def __init__(
        self, replaced: SqlalchemyClient, session: sa.Connection | None, load: SessionLoad | None, rules: Dialect
    ) -> None:
        SqlalchemyClient.__init__(
            self, replaced.dataset_name, replaced.staging_dataset_name, replaced.credentials, replaced.capabilities
        )
        self.session, self.load, self.dialect_rules = session, load, rules
        self.grown: dict[str, list[str]] = {}
        self._current_connection = session

    @override
    def open_connection(self) -> Any:
        assert self.session is not None  # noqa: S101 - a destination without a session is used for names only
        if self.dialect_name == "sqlite":
            for name in {self._main_dataset_name, self.dataset_name}:
                self._sqlite_reattach_dataset_if_exists(name)
        return self.session

    @override
    def close_connection(self) -> None:
        """Does nothing: changes that wait for the transaction use the session later."""

    @contextmanager
    @override
    def begin_transaction(self) -> Iterator[Any]:
        with self._ensure_transaction() as transaction:
            yield transaction

    @contextmanager
    @raise_database_error
    @override
    def _ensure_transaction(self) -> Iterator[Any]:
        with self.guarded(), self._each_commits():
            yield self

    @contextmanager
    def _each_commits(self) -> Iterator[None]:
        """Commits after the block unless it is part of a transaction."""
        assert self.session is not None  # noqa: S101 - as of `open_connection`
        with nullcontext() if self.session.in_transaction() else self.session.begin():
            yield

    @contextmanager
    def guarded(self) -> Iterator[None]:
        """Refuses to execute after the load's first error, and records that error."""
        if self.load is None:
            yield
            return
        self.load.refuse_after_error()
        try:
            yield
        except Exception as error:
            reason = self._make_database_exception(error)
            if not isinstance(reason, DatabaseUndefinedRelation):
                self.load.fail(reason)
            raise

    @override
    def commit_transaction(self) -> None:
        """Does nothing: the load commits."""

    @override
    def rollback_transaction(self) -> None:
        """Does nothing: the load rolls back."""

    @contextmanager
    @override
    def execute_query(self, query: Any, *args: Any, **kwargs: Any) -> Iterator[Any]:
        if self.load and self.dialect_rules.ddl_commits:
            query = self._in_turn(query)
        with super().execute_query(query, *args, **kwargs) as cursor:
            yield cursor

    def _in_turn(self, query: Any) -> Any:
        """Begins the load's transaction before the first change of rows; returns the statement to execute.

        Raises:
            DatabaseTerminalException: The statement would commit half of the load.
        """
        assert self.load  # noqa: S101 - the caller has looked
        if isinstance(query, str) and self.load.has_begun:
            # dlt's merge makes tables for the keys that it deletes; temporary ones do not commit.
            query = _TEMPORARY.sub(r"\1 TEMPORARY TABLE", query, count=1)
        changes_definitions = _DDL.match(query) if isinstance(query, str) else isinstance(query, sa.DDLElement)
        if changes_definitions:
            if self.load.has_begun:
                raise DatabaseTerminalException(RuntimeError(f"would commit half of the load: {query}"))
        elif not (_READS.match(query) if isinstance(query, str) else isinstance(query, sa.Select)):
            self.load.begin()
        return query

    @override
    def has_dataset(self) -> bool:
        if self.dialect_name == "sqlite":
            names = {str(row[1]) for row in self.execute_sql("PRAGMA database_list") or ()}
            return self.dataset_name in names
        return super().has_dataset()

    @override
    def create_dataset(self) -> None:
        statement = self.dialect_rules.create_database(self.fully_qualified_dataset_name())
        if statement is None:
            super().create_dataset()
        else:
            self.execute_sql(statement)

    @override
    def _sqlite_create_dataset(self, dataset_name: str) -> None:
        """Attaches the file of a dataset, which is created if it does not exist."""
        if dataset_name in {"main", ""} or self._sqlite_is_memory_db() or self.session is None:
            return
        attached = {str(row[1]) for row in self.session.exec_driver_sql("PRAGMA database_list")}
        self._end_reading()
        if dataset_name not in attached:
            raw: Any = self.session.connection
            raw.execute(
                "ATTACH DATABASE ? AS " + self.escape_column_name(dataset_name),
                (self._sqlite_dataset_filename(dataset_name),),
            )
            if not self.session.in_transaction():
                write_ahead(raw, self.escape_column_name(dataset_name))

    def _end_reading(self) -> None:
        """Ends a transaction that SQLAlchemy began for a statement outside of one."""
        assert self.session is not None  # noqa: S101 - the caller has looked
        if self.load is None or not self.load.has_begun:
            self.session.rollback()

    @override
    def truncate_tables(self, *tables: str) -> None:
        """Empties tables in the load's transaction, so that readers see rows until the commit."""
        dataset = self.dataset_name
        if self.load and not self.load.has_begun:
            self.load.on_begin.append(lambda: self._empty(dataset, tables))
        else:
            self._empty(dataset, tables)

    def _empty(self, dataset: str, tables: Sequence[str]) -> None:
        with self.with_alternative_dataset_name(dataset):
            for table in tables:
                self.execute_sql(f"DELETE FROM {self.make_qualified_table_name(table)}")  # noqa: S608 - quoted by dlt

    @override
    def create_table(self, table_obj: sa.Table) -> None:
        # Two loads may create dlt's tables at once, and a killed load may have created the table already.
        self.execute_sql(sa.schema.CreateTable(table_obj, if_not_exists=True))

    @override
    def alter_table_add_columns(self, columns: Sequence[sa.Column[Any]]) -> None:
        """Adds columns without NOT NULL, which rows that are there cannot meet."""
        for column in columns:
            column.nullable = True
            self.grown.setdefault(column.table.name, []).append(column.name)
        super().alter_table_add_columns(columns)

    def add_locks(self, names: Iterable[str]) -> None:
        """Adds the rows of locks that are missing; outside of a transaction, so that another load may add them too."""
        table = self._locks()
        self.execute_sql(sa.schema.CreateTable(table, if_not_exists=True))
        for name in names:
            if not self.execute_sql(sa.select(table.c.name).where(table.c.name == name)):
                with suppress(DatabaseTerminalException):
                    self.execute_sql(table.insert().values(name=name, times=0))

    def take_locks(self, names: Iterable[str]) -> None:
        """Takes locks until the transaction ends, and waits for those that another load holds.

        Args:
            names: The locks, in the order in which they are taken.
        """
        table = self._locks()
        for name in names:
            self.execute_sql(table.update().where(table.c.name == name).values(times=table.c.times + 1))

    def _locks(self) -> sa.Table:
        return sa.Table(
            LOCKS,
            sa.MetaData(),
            sa.Column("name", sa.String(190), primary_key=True),
            sa.Column("times", sa.BigInteger()),
            schema=self.dataset_name,
        )

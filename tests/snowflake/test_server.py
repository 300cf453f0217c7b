"""Tests of the server that simulates Snowflake, through Snowflake's own clients."""

import contextlib
import json
import os
import threading
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import dlt
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import snowflake.connector
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from snowflake.connector import SnowflakeConnection
from snowflake.connector.errors import Error, ProgrammingError

from tests.support.servers import PASSPHRASE, SnowflakeServer, serve_snowflake

pytestmark = pytest.mark.xdist_group("snowflake_server")


@pytest.fixture(scope="module")
def running() -> Iterator[SnowflakeServer]:
    """One server for all tests of this module."""
    with pytest.MonkeyPatch.context() as patch, serve_snowflake() as server:
        # Otherwise the connector tries at each login to detect a cloud, which takes seconds without name resolution.
        patch.setenv("SNOWFLAKE_DISABLE_PLATFORM_DETECTION", "true")
        yield server


@pytest.fixture
def server(running: SnowflakeServer) -> SnowflakeServer:
    """The server in its initial state."""
    running.reset()
    return running


@pytest.fixture
def connection(server: SnowflakeServer) -> Iterator[SnowflakeConnection]:
    """A session in an empty schema."""
    with server.connect() as opened:
        rows(opened, "CREATE SCHEMA RAW")
        yield opened


def rows(connection: SnowflakeConnection, sql: str) -> list[Any]:
    """Returns the rows of the last statement."""
    with connection.cursor() as cursor:
        cursor.execute(sql, num_statements=0)
        found = cursor.fetchall()
        while cursor.nextset():
            found = cursor.fetchall()
        return list(found)


def write_parquet(path: Path, columns: Mapping[str, Any]) -> Path:
    """Writes a parquet file."""
    pq.write_table(pa.table(columns), path)
    return path


def put(connection: SnowflakeConnection, path: Path, table: str = "T", load_id: str = "1234.5") -> list[Any]:
    """Uploads a file as dlt does."""
    return rows(
        connection,
        f"""PUT 'file://{path}' '@"RAW"."%{table}"/"{load_id}"' OVERWRITE = TRUE, AUTO_COMPRESS = FALSE""",
    )


STAGE = """'@"RAW"."%T"/"1234.5"'"""
PARQUET = "FILE_FORMAT = (TYPE = 'PARQUET', BINARY_AS_TEXT = FALSE, USE_LOGICAL_TYPE = TRUE)"


@pytest.mark.parametrize(
    "setup",
    [
        pytest.param("CREATE TRANSIENT SCHEMA IF NOT EXISTS S DATA_RETENTION_TIME_IN_DAYS = 1", id="transient schema"),
        pytest.param(
            """CREATE TRANSIENT TABLE "RAW"."A" ("ID" NUMBER(19,0) NOT NULL COMMENT 'key', "AT" TIMESTAMP_TZ,
            PRIMARY KEY ("ID")) CLUSTER BY ("ID") DATA_RETENTION_TIME_IN_DAYS = 0 COMMENT = 'it''s'""",
            id="transient table, clustered, commented",
        ),
        pytest.param(
            "CREATE SCHEMA S WITH MANAGED ACCESS; ALTER SCHEMA S SET DATA_RETENTION_TIME_IN_DAYS = 1", id="schema"
        ),
        pytest.param("GRANT DATABASE ROLE SNOWFLAKE.USAGE_VIEWER TO ROLE LOADER", id="database role"),
        pytest.param("CREATE TABLE RAW.A (X INT); CREATE OR REPLACE TABLE RAW.B CLONE RAW.A", id="clone"),
        pytest.param("CREATE TABLE RAW.A (X INT); CREATE TABLE RAW.B LIKE RAW.A", id="like"),
        pytest.param("ALTER SESSION SET QUERY_TAG = 'a'; ALTER SESSION UNSET QUERY_TAG", id="query tag"),
        pytest.param("CREATE TABLE RAW.A (X INT); COMMENT ON TABLE RAW.A IS 'it''s'", id="comment"),
        pytest.param("BEGIN; CREATE TABLE RAW.A (X INT) COMMENT = 'a'; COMMIT", id="comment in a transaction"),
        pytest.param(
            "CREATE ROLE R; GRANT ROLE R TO ROLE SYSADMIN; GRANT USAGE ON DATABASE ANALYTICS TO ROLE R", id="role"
        ),
        pytest.param(
            "CREATE ROLE R; GRANT SELECT ON FUTURE TABLES IN SCHEMA ANALYTICS.RAW TO ROLE R", id="future grant"
        ),
        pytest.param("GRANT IMPORTED PRIVILEGES ON DATABASE SNOWFLAKE TO ROLE LOADER", id="imported privileges"),
        pytest.param("REVOKE ALL PRIVILEGES ON SCHEMA RAW FROM ROLE LOADER; SHOW GRANTS TO ROLE LOADER", id="revoke"),
        pytest.param(
            "CREATE WAREHOUSE IF NOT EXISTS W WITH WAREHOUSE_SIZE = 'XSMALL' AUTO_SUSPEND = 60", id="warehouse"
        ),
        pytest.param("CREATE NETWORK POLICY P ALLOWED_IP_LIST = ('10.0.0.1', '10.0.0.2')", id="network policy"),
        pytest.param("CREATE AUTHENTICATION POLICY P AUTHENTICATION_METHODS = ('KEYPAIR')", id="authentication policy"),
        pytest.param(
            "CREATE USER U TYPE = SERVICE; ALTER USER U SET RSA_PUBLIC_KEY = 'x' RSA_PUBLIC_KEY_2 = 'y'", id="user"
        ),
        pytest.param(
            "USE ROLE SYSADMIN; USE WAREHOUSE LOADING; USE SCHEMA ANALYTICS.RAW; USE DATABASE ANALYTICS", id="use"
        ),
        pytest.param(
            "SHOW WAREHOUSES; SHOW ROLES; SHOW SCHEMAS IN DATABASE ANALYTICS; SHOW TABLES IN SCHEMA RAW", id="show"
        ),
        pytest.param(
            "SHOW TERSE OBJECTS IN SCHEMA ANALYTICS.RAW; SHOW PARAMETERS LIKE 'query_tag' IN SESSION", id="dbt's"
        ),
    ],
)
def test_statements_of_setup_are_accepted(connection: SnowflakeConnection, setup: str) -> None:
    """Statements of dlt, dbt and a setup script are accepted."""
    rows(connection, setup)


@pytest.mark.parametrize(
    "sql",
    [
        pytest.param("BEGIN\n/* dbt's */; COMMIT -- and mine", id="comments after"),
        pytest.param("/* a; b */ SELECT ';' -- c", id="semicolons in comments and strings"),
        pytest.param("CREATE TABLE RAW.A (X INT); ALTER TABLE RAW.A ALTER X COMMENT $$it's; so$$", id="dollars"),
        pytest.param("CREATE TEMPORARY VIEW RAW.V AS SELECT 1 AS X; SELECT X FROM RAW.V", id="temporary view"),
        pytest.param("CREATE TABLE RAW.A (X INT); INSERT OVERWRITE INTO RAW.A SELECT 1", id="overwrite"),
    ],
)
def test_statements_of_dbt_are_accepted(connection: SnowflakeConnection, sql: str) -> None:
    """Comments, dollar quotes and temporary views are parsed as in Snowflake."""
    rows(connection, sql)


@pytest.mark.parametrize(
    ("sql", "errno", "sqlstate", "words"),
    [
        pytest.param("FROBNICATE X", 1003, "42000", "unexpected 'FROBNICATE'", id="no statement"),
        pytest.param("GRANT FROBNICATION ON DATABASE ANALYTICS TO ROLE LOADER", 1003, "42000", "", id="no privilege"),
        pytest.param("CREATE USER U NONSENSE = 1", 1003, "42000", "unexpected 'NONSENSE'", id="no property"),
        pytest.param("GRANT ROLE NOPE TO USER LOADER", 2003, "02000", "does not exist or not authorized", id="no role"),
        pytest.param(
            "SELECT * FROM RAW.NOPE", 2003, "42S02", "Object 'NOPE' does not exist or not authorized", id="table"
        ),
        pytest.param(
            "SELECT * FROM NOPE.T", 2003, "02000", "Schema 'NOPE' does not exist or not authorized", id="schema"
        ),
        pytest.param("CREATE TABLE NOPE.T (X INT)", 2003, "02000", "Schema 'NOPE' does not exist", id="create there"),
        pytest.param("CREATE SCHEMA RAW", 2002, "42710", "Object 'RAW' already exists", id="exists"),
        pytest.param("SELECT NOPE FROM RAW.K", 904, "42000", "invalid identifier 'NOPE'", id="column"),
        pytest.param("INSERT INTO RAW.K VALUES (NULL)", 100072, "22000", "NULL result in a non-nullable", id="null"),
        pytest.param(
            "INSERT INTO RAW.K SELECT 'a'", 100038, "22018", "Numeric value 'a' is not recognized", id="number"
        ),
        pytest.param("USE ROLE NOPE", 2043, "02000", "Object does not exist", id="use role"),
        pytest.param("USE DATABASE NOPE", 2043, "02000", "Object does not exist", id="use database"),
        pytest.param("USE WAREHOUSE NOPE", 2043, "02000", "Object does not exist", id="use warehouse"),
        pytest.param("ALTER SESSION SET NONSENSE = 1", 1003, "42000", "NONSENSE", id="no parameter"),
        pytest.param("SELECT INTERVAL '1 day'", 603, "XX000", "unsupported by the server of the tests", id="unknown"),
        pytest.param("COPY INTO RAW.K FROM @RAW.NOPE", 2003, "02000", "Stage", id="stage"),
        pytest.param("COPY INTO RAW.K FROM @RAW.%K NONSENSE = 1", 1003, "42000", "NONSENSE", id="copy option"),
        pytest.param(
            "COPY INTO RAW.K FROM @RAW.%K FILES = ('nope')",
            91016,
            "22000",
            "Remote file 'nope' was not found",
            id="file",
        ),
    ],
)
def test_invalid_statements_are_sql_errors(
    connection: SnowflakeConnection, sql: str, errno: int, sqlstate: str, words: str
) -> None:
    """A refused statement has Snowflake's code, state and message."""
    rows(connection, "CREATE TABLE RAW.K (ID INT NOT NULL)")
    with pytest.raises(Error) as caught, connection.cursor() as cursor:
        cursor.execute(sql)
    assert (caught.value.errno, caught.value.sqlstate) == (errno, sqlstate)
    assert words in str(caught.value)


def test_a_failing_statement_of_many_is_named(connection: SnowflakeConnection) -> None:
    """A request with several statements has its own error code, and the message of the first error."""
    with pytest.raises(ProgrammingError, match="does not exist or not authorized") as caught:
        rows(connection, "SELECT 1; SELECT * FROM RAW.NOPE; SELECT 2")
    assert (caught.value.errno, caught.value.sqlstate) == (100132, "P0000")


def test_null_timestamps_stay_null(connection: SnowflakeConnection) -> None:
    """A NULL among timestamps is not read as 1970."""
    rows(connection, "CREATE TABLE RAW.T (ID INT, AT TIMESTAMP_TZ, LATER TIMESTAMP_NTZ)")
    rows(connection, "INSERT INTO RAW.T VALUES (1, NULL, NULL), (2, '2024-01-01 00:00:00+00:00', '2024-01-01')")
    found = rows(connection, "SELECT AT, LATER FROM RAW.T ORDER BY ID")
    assert found[0] == (None, None)
    assert found[1][0].year == found[1][1].year == 2024


def test_merge_takes_unqualified_values(connection: SnowflakeConnection) -> None:
    """Dbt inserts values without a table name; they are those of the source."""
    rows(connection, "CREATE TABLE RAW.T (ID INT, V TEXT); INSERT INTO RAW.T VALUES (1, 'old'), (2, 'kept')")
    merge = """MERGE INTO RAW.T AS D USING (SELECT 1 AS ID, 'new' AS V UNION ALL SELECT 3, 'born') AS S ON D.ID = S.ID
        WHEN MATCHED THEN UPDATE SET V = S.V WHEN NOT MATCHED THEN INSERT (ID, V) VALUES (ID, V)"""
    assert rows(connection, merge) == [(1, 1)]
    assert rows(connection, "SELECT * FROM RAW.T ORDER BY ID") == [(1, "new"), (2, "kept"), (3, "born")]


def test_swapped_tables_exchange_everything(connection: SnowflakeConnection) -> None:
    """SWAP WITH exchanges columns, constraints and rows, also between schemas."""
    rows(
        connection,
        "CREATE SCHEMA OTHER; CREATE TABLE RAW.T (ID INT NOT NULL); CREATE TABLE OTHER.T (ID INT, V TEXT);"
        "INSERT INTO OTHER.T VALUES (1, 'a'); ALTER TABLE RAW.T SWAP WITH OTHER.T",
    )
    assert rows(connection, "SELECT * FROM RAW.T") == [(1, "a")]
    with pytest.raises(Error, match="NULL result"):
        rows(connection, "INSERT INTO OTHER.T VALUES (NULL)")


def test_temporary_tables_belong_to_their_session(server: SnowflakeServer, connection: SnowflakeConnection) -> None:
    """A temporary table hides the permanent one of the same name, in its own session only."""
    rows(connection, "CREATE TABLE RAW.T AS SELECT 1 AS ID; CREATE TEMPORARY TABLE RAW.T AS SELECT 2 AS ID")
    assert rows(connection, "SELECT RAW.T.ID FROM RAW.T") == [(2,)]
    assert rows(connection, "DESCRIBE TABLE RAW.T")[0][:2] == ("ID", "NUMBER(38,0)")
    assert server.query("SELECT ID FROM RAW.T") == [(1,)]
    rows(connection, "DROP TABLE RAW.T")
    assert rows(connection, "SELECT ID FROM RAW.T") == [(1,)]


def test_files_go_through_a_stage(connection: SnowflakeConnection, tmp_path: Path) -> None:
    """A file is uploaded, listed, loaded and removed."""
    rows(connection, 'CREATE TABLE RAW.T ("ID" INT, "NAME" TEXT)')
    uploaded = put(connection, write_parquet(tmp_path / "a.parquet", {"id": [1, 2], "name": ["x", None]}))
    assert [row[6] for row in uploaded] == ["UPLOADED"]
    assert [row[0] for row in rows(connection, f"LIST {STAGE}")] == ["1234.5/a.parquet"]
    copy = (
        f'COPY INTO RAW.T FROM \'@"RAW"."%T"/"1234.5"/a.parquet\' {PARQUET} MATCH_BY_COLUMN_NAME=\'CASE_INSENSITIVE\''
    )
    assert [row[1:4] for row in rows(connection, copy)] == [("LOADED", 2, 2)]
    assert [row[1] for row in rows(connection, copy)] == ["LOAD_SKIPPED"]
    assert [row[1] for row in rows(connection, f"{copy} FORCE = TRUE")] == ["LOADED"]
    assert rows(connection, "SELECT * FROM RAW.T ORDER BY 1") == [(1, "x"), (1, "x"), (2, None), (2, None)]
    assert rows(connection, f"REMOVE {STAGE}") == [("1234.5/a.parquet", "removed")]
    assert rows(connection, f"LIST {STAGE}") == []
    assert rows(connection, copy) == [("Copy executed with 0 files processed.",)]


def test_truncate_deletes_the_load_history(connection: SnowflakeConnection, tmp_path: Path) -> None:
    """TRUNCATE deletes the load history with the rows; PURGE deletes the files that were loaded."""
    rows(connection, 'CREATE TABLE RAW.T ("ID" INT)')
    put(connection, write_parquet(tmp_path / "a.parquet", {"id": [1]}))
    copy = f"COPY INTO RAW.T FROM {STAGE} {PARQUET} MATCH_BY_COLUMN_NAME = CASE_INSENSITIVE"
    rows(connection, copy)
    rows(connection, "TRUNCATE TABLE RAW.T")
    assert [row[1] for row in rows(connection, f"{copy} PURGE = TRUE ON_ERROR = ABORT_STATEMENT")] == ["LOADED"]
    assert rows(connection, f"LIST {STAGE}") == []


@pytest.mark.parametrize("stage", [STAGE, '@"RAW"."%T"/"1234.5"/'])
def test_a_copy_transforms(connection: SnowflakeConnection, tmp_path: Path, stage: str) -> None:
    """$1:"name" is the file's column with exactly that name, and PARSE_JSON converts text to a variant."""
    rows(connection, 'CREATE TABLE "RAW"."T" ("ID" INT, "PAYLOAD" VARIANT, "PLAIN" VARIANT, "OTHER" TEXT, "AT" DATE)')
    text = json.dumps({"name": "x", "deep": {"n": 1}})
    for name, number in (("a", 1), ("b", 2), ("c", 3)):
        columns = {"id": [number], "payload": [text], "plain": [text], "ID": [9], "at": ["2024-01-01"]}
        put(connection, write_parquet(tmp_path / f"{name}.parquet", columns))
    copy = (
        'COPY INTO "RAW"."T" ("ID", "PAYLOAD", "PLAIN", "OTHER", "AT") FROM (SELECT $1:"id", PARSE_JSON($1:"payload"),'
        f' $1:"plain", $1:"Payload", $1:"at" FROM {stage}) FILES = (\'a.parquet\', \'b.parquet\') {PARQUET}'
        " FORCE = TRUE"
    )
    assert len(rows(connection, copy)) == 2
    found = rows(
        connection,
        "SELECT ID, PAYLOAD:name::varchar, GET_PATH(PAYLOAD, 'deep.n'), PLAIN:name::varchar, OTHER, AT::varchar"
        " FROM RAW.T ORDER BY ID",
    )
    assert found == [(1, "x", "1", None, None, "2024-01-01"), (2, "x", "1", None, None, "2024-01-01")]
    assert json.loads(json.loads(rows(connection, "SELECT PLAIN FROM RAW.T")[0][0])) == {"name": "x", "deep": {"n": 1}}


def test_a_copy_loads_all_or_nothing(connection: SnowflakeConnection, tmp_path: Path) -> None:
    """If a value does not fit, no row of the earlier files is loaded."""
    rows(connection, 'CREATE TABLE RAW.T ("ID" INT)')
    put(connection, write_parquet(tmp_path / "a.parquet", {"id": ["1"]}))
    put(connection, write_parquet(tmp_path / "b.parquet", {"id": ["no number"]}))
    with pytest.raises(ProgrammingError, match="Numeric value 'no number' is not recognized"):
        rows(connection, f"COPY INTO RAW.T FROM {STAGE} {PARQUET} MATCH_BY_COLUMN_NAME = CASE_INSENSITIVE")
    assert rows(connection, "SELECT * FROM RAW.T") == []


def test_json_lines_match_columns_by_name(connection: SnowflakeConnection, tmp_path: Path) -> None:
    """The keys of JSON lines are the columns; objects become variants, base64 becomes binary."""
    rows(connection, "CREATE TABLE RAW.T (ID INT, DOC VARIANT, RAW_BYTES BINARY, GONE TEXT)")
    lines = [{"id": 1, "doc": {"a": [1]}, "raw_bytes": "AAE="}, {"id": 2, "doc": None, "more": True}]
    (tmp_path / "a.jsonl").write_text("\n".join(map(json.dumps, lines)))
    put(connection, tmp_path / "a.jsonl")
    rows(
        connection,
        f"COPY INTO RAW.T FROM {STAGE} FILE_FORMAT = (TYPE = 'JSON', BINARY_FORMAT = 'BASE64')"
        " MATCH_BY_COLUMN_NAME='CASE_INSENSITIVE'",
    )
    found = rows(connection, "SELECT ID, DOC:a[0]::int, RAW_BYTES, GONE FROM RAW.T ORDER BY ID")
    assert found == [(1, 1, b"\x00\x01", None), (2, None, None, None)]


@pytest.mark.parametrize(
    ("statements", "left"),
    [
        pytest.param("BEGIN; INSERT INTO RAW.T VALUES (1); ROLLBACK", 0, id="rolled back"),
        pytest.param("BEGIN; INSERT INTO RAW.T VALUES (1); COMMIT", 1, id="committed"),
        pytest.param("BEGIN; INSERT INTO RAW.T VALUES (1); CREATE TABLE RAW.X (X INT); ROLLBACK", 1, id="create"),
        pytest.param(
            "BEGIN; INSERT INTO RAW.T VALUES (1); CREATE TEMPORARY TABLE RAW.X (X INT); ROLLBACK", 1, id="temporary"
        ),
        pytest.param(
            "BEGIN; INSERT INTO RAW.T VALUES (1); ALTER TABLE RAW.T ADD COLUMN B INT; ROLLBACK", 1, id="alter"
        ),
        pytest.param("BEGIN; INSERT INTO RAW.T VALUES (1); DROP TABLE IF EXISTS RAW.X; ROLLBACK", 1, id="drop"),
        pytest.param("BEGIN; INSERT INTO RAW.T VALUES (1); TRUNCATE TABLE RAW.U; ROLLBACK", 1, id="truncate"),
        pytest.param(
            "BEGIN; INSERT INTO RAW.T VALUES (1); ALTER SESSION SET QUERY_TAG = 'a'; ROLLBACK", 0, id="session"
        ),
        pytest.param(
            "BEGIN; CREATE TABLE RAW.X (X INT); INSERT INTO RAW.T VALUES (1); ROLLBACK", 1, id="autocommit after DDL"
        ),
        pytest.param(
            "ALTER SESSION SET AUTOCOMMIT = FALSE; INSERT INTO RAW.T VALUES (1); ROLLBACK;"
            "ALTER SESSION SET AUTOCOMMIT = TRUE",
            0,
            id="autocommit off",
        ),
        pytest.param("BEGIN; TRUNCATE TABLE RAW.U; DELETE FROM RAW.T; ROLLBACK", 0, id="delete after DDL"),
    ],
)
def test_transactions_behave_like_snowflakes(
    server: SnowflakeServer, connection: SnowflakeConnection, statements: str, left: int
) -> None:
    """A rollback undoes all statements since BEGIN, and DDL commits the statements before it."""
    rows(connection, "CREATE TABLE RAW.T (ID INT); CREATE TABLE RAW.U (ID INT)")
    rows(connection, statements)
    assert server.query("SELECT COUNT(*) FROM RAW.T") == [(left,)]


@pytest.mark.parametrize(
    "sql",
    [
        "DELETE FROM RAW.T",
        "UPDATE RAW.T SET V = 'b'",
        "MERGE INTO RAW.T USING (SELECT 1 AS ID) S ON RAW.T.ID = S.ID WHEN MATCHED THEN UPDATE SET V = 'c'",
        f"COPY INTO RAW.T FROM {STAGE} {PARQUET} MATCH_BY_COLUMN_NAME = CASE_INSENSITIVE PURGE = TRUE",
    ],
)
def test_dml_is_rolled_back(server: SnowflakeServer, connection: SnowflakeConnection, tmp_path: Path, sql: str) -> None:
    """Other sessions do not see uncommitted rows; after a rollback the file can be loaded again."""
    rows(connection, "CREATE TABLE RAW.T (ID INT, V TEXT); INSERT INTO RAW.T VALUES (1, 'a')")
    put(connection, write_parquet(tmp_path / "a.parquet", {"id": [2], "v": ["z"]}))
    connection.autocommit(False)  # noqa: FBT003 - the connector's own signature
    rows(connection, sql)
    assert rows(connection, "SELECT * FROM RAW.T") != [(1, "a")]
    assert server.query("SELECT * FROM RAW.T") == [(1, "a")]
    connection.rollback()
    assert rows(connection, "SELECT * FROM RAW.T") == [(1, "a")]
    rows(connection, sql)
    connection.commit()
    assert server.query("SELECT * FROM RAW.T ORDER BY ID") != [(1, "a")]


def test_an_error_undoes_its_statement_alone(server: SnowflakeServer, connection: SnowflakeConnection) -> None:
    """A transaction continues after a failed statement, and the earlier statements are committed."""
    rows(connection, "CREATE TABLE RAW.T (ID INT NOT NULL); BEGIN; INSERT INTO RAW.T VALUES (1)")
    for wrong in ("SELECT * FROM RAW.NOPE", "INSERT INTO RAW.T VALUES (NULL)"):
        with pytest.raises(Error):
            rows(connection, wrong)
    rows(connection, "INSERT INTO RAW.T VALUES (2); COMMIT")
    assert server.query("SELECT ID FROM RAW.T ORDER BY 1") == [(1,), (2,)]


def test_a_lost_session_is_rolled_back(server: SnowflakeServer, connection: SnowflakeConnection) -> None:
    """If a client closes or dies, its uncommitted changes are rolled back, and its locks are released."""
    rows(connection, "CREATE TABLE RAW.T (ID INT); INSERT INTO RAW.T VALUES (1)")
    closed, died = server.connect(), server.connect()
    rows(closed, "BEGIN; INSERT INTO RAW.T VALUES (2)")
    closed.close()
    rows(died, "BEGIN; DELETE FROM RAW.T")
    assert died.rest is not None
    died.rest.session_manager.close()  # type: ignore[no-untyped-call]
    rows(connection, "UPDATE RAW.T SET ID = 3")
    assert server.query("SELECT ID FROM RAW.T") == [(3,)]


@pytest.mark.parametrize(
    ("first", "then", "left"),
    [
        ("UPDATE RAW.T SET ID = ID + 1", "UPDATE RAW.T SET ID = ID * 10", [(20,)]),
        ("DELETE FROM RAW.T", "UPDATE RAW.T SET ID = 5", []),
        ("UPDATE RAW.T SET ID = 2", "TRUNCATE TABLE RAW.T", []),
        (
            "DELETE FROM RAW.T; INSERT INTO RAW.T VALUES (7)",
            """MERGE INTO RAW.T USING (SELECT 7 AS N) S ON RAW.T.ID = S.N WHEN MATCHED THEN UPDATE SET ID = 8
            WHEN NOT MATCHED THEN INSERT (ID) VALUES (N)""",
            [(8,)],
        ),
    ],
)
def test_writers_wait_for_each_other(
    server: SnowflakeServer, connection: SnowflakeConnection, first: str, then: str, left: list[Any]
) -> None:
    """A statement on rows of a table that another transaction changed waits for that transaction's end."""
    rows(connection, f"CREATE TABLE RAW.T (ID INT); INSERT INTO RAW.T VALUES (1); BEGIN; {first}")
    waiting = threading.Thread(target=server.query, args=(then,))
    waiting.start()
    waiting.join(0.3)
    assert waiting.is_alive()
    connection.commit()
    waiting.join(10)
    assert rows(connection, "SELECT ID FROM RAW.T") == left


def test_many_clients_write_at_once(server: SnowflakeServer, connection: SnowflakeConnection) -> None:
    """Several clients load one table in parallel, and no row is lost."""
    rows(connection, "CREATE TABLE RAW.T (ID INT); CREATE TABLE RAW.K AS SELECT 1 AS ID, 0 AS N")

    def work(number: int) -> None:
        with server.connect() as mine:
            for _ in range(5):
                rows(mine, f"BEGIN; INSERT INTO RAW.T VALUES ({number}); COMMIT; UPDATE RAW.K SET N = N + 1")

    with ThreadPoolExecutor(6) as clients:
        list(clients.map(work, range(6)))
    assert rows(connection, "SELECT COUNT(*), COUNT(DISTINCT ID) FROM RAW.T") == [(30, 6)]
    assert rows(connection, "SELECT N FROM RAW.K") == [(30,)]


def other_key(tmp_path: Path) -> Path:
    """A private key that belongs to no user."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    pkcs8, plain = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    (tmp_path / "other.p8").write_bytes(key.private_bytes(serialization.Encoding.PEM, pkcs8, plain))
    return tmp_path / "other.p8"


def test_a_key_pair_lets_in(server: SnowflakeServer) -> None:
    """The user's private key, encrypted, opens a session; ALTER USER can rotate it."""
    key = {"password": None, "private_key_file": str(server.key_path), "private_key_file_pwd": PASSPHRASE}
    assert server.query("SELECT CURRENT_USER(), CURRENT_ROLE()", **key) == [("LOADER", "LOADER")]
    server.query("ALTER USER LOADER SET RSA_PUBLIC_KEY_2 = 'MIIB'")
    assert server.query("SELECT CURRENT_WAREHOUSE()", **key) == [("LOADING",)]


def test_an_oauth_token_lets_in(server: SnowflakeServer) -> None:
    """A valid token opens a session of its user."""
    server.change(users={**server.settings["users"], "CLOUD": {"tokens": {"good": "valid"}, "default_role": "LOADER"}})
    assert server.query("SELECT CURRENT_USER()", authenticator="oauth", token="good", password=None) == [("CLOUD",)]


@pytest.mark.parametrize(
    ("changes", "errno", "words"),
    [
        pytest.param({"password": "wrong"}, 390100, "Incorrect username or password was specified", id="password"),
        pytest.param({"user": "NOBODY"}, 390100, "Incorrect username or password was specified", id="user"),
        pytest.param({"password": None, "private_key_file": "other"}, 390144, "JWT token is invalid", id="key"),
        pytest.param({"authenticator": "oauth", "token": "old", "password": None}, 390318, "expired", id="old token"),
        pytest.param({"authenticator": "oauth", "token": "no", "password": None}, 390303, "Invalid OAuth", id="token"),
        pytest.param({"role": "NOPE"}, 390189, "Role 'NOPE' specified in the connect string does not exist", id="role"),
        pytest.param({"account": "nope"}, 290404, "404 Not Found", id="account"),
    ],
)
def test_logins_that_are_refused(
    server: SnowflakeServer, tmp_path: Path, changes: dict[str, Any], errno: int, words: str
) -> None:
    """A login that Snowflake would refuse fails with its code and message."""
    server.change(users={**server.settings["users"], "CLOUD": {"tokens": {"old": "expired"}}})
    if "private_key_file" in changes:
        changes = {**changes, "private_key_file": str(other_key(tmp_path))}
    begun = time.monotonic()
    with pytest.raises(Error) as caught:
        server.connect(**changes)
    assert caught.value.errno == errno
    assert words in str(caught.value)
    assert time.monotonic() - begun < 5


@pytest.mark.parametrize(
    ("changes", "sql", "error"),
    [
        pytest.param(
            {"warehouse": "NOPE"}, "SELECT * FROM RAW.T", (606, "57P03", "No active warehouse"), id="warehouse"
        ),
        pytest.param(
            {"warehouse": "FROZEN"}, "SELECT * FROM RAW.T", (607, "57P03", "'FROZEN' is suspended"), id="suspended"
        ),
        pytest.param({"database": "NOPE"}, "SELECT * FROM RAW.T", (90105, "22000", "current database"), id="database"),
        pytest.param(
            {}, "SELECT * FROM NOPE.RAW.T", (2003, "02000", "does not exist or not authorized"), id="its tables"
        ),
        pytest.param(
            {"role": "REPORTER"}, "CREATE TABLE RAW.X (X INT)", (3001, "42501", "operate on schema 'RAW'"), id="create"
        ),
        pytest.param({"role": "REPORTER"}, "DELETE FROM RAW.T", (3001, "42501", "operate on table 'T'"), id="delete"),
        pytest.param({"role": "REPORTER"}, "CREATE SCHEMA S", (3001, "42501", "on database 'ANALYTICS'"), id="schema"),
    ],
)
@pytest.mark.usefixtures("connection")
def test_a_session_needs_warehouse_database_and_privileges(
    server: SnowflakeServer, changes: dict[str, Any], sql: str, error: tuple[int, str, str]
) -> None:
    """A session without warehouse, database or privileges opens, but its statements fail with what is missing."""
    server.change(warehouses={"LOADING": {}, "FROZEN": {"suspended": True, "auto_resume": False}})
    server.query("CREATE TABLE RAW.T (ID INT)")
    with pytest.raises(ProgrammingError) as caught:
        server.query(sql, **changes)
    assert (caught.value.errno, caught.value.sqlstate) == error[:2]
    assert error[2] in str(caught.value)


def test_a_session_without_warehouse_may_create(server: SnowflakeServer, connection: SnowflakeConnection) -> None:
    """DDL and metadata need no warehouse; the first statement that computes fails."""
    with server.connect(warehouse="NOPE") as poor:
        rows(poor, "CREATE TABLE RAW.T (ID INT)")
        assert rows(poor, "SELECT CURRENT_WAREHOUSE()") == [(None,)]
    assert rows(connection, "SELECT * FROM RAW.T") == []


def test_a_reset_before_is_retried_by_the_client(server: SnowflakeServer, connection: SnowflakeConnection) -> None:
    """After a reset, the connector sends the request again, and the statement is executed once."""
    rows(connection, "CREATE TABLE RAW.T (ID INT)")
    for fault in ("reset", "reset_after"):
        server.arm("INSERT INTO RAW.T", fault)
        rows(connection, "INSERT INTO RAW.T VALUES (1)")
    assert server.query("SELECT COUNT(*) FROM RAW.T") == [(2,)]


def test_armed_faults_occur(server: SnowflakeServer, connection: SnowflakeConnection) -> None:
    """An error, a delay and a killed session occur as often as they were armed."""
    server.arm("SELECT 1", "error", code=604, sqlstate="57014", message="SQL execution canceled", times=2)
    for _ in range(2):
        with pytest.raises(ProgrammingError, match="canceled") as caught:
            rows(connection, "SELECT 1")
        assert (caught.value.errno, caught.value.sqlstate) == (604, "57014")
    server.arm("SELECT 1", "delay", seconds=0.5)
    begun = time.monotonic()
    assert rows(connection, "SELECT 1") == [(1,)]
    assert time.monotonic() - begun > 0.5
    server.arm("SELECT 1", "reset")
    server.disarm()
    server.arm("SELECT 2", "kill_session")
    with pytest.raises(ProgrammingError, match="Session no longer exists"):
        rows(connection, "SELECT 2")


def test_the_log_has_tag_role_and_warehouse_of_each_statement(
    server: SnowflakeServer, connection: SnowflakeConnection
) -> None:
    """Each statement is logged with its session's tag, role and warehouse, for tests and in ACCOUNT_USAGE."""
    rows(
        connection,
        "ALTER SESSION SET QUERY_TAG = 'load 1'; SELECT 'tagged'; ALTER SESSION UNSET QUERY_TAG; SELECT 'bare'",
    )
    logged = {entry["sql"]: entry for entry in server.statements("SELECT")}
    assert [logged[sql]["query_tag"] for sql in ("SELECT 'tagged'", "SELECT 'bare'")] == ["load 1", ""]
    assert {entry["session_id"] for entry in logged.values()} == {connection.session_id}
    history = rows(
        connection,
        "SELECT query_text, query_type, user_name, role_name, warehouse_name, total_elapsed_time >= 0,"
        " bytes_scanned, credits_used_cloud_services >= 0, end_time >= start_time"
        " FROM SNOWFLAKE.ACCOUNT_USAGE.QUERY_HISTORY WHERE query_tag = 'load 1' AND query_type = 'SELECT'",
    )
    assert history == [("SELECT 'tagged'", "SELECT", "LOADER", "LOADER", "LOADING", True, 0, True, True)]
    assert rows(connection, "SELECT * FROM SNOWFLAKE.ACCOUNT_USAGE.WAREHOUSE_METERING_HISTORY") == []


def test_a_created_user_can_log_in_with_its_role(server: SnowflakeServer) -> None:
    """CREATE ROLE, CREATE USER and GRANT ROLE create a user that can log in with that role only."""
    with server.connect() as admin:
        rows(admin, "CREATE ROLE R; CREATE USER U PASSWORD = 'p' DEFAULT_ROLE = R; GRANT ROLE R TO USER U")
    assert server.query("SELECT CURRENT_ROLE()", user="U", password="p", role="R") == [("R",)]
    with pytest.raises(Error, match="Role 'SYSADMIN' specified in the connect string"):
        server.connect(user="U", password="p", role="SYSADMIN")


@pytest.fixture
def pipeline(server: SnowflakeServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[dlt.Pipeline]:
    """A dlt pipeline to the server, with key-pair authentication."""
    credentials = {
        "host": server.account,
        "username": server.user,
        "database": server.database,
        "warehouse": server.warehouse,
        "role": server.role,
        "private_key_path": str(server.key_path),
        "private_key_passphrase": PASSPHRASE,
        "query": {"host": "127.0.0.1", "port": server.port, "protocol": "http"},
    }
    monkeypatch.setenv("RUNTIME__DLTHUB_TELEMETRY", "false")
    made = dlt.pipeline(
        "wire",
        pipelines_dir=str(tmp_path),
        dataset_name="raw",
        destination=dlt.destinations.snowflake(credentials=credentials, query_tag='{{"table": "{table}"}}'),
    )
    with contextlib.chdir(tmp_path):
        yield made
    os.sync()


@pytest.mark.parametrize("disposition", ["append", "merge", "replace"])
def test_dlt_loads(server: SnowflakeServer, pipeline: dlt.Pipeline, disposition: Any) -> None:
    """The Snowflake destination of dlt loads parquet files twice: child rows, variants and times are correct."""

    def orders(version: str, *ids: int) -> list[dict[str, Any]]:
        at = "2024-01-01T00:00:00Z"
        return [{"id": i, "version": version, "at": at, "doc": {"n": i}, "lines": [{"sku": "a"}]} for i in ids]

    for version, ids in (("one", (1, 2)), ("two", (2, 3))):
        pipeline.run(
            orders(version, *ids),
            table_name="orders",
            write_disposition=disposition,
            primary_key="id",
            columns={"doc": {"data_type": "json"}, "at": {"data_type": "timestamp"}},
            loader_file_format="parquet",
        )
    expected = {
        "append": [(1, "one"), (2, "one"), (2, "two"), (3, "two")],
        "merge": [(1, "one"), (2, "two"), (3, "two")],
        "replace": [(2, "two"), (3, "two")],
    }[disposition]
    assert server.query("SELECT ID, VERSION FROM RAW.ORDERS ORDER BY 1, 2") == expected
    assert server.query('SELECT COUNT(*) FROM RAW."ORDERS__LINES"') == [(len(expected),)]
    assert server.query("SELECT COUNT(*) FROM RAW._DLT_LOADS WHERE STATUS = 0") == [(2,)]
    assert server.query("SELECT DISTINCT YEAR(AT) FROM RAW.ORDERS") == [(2024,)]
    assert any(entry["query_tag"] == '{"table": "orders"}' for entry in server.statements("COPY INTO"))


def test_the_password_is_enough_for_the_plain_settings(server: SnowflakeServer) -> None:
    """The unchanged settings of the environment open a session."""
    settings = server.environment()
    names = ("account", "user", "password", "database", "warehouse", "role", "host", "port", "protocol")
    given: dict[str, Any] = {name: settings[f"SNOWFLAKE_{name.upper()}"] for name in names}
    with snowflake.connector.connect(**given) as opened:
        assert rows(opened, "SELECT CURRENT_ROLE()") == [("LOADER",)]
    assert Path(server.environment(key_pair=True)["SNOWFLAKE_PRIVATE_KEY_PATH"]).is_file()

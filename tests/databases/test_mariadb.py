"""Tests of `data_foundation.readers.sql` on types that only MySQL and MariaDB have."""

import datetime as dt
from collections.abc import Iterator, Mapping
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from data_foundation.errors import FoundationError
from data_foundation.readers.sql.database_settings import Connection
from data_foundation.readers.sql.table_reader import open_database
from data_foundation.readers.ssh.server_settings import SshServer as SshSettings
from tests.databases.servers import Database, run_mariadb
from tests.support.sql_sources import SqlTree
from tests.support.ssh_server import HIDDEN, SshServer, run_ssh

pytestmark = pytest.mark.xdist_group("databases")  # one server for all

_FROM = dt.datetime(2024, 1, 1, tzinfo=dt.UTC)
MOMENT = dt.datetime(2024, 1, 31, 12, 34, 56, 789012, dt.UTC)
TYPES: dict[str, tuple[str, str, Any]] = {
    "tinyint(1)": ("-128", "BIGINT", -128),  # other databases' readers treat it as a bool
    "int unsigned": ("4294967295", "BIGINT", 2**32 - 1),
    "bigint unsigned": ("18446744073709551615", "DECIMAL(20,0)", Decimal(2**64 - 1)),
    "decimal(38,20)": ("-123456789012345678.12345678901234567890", "DECIMAL(38,20)",
                       Decimal("-123456789012345678.12345678901234567890")),
    "float": ("1.1", "DOUBLE", 1.100000023841858),
    "double": ("0.1", "DOUBLE", 0.1),
    "year": ("2024", "BIGINT", 2024),
    "datetime(6)": ("'2024-01-31 12:34:56.789012'", "TIMESTAMP", MOMENT.replace(tzinfo=None)),
    "timestamp(6)": ("'2024-01-31 12:34:56.789012'", "TIMESTAMP WITH TIME ZONE", MOMENT),
    "date": ("'2024-02-29'", "DATE", dt.date(2024, 2, 29)),
    "enum('a','b')": ("'b'", "VARCHAR", "b"),
    "longtext": ("'Ä \\'x\\' 😀'", "VARCHAR", "Ä 'x' 😀"),
    "char(3)": ("'c'", "VARCHAR", "c"),
    "varbinary(3)": ("x'00ff'", "BLOB", b"\x00\xff"),
    "longblob": ("x'00ff'", "BLOB", b"\x00\xff"),
}  # fmt: skip


@pytest.fixture
def mariadb(there: tuple[str, Mapping[str, str]], database: Database) -> Database:
    """A MariaDB whose tables can hold every character."""
    assert there[0] == "mariadb"
    database.execute("DROP TABLE IF EXISTS orders")
    return database


def test_every_type_has_its_type_in_the_warehouse(tree: SqlTree, mariadb: Database) -> None:
    """Every type of the database has its type and value in the warehouse."""
    declared = ", ".join(f"c{number} {kind} NULL" for number, kind in enumerate(TYPES))
    mariadb.execute(
        f"CREATE TABLE orders (id INT PRIMARY KEY, {declared}) CHARACTER SET utf8mb4",
        "SET time_zone = '+00:00'",
    )
    values = ", ".join(literal for literal, _, _ in TYPES.values())
    mariadb.execute(
        "SET time_zone = '+00:00'",
        f"INSERT INTO orders VALUES (1, {values})",
        f"INSERT INTO orders VALUES (2, {', '.join(['NULL'] * len(TYPES))})",
    )
    tree.read()
    tree.load("shop.landed")
    landed = tree.landed()
    assert {kind: (landed[f"c{n}"][0], landed[f"c{n}"][1][0]) for n, kind in enumerate(TYPES)} == {
        kind: (warehouse, value) for kind, (_, warehouse, value) in TYPES.items()
    }
    assert [landed[f"c{n}"][1][1] for n in range(len(TYPES))] == [None] * len(TYPES)


REFUSED: dict[str, tuple[str, str]] = {
    "zero-date": ("date", "'0000-00-00'"),
    "zero-time": ("datetime", "'0000-00-00 00:00:00'"),
    "long-time": ("time", "'25:00:00'"),
}


@pytest.mark.parametrize(("kind", "literal"), REFUSED.values(), ids=REFUSED)
def test_a_value_that_the_warehouse_cannot_hold_is_refused(
    tree: SqlTree, mariadb: Database, kind: str, literal: str
) -> None:
    """The error names row and column; no value becomes NULL silently."""
    mariadb.execute("SET sql_mode = ''", f"CREATE TABLE orders (id INT PRIMARY KEY, odd {kind})",
                    f"INSERT INTO orders VALUES (1, {literal})")  # fmt: skip
    tree.read()
    with pytest.raises(FoundationError, match="odd"):
        tree.load("shop.landed")


def test_names_of_any_kind_are_read(tree: SqlTree, mariadb: Database) -> None:
    """Capitals, spaces, backticks and SQL keywords in names are quoted."""
    mariadb.execute("DROP TABLE IF EXISTS `Odd ``table`", "CREATE TABLE `Odd ``table` (`select` INT, `My Column` INT)",
                    "INSERT INTO `Odd ``table` VALUES (1, 2)")  # fmt: skip
    tree.read(table="Odd `table")
    tree.load("shop.landed")
    assert {name: values for name, (_, values) in tree.landed().items()} == {"select": [1], "my_column": [2]}


def test_a_query_has_the_types_of_its_columns(tree: SqlTree, mariadb: Database) -> None:
    """Columns of a query have the types and the values that they have in their table."""
    kinds = {kind: one for kind, one in TYPES.items() if kind != "longtext"}
    declared = ", ".join(f"c{number} {kind} NULL" for number, kind in enumerate(kinds))
    values = ", ".join(literal for literal, _, _ in kinds.values())
    mariadb.execute(
        f"CREATE TABLE orders (id INT PRIMARY KEY, {declared}) CHARACTER SET utf8mb4",
        "SET time_zone = '+00:00'", f"INSERT INTO orders VALUES (1, {values})",
    )  # fmt: skip
    names = ", ".join(f"o.c{number}" for number in range(len(kinds)))
    tree.read(
        table="", query=f"SELECT o.id, concat(o.id, ':x 5%') AS note, {names} FROM orders AS o WHERE id LIKE '1%'"
    )
    tree.load("shop.landed")
    landed = tree.landed()
    assert {kind: (landed[f"c{n}"][0], landed[f"c{n}"][1][0]) for n, kind in enumerate(kinds)} == {
        kind: (warehouse, value) for kind, (_, warehouse, value) in kinds.items()
    }
    assert landed["note"] == ("VARCHAR", ["1:x 5%"])


@pytest.fixture
def ssh(tmp_path: Path) -> Iterator[SshServer]:
    """An SSH server, which knows the host `db.internal`."""
    folder = tmp_path / "ssh"
    folder.mkdir()
    with run_ssh(folder) as server:
        yield server


def test_a_table_is_read_through_an_ssh_server(
    tree: SqlTree, mariadb: Database, ssh: SshServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The driver connects to a host whose name only the SSH server knows, with several connections."""
    mariadb.execute("CREATE TABLE orders (id INT PRIMARY KEY, note TEXT) CHARACTER SET utf8mb4",
                    "INSERT INTO orders SELECT seq, repeat('é', 9) FROM seq_1_to_5000")  # fmt: skip
    monkeypatch.setenv("SOURCES__SHOP__SALES_DB__HOST", HIDDEN)
    for name, value in ssh.settings.items():
        monkeypatch.setenv(f"SOURCES__SHOP__SALES_DB__SSH__{name.upper()}", value)
    tree.read(parallelism=2, chunk_size=500)
    assert tree.load("shop.landed").rows == 5000
    assert ssh.is_idle
    landed = tree.landed()
    assert landed["id"][1] == list(range(1, 5001))
    assert set(landed["note"][1]) == {"é" * 9}


@pytest.mark.rare
def test_a_certificate_is_compared_with_the_host_behind_the_ssh_server(
    there: tuple[str, Mapping[str, str]], ssh: SshServer, tmp_path: Path
) -> None:
    """The port of the tunnel is one of 127.0.0.1, yet a certificate of another host than the settings' is refused."""
    assert there[0] == "mariadb"
    certificate, key = make_certificate(tmp_path, HIDDEN)
    given: dict[str, Any] = {**ssh.settings, "port": ssh.port}
    server = SshSettings("ssh", **given)
    with run_mariadb(f"--ssl-cert={certificate}", f"--ssl-key={key}") as settings:
        connection = Connection(
            "sales_db", "mysql", HIDDEN, int(settings["PORT"]), settings["DATABASE"], username=settings["USERNAME"],
            password=settings["PASSWORD"], query={"ssl_ca": str(certificate)}, ssh=server,
        )  # fmt: skip
        with open_database(connection) as database:
            assert database.row(sa.text("SHOW STATUS LIKE 'Ssl_cipher'"))[1]
        with (
            pytest.raises(ConnectionError, match="certificate is not valid for"),
            open_database(replace(connection, host="127.0.0.1")),
        ):
            pass


def make_certificate(folder: Path, host: str) -> tuple[Path, Path]:
    """Returns the files of a self-signed certificate and of its key."""
    key, name = ec.generate_private_key(ec.SECP256R1()), x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, host)])
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), 1, _FROM, _FROM.replace(year=2124))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(host)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    files = folder / "certificate.pem", folder / "key.pem"
    files[0].write_bytes(certificate.public_bytes(Encoding.PEM))
    files[1].write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    return files

"""Tests of `data_foundation.readers.sql` through a tunnel of SSH, with real servers of SSH and PostgreSQL."""

import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import paramiko
import pytest

from data_foundation.errors import EntryError, FoundationError, LoadError, SettingMissing
from data_foundation.process_wide.redaction import redact
from data_foundation.readers.connection_settings import ConnectionSettings
from data_foundation.readers.sql.database_settings import Connection, find_connection
from data_foundation.readers.sql.databases.postgres import PostgresDatabase
from data_foundation.readers.sql.databases.sqlalchemy_database import build_url
from data_foundation.readers.ssh import server_settings
from data_foundation.readers.ssh.server_settings import find_ssh_server
from data_foundation.readers.ssh.tunnel import SshTunnel
from tests.databases.servers import OPENSSH
from tests.support.postgres_server import ADMINISTRATOR, PASSWORD, PostgresServer
from tests.support.sql_sources import SqlTree, sql_server, sql_tree
from tests.support.ssh_server import DEADLINE, HIDDEN, SshServer, make_key, run_openssh, run_ssh
from tests.support.ssh_server import PASSWORD as SSH_PASSWORD

__all__ = ["sql_server", "sql_tree"]

PREFIX = "SOURCES__SHOP__SALES_DB"
SECTION = "sources.shop.sales_db.ssh"


@pytest.fixture
def ssh(tmp_path: Path) -> Iterator[SshServer]:
    """A server in this process."""
    folder = tmp_path / "ssh"
    folder.mkdir()
    with run_ssh(folder) as server:
        yield server


@pytest.fixture
def database(sql_server: PostgresServer, ssh: SshServer, monkeypatch: pytest.MonkeyPatch) -> str:
    """An empty PostgreSQL database, which is the connection `sales_db`, under a name that only the SSH server knows."""
    name = sql_server.create_database()
    give(monkeypatch, ssh, sql_server, name, HIDDEN)
    return name


def give(monkeypatch: pytest.MonkeyPatch, ssh: SshServer, server: PostgresServer, name: str, host: str) -> None:
    """Sets the settings of the connection `sales_db`."""
    settings = {"drivername": "postgresql", "host": host, "port": server.port, "database": name,
                "username": ADMINISTRATOR, "password": PASSWORD}  # fmt: skip
    for key, value in settings.items():
        monkeypatch.setenv(f"{PREFIX}__{key.upper()}", str(value))
    for key, value in ssh.settings.items():
        monkeypatch.setenv(f"{PREFIX}__SSH__{key.upper()}", value)


def wait_for_end(name: str = "ssh-tunnel") -> None:
    """Waits until no thread of a tunnel runs; fails if one stays."""
    deadline = time.monotonic() + DEADLINE
    while any(thread.name.startswith(name) for thread in threading.enumerate()):
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_a_table_is_read_through_the_tunnel_which_closes_at_its_end(
    sql_tree: SqlTree, sql_server: PostgresServer, database: str, ssh: SshServer
) -> None:
    """Several connections read a host that this machine does not know; after the load nothing is connected any more."""
    sql_server.query("CREATE TABLE orders AS SELECT i AS id, repeat('ä', 50) AS note FROM generate_series(1, 20000) i",
                     database=database)  # fmt: skip
    sql_tree.read("write_disposition: replace", parallelism=3, partition_on="id", chunk_size=1000)
    assert sql_tree.load("shop.landed").rows == 20_000
    landed = sql_tree.landed()
    assert landed["id"][1] == list(range(1, 20_001))
    assert set(landed["note"][1]) == {"ä" * 50}
    assert len(ssh.transports) == 1
    assert ssh.is_idle
    wait_for_end()


def test_a_tunnel_that_is_lost_while_rows_arrive_loses_none(
    sql_tree: SqlTree, sql_server: PostgresServer, database: str, ssh: SshServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The read starts again through a new tunnel, and loads every row once."""
    # More bytes than the windows of SSH and the buffers of sockets hold.
    rows = "SELECT i AS id, repeat('x', 1000) AS note FROM generate_series(1, 30000) i"
    sql_server.query(f"CREATE TABLE orders AS {rows}", database=database)
    read, pages = PostgresDatabase.read, []

    def cut(self: PostgresDatabase, *arguments: Any) -> Iterator[Any]:
        for page in read(self, *arguments):
            pages.append(page)
            if len(pages) == 2:
                ssh.hang_up()
            yield page

    monkeypatch.setattr(PostgresDatabase, "read", cut)
    sql_tree.read("write_disposition: replace", chunk_size=1000)
    assert sql_tree.load("shop.landed").rows == 30_000
    assert sql_tree.landed()["id"][1] == list(range(1, 30_001))
    assert len(ssh.transports) == 2


class _Echo:
    """A target that answers each text with itself in upper case, and closes."""

    def __init__(self) -> None:
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port = self._listening.getsockname()[1]
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        while True:
            try:
                client, _ = self._listening.accept()
            except OSError:
                return
            with client:
                client.sendall(client.recv(100).upper())

    def close(self) -> None:
        self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()


@pytest.fixture
def echo() -> Iterator[_Echo]:
    """A running target."""
    target = _Echo()
    yield target
    target.close()


def open_tunnel(server: SshServer, target: int, host: str = HIDDEN, **settings: Any) -> SshTunnel:
    """Returns an open tunnel to a port, with other settings than the server's."""
    given = {**server.settings, **settings}
    known = {key: value for key, value in given.items() if value is not None}
    return SshTunnel(server_settings.SshServer(SECTION, **{**known, "port": int(known["port"])}), host, target)


def answer(tunnel: SshTunnel) -> bytes:
    """Returns all that the target sends through a tunnel."""
    with socket.create_connection(("127.0.0.1", tunnel.port)) as client:
        client.sendall(b"hello")
        return b"".join(iter(lambda: client.recv(100), b""))


def _known_hosts(server: SshServer, folder: Path) -> dict[str, Any]:
    (folder / "known").write_text(f"[127.0.0.1]:{server.port} {server.host_key}\n")
    return {"known_hosts": str(folder / "known"), "host_key": None}


def _encrypted(server: SshServer, folder: Path) -> dict[str, Any]:
    key = paramiko.ECDSAKey.from_private_key_file(str(server.key))
    key.write_private_key_file(str(folder / "encrypted"), password="open sesame")
    return {"key_filename": str(folder / "encrypted"), "passphrase": "open sesame"}


WAYS: dict[str, Any] = {
    "key-file": lambda _server, _folder: {},
    "key": lambda server, _folder: {"key_filename": None, "private_key": server.key.read_text()},
    "key-in-one-line": lambda server, _folder: {
        "key_filename": None, "private_key": server.key.read_text().replace("\n", "\\n")
    },
    "encrypted-key": _encrypted,
    "password": lambda _server, _folder: {"key_filename": None, "password": SSH_PASSWORD},
    "known-hosts": _known_hosts,
}  # fmt: skip


@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)
def test_every_way_to_log_in_and_to_know_the_server(ssh: SshServer, echo: _Echo, tmp_path: Path, way: Any) -> None:
    """A key, its text, an encrypted one or a password; and a host key of a file or of the settings."""
    with open_tunnel(ssh, echo.port, **way(ssh, tmp_path)) as tunnel:
        assert answer(tunnel) == b"HELLO"
        assert answer(tunnel) == b"HELLO"
    with pytest.raises(OSError, match="refused"):
        answer(tunnel)
    wait_for_end()


def _other_key(_server: SshServer, folder: Path) -> dict[str, Any]:
    make_key(folder / "other")
    return {"key_filename": str(folder / "other")}


def _other_host_key(_server: SshServer, folder: Path) -> dict[str, Any]:
    make_key(folder / "other")
    return {"host_key": (folder / "other.pub").read_text()}


REFUSED: dict[str, tuple[Any, type[Exception], str]] = {
    "host-key": (lambda _s, _f: {"host_key": None}, LoadError,
                 r"the host key of \[127.0.0.1\]:\d+ is not known: ecdsa-sha2-nistp256 SHA256:\S+; if it is the"),
    "other-host-key": (_other_host_key, LoadError, "does not match.*It may be another server; if its key was replaced"),
    "key": (_other_key, LoadError, "refuses user 'tunnel-user' with key_filename: Authentication failed"),
    "password": (lambda _s, _f: {"key_filename": None, "password": "another"}, LoadError,
                 "refuses user 'tunnel-user' with password"),
    "passphrase": (lambda s, f: {**_encrypted(s, f), "passphrase": ""}, EntryError,
                   r"ssh.key_filename: the key is encrypted; set sources.shop.sales_db.ssh.passphrase"),
    "other-passphrase": (lambda s, f: {**_encrypted(s, f), "passphrase": "x"}, EntryError, "passphrase is another one"),
    "no-file": (lambda _s, f: {"key_filename": str(f / "none")}, EntryError, "key_filename: .*No such file"),
    "no-key": (lambda _s, _f: {"key_filename": None, "private_key": "secret"}, EntryError,
               "private_key: it is no Ed25519, ECDSA or RSA key"),
    "no-host-key": (lambda _s, _f: {"host_key": "nonsense"}, EntryError, "host_key: accepted is a public key"),
    "no-known-hosts": (lambda _s, f: {"host_key": None, "known_hosts": str(f / "none")}, EntryError,
                       "known_hosts: .*No such file"),
    "forwarding": (lambda _s, _f: {"target": "elsewhere.internal"}, LoadError,
                   r"does not permit a connection to elsewhere.internal:\d+; AllowTcpForwarding or PermitOpen"),
    "port": (lambda _s, _f: {"port": "1"}, ConnectionError, "SSH server 127.0.0.1:1 of .* cannot be reached"),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED.values(), ids=REFUSED)
def test_what_is_refused_is_explained(
    ssh: SshServer, echo: _Echo, tmp_path: Path, case: tuple[Any, type[Exception], str]
) -> None:
    """The error names the setting or the server, and what to do; faults that may pass are tried again."""
    change, kind, message = case
    settings = change(ssh, tmp_path)
    with pytest.raises(kind, match=message):
        open_tunnel(ssh, echo.port, settings.pop("target", HIDDEN), **settings)
    assert ssh.is_idle
    wait_for_end()


def test_a_database_that_the_server_does_not_reach_is_named(ssh: SshServer) -> None:
    """A port that nobody listens on is a fault that may pass."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with pytest.raises(ConnectionError, match=rf"does not reach db.internal:{port}: Connect failed"):
        open_tunnel(ssh, port)


WRONG: dict[str, tuple[dict[str, str], type[FoundationError], str]] = {
    "missing": ({"PORT": "2222"}, SettingMissing, "SOURCES__SHOP__SALES_DB__SSH__HOST"),
    "port": ({"HOST": "h", "USERNAME": "u", "PORT": "ssh"}, EntryError, "ssh.port: got 'ssh'; accepted is a number"),
    "two-keys": ({"HOST": "h", "USERNAME": "u", "KEY_FILENAME": "k", "PRIVATE_KEY": "k"}, EntryError, "remove one"),
}


@pytest.mark.parametrize(("given", "kind", "message"), WRONG.values(), ids=WRONG)
def test_a_setting_that_is_missing_or_invalid_is_named(
    monkeypatch: pytest.MonkeyPatch, given: dict[str, str], kind: type[FoundationError], message: str
) -> None:
    """The error names the setting, and what is accepted."""
    for name, value in given.items():
        monkeypatch.setenv(f"{PREFIX}__SSH__{name}", value)
    with pytest.raises(kind, match=message):
        find_ssh_server(ConnectionSettings("shop", "sales_db"))


def test_a_file_has_no_tunnel(monkeypatch: pytest.MonkeyPatch) -> None:
    """SQLite with an SSH server is a contradiction."""
    monkeypatch.setenv(PREFIX, "sqlite:///sales.sqlite")
    monkeypatch.setenv(f"{PREFIX}__SSH__HOST", "h")
    monkeypatch.setenv(f"{PREFIX}__SSH__USERNAME", "u")
    with pytest.raises(EntryError, match="SQLite is a file"):
        find_connection("shop", "sales_db")


def test_secrets_of_the_server_are_masked(monkeypatch: pytest.MonkeyPatch) -> None:
    """A password, a passphrase and each line of a key are masked in every output; the repr omits them."""
    line = "b3BlbnNzaC1rZXktdjEAAAAABG5vbmUAAAAEbm9uZQ"
    key = f"-----BEGIN OPENSSH PRIVATE KEY-----\n{line}\n-----END OPENSSH PRIVATE KEY-----"
    given = {"HOST": "bastion", "USERNAME": "u", "PASSWORD": "hunter2-hunter2", "PASSPHRASE": "sesame-sesame",
             "PRIVATE_KEY": key}  # fmt: skip
    for name, value in given.items():
        monkeypatch.setenv(f"{PREFIX}__SSH__{name}", value)
    server = find_ssh_server(ConnectionSettings("shop", "sales_db"))
    text = f"a {given['PASSWORD']} b {given['PASSPHRASE']} c {line} d"
    assert redact(text) == "a *** b *** c *** d"
    assert not {line, given["PASSWORD"], given["PASSPHRASE"]} & set(repr(server).split("'"))
    assert str(server) == f"SSH server bastion:22 of {SECTION}"


URLS = {
    "mssql": "mssql+pyodbc://u@127.0.0.1:7/d?HostnameInCertificate=db.internal&driver=ODBC+Driver+18+for+SQL+Server",
    "oracle": "oracle+oracledb://u@127.0.0.1:7/d",
    "mysql": "mysql+pymysql://u@db.internal:1/d?charset=utf8mb4",
}


@pytest.mark.parametrize(("dialect", "address"), URLS.items(), ids=URLS)
def test_a_driver_connects_to_the_tunnel_and_compares_the_certificate_with_the_host(dialect: str, address: str) -> None:
    """SQL Server's driver has a setting for the name; PyMySQL is given a socket to the tunnel, and keeps the name."""
    connection = Connection("sales_db", dialect, HIDDEN, 1, "d", username="u", local_port=7)
    assert str(build_url(connection)) == address
    assert build_url(replace(connection, local_port=0)).host == HIDDEN


if OPENSSH:  # else the summary of the run reports that both are left out

    def test_a_table_is_read_through_openssh(
        sql_tree: SqlTree, sql_server: PostgresServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """OpenSSH's log has the connection to the database and its end."""
        folder, name = tmp_path / "openssh", sql_server.create_database()
        folder.mkdir()
        sql_server.query("CREATE TABLE orders AS SELECT i AS id FROM generate_series(1, 1000) i", database=name)
        sql_tree.read("write_disposition: replace")
        with run_openssh(folder) as server:
            give(monkeypatch, server, sql_server, name, "127.0.0.1")
            assert sql_tree.load("shop.landed").rows == 1000
            deadline = time.monotonic() + DEADLINE
            while "do_cleanup" not in (log := server.log.read_text()):
                assert time.monotonic() < deadline, log
                time.sleep(0.02)
        assert f"target 127.0.0.1 port {sql_server.port}" in log
        with pytest.raises(FoundationError, match=r"SSH server 127.0.0.1:\d+ .* cannot be reached"):
            sql_tree.load("shop.landed")
        assert len(sql_tree.landed()["id"][1]) == 1000

    def test_without_a_key_and_a_password_the_agent_logs_in(
        ssh: SshServer, echo: _Echo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The keys of the agent that SSH_AUTH_SOCK names are tried."""
        place = tmp_path / "agent"
        with subprocess.Popen(["ssh-agent", "-D", "-a", place], stdout=subprocess.DEVNULL) as agent:
            try:
                deadline = time.monotonic() + DEADLINE
                while not place.exists():
                    assert time.monotonic() < deadline
                    time.sleep(0.01)
                monkeypatch.setenv("SSH_AUTH_SOCK", str(place))
                subprocess.run(["ssh-add", "-q", ssh.key], check=True)
                with open_tunnel(ssh, echo.port, key_filename=None) as tunnel:
                    assert answer(tunnel) == b"HELLO"
            finally:
                agent.terminate()

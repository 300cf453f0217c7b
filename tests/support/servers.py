"""Servers for tests, each in its own process: the server that speaks Snowflake's protocol."""

import contextlib
import hashlib
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import filelock
import requests
import snowflake.connector
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

ROOT = Path(__file__).parents[2]
VENV = ROOT / ".venv-snowflake"
LOCKED = Path(__file__).parent / "snowflake_server" / "requirements.lock"
PASSPHRASE = "opensesame"


@dataclass
class SnowflakeServer:
    """A running server, with an administrator and the settings to connect."""

    port: int
    folder: Path
    account: str = "testorg-testaccount"
    user: str = "LOADER"
    password: str = "snow"
    database: str = "ANALYTICS"
    warehouse: str = "LOADING"
    role: str = "LOADER"
    settings: dict[str, Any] = field(default_factory=dict)

    @property
    def url(self) -> str:
        """The address of the server."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def key_path(self) -> Path:
        """The private key of the user, encrypted with PASSPHRASE."""
        return self.folder / "rsa_key.p8"

    def environment(self, *, key_pair: bool = False) -> dict[str, str]:
        """Returns the settings as environment variables, with the password or the private key."""
        found = {
            "SNOWFLAKE_ACCOUNT": self.account,
            "SNOWFLAKE_USER": self.user,
            "SNOWFLAKE_DATABASE": self.database,
            "SNOWFLAKE_WAREHOUSE": self.warehouse,
            "SNOWFLAKE_ROLE": self.role,
            "SNOWFLAKE_HOST": "127.0.0.1",
            "SNOWFLAKE_PORT": str(self.port),
            "SNOWFLAKE_PROTOCOL": "http",
            # Otherwise the connector checks at each login whether it runs in a cloud, for seconds if no name resolves.
            "SNOWFLAKE_DISABLE_PLATFORM_DETECTION": "true",
        }
        if key_pair:
            key = {"SNOWFLAKE_PRIVATE_KEY_PATH": str(self.key_path), "SNOWFLAKE_PRIVATE_KEY_PASSPHRASE": PASSPHRASE}
            return {**found, **key}
        return {**found, "SNOWFLAKE_PASSWORD": self.password}

    def connect(self, **changes: Any) -> snowflake.connector.SnowflakeConnection:
        """Returns a connection of the real connector, by password unless `changes` has another authentication."""
        wanted: dict[str, Any] = {
            "account": self.account,
            "user": self.user,
            "password": self.password,
            "database": self.database,
            "warehouse": self.warehouse,
            "role": self.role,
            "host": "127.0.0.1",
            "port": self.port,
            "protocol": "http",
            "login_timeout": 10,
        }
        wanted.update(changes)
        return snowflake.connector.connect(**{name: value for name, value in wanted.items() if value is not None})

    def query(self, sql: str, **changes: Any) -> list[tuple[Any, ...]]:
        """Returns the rows of one statement, over a new connection."""
        with self.connect(**changes) as connection, connection.cursor() as cursor:
            cursor.execute(sql)
            return [tuple(row) for row in cursor.fetchall() if not isinstance(row, dict)]

    def create_database(self, name: str) -> None:
        """Creates an empty database."""
        self.query(f"CREATE OR REPLACE DATABASE {name}", database=None)

    def arm(self, match: str, fault: str, **details: Any) -> None:
        """Arms a fault for the next statements that match: reset, reset_after, error, delay, kill_session."""
        self._control("POST", "faults", {"match": match, "fault": fault, **details})

    def disarm(self) -> None:
        """Removes all faults."""
        self._control("DELETE", "faults")

    def statements(self, match: str = "") -> list[dict[str, Any]]:
        """Returns the logged statements that contain the text, oldest first."""
        logged: list[dict[str, Any]] = self._control("GET", "statements")
        return [entry for entry in logged if match.lower() in entry["sql"].lower()]

    def forget_statements(self) -> None:
        """Empties the log."""
        self._control("DELETE", "statements")

    def change(self, **settings: Any) -> None:
        """Replaces parts of the account's settings: users, roles, read_only_roles, warehouses."""
        self._control("POST", "settings", {**self.settings, **settings})

    def reset(self) -> None:
        """Resets the server: only the user's database, no faults, an empty log and the original account."""
        self._control("POST", "reset")
        self.create_database(self.database)
        self.forget_statements()

    def _control(self, method: str, name: str, body: Mapping[str, Any] | None = None) -> Any:
        response = requests.request(method, f"{self.url}/_control/{name}", json=body, timeout=30)
        response.raise_for_status()
        return response.json()


def install() -> Path:
    """Returns the server's own Python, with the packages of its lock file.

    Workers that need it at the same time wait for the one that installs it.
    """
    wanted = hashlib.sha256(LOCKED.read_bytes()).hexdigest()
    python, made = VENV / "bin" / "python", VENV / "made-from"
    with filelock.FileLock(f"{VENV}.lock"):
        if not (made.is_file() and made.read_text() == wanted):
            shutil.rmtree(VENV, ignore_errors=True)
            subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(VENV)], check=True)
            uv = Path(sys.executable).with_name("uv")
            command = [str(uv) if uv.exists() else "uv", "pip", "install", "--quiet", "--no-config"]
            subprocess.run([*command, "--python", str(python), "--requirement", str(LOCKED)], check=True)
            made.write_text(wanted)
    return python


@contextlib.contextmanager
def serve_snowflake(**changes: Any) -> Iterator[SnowflakeServer]:
    """Starts a server, waits until it responds, and stops it at the end of the block.

    Args:
        changes: Parts of the account's settings: users, roles, read_only_roles, warehouses.

    Yields:
        The server, with an empty database.
    """
    python = install()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        server = SnowflakeServer(_free_port(), folder)
        server.settings = {**_settings(server, _make_key(server.key_path)), **changes}
        (folder / "settings.json").write_text(json.dumps(server.settings))
        command = [str(python), "-m", "snowflake_server", "--port", str(server.port)]
        with (folder / "log").open("w+") as log:
            process = subprocess.Popen(
                [*command, "--settings", str(folder / "settings.json")],
                cwd=Path(__file__).parent,
                # Staged files are deleted with this folder, however the server ends.
                env={**os.environ, "TMPDIR": name},
                stdout=log,
                stderr=subprocess.STDOUT,
            )
            try:
                _wait_until_answers(server, process, folder / "log")
                server.reset()
                yield server
            finally:
                _stop(process)


def _settings(server: SnowflakeServer, public_key: str) -> dict[str, Any]:
    return {
        "account": server.account,
        "roles": [server.role, "TRANSFORMER"],
        "read_only_roles": ["REPORTER"],
        "warehouses": {server.warehouse: {}},
        "users": {
            server.user: {
                "password": server.password,
                "public_keys": [public_key],
                "default_role": server.role,
                "default_warehouse": server.warehouse,
            }
        },
    }


def _make_key(path: Path) -> str:
    """Writes an encrypted private key and returns the public key."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    encryption = serialization.BestAvailableEncryption(PASSPHRASE.encode())
    pkcs8 = serialization.PrivateFormat.PKCS8
    path.write_bytes(key.private_bytes(serialization.Encoding.PEM, pkcs8, encryption))
    public = serialization.PublicFormat.SubjectPublicKeyInfo
    return key.public_key().public_bytes(serialization.Encoding.PEM, public).decode()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _wait_until_answers(server: SnowflakeServer, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        with contextlib.suppress(requests.ConnectionError):
            requests.get(f"{server.url}/_control/statements", timeout=5).raise_for_status()
            return
        if process.poll() is not None:
            break
        time.sleep(0.1)
    raise RuntimeError(f"The server did not start:\n{log.read_text()}")


def _stop(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(timeout=5)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()

"""A Snowflake for the tests: a server with its protocol, or with `--live` the account that the settings name."""

import os
import re
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import snowflake.connector
from typing_extensions import override

from data_foundation.warehouses.settings import read_settings
from data_foundation.warehouses.snowflake.warehouse import SECRET_SETTINGS, SETTINGS, SnowflakeWarehouse
from tests.support.servers import SnowflakeServer, serve_snowflake
from tests.support.trees import Tree

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Account:
    """A database in which tests may create schemas.

    Attributes:
        settings: Credentials of a user, as environment variables.
        server: The server, which can simulate faults; None for a real account.
    """

    settings: Mapping[str, str]
    server: SnowflakeServer | None
    suffixes: list[str] = field(default_factory=list)

    def deployment(self) -> Mapping[str, str]:
        """Returns the settings of a new deployment."""
        user = f"t{uuid.uuid4().int % 10**12:012}"
        self.suffixes.append(f"__{user}")
        return {**self.settings, "WAREHOUSE": "snowflake", "DEPLOYMENT": "dev", "DEPLOYMENT_USER": user}

    def warehouse(self, root: Path, **settings: str) -> SnowflakeWarehouse:
        """Returns the warehouse of a new deployment, with some settings changed."""
        changed = {**self.deployment(), **settings}
        return SnowflakeWarehouse(root / "data" / "pipelines", changed, suffix=f"__{changed['DEPLOYMENT_USER']}")

    def query(self, sql: str) -> list[tuple[Any, ...]]:
        """Returns the rows of a statement."""
        warehouse = SnowflakeWarehouse(Path(), self.settings)
        with snowflake.connector.connect(**warehouse._connector_parameters()) as session, session.cursor() as cursor:
            return [tuple(row) for row in cursor.execute(sql).fetchall()]  # type: ignore[union-attr]

    def clean(self) -> None:
        """Drops all schemas that tests have created."""
        for (name,) in self.query("SELECT schema_name FROM information_schema.schemata"):
            if name.lower().removesuffix("_staging").endswith(tuple(self.suffixes)):
                self.query(f'DROP SCHEMA "{name}" CASCADE')


@dataclass(frozen=True)
class SnowflakeTree(Tree):
    """A checkout whose warehouse is a Snowflake deployment of its own."""

    account: Account
    deployed: SnowflakeWarehouse

    @property
    @override
    def warehouse(self) -> SnowflakeWarehouse:
        """The warehouse of the deployment."""
        return self.deployed

    @override
    def as_dlt(self) -> tuple[str, Any]:
        """Returns the name and the credentials of the account as a destination of dlt alone."""
        parameters = SnowflakeWarehouse(Path(), self.account.settings)._connector_parameters()
        named = {"host": "account", "username": "user", "database": "database", "warehouse": "warehouse",
                 "role": "role", "password": "password"}  # fmt: skip
        credentials = {name: parameters[parameter] for name, parameter in named.items() if parameter in parameters}
        key = {"private_key_path": "PRIVATE_KEY_PATH", "private_key_passphrase": "PRIVATE_KEY_PASSPHRASE"}
        settings = self.account.settings
        credentials |= {
            name: settings[f"SNOWFLAKE_{setting}"]
            for name, setting in key.items()
            if f"SNOWFLAKE_{setting}" in settings
        }
        # The address of a server that is not Snowflake's own.
        address = {name: parameters[name] for name in ("host", "port", "protocol") if name in parameters}
        return "snowflake", {**credentials, "query": address}

    @override
    def query(self, sql: str) -> list[Any]:
        """Returns the rows of a statement, as values if there is one column; `raw` is the deployment's schema."""
        rows = self.account.query(re.sub(r"\braw\.", f"{self.deployed.dataset('raw')}.", sql))
        return [row[0] if len(row) == 1 else row for row in rows]


@pytest.fixture(scope="session")
def server(request: pytest.FixtureRequest) -> Iterator[SnowflakeServer]:
    """The server; skips the test if a real account is tested."""
    if request.config.getoption("--live"):
        pytest.skip("faults and refusals are those of the test server, not of a real account")
    with serve_snowflake() as started:
        yield started


@pytest.fixture(scope="session")
def account(request: pytest.FixtureRequest) -> Iterator[Account]:
    """The server's database, or that of the real account."""
    if not request.config.getoption("--live"):
        started: SnowflakeServer = request.getfixturevalue("server")
        yield Account(started.environment(key_pair=True), started)
        return
    settings = {name: value for name, value in read_settings(ROOT).items() if name.startswith("SNOWFLAKE_")}
    missing = [known.name for known in SETTINGS if known.required and not settings.get(known.name)]
    if missing or not any(settings.get(name) for name in SECRET_SETTINGS):
        pytest.skip(f"no real account is named: {', '.join(missing) or 'a key, a password or a token'} is not set")
    real = Account(settings, None)
    yield real
    real.clean()


@pytest.fixture
def tree(account: Account, tmp_path: Path) -> SnowflakeTree:
    """An empty checkout with a deployment of its own."""
    return SnowflakeTree(tmp_path, account, account.warehouse(tmp_path))


@pytest.fixture
def deployment(account: Account, monkeypatch: pytest.MonkeyPatch) -> Mapping[str, str]:
    """Sets the environment variables of a new deployment, for processes started by the test, and returns them."""
    for name in [name for name in os.environ if name.startswith("SNOWFLAKE_")]:
        monkeypatch.delenv(name)
    settings = account.deployment()
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    return settings

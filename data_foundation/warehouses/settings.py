"""Reads the environment, as the only module that does, and builds the warehouse that it names."""

from __future__ import annotations

import getpass
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from dotenv import load_dotenv

from data_foundation.errors import SettingMissing, WarehouseError
from data_foundation.naming import forget_naming, normalize
from data_foundation.process_wide import at_import  # noqa: F401 - imported for what it changes
from data_foundation.process_wide.redaction import redact, redact_logs
from data_foundation.process_wide.secret_settings import learn_files, learn_settings
from data_foundation.warehouses.base import Setting, Warehouse
from data_foundation.warehouses.duckdb.warehouse import DuckDBWarehouse
from data_foundation.warehouses.lake.warehouse import LakeWarehouse
from data_foundation.warehouses.postgres.warehouse import PostgresWarehouse
from data_foundation.warehouses.snowflake.warehouse import SnowflakeWarehouse

ENGINES: Mapping[str, type[Warehouse]] = {
    "duckdb": DuckDBWarehouse,
    "snowflake": SnowflakeWarehouse,
    "postgres": PostgresWarehouse,
    "filesystem": LakeWarehouse,
    "lake": LakeWarehouse,
}

PII_KEY = "PII_HASH_KEY"
SHORTEST_KEY = 32
"""Characters: as hexadecimal digits they are 128 bits."""

GENERAL_SETTINGS: Sequence[Setting] = (
    Setting("WAREHOUSE", f"Where tables are stored and dbt builds: {', '.join(ENGINES)}.", default="duckdb"),
    Setting(
        "DEPLOYMENT",
        "`production` writes to `raw` and `marts`; `dev` writes to schemas of your own, such as `raw__anna`. Required "
        "for a warehouse that others use too. `make run` and `make dev` set `dev` unless it is set.",
    ),
    Setting("DEPLOYMENT_USER", "Suffix of the schemas of `dev`, or a branch's name; if not set, the system user."),
    Setting(PII_KEY, f"Key of the hashes of columns with `pii: hash`: {SHORTEST_KEY} random characters or more."),
)

RUN_SETTINGS: Sequence[Setting] = (
    Setting(
        "EXECUTOR",
        "How the sources of a run share the machine: `side_by_side`, as threads of one process; Dagster's own "
        "`in_process`, one after the other, or `multiprocess`, each in a process; or the import path of an executor.",
        default="side_by_side",
    ),
)


def read_settings(root: Path) -> Mapping[str, str]:
    """Returns the environment, completed by `.env` in `root`. Masks its secrets in all logs from now on."""
    load_dotenv(root / ".env")
    os.environ.setdefault("DLT_PROJECT_DIR", str(root))
    forget_naming()
    learn_files(Path(os.environ["DLT_PROJECT_DIR"], ".dlt"))
    learn_settings(os.environ)
    redact_logs()
    return dict(os.environ)


def executor_name(root: Path) -> str:
    """Returns the name, or the import path, of the executor that runs the sources in Dagster."""
    [setting] = RUN_SETTINGS
    return read_settings(root).get(setting.name) or setting.default


def template_values() -> Mapping[str, str]:
    """Returns the values of the templates `{{ env.NAME }}`."""
    learn_settings(os.environ)
    return {f"env.{name}": value for name, value in os.environ.items()}


def pii_key() -> str:
    """Returns the key of the hashes of columns with `pii: hash`.

    Raises:
        SettingMissing: It is not set, or so short that it can be guessed.
    """
    key = os.environ.get(PII_KEY) or ""
    if len(key) < SHORTEST_KEY:
        hint = f"Columns have `pii: hash`: set it once to a random text of {SHORTEST_KEY} characters or more"
        raise SettingMissing([PII_KEY], hint)
    return key


def build_warehouse(root: Path, name: str | None = None) -> Warehouse:
    """Returns the warehouse `name`, or the one named by the setting `WAREHOUSE`; the default is duckdb.

    Raises:
        SettingMissing: The warehouse is shared and `DEPLOYMENT` is not set.
        WarehouseError: `WAREHOUSE` or `DEPLOYMENT` is unknown, or another setting is invalid.
    """
    settings = read_settings(root)
    kind = name or settings.get("WAREHOUSE") or "duckdb"
    if kind not in ENGINES:
        message = f"WAREHOUSE: got '{redact(kind)}'; accepted: {', '.join(ENGINES)}"
        raise WarehouseError(message)
    engine, others = ENGINES[kind], partial(build_warehouse, root)
    return engine.of(root, settings, suffix=_suffix(settings, shared=engine.is_shared(settings)), others=others)


def _suffix(settings: Mapping[str, str], *, shared: bool) -> str:
    """Returns the suffix of this deployment's schemas, "" for production."""
    deployment = settings.get("DEPLOYMENT") or ""
    if not deployment and shared:
        hint = "Others write to this warehouse too: set it to dev, which writes to schemas of your own, or production"
        raise SettingMissing(["DEPLOYMENT"], hint)
    if deployment not in {"", "dev", "production"}:
        message = f"DEPLOYMENT: got '{redact(deployment)}'; accepted: dev, production"
        raise WarehouseError(message)
    if deployment != "dev":
        return ""
    return f"__{normalize(settings.get('DEPLOYMENT_USER') or getpass.getuser())}"


@contextmanager
def dbt_environment(warehouse: Warehouse) -> Iterator[None]:
    """Sets dbt's environment variables, and reserves the warehouse for dbt until the block ends."""
    with warehouse.exclusive():
        publish_dbt_settings(warehouse)
        yield


def publish_dbt_settings(warehouse: Warehouse) -> None:
    """Sets the environment variables that dbt reads, for processes that this one starts."""
    os.environ.update({"DBT_SCHEMA_SUFFIX": warehouse.suffix, **warehouse.dbt_settings()})

"""Reads the environment, as the only module that does, and builds the warehouse that it names."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Literal

from dotenv import load_dotenv

from data_foundation.errors import SettingMissing, WarehouseError
from data_foundation.naming import forget_naming
from data_foundation.process_wide import at_import  # noqa: F401 - imported for what it changes
from data_foundation.process_wide.redaction import redact, redact_logs
from data_foundation.process_wide.secret_settings import learn_files, learn_secrets, learn_settings
from data_foundation.warehouses.alchemy.warehouse import AlchemyWarehouse
from data_foundation.warehouses.base import WORK_FOLDER, Setting, Warehouse
from data_foundation.warehouses.databricks.warehouse import DatabricksWarehouse
from data_foundation.warehouses.deployment import find_suffix
from data_foundation.warehouses.duckdb.warehouse import DuckDBWarehouse
from data_foundation.warehouses.ducklake.warehouse import DuckLakeWarehouse
from data_foundation.warehouses.general.warehouse import engine_of
from data_foundation.warehouses.lake.warehouse import LakeWarehouse
from data_foundation.warehouses.mounted_secrets import read_mounted
from data_foundation.warehouses.postgres.warehouse import PostgresWarehouse
from data_foundation.warehouses.snowflake.warehouse import SnowflakeWarehouse
from data_foundation.warehouses.vaults import read_vaults

ENGINES: Mapping[str, type[Warehouse]] = {
    "duckdb": DuckDBWarehouse,
    "snowflake": SnowflakeWarehouse,
    "postgres": PostgresWarehouse,
    "ducklake": DuckLakeWarehouse,
    "filesystem": LakeWarehouse,
    "lake": LakeWarehouse,
    "sqlalchemy": AlchemyWarehouse,
    "databricks": DatabricksWarehouse,
}
"""The engines that have a folder of their own; every other destination of dlt is served by `general`."""

PII_KEY = "PII_HASH_KEY"
SHORTEST_KEY = 32
"""Characters: as hexadecimal digits they are 128 bits."""

SECRETS_FOLDER = Setting(
    "SECRETS_FOLDER",
    "Folder of mounted secrets: the file `snowflake-password` contains SNOWFLAKE_PASSWORD, and wins over the "
    "environment.",
    default="/run/secrets",
)
GENERAL_SETTINGS: Sequence[Setting] = (
    Setting(
        "WAREHOUSE",
        f"Where tables are stored and dbt builds: {', '.join(ENGINES)}, or the name of another destination of dlt.",
        default="duckdb",
    ),
    Setting(
        "DEPLOYMENT",
        "`production` writes to `raw` and `marts`; `dev` writes to schemas of your own, such as `raw__anna`. Required "
        "for a warehouse that others use too. `make run` and `make dev` set `dev` unless it is set.",
    ),
    Setting(
        "DEPLOYMENT_USER",
        "Suffix of the schemas of `dev`, or a branch's name; if not set, the system user. "
        "Required if that user has no name, as in an image.",
    ),
    SECRETS_FOLDER,
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

LOG_FOLDER = Setting("LOG_FOLDER", "The daily log of `foundation run` and `run_sources`.", default="logs")
DBT_TARGET_PATH = Setting(
    "DBT_TARGET_PATH", "dbt's artifacts: manifest, compiled SQL, results.", default="dbt_project/target"
)
DBT_LOG_PATH = Setting("DBT_LOG_PATH", "dbt's own log.", default="dbt_project/logs")
FOLDER_SETTINGS: Sequence[Setting] = (WORK_FOLDER, LOG_FOLDER, DBT_TARGET_PATH, DBT_LOG_PATH)
"""Folders that are written, each relative to the repository."""

OBSERVER_SETTINGS: Sequence[Setting] = (
    Setting(
        "OTEL_EXPORTER_OTLP_ENDPOINT",
        "Receiver of traces and metrics, for instance `http://collector:4318`. The other variables of OpenTelemetry "
        "mean what its specification says; extra `telemetry`.",
    ),
    Setting("TRACEPARENT", "The span that causes `foundation run`, as W3C's header, for instance of a pipeline of CI."),
    Setting(
        "OPENLINEAGE_URL",
        "Receiver of lineage events, for instance `http://marquez:5000`. The other variables of OpenLineage mean what "
        "its client says; extra `lineage`.",
    ),
    Setting("OPENLINEAGE_NAMESPACE", "Namespace of the jobs in lineage events.", default="data_foundation"),
)
"""Read here, or by the library that they belong to, when a run begins."""

_KNOWN = [
    setting.name
    for settings in (GENERAL_SETTINGS, RUN_SETTINGS, *(engine.known_settings for engine in ENGINES.values()))
    for setting in settings
]


def read_settings(root: Path) -> Mapping[str, str]:
    """Returns the environment, completed by mounted secrets, `.env` in `root`, and vaults.

    Masks its secrets in all logs from now on.

    Raises:
        WarehouseError: A mounted secret or a vault cannot be read.
    """
    load_dotenv(root / ".env")
    # A file wins, as in dlt: what a process inherits from one that is older than the file is no longer valid.
    mounted = read_mounted(SECRETS_FOLDER.find_path(root, os.environ))
    os.environ.update(mounted)
    learn_secrets(mounted)
    os.environ.setdefault("DLT_PROJECT_DIR", str(root))
    # dbt reads these two itself, and takes a relative path as one in its project.
    for setting in (DBT_TARGET_PATH, DBT_LOG_PATH):
        if os.environ.get(setting.name):
            os.environ[setting.name] = str(setting.find_path(root, os.environ))
    forget_naming()
    learn_files(Path(os.environ["DLT_PROJECT_DIR"], ".dlt"))
    learn_settings(os.environ)
    redact_logs()
    # Not added to the environment, which processes inherit: each of them reads the vault again.
    return {**os.environ, **read_vaults([name for name in _KNOWN if not os.environ.get(name)])}


def find_folder(setting: Setting, root: Path) -> Path:
    """Returns the folder that one of FOLDER_SETTINGS names."""
    return setting.find_path(root, read_settings(root))


def executor_name(root: Path) -> str:
    """Returns the name, or the import path, of the executor that runs the sources in Dagster."""
    [setting] = RUN_SETTINGS
    return read_settings(root).get(setting.name) or setting.default


def find_exporters(signal: Literal["traces", "metrics"]) -> Sequence[str]:
    """Returns the names under which packages register the exporters of an OpenTelemetry signal, () if it is off.

    OpenTelemetry's own default, to send to this machine, would make every process wait for a receiver: a signal is on
    if an endpoint or an exporter is named.
    """
    get, name = os.environ.get, signal.upper()
    named = get(f"OTEL_{name}_EXPORTER", "")
    has_endpoint = get("OTEL_EXPORTER_OTLP_ENDPOINT") or get(f"OTEL_EXPORTER_OTLP_{name}_ENDPOINT")
    if get("OTEL_SDK_DISABLED", "").lower() == "true" or not (named or has_endpoint):
        return ()
    protocol = get(f"OTEL_EXPORTER_OTLP_{name}_PROTOCOL") or get("OTEL_EXPORTER_OTLP_PROTOCOL") or "http/protobuf"
    otlp = "otlp_proto_grpc" if protocol == "grpc" else "otlp_proto_http"
    exporters = [exporter.strip() for exporter in (named or "otlp").split(",")]
    return [otlp if exporter == "otlp" else exporter for exporter in exporters if exporter not in {"", "none"}]


def is_traced() -> bool:
    """Returns whether OpenTelemetry's variables switch on spans or numbers."""
    return bool(find_exporters("traces") or find_exporters("metrics"))


def counts_each_export_alone() -> bool:
    """Returns whether an export has the sums since the one before: OpenTelemetry's variable does not say otherwise."""
    return not os.environ.get("OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE")


def traceparent() -> str:
    """Returns the span that has caused this process, as W3C's header; "" if there is none."""
    return os.environ.get("TRACEPARENT", "")


def sends_lineage() -> bool:
    """Returns whether OpenLineage's variables name a receiver of events."""
    names = ("OPENLINEAGE_URL", "OPENLINEAGE_CONFIG", "OPENLINEAGE__TRANSPORT__TYPE")
    return any(map(os.environ.get, names)) and os.environ.get("OPENLINEAGE_DISABLED", "").lower() != "true"


def lineage_namespace() -> str:
    """Returns the namespace of the jobs in events of OpenLineage."""
    setting = OBSERVER_SETTINGS[-1]
    return os.environ.get(setting.name) or setting.default


def template_values() -> Mapping[str, str]:
    """Returns the values of the templates `{{ env.NAME }}`."""
    learn_settings(os.environ)
    return {f"env.{name}": value for name, value in os.environ.items()}


def pii_key() -> str:
    """Returns the key of the hashes of columns with `pii: hash`.

    Raises:
        SettingMissing: It is not set, or so short that it can be guessed.
    """
    key = os.environ.get(PII_KEY) or read_vaults([PII_KEY]).get(PII_KEY, "")
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
    engine, others = find_engine(kind), partial(build_warehouse, root)
    return engine.of(root, settings, suffix=find_suffix(settings, shared=engine.is_shared(settings)), others=others)


def find_engine(kind: str) -> type[Warehouse]:
    """Returns the class of warehouses for a value of `WAREHOUSE`.

    Raises:
        WarehouseError: There is no such engine, and dlt has no such destination.
    """
    if kind in ENGINES:
        return ENGINES[kind]
    try:
        return engine_of(kind)
    except WarehouseError as error:
        accepted = f"accepted: {', '.join(ENGINES)}, or another destination of dlt with SQL, for instance bigquery"
        raise WarehouseError(f"WAREHOUSE: got '{redact(kind)}'; {accepted}") from error


@contextmanager
def dbt_environment(warehouse: Warehouse) -> Iterator[None]:
    """Sets dbt's environment variables, and reserves the warehouse for dbt until the block ends."""
    with warehouse.exclusive():
        publish_dbt_settings(warehouse)
        yield


@contextmanager
def dbt_folders(project: Path, kind: str, target: Path) -> Iterator[None]:
    """Sets the environment variables by which dbt finds the project, its profile and its target folder in the block."""
    folders = {"DBT_PROJECT_DIR": str(project), "DBT_PROFILES_DIR": str(project), "DBT_TARGET_PATH": str(target)}
    former = dict(os.environ)
    os.environ.update({**folders, "WAREHOUSE": kind})
    try:
        yield
    finally:
        for name in (*folders, "WAREHOUSE"):
            os.environ.pop(name)
        os.environ.update(former)


def publish_dbt_settings(warehouse: Warehouse) -> None:
    """Sets the environment variables that dbt reads, for processes that this one starts."""
    os.environ.update({"DBT_SCHEMA_SUFFIX": warehouse.suffix, **warehouse.dbt_settings()})

"""dlt's settings of a destination under the names by which `dbt_project/profiles.yml` reads them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from data_foundation.warehouses.general.dlt_settings import resolve

_SERVER = ("host", "port", "username", "password", "database")
_AWS = ("aws_access_key_id", "aws_secret_access_key", "aws_session_token", "region_name")

PROFILES: Mapping[str, Sequence[str]] = {
    "athena": (*_AWS, "aws_data_catalog", "query_result_bucket", "athena_work_group"),
    "bigquery": ("project_id", "private_key", "client_email", "location"),
    "databricks": ("server_hostname", "http_path", "catalog", "access_token", "client_id", "client_secret"),
    "fabric": ("host", "port", "database", "azure_tenant_id", "azure_client_id", "azure_client_secret"),
    "motherduck": ("database", "password"),
    "mssql": (*_SERVER, "driver"),
    "redshift": _SERVER,
}
"""Fields of dlt's configuration, or of its credentials, that the profile of a destination needs."""


def dbt_settings(kind: str) -> Mapping[str, str]:
    """Returns the environment variables of a destination's profile, also of what `.dlt/` sets; {} if it has none.

    Args:
        kind: dlt's name of the destination.
    """
    if kind not in PROFILES:
        return {}
    configuration = resolve(kind)
    parts = (configuration, getattr(configuration, "credentials", None))
    found = {name: next(filter(None, (getattr(part, name, None) for part in parts)), None) for name in PROFILES[kind]}
    return {f"DBT_{kind}_{name}".upper(): str(value) for name, value in found.items() if value}

"""Databricks as warehouse: dlt's settings under their own names, which dbt receives too."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from data_foundation.warehouses.base import Setting
from data_foundation.warehouses.general.warehouse import GeneralWarehouse

SETTINGS = (
    Setting("DESTINATION__DATABRICKS__CREDENTIALS__SERVER_HOSTNAME", "Host of the workspace.", required=True),
    Setting("DESTINATION__DATABRICKS__CREDENTIALS__HTTP_PATH", "Path of the SQL warehouse.", required=True),
    Setting(
        "DESTINATION__DATABRICKS__CREDENTIALS__CATALOG",
        "The Unity catalogue: the first part of a table's name.",
        required=True,
    ),
    Setting("DESTINATION__DATABRICKS__CREDENTIALS__ACCESS_TOKEN", "A personal access token; or the next two."),
    Setting("DESTINATION__DATABRICKS__CREDENTIALS__CLIENT_ID", "Application id of a service principal."),
    Setting("DESTINATION__DATABRICKS__CREDENTIALS__CLIENT_SECRET", "Secret of the service principal."),
    Setting(
        "DESTINATION__DATABRICKS__STAGING_VOLUME_NAME",
        "The volume that files are put into before they are copied: catalogue.schema.volume; if not set, dlt makes "
        "one in each schema.",
    ),
)


@dataclass(frozen=True)
class DatabricksWarehouse(GeneralWarehouse):
    """A catalogue of Databricks."""

    kind: ClassVar[str] = "databricks"
    known_settings: ClassVar[Sequence[Setting]] = SETTINGS
    runs_dbt: ClassVar[bool] = True

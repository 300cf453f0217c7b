"""The deployment of this process: production, or schemas of a person or a branch."""

from __future__ import annotations

import getpass
import hashlib
from collections.abc import Mapping

from data_foundation.errors import SettingMissing, WarehouseError
from data_foundation.naming import normalize
from data_foundation.process_wide.redaction import redact


def find_suffix(settings: Mapping[str, str], *, shared: bool) -> str:
    """Returns the suffix of this deployment's schemas, "" for production.

    Args:
        settings: The environment, completed by `.env`.
        shared: Whether others write to the same warehouse.

    Raises:
        SettingMissing: `DEPLOYMENT` is required, or `DEPLOYMENT_USER`, and not set.
        WarehouseError: `DEPLOYMENT` is unknown.
    """
    deployment = settings.get("DEPLOYMENT") or ""
    if not deployment and shared:
        hint = "Others write to this warehouse too: set it to dev, which writes to schemas of your own, or production"
        raise SettingMissing(["DEPLOYMENT"], hint)
    if deployment not in {"", "dev", "production"}:
        message = f"DEPLOYMENT: got '{redact(deployment)}'; accepted: dev, production"
        raise WarehouseError(message)
    if deployment != "dev":
        return ""
    named = settings.get("DEPLOYMENT_USER")
    return f"__{_schema_name_of(named) if named else normalize(_system_user())}"


def _schema_name_of(name: str) -> str:
    """Returns the ending of schemas for the name of a person or a branch; names that differ have endings that differ.

    `feature/a` and `feature-a` are both feature_a where only letters and digits count, so a name that loses more than
    its capitals gets some digits of its hash.
    """
    normalized = normalize(name)
    if normalized == name.lower():
        return normalized
    return f"{normalized}_{hashlib.sha256(name.encode()).hexdigest()[:6]}"


def _system_user() -> str:
    """Returns the name of the user of this process.

    Raises:
        SettingMissing: It has none, as in a container: deployments there would write to the same schemas.
    """
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        hint = "The user of this process has no name: set it to that of the branch, or of the person"
        raise SettingMissing(["DEPLOYMENT_USER"], hint) from None

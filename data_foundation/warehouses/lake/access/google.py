"""Credentials of Google Cloud Storage: those of the machine, which each library finds and renews by itself."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from dlt.common.configuration.specs import GcpServiceAccountCredentials
from typing_extensions import override

from data_foundation.warehouses.base import Setting

GCS = ("gs", "gcs")
KEY_FILE = "GOOGLE_APPLICATION_CREDENTIALS"
EMULATOR = "STORAGE_EMULATOR_HOST"

GCS_SETTINGS = (
    Setting(
        KEY_FILE,
        "Path of a service account's key, or of a configuration of workload identity, for a lake in Google Cloud "
        "Storage; if not set, the machine's own credentials.",
    ),
)

_FAR = datetime(2100, 1, 1, tzinfo=UTC)


class MachineCredentials(GcpServiceAccountCredentials):
    """No secrets: gcsfs, deltalake and pyarrow look for Google's default credentials, and renew their tokens.

    Attributes:
        emulator: URL of an emulator, "" for Google's own service.
    """

    emulator: str = ""

    @classmethod
    def of(cls, settings: Mapping[str, str]) -> MachineCredentials:
        """Returns the credentials that the settings name.

        Args:
            settings: The environment, completed by `.env`.
        """
        found = cls()
        found.emulator = (settings.get(EMULATOR) or "").rstrip("/")
        # dlt would look for settings of its own, and ask Google's metadata server.
        found.__is_resolved__ = True
        return found

    @override
    def to_gcs_credentials(self) -> dict[str, Any]:
        # A project is needed to create buckets, which a lake does not.
        return {"project": "", "token": "anon" if self.emulator else "google_default"}

    @override
    def to_object_store_rs_credentials(self) -> dict[str, str]:
        if not self.emulator:
            return {}
        unsigned = {"client_email": "", "private_key": "", "private_key_id": "", "disable_oauth": True}
        key = json.dumps({**unsigned, "gcs_base_url": self.emulator})
        return {"service_account_key": key, "allow_http": "true"}

    @override
    def to_pyiceberg_fileio_config(self) -> dict[str, Any]:
        if not self.emulator:
            return {}
        expiry = str(int(_FAR.timestamp() * 1000))
        return {
            "gcs.service.host": self.emulator,
            "gcs.oauth2.token": "none",
            "gcs.oauth2.token-expires-at": expiry,
        }

"""Reads settings from the vaults that `[providers]` in `.dlt/config.toml` enables; dlt reads those of sources there."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable

import dlt
from dlt.common.configuration.providers.toml import TomlProviderReadException
from dlt.common.configuration.providers.vault import VaultDocProvider

from data_foundation.errors import WarehouseError
from data_foundation.process_wide.secret_settings import learn_secrets


def read_vaults(names: Iterable[str]) -> dict[str, str]:
    """Returns those of the settings that a vault contains, and masks all that was read from a vault so far.

    Args:
        names: Names of settings that are set nowhere else.

    Raises:
        WarehouseError: A vault cannot be read.
    """
    found: dict[str, str] = {}
    try:
        # dlt asks a vault for settings of its own as soon as it knows it.
        vaults = [provider for provider in dlt.secrets.config_providers if isinstance(provider, VaultDocProvider)]
        for vault in vaults:
            for name in names:
                value, _ = vault.get_value(name, dlt.TSecretStrValue, "")
                if value is not None:
                    found.setdefault(name, str(value))
            learn_secrets(tomllib.loads(vault.to_toml()))
    except TomlProviderReadException:
        # A file of dlt's is malformed: whatever reads a setting from it fails, and names it.
        return found
    except Exception as error:
        raise WarehouseError(f"a vault that [providers] in .dlt/config.toml enables cannot be read: {error}") from error
    return found

"""Changes to the process that must be made before any load or definition; importing this module makes them."""

import os
import warnings

# dlt reads this even if it finds no config.toml. Telemetry is off unless the environment sets it to true.
os.environ.setdefault("RUNTIME__DLTHUB_TELEMETRY", "false")

# Links to code are marked beta in dagster 1.13, with a warning for every table.
warnings.filterwarnings("ignore", message=".*(LocalFileCodeReference|CodeReferencesMetadataValue).*")

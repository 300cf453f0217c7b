"""Starts the server: python -m snowflake_server --port 0 --settings settings.json."""

import argparse
import json
from pathlib import Path
from typing import Any

import uvicorn

from .transport import Protocol
from .wire import Wire

DEFAULT_SETTINGS = {
    "account": "TESTORG-TESTACCOUNT",
    "roles": ["LOADER", "TRANSFORMER"],
    "read_only_roles": ["REPORTER"],
    "warehouses": {"LOADING": {}, "FROZEN": {"suspended": True, "auto_resume": False}},
    "users": {"LOADER": {"password": "snow", "default_role": "LOADER", "default_warehouse": "LOADING"}},
}


def serve(settings: dict[str, Any], port: int) -> None:
    """Serves until the process is terminated."""
    uvicorn.run(
        Wire(settings).app(),
        host="127.0.0.1",
        port=port,
        log_level="warning",
        http=Protocol,
        timeout_keep_alive=3600,
        ws="none",
        timeout_graceful_shutdown=1,
    )


def main() -> None:
    """Serves on a port of this machine."""
    parser = argparse.ArgumentParser(prog="snowflake_server")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--settings", type=Path)
    arguments = parser.parse_args()
    settings = json.loads(arguments.settings.read_text()) if arguments.settings else DEFAULT_SETTINGS
    serve(settings, arguments.port)


if __name__ == "__main__":
    main()

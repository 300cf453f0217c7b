"""Serves the pages on this machine until it is interrupted."""

from __future__ import annotations

import secrets
import socket
import webbrowser
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import uvicorn

from data_foundation.errors import FoundationError
from data_foundation.ui.app import build_app
from data_foundation.ui.guard import ENTER

if TYPE_CHECKING:
    from data_foundation.warehouses.base import Warehouse

HOST = "127.0.0.1"


def serve(root: Path, warehouse: Warehouse, port: int, tell: Callable[[str], None], *, opens: bool) -> None:
    """Serves the pages until the process is interrupted.

    Args:
        root: The repository.
        warehouse: The warehouse that it loads into.
        port: The port; 0 for one that is free.
        tell: Called with the address, before the first request is answered.
        opens: Whether to open the address in the person's browser.

    Raises:
        FoundationError: The port is taken.
    """
    with socket.socket() as listening:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listening.bind((HOST, port))
        except OSError as error:
            message = f"--port: {port} cannot be used on {HOST}: {error.strerror}; --port 0 takes one that is free"
            raise FoundationError(message) from None
        port = listening.getsockname()[1]
        token = secrets.token_urlsafe(24)
        address = f"http://{HOST}:{port}{ENTER}{token}"
        tell(address)
        if opens:
            webbrowser.open(address)
        app = build_app(root, warehouse, port, token)
        # Its own log would print the token with each first request.
        configuration = uvicorn.Config(app, log_level="warning", access_log=False, server_header=False, lifespan="off")
        uvicorn.Server(configuration).run([listening])

"""Azure's blob storage for tests: Azurite, Microsoft's emulator, which runs on Node."""

import contextlib
import hashlib
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import filelock
from azure.storage.blob import (
    AccountSasPermissions,
    BlobServiceClient,
    ResourceTypes,
    generate_account_sas,
)

PINNED = Path(__file__).parent / "azurite"
INSTALLED = Path(__file__).parents[2] / ".azurite"
ACCOUNT = "devstoreaccount1"
# Published in Microsoft's documentation; it is only valid for emulators.
KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="
PATIENCE_SECONDS = 60.0


def is_available() -> bool:
    """Returns True if this machine can run Azurite."""
    return bool(shutil.which("node") and shutil.which("npm"))


@dataclass(frozen=True)
class Azurite:
    """A running server, whose contents are deleted when it ends."""

    port: int

    def connection_string(self, *, key: str = KEY, port: int | None = None) -> str:
        """Returns the connection string; with another key or port, one that fails."""
        endpoint = f"http://127.0.0.1:{port or self.port}/{ACCOUNT}"
        return f"DefaultEndpointsProtocol=http;AccountName={ACCOUNT};AccountKey={key};BlobEndpoint={endpoint};"

    def connection_string_to_read(self) -> str:
        """Returns a connection string for read-only access."""
        token = generate_account_sas(
            ACCOUNT,
            KEY,
            ResourceTypes(service=True, container=True, object=True),
            AccountSasPermissions(read=True, list=True),
            expiry=time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + 3600)),
        )
        endpoint = f"http://127.0.0.1:{self.port}/{ACCOUNT}"
        return f"AccountName={ACCOUNT};BlobEndpoint={endpoint};SharedAccessSignature={token}"

    def settings(self, container: str, **more: str) -> Mapping[str, str]:
        """Creates a container and returns the settings of a lake in it."""
        service = BlobServiceClient.from_connection_string(self.connection_string())
        service.create_container(container)
        url = f"az://{container}/landing"
        return {"LAKE_URL": url, "AZURE_STORAGE_CONNECTION_STRING": self.connection_string(), **more}


def install() -> Path:
    """Returns Azurite's program, installed once from package-lock.json."""
    INSTALLED.mkdir(exist_ok=True)
    wanted = hashlib.sha256((PINNED / "package-lock.json").read_bytes()).hexdigest()
    stamp = INSTALLED / "installed.txt"
    with filelock.FileLock(INSTALLED / "install.lock"):
        if not stamp.exists() or stamp.read_text() != wanted:
            for name in ("package.json", "package-lock.json"):
                shutil.copy(PINNED / name, INSTALLED / name)
            command = ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--prefix", str(INSTALLED)]
            subprocess.run(command, check=True, cwd=INSTALLED, stdout=subprocess.DEVNULL)
            stamp.write_text(wanted)
    return INSTALLED / "node_modules" / "azurite" / "dist" / "src" / "blob" / "main.js"


@contextlib.contextmanager
def run_azurite() -> Iterator[Azurite]:
    """Runs the server on a free port, in memory."""
    program = install()
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    options = ["--inMemoryPersistence", "--skipApiVersionCheck", "--disableTelemetry", "--silent"]
    command = ["node", str(program), *options, "--blobHost", "127.0.0.1", "--blobPort", str(port)]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as process:
        try:
            _wait(port)
            # deltalake reads the endpoint only from here.
            os.environ["AZURITE_BLOB_STORAGE_URL"] = f"http://127.0.0.1:{port}"
            yield Azurite(port)
        finally:
            process.terminate()


def _wait(port: int) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)
        else:
            return

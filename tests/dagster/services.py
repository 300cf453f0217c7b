"""The processes of a Dagster deployment, each of which a test may kill and start again."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil
import yaml
from typing_extensions import override

from tests.promises.deployed import ROOT, Deployment, answers
from tests.support.instances import open_instance
from tests.support.locations import Location

BIN = Path(sys.executable).parent
HOST = "127.0.0.1"
APART = ("code-server", "webserver", "daemon")
"""The services of a production deployment; `dev` runs all of them below one command."""


@dataclass(frozen=True)
class Services(Deployment):
    """A deployment whose services are processes of this test, as those of a supervisor.

    Attributes:
        commands: The command of each service.
        environment: Environment variables of all of them.
        started: Every process that was started, in order.
    """

    commands: Mapping[str, Sequence[str]]
    environment: Mapping[str, str]
    started: list[tuple[str, "subprocess.Popen[bytes]"]] = field(default_factory=list)

    def start(self, *names: str) -> None:
        """Starts services, by default all, and waits until the webserver answers."""
        with self.log.open("a") as file:
            for name in names or self.commands:
                process = subprocess.Popen(
                    self.commands[name],
                    cwd=self.location.root,
                    env=dict(self.environment),
                    stdout=file,
                    stderr=file,
                    start_new_session=True,
                )
                self.started.append((name, process))
        self.wait(lambda: answers(self))

    @override
    def launch(self, *keys: str, config: Mapping[str, Any] | None = None) -> str:
        """Launches a run, as soon as the webserver reaches the code server, which may have been killed."""
        found: list[str] = []

        def is_launched() -> bool:
            if not answers(self):
                return False
            try:
                found.append(super(Services, self).launch(*keys, config=config))
            except AssertionError as error:
                if "Could not reach user code server" not in str(error):
                    raise
            return bool(found)

        self.wait(is_launched)
        return found[0]

    def process(self, name: str) -> "subprocess.Popen[bytes]":
        """Returns the running process of a service."""
        return next(process for started, process in reversed(self.started) if started == name)

    def replace(self, name: str) -> None:
        """Kills a service, whose runs are left alone, and starts it again, as a supervisor does."""
        self.process(name).kill()
        self.process(name).wait()
        self.start(name)

    def kill_all(self) -> None:
        """Kills all services and runs at once, as the end of the machine does."""
        for _, process in self.started:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()

    def stop(self) -> None:
        """Ends all services and runs."""
        for _, process in self.started:
            if process.poll() is None:
                process.send_signal(signal.SIGINT)
        deadline = time.monotonic() + 20
        for _, process in self.started:
            with suppress(subprocess.TimeoutExpired):
                process.wait(max(0.0, deadline - time.monotonic()))
        self.kill_all()


@contextmanager
def open_services(
    location: Location, names: Sequence[str] = APART, settings: str = "", **also: str
) -> Iterator[Services]:
    """Yields the started services of a project; all processes have ended after the block.

    Args:
        location: The project.
        names: The services: APART, or ["dev"].
        settings: The text of `dagster.yaml`; default: that of `deploy/`.
        also: Further environment variables.
    """
    home = location.write("home/dagster.yaml", settings or (ROOT / "deploy" / "dagster.yaml").read_text()).parent
    with ExitStack() as stack:
        free = [stack.enter_context(socket.create_server((HOST, 0))).getsockname()[1] for _ in range(2)]
    code, web = map(str, free)
    server = {"host": HOST, "port": int(code), "location_name": "project"}
    location.write("workspace.yaml", yaml.safe_dump({"load_from": [{"grpc_server": server}]}))
    dagster, options = str(BIN / "dagster"), ["-w", "workspace.yaml"]
    commands = {
        "code-server": [dagster, "api", "grpc", "-f", "definitions.py", "--host", HOST, "--port", code],
        "webserver": [str(BIN / "dagster-webserver"), *options, "-h", HOST, "-p", web],
        "daemon": [str(BIN / "dagster-daemon"), "run", *options],
        "dev": [dagster, "dev", "-f", "definitions.py", "-h", HOST, "-p", web],
    }
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("DUCKDB", "WAREHOUSE"))}
    environment |= {"DAGSTER_HOME": str(home), "DLT_PROJECT_DIR": str(location.root), "PYTHONPATH": str(ROOT), **also}
    with open_instance(home) as instance:
        chosen = {name: commands[name] for name in names}
        services = Services(location, f"http://{HOST}:{web}", instance, home / "dagster.log", chosen, environment)
        try:
            services.start()
            yield services
        finally:
            services.stop()


def is_running(pid: int) -> bool:
    """Returns True if a process exists and is no zombie."""
    try:
        return bool(psutil.Process(pid).status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False

"""Machines of a deployment: each has a disk, a host name and processes of its own; they share the network alone."""

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tests.deploy.isolation import unshare

ROOT = Path(__file__).parents[2]
BIN = Path(sys.executable).parent
PROJECT = Path("/srv/project")
"""The repository, at the same path on each machine, as in an image."""

BOOT = """
hostname "$1" && mount --bind "$2" /srv && mount -o remount,bind,ro / && cd /srv/project && shift 2 && exec "$@"
"""


@dataclass
class Machine:
    """A machine that runs one or more commands, and can lose its power.

    Attributes:
        name: Its host name.
        disk: The folder that its processes see as /srv; they can write nowhere else.
        image: The folder of the repository that it is given.
        environment: Environment variables of its processes.
        log: Where its processes write.
    """

    name: str
    disk: Path
    image: Path
    environment: Mapping[str, str]
    log: Path
    _processes: list["subprocess.Popen[bytes]"] = field(default_factory=list)

    def boot(self, *commands: Sequence[str], keep_disk: bool = True) -> None:
        """Starts commands.

        Args:
            commands: Programs of this Python environment, with arguments.
            keep_disk: False if the machine is a new one, with the name of the old.
        """
        if not keep_disk:
            shutil.rmtree(self.disk, ignore_errors=True)
        if not self.disk.exists():
            (self.disk / "tmp").mkdir(parents=True)
            shutil.copytree(self.image, self.disk / PROJECT.name)
        for program, *arguments in commands:
            isolated = [
                *unshare("mount", "uts", "ipc", "pid", "fork", "kill-child", "mount-proc"),
                "sh",
                "-c",
                BOOT,
                "sh",
            ]
            command = [*isolated, self.name, str(self.disk), str(BIN / program), *arguments]
            with self.log.open("ab") as log:
                self._processes.append(
                    subprocess.Popen(command, env=self._environment, stdout=log, stderr=log, start_new_session=True)
                )

    @property
    def _environment(self) -> dict[str, str]:
        inherited = ("PATH", "LANG", "LC_ALL", "TZ")
        var = {"WORK_FOLDER": "work", "LOG_FOLDER": "logs", "DBT_TARGET_PATH": "dbt", "DBT_LOG_PATH": "dbt/logs"}
        return {
            **{name: os.environ[name] for name in inherited if name in os.environ},
            **{name: f"/srv/var/{path}" for name, path in var.items()},
            "HOME": "/srv/var",
            "TMPDIR": "/srv/tmp",
            "PYTHONPATH": str(ROOT),
            "DAGSTER_HOME": str(PROJECT / "home"),
            **self.environment,
        }

    def lose_power(self) -> None:
        """Kills every process of the machine at once."""
        for process in self._processes:
            process.kill()
        for process in self._processes:
            process.wait()
        self._processes.clear()

    def shut_down(self, seconds: float = 20) -> None:
        """Asks the processes to end, and kills those that do not."""
        for process in self._processes:
            os.killpg(process.pid, signal.SIGTERM)
        for process in self._processes:
            try:
                process.wait(seconds)
            except subprocess.TimeoutExpired:
                break
        self.lose_power()

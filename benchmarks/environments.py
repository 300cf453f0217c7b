"""Virtual environments for tools that cannot be installed with this project; each is created at its first use."""

from __future__ import annotations

import shutil
import subprocess
import sys
import sysconfig
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

ROOT = Path(__file__).parents[1]


class NotInstalled(Exception):
    """An environment cannot be created here."""


@dataclass(frozen=True)
class Environment:
    """A virtual environment.

    Attributes:
        name: Suffix of its folder `.venv-bench-<name>`.
        packages: Requirements to install, as for pip.
        shared: Packages installed in the version of this project, so that only the tool differs.
    """

    name: str
    packages: tuple[str, ...]
    shared: tuple[str, ...] = ("duckdb",)


def find_python(environment: Environment) -> Path:
    """Returns the interpreter of an environment; creates the environment if it is missing or has other packages.

    Raises:
        NotInstalled: A package is unavailable; the message is the installer's.
    """
    folder = ROOT / f".venv-bench-{environment.name}"
    python, stamp = folder / "bin" / "python", folder / "installed"
    packages = [*environment.packages, *(f"{package}=={version(package)}" for package in environment.shared)]
    wanted = "\n".join(packages)
    if stamp.exists() and stamp.read_text(encoding="utf-8") == wanted:
        return python
    shutil.rmtree(folder, ignore_errors=True)
    uv = Path(sysconfig.get_path("scripts"), "uv")
    commands: list[list[str | Path]] = [
        ["venv", "--quiet", "--python", sys.executable, folder],
        ["pip", "install", "--quiet", "--python", python, *packages],
    ]
    for command in commands:
        done = subprocess.run([uv, *command], capture_output=True, text=True, check=False)
        if done.returncode:
            shutil.rmtree(folder, ignore_errors=True)
            raise NotInstalled("cannot be installed here: " + " ".join(done.stderr.split()))
    stamp.write_text(wanted, encoding="utf-8")
    return python


MELTANO = Environment("meltano", ("singer-sdk==0.54.9", "target-duckdb==0.8.0"))
CONNECTORX = Environment(
    "connectorx",
    ("connectorx==0.4.6", "dlt[duckdb,parquet,postgres,sql_database]"),
    shared=("dlt", "duckdb", "pyarrow", "sqlalchemy", "sqlglot"),
)
# The wheel contains the program, written in Go. For DuckDB it would download more from elsewhere.
INGESTR = Environment("ingestr", ("ingestr==0.15.9",))
# The wheel for Linux contains the program, written in Go. It starts DuckDB's command line, which lacks `json`; the
# newest wheel of that command line requires an older DuckDB.
SLING = Environment(
    "sling",
    ("sling==1.3.5", "sling-linux-amd64==1.3.5", "duckdb-cli==1.5.5", "duckdb-extension-json==1.5.5"),
    shared=(),
)

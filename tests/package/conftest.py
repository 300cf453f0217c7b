"""Fixtures of the package: its wheel, installed without extras into an empty environment of each Python."""

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
UV = str(Path(sys.executable).parent / "uv")
CONSTRAINTS = ROOT / "data_foundation" / "project" / "repository" / "templates" / "constraints.txt.txt"
VERSIONS = ("3.11", "3.12", "3.13")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Keeps the tests of one Python together: two of them are installed and tried at the same time."""
    for item in items:
        if isinstance(item, pytest.Function) and hasattr(item, "callspec"):
            item.add_marker(pytest.mark.xdist_group(str(item.callspec.params.get("python"))))


@dataclass(frozen=True)
class Installation:
    """The package in an environment of its own.

    Attributes:
        environment: The folder of the environment.
        folder: An empty folder, with nothing of this repository above it.
        seconds: How long the packages took to install.
    """

    environment: Path
    folder: Path
    seconds: float

    @property
    def variables(self) -> Mapping[str, str]:
        """The environment of its commands: nothing of this checkout's, and no setting of the machine's."""
        kept = {name: value for name, value in os.environ.items() if name in {"LANG", "TMPDIR", "OPENBLAS_CORETYPE"}}
        path = os.pathsep.join([str(self.environment / "bin"), "/usr/local/bin", "/usr/bin", "/bin"])
        return {**kept, "PATH": path, "HOME": str(self.folder), "DO_NOT_TRACK": "1"}

    def run(self, *command: str, cwd: Path | None = None, **variables: str) -> subprocess.CompletedProcess[str]:
        """Runs a program of the environment."""
        program = shutil.which(command[0], path=self.variables["PATH"]) or command[0]
        return subprocess.run([program, *command[1:]], cwd=cwd or self.folder, env={**self.variables, **variables},
                              capture_output=True, text=True, timeout=240, check=False)  # fmt: skip

    def size(self) -> int:
        """Returns the bytes of the installed packages, without what Python compiles when it imports them."""
        [packages] = self.environment.glob("lib/python*/site-packages")
        files = (file for file in packages.rglob("*") if file.suffix != ".pyc" and file.is_file())
        return sum(file.stat().st_size for file in files if not file.is_symlink())


def find_python(version: str) -> str | None:
    """Returns the interpreter of a version: on the path, or among those of pyenv."""
    pyenv = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv", "versions")
    for candidate in (shutil.which(f"python{version}"), *map(str, sorted(pyenv.glob(f"{version}.*/bin/python")))):
        if candidate and _version(candidate) == version:
            return candidate
    return None


def _version(python: str) -> str:
    code = "import sys; print('%d.%d' % sys.version_info[:2])"
    # A shim of pyenv is on the path for a version that is not chosen, and fails.
    return subprocess.run([python, "-c", code], capture_output=True, text=True, check=False).stdout.strip()


@pytest.fixture(scope="session")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel of this checkout."""
    folder = tmp_path_factory.mktemp("wheel")
    subprocess.run([UV, "build", "--quiet", "--wheel", "--out-dir", str(folder)], cwd=ROOT, check=True)
    [built] = folder.glob("*.whl")
    return built


def install(python: str, requirement: str, environment: Path, folder: Path) -> Installation:
    """Makes an environment with a requirement, with the versions that a new repository gets."""
    subprocess.run([UV, "venv", "--quiet", "--python", python, str(environment)], check=True)
    started = time.monotonic()
    into = ["--python", str(environment / "bin" / "python"), "--constraint", str(CONSTRAINTS)]
    subprocess.run([UV, "pip", "install", "--quiet", *into, requirement], check=True)
    return Installation(environment, folder, time.monotonic() - started)


@pytest.fixture(scope="session", params=VERSIONS)
def python(request: pytest.FixtureRequest) -> str:
    """The interpreter of each version that this machine has."""
    found = find_python(request.param)
    if found is None:
        pytest.skip(f"python{request.param} is not on this machine")
    return found


@pytest.fixture(scope="session")
def installed(python: str, wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    """The wheel without an extra."""
    environment = tmp_path_factory.mktemp("environment") / "venv"
    yield install(python, str(wheel), environment, tmp_path_factory.mktemp("empty"))
    shutil.rmtree(environment)


@pytest.fixture(scope="session")
def with_snowflake(python: str, wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    """The wheel with the extra of Snowflake."""
    environment = tmp_path_factory.mktemp("environment") / "venv"
    yield install(python, f"{wheel}[snowflake]", environment, tmp_path_factory.mktemp("empty"))
    shutil.rmtree(environment)

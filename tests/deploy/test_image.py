"""Tests of the image of deploy/Dockerfile: it is built, and its containers do their work with a read-only root."""

import os
import re
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator

import pytest

import sandbox
from tests.deploy.images import PROGRAMS, ROOT, Image, build_image

MISSING = [program for program in PROGRAMS if not shutil.which(program)]
TOOLS = ("pytest", "mypy", "ruff", "mkdocs", "selenium", "moto", "fastapi")
START_SECONDS = 120.0

pytestmark = [
    pytest.mark.rare,
    pytest.mark.timeout(3600),
    pytest.mark.skipif(bool(MISSING), reason=f"no {', '.join(MISSING)} here; they are packages of Debian"),
]


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Image]:
    """The built image."""
    with build_image(tmp_path_factory.mktemp("image"), EXTRAS="postgres webserver production celery") as built:
        yield built


def test_it_contains_the_locked_versions_and_no_tools(image: Image) -> None:
    """Every installed version is that of requirements.lock, and nothing is there that only developers need."""
    # A package may have another version for each version of Python.
    locked = set(re.findall(r"^([\w.-]+)==([^ ;\n]+)", (ROOT / "requirements.lock").read_text(), re.MULTILINE))
    script = "import importlib.metadata as m; print(*(f'{d.name}=={d.version}' for d in m.distributions()))"
    installed = dict(one.split("==") for one in image.run("python", "-c", script).split())
    named = {re.sub(r"[-_.]+", "-", name).lower(): version for name, version in installed.items()}
    assert named.pop("data-foundation")
    assert named.items() - locked == set()
    assert not named.keys() & set(TOOLS)


def test_it_writes_to_two_folders_as_a_user_without_rights(image: Image) -> None:
    """Its user has no name and no capabilities, and nothing of the repository or of Python can be written."""
    found = image.run("sh", "-c", "id -u; grep CapBnd /proc/self/status; touch /srv/foundation/x /opt/foundation/x")
    assert found.startswith("failed: 10001\n")
    assert "CapBnd:\t0000000000000000" in found
    assert found.count("Read-only file system") == 2
    refused = image.run("foundation", "dbt-manifest", DEPLOYMENT="dev")
    assert "needs DEPLOYMENT_USER. The user of this process has no name" in " ".join(refused.split())


def test_its_code_server_starts_without_parsing_dbt(image: Image) -> None:
    """The command of the image serves the definitions, from the manifest in it, and its health check notices."""
    script = "from dagster_dbt import DbtCliResource as C; C.cli = None; import definitions"
    assert not (loaded := image.run("python", "-c", script)).startswith("failed"), loaded
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = str(free.getsockname()[1])
    check, serve = (
        [word.replace("4000", port) for word in words]
        for words in (image.config["Healthcheck"]["Test"][1:], image.config["Cmd"])
    )
    assert image.run(*check).startswith("failed")
    none = subprocess.DEVNULL
    with subprocess.Popen(image.command(*serve), stdout=none, stderr=none, start_new_session=True) as server:
        try:
            deadline = time.monotonic() + START_SECONDS
            while (answer := image.run(*check)).startswith("failed"):
                assert time.monotonic() < deadline, answer
        finally:
            # Another user than that of the process that has started it: it does not end with that.
            os.killpg(server.pid, signal.SIGKILL)


def test_it_loads_and_builds_models(image: Image) -> None:
    """`foundation run` and a run of Dagster load a source and build its models in a new container."""
    with sandbox.serve_in_background() as url:
        settings = sandbox.settings(url)
        loaded = image.run("foundation", "run", "exchange_rate", "--dbt", **settings)
        assert not loaded.startswith("failed"), loaded
        assert "fct_exchange_rate_daily" in loaded
        materialize = ("dagster", "asset", "materialize", "-f", "definitions.py", "--select")
        run = image.run(*materialize, 'key:"raw/exchange_rate"', DAGSTER_HOME="/var/lib/foundation", **settings)
        assert not run.startswith("failed"), run
        assert "RUN_SUCCESS" in run

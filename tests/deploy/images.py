"""Builds the image of deploy/Dockerfile without Docker and without a registry, and runs containers of it."""

import json
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.deploy.isolation import unshare

ROOT = Path(__file__).parents[2]
PROGRAMS = ("buildah", "debootstrap")
AUTHORITIES = Path("/usr/local/share/ca-certificates")
"""Certificates of a company, which its machines and base images have."""

BOOT = """
cd "$1" && mount --bind . "$1" && mount -o remount,bind,ro "$1" && cd "$1"
mount -t tmpfs tmpfs tmp && mount -t tmpfs -o uid=10001,mode=0770 tmpfs var/lib/foundation
mount -t proc proc proc && mount -t tmpfs tmpfs dev && mkdir -m 1777 dev/shm
for device in null zero random urandom; do touch dev/$device && mount --bind /dev/$device dev/$device; done
user=$2 work=$3 && shift 3
set -- setpriv --reuid="$user" --regid="$user" --clear-groups --bounding-set=-all --no-new-privs "$@"
exec chroot . sh -c 'cd "$0" && exec "$@"' "$work" "$@"
"""


@dataclass(frozen=True)
class Image:
    """A built image.

    Attributes:
        root: Its files.
        config: Its configuration, with the keys of Docker.
    """

    root: Path
    config: Mapping[str, Any]

    def command(self, *command: str, **settings: str) -> list[str]:
        """Returns the command that runs another one in a container, by default that of the image.

        The root is read-only but for /tmp and /var/lib/foundation; user, folder and variables are those of the image.
        """
        environment = [*self.config["Env"], *(f"{name}={value}" for name, value in settings.items())]
        isolated = [*unshare("mount", "pid", "ipc", "fork", "kill-child"), "sh", "-e", "-c", BOOT, "sh"]
        place = [str(self.root), self.config["User"], self.config["WorkingDir"]]
        return ["env", "-i", *environment, *isolated, *place, *(command or self.config["Cmd"])]

    def run(self, *command: str, **settings: str) -> str:
        """Returns the output of a command in a new container; "failed: " before it if it fails."""
        done = subprocess.run(self.command(*command, **settings), capture_output=True, text=True, check=False)
        return f"{'failed: ' * (done.returncode != 0)}{done.stdout}{done.stderr}"


@contextmanager
def build_image(folder: Path, **arguments: str) -> Iterator[Image]:
    """Builds the image on a Debian that is bootstrapped now, and removes it after the block.

    Args:
        folder: A folder for all of it, some gigabytes.
        arguments: Arguments of the build.
    """
    base = folder / "debian"
    subprocess.run(["debootstrap", "--variant=minbase", "bookworm", base], check=True, capture_output=True)
    if AUTHORITIES.is_dir():
        shutil.copytree(AUTHORITIES, base / AUTHORITIES.relative_to("/"), dirs_exist_ok=True)
    buildah = _Buildah(folder)
    container = buildah("from", "scratch")
    buildah("copy", container, str(base), "/")
    buildah("commit", "--rm", container, "localhost/base")
    given = [f"--build-arg={name}={value}" for name, value in {"BASE": "localhost/base", **arguments}.items()]
    buildah(
        "build", "--isolation=chroot", "--network=host", "--pull-never", "--layers=false", "--format=docker", *given,
        "--file", str(ROOT / "deploy" / "Dockerfile"), "--tag", "localhost/image", str(ROOT),
    )  # fmt: skip
    config = json.loads(buildah("inspect", "--type=image", "localhost/image"))["Docker"]["config"]
    container = buildah("from", "--pull-never", "localhost/image")
    try:
        yield Image(Path(buildah("mount", container)), config)
    finally:
        buildah("umount", container)


@dataclass(frozen=True)
class _Buildah:
    """The program, with a storage of its own."""

    folder: Path

    def __call__(self, *arguments: str) -> str:
        """Returns the output of a command."""
        storage = ["--storage-driver=vfs", f"--root={self.folder / 'storage'}", f"--runroot={self.folder / 'run'}"]
        done = subprocess.run(["buildah", *storage, *arguments], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr[-4000:]
        return done.stdout.strip()

"""Processes that see the disk otherwise than this one does: namespaces of Linux, as containers have them."""

import os
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

READ_ONLY = 'mount --bind "$0" "$0" && mount -o remount,bind,ro "$0" && cd "$0" && exec "$@"'


def unshare(*kinds: str) -> list[str]:
    """Returns the command that runs what follows it in new namespaces; who is not root becomes root in them."""
    return ["unshare", *(f"--{kind}" for kind in kinds), *([] if os.geteuid() == 0 else ["--map-root-user"])]


def run_read_only(
    folder: Path, command: Sequence[str | Path], environment: Mapping[str, str]
) -> "subprocess.CompletedProcess[str]":
    """Runs a command in a folder that is read-only for it, and returns its result."""
    isolated = [*unshare("mount"), "sh", "-c", READ_ONLY, folder, *command]
    return subprocess.run(isolated, env=environment, capture_output=True, text=True, check=False, timeout=240)

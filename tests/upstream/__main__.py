"""`make upstream`: shows the changes in newer versions of dlt and Dagster that affect this project.

There are two steps, each in the environment `.venv-upstream`: with the newest versions that pyproject.toml accepts,
then with its upper bounds raised by one minor version. It needs the package index only. Exit codes: 0 if nothing has
changed, 1 if something has, 2 if the versions of a step cannot be installed.
"""

from __future__ import annotations

import difflib
import json
import re
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from packaging.requirements import Requirement
from rich.console import Console

from tests.upstream.hooks import HOOKS, Hook
from tests.upstream.source_text import READ, read_all

ROOT = Path(__file__).parents[2]
LOCK = ROOT / "requirements.lock"
ENVIRONMENT = ROOT / ".venv-upstream"
BIN = Path(sys.executable).parent

_FOLLOWED = re.compile(r"dlt|dagster[\w-]*")
_BOUNDED = re.compile(rf'"((?:{_FOLLOWED.pattern})(?:\[[\w,]+\])?>=[\d.]+),<(\d+)\.(\d+)"')
"""A dependency in pyproject.toml: the text before its upper bound, and the bound's major and minor version."""

_console = Console(highlight=False, markup=False, soft_wrap=True)


def main() -> int:
    """Runs both steps, prints the differences, and returns the exit code."""
    locked = tried = _versions(LOCK.read_text(encoding="utf-8"))
    accepted = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    codes = [0]
    for step, pyproject in {"newest accepted": accepted, "next minor": raise_bounds(accepted)}.items():
        _console.print(f"\n{step}:")
        try:
            found = _versions(_resolve(pyproject, overridden=pyproject != accepted))
            _console.print(_describe(locked, found))
            if found == tried:
                _console.print("  nothing newer to try")
                continue
            tried = found
            _install()
        except subprocess.CalledProcessError as error:
            _console.print(error.stderr)
            codes.append(2)
        else:
            codes.append(int(_differs()))
    return max(codes)


def raise_bounds(pyproject: str) -> str:
    """Returns a pyproject.toml that accepts one more minor version of dlt and of each of Dagster's packages."""
    return _BOUNDED.sub(lambda found: f'"{found[1]},<{found[2]}.{int(found[3]) + 1}"', pyproject)


def compare(before: Mapping[str, str], after: Mapping[str, str], hooks: Sequence[Hook]) -> list[str]:
    """Returns a report for each name whose text differs: the hooks that rely on it, and the difference.

    Args:
        before: Texts by name.
        after: Texts of the other version.
        hooks: The hooks that may rely on them.
    """
    reports = []
    for name in (name for name in before if before[name] != after[name]):
        users = [f"  {hook} relies on it. {hook.why}" for hook in hooks if name in hook.theirs]
        lines = difflib.unified_diff(
            before[name].splitlines(), after[name].splitlines(), "locked", "newer", lineterm=""
        )
        reports.append("\n".join([f"{name} has changed", *users, *lines]))
    return reports


def _resolve(pyproject: str, *, overridden: bool) -> str:
    """Returns the exact versions for a pyproject.toml; packages that are not followed keep their locked version."""
    ENVIRONMENT.mkdir(exist_ok=True)
    (ENVIRONMENT / "pyproject.toml").write_text(pyproject, encoding="utf-8")
    requirements = ENVIRONMENT / "requirements.txt"
    requirements.write_bytes(LOCK.read_bytes())
    options = [option for name in _versions(requirements.read_text()) for option in ("--upgrade-package", name)]
    if overridden:
        # dagster-dlt and dagster-dbt accept only the dagster of the same release, and may be released later.
        dagster = next(str(bounded) for bounded in _bounded(pyproject) if bounded.name == "dagster")
        (ENVIRONMENT / "overrides.txt").write_text(dagster, encoding="utf-8")
        options += ["--override", "overrides.txt"]
    _uv("pip", "compile", "--quiet", "--extra", "dev", "--python", sys.executable, *options,
        "pyproject.toml", "-o", requirements.name, folder=ENVIRONMENT)  # fmt: skip
    return requirements.read_text(encoding="utf-8")


def _bounded(pyproject: str) -> list[Requirement]:
    return [Requirement(found[0].strip('"')) for found in _BOUNDED.finditer(pyproject)]


def _versions(requirements: str) -> dict[str, str]:
    """Returns the versions of dlt and of Dagster's packages by name."""
    pins = (line.split(";")[0].split() for line in requirements.splitlines() if "==" in line)
    named = (pin[0].split("==") for pin in pins)
    return {name: version for name, version in named if _FOLLOWED.fullmatch(name)}


def _describe(before: Mapping[str, str], after: Mapping[str, str]) -> str:
    return "\n".join(
        f"  {name} {version}" + (f", locked: {before[name]}" if before.get(name) != version else "")
        for name, version in after.items()
    )


def _install() -> None:
    """Installs the resolved versions into the environment."""
    python = str(ENVIRONMENT / "bin" / "python")
    _uv("venv", "--quiet", "--allow-existing", "--python", sys.executable, str(ENVIRONMENT))
    _uv("pip", "sync", "--quiet", "--python", python, str(ENVIRONMENT / "requirements.txt"))
    _uv("pip", "install", "--quiet", "--python", python, "--no-deps", "--editable", ".")


def _differs() -> bool:
    """Prints the differences in the environment, and returns whether there are any."""
    newer = json.loads(_run("-m", "tests.upstream.source_text", is_read=True).stdout)
    changed = compare(read_all(), newer, HOOKS)
    for report in changed:
        _console.print(f"\n{report}")
    tests = sorted({f"tests/{test}" for hook in HOOKS for test in hook.tests})
    guards = {
        "types": ("mypy", f"--cache-dir={ENVIRONMENT / 'mypy'}", "data_foundation"),
        "tests": ("pytest", "-q", "-n", "2", "--dist", "loadgroup", *tests),
    }
    failed = [name for name, command in guards.items() if _run("-m", *command).returncode]
    _console.print(f"\n  {len(changed)} of {len(READ)} texts have changed")
    _console.print(f"  failed: {', '.join(failed)}" if failed else f"  passed: {', '.join(guards)}")
    return bool(changed or failed)


def _run(*arguments: str, is_read: bool = False) -> subprocess.CompletedProcess[str]:
    command = [str(ENVIRONMENT / "bin" / "python"), *arguments]
    return subprocess.run(command, cwd=ROOT, check=is_read, text=True, stdout=subprocess.PIPE if is_read else None)


def _uv(*arguments: str, folder: Path = ROOT) -> None:
    subprocess.run([str(BIN / "uv"), *arguments], cwd=folder, check=True, capture_output=True, text=True)


if __name__ == "__main__":
    sys.exit(main())

"""Checks whether a command line on a page can work: its program, subcommand, arguments and options exist."""

import importlib.util
import re
import shlex
import sys
import tomllib
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import typer

from data_foundation.cli.main import app
from tests.docs.pages import ROOT

BIN = Path(sys.executable).parent
MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")
PLACEHOLDER = re.compile(r"[<>…]|^\[|^\||\.\.\.")


def split_line(line: str) -> tuple[dict[str, str], list[str]]:
    """Returns the variables that a command line sets, and its words without comments and placeholders."""
    words = [word for word in shlex.split(line, comments=True) if not PLACEHOLDER.search(word)]
    variables = {}
    while words and re.fullmatch(r"[A-Z_]+=.*", words[0]):
        name, _, value = words.pop(0).partition("=")
        variables[name] = value
    return variables, words


def find_faults(line: str, *, is_whole: bool = True) -> Iterator[str]:
    """Yields the errors of a command line; nothing if it can work.

    Args:
        line: The command line; placeholders such as `[SOURCE]` or `<name>` are left out.
        is_whole: False if it may be the name of a command alone, as in a sentence.
    """
    _, words = split_line(line)
    if not words:
        return
    program, *arguments = words
    match Path(program).name, arguments:
        case "foundation", _:
            yield from _foundation(arguments, is_whole=is_whole)
        case "make", _:
            yield from _make(arguments)
        case "python", ["-m", module, *_]:
            if importlib.util.find_spec(module) is None:
                yield f"there is no module {module}"
        case "python", ["-c", code]:
            compile(code, "<page>", "exec")
        case "pip", ["install", requirement]:
            yield from _extras(requirement)
        case "docker" | "helm" | "kubectl", _:
            yield from (
                f"there is no {word}" for word in arguments if word[:7] == "deploy/" and not (ROOT / word).exists()
            )
        case _:
            if not (BIN / Path(program).name).exists():
                yield f"there is no program {program} in the environment"


@cache
def _root_command() -> Any:
    return typer.main.get_command(app)


def _foundation(arguments: list[str], *, is_whole: bool) -> Iterator[str]:
    command, parent = _root_command(), typer.Context(_root_command(), info_name="foundation")
    while hasattr(command, "commands") and arguments:
        name, *arguments = arguments
        if name not in command.commands:
            yield f"{parent.command_path} has no command {name}"
            return
        command = command.commands[name]
        parent = typer.Context(command, info_name=name, parent=parent)
    try:
        command.make_context(command.name, arguments, parent=parent.parent)
    except SystemExit:  # --help
        return
    except Exception as error:  # noqa: BLE001 - whatever the parser raises is the answer
        if arguments or is_whole or "Missing parameter" not in str(error):
            yield f"{parent.command_path}: {error}"


def _make(arguments: list[str]) -> Iterator[str]:
    for word in arguments:
        name, is_variable, _ = word.partition("=")
        if is_variable:
            if f"$({name})" not in MAKEFILE and name not in (ROOT / ".env.example").read_text(encoding="utf-8"):
                yield f"make knows no variable {name}"
        elif not re.search(rf"^{re.escape(word)}:", MAKEFILE, re.MULTILINE):
            yield f"make has no target {word}"


def _extras(requirement: str) -> Iterator[str]:
    project: Mapping[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    name, _, rest = requirement.partition("[")
    if name != project["name"]:
        yield f"{name} is another distribution"
    for extra in filter(None, rest.rstrip("]").split(",")):
        if extra not in project["optional-dependencies"]:
            yield f"there is no extra {extra}"

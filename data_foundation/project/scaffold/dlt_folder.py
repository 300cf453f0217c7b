"""Lays the code of a dlt source, unchanged, into a new source folder."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib import metadata
from pathlib import Path
from tempfile import TemporaryDirectory

from packaging.requirements import InvalidRequirement, Requirement

from data_foundation.errors import FoundationError
from data_foundation.project.scaffold.dlt_download import download_source
from data_foundation.project.scaffold.dlt_functions import DltCode, read_dlt_code
from data_foundation.project.scaffold.dlt_yaml import next_command, write_yaml
from data_foundation.project.scaffold.draft import Draft, read_templates
from data_foundation.project.source import SOURCES_FILE
from data_foundation.suggestions import nearest

_PACKAGE = "__init__.py"


@contextmanager
def open_dlt_folder(root: Path, origin: str, location: str | None, shipped: Sequence[str]) -> Iterator[Path]:
    """Yields the folder with the code of a dlt source; one that was downloaded is removed afterwards.

    Args:
        root: The repository.
        origin: A folder, or the name of a verified source.
        location: Where the repository of verified sources is; None for that of dlt.
        shipped: Names of the sources that the dlt package holds, for errors.

    Raises:
        FoundationError: There is no such folder, or the source cannot be downloaded.
    """
    folder = Path(origin).expanduser()
    if origin.lower() in shipped:
        raise FoundationError(f"--from: got 'dlt:{origin}'; the name is in lower case: dlt:{origin.lower()}")
    if origin.isidentifier() and (location is not None or not folder.is_dir()):
        with TemporaryDirectory(prefix="dlt_init_") as temporary:
            yield download_source(root, origin, location, Path(temporary))
        return
    if location is not None:
        raise FoundationError(f"--location: '{origin}' is a folder; leave --location out, or give the name of a source")
    if not folder.is_dir():
        beside = [one.name for one in folder.parent.iterdir() if one.is_dir()] if folder.parent.is_dir() else []
        what = "is a file; name the folder that holds it" if folder.exists() else "there is no such folder"
        raise FoundationError(f"--from: {folder}: {what}{nearest(folder.name, [*beside, *shipped])}")
    yield folder


def draft_folder(root: Path, name: str, folder: Path, shipped: Sequence[str]) -> Draft:
    """Returns the files of a source folder with the code of a dlt source.

    Args:
        root: The repository.
        name: Name of the new source.
        folder: The folder with the code.
        shipped: Names of the sources that the dlt package holds, for errors.

    Raises:
        FoundationError: The folder holds no dlt source, or the code is not valid Python.
    """
    _refuse_folder(folder, shipped)
    code = read_dlt_code(folder)
    if not code.functions:
        moved = f"dlt ships this source itself: --from dlt:{folder.resolve().name}"
        none = "no function of it has dlt's decorator `source` or `resource` at the top level of a module"
        raise FoundationError(f"--from: {folder}: {moved if folder.resolve().name in shipped else none}")
    is_in_place = folder.resolve() == (root / "dlthub" / name).resolve()
    files = {} if is_in_place else {f"dlthub/{name}/{path}": content for path, content in _read_files(folder)}
    files[f"dlthub/{name}/{SOURCES_FILE}"] = write_yaml(name, code).encode()
    return Draft(files | read_templates("dlt", name), tuple(_steps(name, folder, code)), is_in_place=is_in_place)


def _refuse_folder(folder: Path, shipped: Sequence[str]) -> None:
    if (folder / SOURCES_FILE).exists():
        raise FoundationError(f"--from: {folder} is a source folder already, with {SOURCES_FILE}; copy it as a whole")
    if not (folder / _PACKAGE).is_file():
        inside = folder / "sources" if (folder / "sources").is_dir() else folder
        names = sorted(one.parent.name for one in inside.glob(f"*/{_PACKAGE}") if one.parent.name not in shipped)
        hint = (
            f"it holds {', '.join(names)}: --from dlt:{inside / names[0]}" if names else "name the folder of a source"
        )
        raise FoundationError(f"--from: {folder} has no {_PACKAGE}; {hint}")


def _read_files(folder: Path) -> Iterator[tuple[str, bytes]]:
    """Yields the path and the content of each file that is neither hidden nor made by Python."""
    for file in sorted(folder.rglob("*")):
        path = file.relative_to(folder)
        if file.is_file() and not any(part.startswith((".", "__pycache__")) for part in path.parts):
            yield path.as_posix(), file.read_bytes()


def _steps(name: str, folder: Path, code: DltCode) -> Iterator[str]:
    if missing := _missing_packages(folder / "requirements.txt"):
        quoted = " ".join(f"'{one}'" for one in missing)
        yield f"the code needs packages that are not installed: pip install {quoted}"
    yield f"follow the comments in dlthub/{name}/{SOURCES_FILE}: settings, arguments, `enabled`"
    yield f"`{next_command(name, code)}`"


def _missing_packages(file: Path) -> list[str]:
    """Returns the requirements of a `requirements.txt` that no installed package satisfies."""
    lines = file.read_text(encoding="utf-8", errors="replace").splitlines() if file.is_file() else []
    requirements = [text for line in lines if (text := line.partition("#")[0].strip()) and not text.startswith("-")]
    return [requirement for requirement in requirements if not _is_installed(requirement)]


def _is_installed(text: str) -> bool:
    try:
        requirement = Requirement(text)
        version = metadata.version(requirement.name)
    except (InvalidRequirement, metadata.PackageNotFoundError):
        return False
    is_meant = requirement.marker is None or requirement.marker.evaluate()
    return not is_meant or requirement.specifier.contains(version, prereleases=True)

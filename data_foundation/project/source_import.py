"""Imports of source folders by path: under a private name, within a deadline, and protected from `sys.exit`."""

from __future__ import annotations

import ctypes
import hashlib
import importlib
import importlib.util
import itertools
import sys
import threading
import traceback
from collections import defaultdict
from collections.abc import Callable
from contextlib import suppress
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType
from typing import Any

from data_foundation.errors import EntryError
from data_foundation.process_wide.redaction import redact
from data_foundation.process_wide.source_log import capture_logger

IMPORT_DEADLINE = 60.0
"""Seconds that a source's modules may take to import before the import is given up."""


def import_module(
    folder: Path | None, module: str, file: Path, deadline: float | None = None, *, anew: bool = False
) -> ModuleType:
    """Imports a module of a source folder, or, if `folder` is None, a module on the import path.

    The folder becomes a package under a private name, so that relative imports inside it work and a folder named
    like an installed package shadows nothing.

    Args:
        folder: The source folder.
        module: Dotted name, relative to the folder, "" for its package, or absolute.
        file: The module's file, for messages.
        deadline: Seconds; `IMPORT_DEADLINE` if None.
        anew: True if the folder becomes one more package, though it is one already.

    Raises:
        EntryError: The import raised, exited, or did not end in time.
    """
    return _within(IMPORT_DEADLINE if deadline is None else deadline, lambda: _import(folder, module, anew=anew), file)


def shown(file: Path) -> str:
    """Returns the path relative to the working directory if it is inside."""
    return str(file.relative_to(Path.cwd()) if file.is_relative_to(Path.cwd()) else file)


_package_locks: defaultdict[Path, threading.RLock] = defaultdict(threading.RLock)
"""One per folder: a package whose import never ends must not block the others. For modules Python has its own locks."""


_copies = itertools.count(2)


def _import(folder: Path | None, module: str, *, anew: bool) -> ModuleType:
    if folder is None:
        if not module.startswith(f"{__package__}."):
            capture_logger(module)
        return importlib.import_module(module)
    with _package_locks[folder]:
        # Under a name of its own: what was imported before may be running in another thread.
        package = _load_package(folder, f"_{next(_copies)}" if anew else "")
    capture_logger(package)
    return importlib.import_module(f"{package}.{module}" if module else package)


def _load_package(folder: Path, suffix: str) -> str:
    """Loads the folder as a package under a private name that changes with each change of a file in it."""
    files = sorted(folder.rglob("*.py"))
    state = "\n".join(f"{file}:{file.stat().st_mtime_ns}" for file in files)
    name = f"_dlthub_{folder.name}_{hashlib.sha256(f'{folder}{state}'.encode()).hexdigest()[:12]}{suffix}"
    if name not in sys.modules:
        for file in files:
            _forget_compiled(file)
        init = folder / "__init__.py"
        spec = importlib.util.spec_from_file_location(name, init, submodule_search_locations=[str(folder)])
        if spec is None or not init.is_file():
            spec = ModuleSpec(name, None, is_package=True)
            spec.submodule_search_locations = [str(folder)]
        module = importlib.util.module_from_spec(spec)
        sys.modules[name] = module
        try:
            if spec.loader:
                spec.loader.exec_module(module)
        except BaseException:
            del sys.modules[name]
            raise
    return name


def _forget_compiled(file: Path) -> None:
    """Removes the compiled file if it is older than its source: Python compares only whole seconds and sizes."""
    compiled = Path(importlib.util.cache_from_source(str(file)))
    with suppress(OSError):
        if compiled.stat().st_mtime_ns < file.stat().st_mtime_ns:
            compiled.unlink()


def _within(deadline: float, work: Callable[[], ModuleType], file: Path) -> ModuleType:
    """Runs `work` in a thread of its own, so that an import that never ends can be abandoned and stopped."""
    outcome: dict[str, Any] = {}

    def run() -> None:
        try:
            outcome["module"] = work()
        except BaseException as error:  # noqa: BLE001 - sys.exit at import must not end the host
            outcome["error"] = error

    thread = threading.Thread(target=run, name=f"import {file}", daemon=True)
    thread.start()
    thread.join(deadline)
    if thread.is_alive():
        where = _own_line(traceback.extract_stack(sys._current_frames()[thread.ident or 0]), file)  # noqa: SLF001
        ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread.ident or 0), ctypes.py_object(SystemExit))
        message = f"{where}: importing it did not end within {deadline:g} s; move work out of the module's top level"
        raise EntryError(message)
    if error := outcome.get("error"):
        where = _own_line(traceback.extract_tb(error.__traceback__), file)
        what = "calls sys.exit" if isinstance(error, SystemExit) else f"{type(error).__name__}: {redact(str(error))}"
        message = f"{where}: importing it failed: {what}"
        raise EntryError(message) from None
    return outcome["module"]  # type: ignore[no-any-return]


def _own_line(frames: traceback.StackSummary, file: Path) -> str:
    """Returns `file:line` of the innermost frame inside the file's folder."""
    own = [frame for frame in frames if Path(frame.filename).parent == file.parent]
    return f"{shown(Path(own[-1].filename))}:{own[-1].lineno}" if own else shown(file)

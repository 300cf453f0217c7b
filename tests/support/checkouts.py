"""Projects for tests: source folders below a temporary root."""

from dataclasses import dataclass
from pathlib import Path
from textwrap import dedent


@dataclass(frozen=True)
class Checkout:
    """A project that contains only the files written by a test.

    Attributes:
        root: Its folder.
    """

    root: Path

    def write(self, path: str, text: str | bytes) -> Path:
        """Writes a file; its path is relative to the project."""
        file = self.root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(text if isinstance(text, bytes) else dedent(text).encode())
        return file

    def write_source(self, name: str, yaml: str | bytes, data: str | bytes, **modules: str) -> Path:
        """Writes a source folder with `sources.yaml`, `data.py` and further modules, and returns it."""
        self.write(f"dlthub/{name}/sources.yaml", yaml)
        for module, text in {"data": data, **modules}.items():
            self.write(f"dlthub/{name}/{module}.py", text)
        return self.root / "dlthub" / name

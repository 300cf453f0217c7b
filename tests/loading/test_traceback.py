"""Tracebacks of failed loads: stored privately and without secrets, with the fault attributed to the right code."""

import errno
import os
import stat
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import dagster as dg
import duckdb
import pyarrow as pa
import pytest

from data_foundation.errors import FoundationError, LoadError
from data_foundation.loading.attempts import load_resource
from data_foundation.loading.failures.traceback_file import write_traceback
from data_foundation.loading.progress import Progress
from data_foundation.rows.columnar import converter as tables
from tests.support.locations import Location, failure
from tests.support.trees import Tree

SECRET = "k7-canary-9f3e"
YAML = "resources: [{{entry: {entry}, destination: raw.orders, retries: {{max: 0}}{more}}}]"
LEAKING = """
import dlt


def get_rows(token=dlt.secrets.value):
    yield {"id": 1}
    try:
        raise KeyError(token)
    except KeyError as error:
        raise RuntimeError("no orders today") from error
"""
OURS = "this is a fault of data-foundation, not of the entry"


@pytest.fixture
def open_umask() -> Iterator[None]:
    """Sets a umask with which new files are readable and writable by everybody."""
    former = os.umask(0)
    yield
    os.umask(former)


@pytest.fixture
def raise_in_conversion(monkeypatch: pytest.MonkeyPatch) -> Callable[[Exception], None]:
    """Returns a function that makes the conversion of rows raise an error."""

    def raise_in_conversion(error: Exception) -> None:
        def fail(*_: object) -> None:
            raise error

        monkeypatch.setattr(tables, "split_page", fail)

    return raise_in_conversion


def add(tree: Tree, data: str, *, entry: str = "data.get_rows", more: str = "") -> None:
    """Writes the source `shop` with the table `orders`."""
    tree.add("shop", YAML.format(entry=entry, more=more), data)


def fail(tree: Tree) -> str:
    """Returns the message of a load of `orders` that fails."""
    with pytest.raises(FoundationError) as failed:
        tree.load("shop.orders")
    return str(failed.value)


def written(tree: Tree) -> list[Path]:
    """Returns all traceback files in the work folder, complete or partial."""
    return sorted(tree.warehouse.work_folder.glob("*.traceback*"))


def give_rows(tree: Tree) -> None:
    """Writes the source `shop` with one valid row."""
    add(tree, "def get_rows():\n    yield {'id': 1}\n")


def test_a_fault_of_the_package_is_reported_as_one(
    tree: Tree, raise_in_conversion: Callable[[Exception], None]
) -> None:
    """The message names our frame, does not blame the entry, and names the file with all frames."""
    give_rows(tree)
    raise_in_conversion(KeyError("boom"))
    first, hint, trace = fail(tree).splitlines()
    assert first.startswith("raw.orders failed while extracting at data_foundation/rows/columnar/converter.py:")
    assert first.endswith(": KeyError: 'boom'")
    assert OURS in hint
    assert "preview" not in hint
    [file] = written(tree)
    assert trace == f"  Traceback: {file}"
    text = file.read_text()
    assert text.startswith("raw.orders, run ")
    assert "rows/page_route.py" in text
    assert "KeyError: 'boom'\n" in text


@pytest.mark.parametrize(
    ("error", "ours"),
    [
        (TypeError("no"), True),
        (Exception("no"), True),
        (pa.ArrowInvalid("no"), True),
        (OSError(errno.ENOSPC, "No space left on device"), False),
        (MemoryError(), False),
        (ConnectionResetError("no"), False),
        (duckdb.IOException("no"), False),
    ],
    ids=lambda value: type(value).__name__,
)
def test_an_error_of_a_disk_or_database_is_not_our_fault(
    tree: Tree, raise_in_conversion: Callable[[Exception], None], error: Exception, *, ours: bool
) -> None:
    """Errors in code and errors of disks or databases are distinguished by class; both keep a traceback."""
    give_rows(tree)
    raise_in_conversion(error)
    message = fail(tree)
    assert (OURS in message) is ours
    assert ("data_foundation/" in message) is ours
    assert len(written(tree)) == 1


@pytest.mark.parametrize("code", ["raise KeyError('boom')", "json.loads('{')"])
def test_a_fault_of_the_source_names_its_frame(tree: Tree, code: str) -> None:
    """The source's generator runs beneath our frames and calls libraries; the message names the source's file."""
    add(tree, f"import json\n\n\ndef get_rows():\n    {code}\n    yield\n")
    first, hint, trace = fail(tree).splitlines()
    assert first.startswith("raw.orders failed while extracting at dlthub/shop/data.py:5 in get_rows: ")
    assert hint == "  Hint: nothing was written; `foundation preview shop.orders` shows what the entry yields"
    assert trace == f"  Traceback: {written(tree)[0]}"


def test_an_entry_of_an_installed_package_is_the_sources_code(tree: Tree, monkeypatch: pytest.MonkeyPatch) -> None:
    """An entry may be imported from any package; its frames count as the source's."""
    package = tree.root / "installed" / "acme_rows"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text("from acme_rows.vendor import ask\n\n\ndef get_rows():\n    yield ask()\n")
    (package / "vendor.py").write_text("def ask():\n    return {}['orders']\n")
    monkeypatch.syspath_prepend(package.parent)
    add(tree, "", entry="acme_rows.get_rows")
    message = fail(tree)
    assert f"at {package / 'vendor.py'}:2 in ask: KeyError: 'orders'" in message
    assert OURS not in message


def test_dagster_logs_the_traceback_of_our_fault(
    location: Location, raise_in_conversion: Callable[[Exception], None]
) -> None:
    """The event log has the traceback at DEBUG; the step's failure names the fault and the file."""
    location.add("shop")
    raise_in_conversion(KeyError("boom"))
    with dg.DagsterInstance.ephemeral() as instance:
        result = location.materialize(instance=instance)
        entries = instance.all_logs(result.run_id)
    [trace] = [entry.user_message for entry in entries if entry.level == 10 and "raw.shop: " in entry.user_message]
    assert "columnar/converter.py" in trace
    assert "\nKeyError: 'boom'\n" in trace
    [file] = location.root.rglob("raw-shop.traceback.txt")
    assert OURS in failure(result)
    assert f"Traceback: {file.relative_to(location.root)}" in failure(result)


@pytest.mark.usefixtures("open_umask")
def test_the_traceback_of_a_source_is_private_and_without_secrets(
    location: Location, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Only the owner may read the file, whatever the umask; secrets in causes are masked in file and event log."""
    monkeypatch.setenv("SOURCES__SHOP__TOKEN", SECRET)
    location.add("shop", data=LEAKING)
    with dg.DagsterInstance.ephemeral() as instance:
        result = location.materialize(instance=instance)
        entries = instance.all_logs(result.run_id)
    [event] = [entry.user_message for entry in entries if entry.level == 10 and "raw.shop: " in entry.user_message]
    [file] = location.root.rglob("raw-shop.traceback.txt")
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700
    for text in (event, file.read_text()):
        assert "KeyError: '***'" in text
        assert "RuntimeError: no orders today" in text
        assert SECRET not in text
    assert "dlthub/shop/data.py:10 in get_rows: RuntimeError: no orders today" in failure(result)


@pytest.mark.parametrize(
    ("data", "more"),
    [
        ("def get_rows():\n    yield {'id': 1}\n", ", requires: [amount]"),
        ("def get_rows():\n    yield {1, 2}\n", ""),
        ("def get_rows():\n    return None\n", ""),
        ("import dlt\n\n\ndef get_rows(token=dlt.secrets.value):\n    yield {'id': 1}\n", ""),
        ("from data_foundation import Refusal\n\n\ndef get_rows():\n    raise Refusal('no account')\n    yield\n", ""),
    ],
    ids=["required column", "refused value", "unusable entry", "missing setting", "vendor's refusal"],
)
def test_a_refusal_has_no_traceback(tree: Tree, data: str, more: str) -> None:
    """Errors raised on purpose are complete in their message: no file is written and nothing logged at DEBUG."""
    add(tree, data, more=more)
    reported: list[Progress] = []
    with pytest.raises(FoundationError) as failed:
        load_resource(tree.task("shop.orders"), tree.warehouse, reported.append)
    assert "Traceback" not in str(failed.value)
    assert written(tree) == []
    assert [progress for progress in reported if progress.level == "DEBUG"] == []


def test_the_newest_traceback_is_kept(tree: Tree) -> None:
    """A second failure replaces the first one's file, and a successful load keeps it."""
    for cause in ("first", "second"):
        add(tree, f"def get_rows():\n    raise ValueError('{cause}')\n    yield\n")
        fail(tree)
    give_rows(tree)
    tree.load("shop.orders")
    [file] = written(tree)
    assert "ValueError: second" in file.read_text()
    assert "first" not in file.read_text()


def test_an_unwritable_traceback_does_not_hide_the_cause(tree: Tree, caplog: pytest.LogCaptureFixture) -> None:
    """The message still contains the cause and names no file; a warning gives the reason."""
    add(tree, "def get_rows():\n    raise ValueError('the vendor hung up')\n    yield\n")
    in_its_place = tree.warehouse.work_folder / "raw-orders.traceback.txt"
    in_its_place.mkdir(parents=True)
    message = fail(tree)
    assert "ValueError: the vendor hung up" in message
    assert "Traceback" not in message
    assert written(tree) == [in_its_place], "a part of the text was left behind"
    assert f"{in_its_place} cannot be written: Is a directory" in caplog.text


def test_concurrent_writers_do_not_mix_texts(tmp_path: Path) -> None:
    """With concurrent writers the file contains the whole text of one of them."""
    texts = [f"{letter}\n" * 100_000 for letter in "abcdefgh"]
    with ThreadPoolExecutor(len(texts)) as pool:
        files = set(pool.map(lambda text: write_traceback(tmp_path, "raw-orders", text), texts))
    assert files == {tmp_path / "raw-orders.traceback.txt"} == set(tmp_path.iterdir())
    assert (tmp_path / "raw-orders.traceback.txt").read_text() in texts


def test_a_load_without_a_progress_callback_has_a_traceback(tree: Tree) -> None:
    """A script that calls the loader without a progress callback finds the file's path in the error."""
    add(tree, "def get_rows():\n    raise ValueError('no')\n    yield\n")
    with pytest.raises(LoadError) as failed:
        load_resource(tree.task("shop.orders"), tree.warehouse, tracebacks=tree.root / "elsewhere")
    assert str(failed.value).endswith(f"Traceback: {tree.root / 'elsewhere' / 'raw-orders.traceback.txt'}")
    assert (tree.root / "elsewhere").stat().st_mode & 0o777 == 0o700

"""Holds failed loads to a traceback that is kept, private and without secrets, and to blaming the code that raised."""

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
    """A umask by which every new file is readable and writable by all."""
    former = os.umask(0)
    yield
    os.umask(former)


@pytest.fixture
def plant(monkeypatch: pytest.MonkeyPatch) -> Callable[[Exception], None]:
    """A function that has the framework's conversion of rows raise an error."""

    def plant(error: Exception) -> None:
        def fail(*_: object) -> None:
            raise error

        monkeypatch.setattr(tables, "split_page", fail)

    return plant


def add(tree: Tree, data: str, *, entry: str = "data.get_rows", more: str = "") -> None:
    """Writes the source `shop` with the table `orders`."""
    tree.add("shop", YAML.format(entry=entry, more=more), data)


def fail(tree: Tree) -> str:
    """Returns the message of a load of `orders` that fails."""
    with pytest.raises(FoundationError) as failed:
        tree.load("shop.orders")
    return str(failed.value)


def written(tree: Tree) -> list[Path]:
    """Returns every traceback, whole or in part, in the work folder."""
    return sorted(tree.warehouse.work_folder.glob("*.traceback*"))


def give_rows(tree: Tree) -> None:
    """Writes the source `shop` with one row that is in order."""
    add(tree, "def get_rows():\n    yield {'id': 1}\n")


def test_a_fault_of_ours_is_called_one(tree: Tree, plant: Callable[[Exception], None]) -> None:
    """The message names our frame, does not blame the entry, and names the file that has every frame."""
    give_rows(tree)
    plant(KeyError("boom"))
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
def test_what_a_disk_or_a_database_reports_is_no_fault_of_ours(
    tree: Tree, plant: Callable[[Exception], None], error: Exception, *, ours: bool
) -> None:
    """The class of the error tells a mistake in code from the report of something outside; both keep a traceback."""
    give_rows(tree)
    plant(error)
    message = fail(tree)
    assert (OURS in message) is ours
    assert ("data_foundation/" in message) is ours
    assert len(written(tree)) == 1


@pytest.mark.parametrize("code", ["raise KeyError('boom')", "json.loads('{')"])
def test_a_fault_of_the_source_names_its_frame(tree: Tree, code: str) -> None:
    """Its generator runs beneath our frames, and calls libraries; the message names its file, and the traceback."""
    add(tree, f"import json\n\n\ndef get_rows():\n    {code}\n    yield\n")
    first, hint, trace = fail(tree).splitlines()
    assert first.startswith("raw.orders failed while extracting at dlthub/shop/data.py:5 in get_rows: ")
    assert hint == "  Hint: nothing was written; `foundation preview shop.orders` shows what the entry yields"
    assert trace == f"  Traceback: {written(tree)[0]}"


def test_an_entry_of_an_installed_package_is_no_part_of_ours(tree: Tree, monkeypatch: pytest.MonkeyPatch) -> None:
    """An entry may be anywhere on the import path: its frames count as the source's."""
    package = tree.root / "installed" / "acme_rows"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text("from acme_rows.vendor import ask\n\n\ndef get_rows():\n    yield ask()\n")
    (package / "vendor.py").write_text("def ask():\n    return {}['orders']\n")
    monkeypatch.syspath_prepend(package.parent)
    add(tree, "", entry="acme_rows.get_rows")
    message = fail(tree)
    assert f"at {package / 'vendor.py'}:2 in ask: KeyError: 'orders'" in message
    assert OURS not in message


def test_dagster_keeps_the_traceback_of_a_fault_of_ours(location: Location, plant: Callable[[Exception], None]) -> None:
    """The event log has it at DEBUG; the step's failure says whose fault it is and where the file lies."""
    location.add("shop")
    plant(KeyError("boom"))
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
    """Whatever the umask, its owner alone reads the file; a secret in a cause is masked there and in the event log."""
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
    """What was raised on purpose has said all in its message: no file, nothing at DEBUG."""
    add(tree, data, more=more)
    told: list[Progress] = []
    with pytest.raises(FoundationError) as failed:
        load_resource(tree.task("shop.orders"), tree.warehouse, told.append)
    assert "Traceback" not in str(failed.value)
    assert written(tree) == []
    assert [progress for progress in told if progress.level == "DEBUG"] == []


def test_the_newest_traceback_stays(tree: Tree) -> None:
    """A second failure replaces the first one's file, and a good load leaves it."""
    for cause in ("first", "second"):
        add(tree, f"def get_rows():\n    raise ValueError('{cause}')\n    yield\n")
        fail(tree)
    give_rows(tree)
    tree.load("shop.orders")
    [file] = written(tree)
    assert "ValueError: second" in file.read_text()
    assert "first" not in file.read_text()


def test_a_file_that_cannot_be_written_hides_nothing(tree: Tree, caplog: pytest.LogCaptureFixture) -> None:
    """The message still tells the cause, and names no file; a warning says why there is none."""
    add(tree, "def get_rows():\n    raise ValueError('the vendor hung up')\n    yield\n")
    in_its_place = tree.warehouse.work_folder / "raw-orders.traceback.txt"
    in_its_place.mkdir(parents=True)
    message = fail(tree)
    assert "ValueError: the vendor hung up" in message
    assert "Traceback" not in message
    assert written(tree) == [in_its_place], "a part of the text was left behind"
    assert f"{in_its_place} cannot be written: Is a directory" in caplog.text


def test_writers_at_the_same_time_mix_no_texts(tmp_path: Path) -> None:
    """The file is always the whole text of one of them."""
    texts = [f"{letter}\n" * 100_000 for letter in "abcdefgh"]
    with ThreadPoolExecutor(len(texts)) as pool:
        files = set(pool.map(lambda text: write_traceback(tmp_path, "raw-orders", text), texts))
    assert files == {tmp_path / "raw-orders.traceback.txt"} == set(tmp_path.iterdir())
    assert (tmp_path / "raw-orders.traceback.txt").read_text() in texts


def test_a_load_without_an_onlooker_keeps_it_too(tree: Tree) -> None:
    """A script that calls the loader by itself finds the file by the error's message."""
    add(tree, "def get_rows():\n    raise ValueError('no')\n    yield\n")
    with pytest.raises(LoadError) as failed:
        load_resource(tree.task("shop.orders"), tree.warehouse, tracebacks=tree.root / "elsewhere")
    assert str(failed.value).endswith(f"Traceback: {tree.root / 'elsewhere' / 'raw-orders.traceback.txt'}")
    assert (tree.root / "elsewhere").stat().st_mode & 0o777 == 0o700

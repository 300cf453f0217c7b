"""The lock of a resource: one run at a time; waiting runs name the holder, and locks of killed processes are free."""

import threading
import time
from pathlib import Path

import pytest

from data_foundation.errors import ResourceBusy
from data_foundation.loading.attempts import load_resource
from data_foundation.loading.lock import hold
from data_foundation.loading.progress import Progress
from tests.promises import killed
from tests.support.trees import Tree

SLOW = """
import time
from pathlib import Path


def get_rows():
    yield [{"id": 1}]
    Path(__file__).with_name("begun").touch()
    time.sleep(1.5)
"""


def ignore_note(_note: str) -> None:
    """Discards the note of a waiting run."""


def add_slow(tree: Tree) -> Path:
    """Writes a slow source; returns the file that its entry creates when it starts."""
    yaml = "resources: [{entry: data.get_rows, destination: raw.rows, write_disposition: append}]"
    return tree.add("shop", yaml, SLOW) / "begun"


def wait_for(file: Path) -> None:
    """Waits until a file exists."""
    deadline = time.monotonic() + 60
    while not file.exists():
        assert time.monotonic() < deadline, f"no {file}"
        time.sleep(0.02)


def test_a_second_process_waits_and_then_runs(tree: Tree) -> None:
    """Two processes load one table: the second waits, and its progress names the first."""
    started_file = add_slow(tree)
    first = killed.start(tree, "shop.rows", run_id="night")
    wait_for(started_file)
    task, seen = tree.task("shop.rows"), list[Progress]()
    load_resource(task, tree.warehouse, seen.append)
    first.join()
    assert first.exitcode == 0
    assert tree.query("select count(*) from raw.rows") == [2]
    [waiting] = [progress.note for progress in seen if progress.note]
    assert waiting.startswith(f"waiting for run night, process {first.pid} on ")


def test_the_error_after_a_long_wait_names_the_holder(tree: Tree) -> None:
    """The error names the run, the process, the machine and the start of the lock, with a hint."""
    started_file = add_slow(tree)
    first = killed.start(tree, "shop.rows", run_id="night")
    wait_for(started_file)
    folder = tree.warehouse.work_folder
    expected = rf"held for more than 0.1 s by run night, process {first.pid} on .*, since 20.*; wait for it, or stop it"
    with pytest.raises(ResourceBusy, match=expected), hold(folder, "raw-rows", "mine", ignore_note, seconds=0.1):
        pass
    first.join()


def test_the_lock_of_a_killed_process_is_free(tree: Tree) -> None:
    """The lock of a killed process is free at once; the next run receives the holder's card."""
    started_file = add_slow(tree)
    first = killed.start(tree, "shop.rows", run_id="night")
    wait_for(started_file)
    first.kill()
    first.join()
    started = time.monotonic()
    with hold(tree.warehouse.work_folder, "raw-rows", "mine", ignore_note) as before:
        assert before
        assert (before.run_id, before.pid) == ("night", first.pid)
    assert time.monotonic() - started < 1
    with hold(tree.warehouse.work_folder, "raw-rows", "mine", ignore_note) as before:
        assert before is None


def test_threads_wait_for_each_other(tmp_path: Path) -> None:
    """At most one thread of a process holds the lock."""
    inside, most = 0, 0

    def work() -> None:
        nonlocal inside, most
        for _ in range(20):
            with hold(tmp_path, "raw-rows", "run", ignore_note):
                inside += 1
                most = max(most, inside)
                time.sleep(0.001)
                inside -= 1

    threads = [threading.Thread(target=work) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most == 1


def test_a_failure_leaves_no_card(tmp_path: Path) -> None:
    """A run that fails removes its card; only a killed process leaves one."""
    with pytest.raises(ValueError, match="no"), hold(tmp_path, "raw-rows", "run", ignore_note):
        raise ValueError("no")
    with hold(tmp_path, "raw-rows", "run", ignore_note) as before:
        assert before is None


@pytest.mark.parametrize("text", ["", "{", "[]", '{"pid": 1}'])
def test_an_incomplete_card_is_ignored(tmp_path: Path, text: str) -> None:
    """An incomplete card of a process killed while it wrote is ignored."""
    (tmp_path / "raw-rows.holder").write_text(text)
    with hold(tmp_path, "raw-rows", "run", ignore_note) as before:
        assert before is None


def test_the_folder_is_readable_by_its_owner_only(tmp_path: Path) -> None:
    """Working folders contain rows, so only their owner may read them."""
    with hold(tmp_path / "work", "raw-rows", "run", ignore_note):
        assert (tmp_path / "work").stat().st_mode & 0o777 == 0o700

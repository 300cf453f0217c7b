"""One run of a resource at a time: the others wait, or are told who holds it, and nobody's death holds them up."""

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


def quiet(_note: str) -> None:
    """Waits without a word."""


def add_slow(tree: Tree) -> Path:
    """Writes a source that takes a while; the file that it returns appears when it is being read."""
    yaml = "resources: [{entry: data.get_rows, destination: raw.rows, write_disposition: append}]"
    return tree.add("shop", yaml, SLOW) / "begun"


def wait_for(file: Path) -> None:
    """Waits until a file is there."""
    deadline = time.monotonic() + 60
    while not file.exists():
        assert time.monotonic() < deadline, f"no {file}"
        time.sleep(0.02)


def test_a_second_process_waits_and_then_runs(tree: Tree) -> None:
    """Two processes load one table at once: one after the other, and whoever waits is told for whom."""
    begun = add_slow(tree)
    first = killed.start(tree, "shop.rows", run_id="night")
    wait_for(begun)
    task, seen = tree.task("shop.rows"), list[Progress]()
    load_resource(task, tree.warehouse, seen.append)
    first.join()
    assert first.exitcode == 0
    assert tree.query("select count(*) from raw.rows") == [2]
    [waiting] = [progress.note for progress in seen if progress.note]
    assert waiting.startswith(f"waiting for run night, process {first.pid} on ")


def test_whoever_waits_too_long_is_told_who_holds_it(tree: Tree) -> None:
    """The error names the run, the process, the machine and since when, and says what to do."""
    begun = add_slow(tree)
    first = killed.start(tree, "shop.rows", run_id="night")
    wait_for(begun)
    folder = tree.warehouse.work_folder
    expected = rf"held for more than 0.1 s by run night, process {first.pid} on .*, since 20.*; wait for it, or stop it"
    with pytest.raises(ResourceBusy, match=expected), hold(folder, "raw-rows", "mine", quiet, seconds=0.1):
        pass
    first.join()


def test_a_killed_holder_holds_nobody_up(tree: Tree) -> None:
    """The lock of a killed process is free at once, and the next run learns who it was."""
    begun = add_slow(tree)
    first = killed.start(tree, "shop.rows", run_id="night")
    wait_for(begun)
    first.kill()
    first.join()
    started = time.monotonic()
    with hold(tree.warehouse.work_folder, "raw-rows", "mine", quiet) as before:
        assert before
        assert (before.run_id, before.pid) == ("night", first.pid)
    assert time.monotonic() - started < 1
    with hold(tree.warehouse.work_folder, "raw-rows", "mine", quiet) as before:
        assert before is None


def test_threads_wait_for_each_other(tmp_path: Path) -> None:
    """Two threads of one process are never inside at once."""
    inside, most = 0, 0

    def work() -> None:
        nonlocal inside, most
        for _ in range(20):
            with hold(tmp_path, "raw-rows", "run", quiet):
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
    """Who fails says so itself: only a killed process is told of later."""
    with pytest.raises(ValueError, match="no"), hold(tmp_path, "raw-rows", "run", quiet):
        raise ValueError("no")
    with hold(tmp_path, "raw-rows", "run", quiet) as before:
        assert before is None


@pytest.mark.parametrize("text", ["", "{", "[]", '{"pid": 1}'])
def test_a_card_that_was_cut_short_is_nobody(tmp_path: Path, text: str) -> None:
    """A process killed while it wrote its name is no reason to fail."""
    (tmp_path / "raw-rows.holder").write_text(text)
    with hold(tmp_path, "raw-rows", "run", quiet) as before:
        assert before is None


def test_the_folder_is_its_owners_alone(tmp_path: Path) -> None:
    """Nobody else may look into working folders, which hold rows."""
    with hold(tmp_path / "work", "raw-rows", "run", quiet):
        assert (tmp_path / "work").stat().st_mode & 0o777 == 0o700

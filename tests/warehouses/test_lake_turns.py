"""Tests of the turns of a lake's tables, and of its damaged files."""

import os
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from data_foundation.errors import LoadOvertaken, LoadStopped, ResourceBusy, WarehouseError
from data_foundation.warehouses.lake import turns
from data_foundation.warehouses.lake.client import LakeClient
from data_foundation.warehouses.lake.turn_files import Entry, Holder, Note, TurnFiles
from data_foundation.warehouses.lake.turns import take
from tests.support.lakes import LakeTree
from tests.support.stores import S3, run_s3

HERE, THERE = Holder("/here", "one", "a"), Holder("/there", "two", "b")


@pytest.fixture(scope="module")
def s3() -> Iterator[S3]:
    """A store that speaks S3's protocol."""
    with run_s3() as running:
        yield running


@pytest.fixture(params=["folder", "S3"])
def client(request: pytest.FixtureRequest, tmp_path: Path) -> LakeClient:
    """A client of the table `orders` in an empty lake."""
    lake = {"LAKE_URL": "lake"} if request.param == "folder" else request.getfixturevalue("s3").lake(tmp_path.name)
    destination: Any = LakeTree(tmp_path, lake).warehouse.destination()
    found = destination.client_of("raw", "orders")
    assert isinstance(found, LakeClient)
    return found


def test_one_of_many_takes_each_turn(client: LakeClient) -> None:
    """Eight processes that create the same file at once: one succeeds."""
    taken: list[int] = []

    def work(number: int) -> None:
        files = TurnFiles(client)
        mine = Entry("writing", Holder(f"/{number}"))
        taken.extend(turn for turn in range(5) if files.create(turn, mine))

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(taken) == list(range(5))


def test_a_lost_turn_can_neither_land_nor_write(client: LakeClient, monkeypatch: pytest.MonkeyPatch) -> None:
    """The process that had it is told who has it, also after the files of both turns were removed."""
    files = TurnFiles(client)
    monkeypatch.setattr(turns, "SILENT_SECONDS", 0.0)
    lost = take(files, HERE)
    lost.announce(Note("1.0", {"orders": 3}))
    other = take(files, THERE)
    assert [entry.note and entry.note.versions for _, entry in other.earlier()] == [{"orders": 3}]
    for act in (lost.check, lambda: lost.announce(Note("1.0")), lambda: lost.land({"_dlt_loads/1": "x"})):
        with pytest.raises(LoadOvertaken, match="run two on b, in /there"):
            act()
    other.announce(None)
    other.land({})
    other.end()
    assert len(files.numbers()) == 1
    with pytest.raises(LoadOvertaken):
        lost.land({"_dlt_loads/1": "x"})


def test_a_turn_is_waited_for_while_its_file_changes(client: LakeClient, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is taken over once it does not; by the process that has the holder's lock at once."""
    monkeypatch.setattr(turns, "BEAT_SECONDS", 0.1)
    monkeypatch.setattr(turns, "SILENT_SECONDS", 1.0)
    files = TurnFiles(client)
    with take(files, HERE):
        monkeypatch.setattr(turns, "WAIT_SECONDS", 2.0)
        with pytest.raises(ResourceBusy, match="by run one on a, in /here"):
            take(files, THERE)
    started = time.monotonic()
    assert take(files, THERE).number == 1
    assert time.monotonic() - started >= 1.0
    assert take(files, Holder("/there", "three", "b")).number == 2


@pytest.mark.parametrize("client", ["S3"], indirect=True)
def test_a_store_that_ignores_the_condition_is_refused(client: LakeClient, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two machines could load a table at once there."""
    write = client.fs_client.pipe_file
    monkeypatch.setattr(client.fs_client, "pipe_file", lambda path, text, **_mode: write(path, text))
    with pytest.raises(WarehouseError, match="If-None-Match"):
        take(TurnFiles(client), HERE)


def test_a_stop_ends_the_wait_for_a_turn(client: LakeClient) -> None:
    """The run that waits is asked again and again whether it is to stop."""
    files, asked = TurnFiles(client), []

    def check() -> None:
        asked.append(time.monotonic())
        if len(asked) == 3:
            raise LoadStopped("stopped")

    with take(files, HERE), pytest.raises(LoadStopped):
        take(files, THERE, check)
    assert len(files.numbers()) == 1


@pytest.mark.parametrize("client", ["folder"], indirect=True)
def test_a_file_that_was_removed_while_it_was_written_is_written_again(
    client: LakeClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A process that takes over removes what another was writing; that one is then told that it has lost its turn."""
    monkeypatch.setattr(turns, "SILENT_SECONDS", 0.0)
    files, replace = TurnFiles(client), os.replace
    lost = take(files, HERE)

    def take_over(partial: str, path: str) -> None:
        monkeypatch.setattr(os, "replace", replace)
        take(files, THERE).files.remove_partial()
        replace(partial, path)

    monkeypatch.setattr(os, "replace", take_over)
    with pytest.raises(LoadOvertaken):
        lost.announce(Note("1.0"))

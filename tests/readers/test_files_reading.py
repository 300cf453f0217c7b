"""Tests of which files `data_foundation.readers.files` reads: new and changed files below the root."""

import os
import re
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from dlt.extract.exceptions import ResourceExtractionError

from data_foundation.errors import ConfigError, EntryError, FoundationError, LoadError
from data_foundation.readers.registry import find_missing_settings
from tests.support.file_sources import FileTree, files

__all__ = ["files"]


def test_only_new_and_changed_files_are_read(files: FileTree) -> None:
    """An append adds the rows of a new file; it adds the rows of a changed file again, with a warning."""
    files.read(path="inbox/**/*.csv")
    files.put("a.csv", "id\n1\n")
    assert files.load("bank.landed").rows == 1
    again = files.load("bank.landed")
    assert (again.rows, again.warnings) == (0, ("1 file, none of them new or changed",))
    files.put("2024/b.csv", "id\n2\n")
    assert files.load("bank.landed").rows == 1
    files.put("a.csv", "id\n1\n3\n")
    changed = files.load("bank.landed")
    assert changed.rows == 2
    assert changed.warnings[0].startswith("inbox/a.csv changed since the last load, and append adds all rows again")
    assert files.values("id") == ["2", "1", "1", "3"]


def test_merge_by_file_replaces_the_rows_of_a_changed_file(files: FileTree) -> None:
    """The rows of other files are kept."""
    files.read("write_disposition: merge", "merge_key: _file")
    files.put("a.csv", "id\n1\n2\n")
    files.put("b.csv", "id\n3\n")
    files.load("bank.landed")
    files.put("a.csv", "id\n4\n")
    assert files.load("bank.landed").rows == 1
    assert files.values("id") == ["4", "3"]


def test_a_replaced_table_has_the_rows_of_all_files(files: FileTree) -> None:
    """If a file is changed, added or removed, the table and its table of bad rows are built again from all files."""
    files.read("write_disposition: replace", on_bad_row="quarantine")
    files.put("a.csv", "id,name\n1,x\n2\n")
    files.put("b.csv", "id,name\n3,x\n")
    assert files.load("bank.landed").rows == 2
    assert files.load("bank.landed").rows == 0
    assert len(files.rows("landed__quarantine")) == 1
    files.put("a.csv", "id,name\n1,x\n")
    files.load("bank.landed")
    assert files.values("id") == ["1", "3"]
    assert files.rows("landed__quarantine") == []
    (files.root / "inbox" / "b.csv").unlink()
    files.load("bank.landed")
    assert files.values("id") == ["1"]


def test_scd2_is_refused(files: FileTree) -> None:
    """The strategy scd2 would retire the rows of every file that is not read again."""
    files.read("write_disposition: {disposition: merge, strategy: scd2}")
    files.put("a.csv", "id\n1\n")
    with pytest.raises(
        EntryError,
        match="got merge with the strategy scd2, which would retire the rows of unchanged files; accepted: append",
    ):
        files.load("bank.landed")


def test_a_load_that_fails_marks_no_file_as_loaded(files: FileTree) -> None:
    """A file is recorded as loaded in the commit of its rows."""
    files.read("columns: {id: {data_type: bigint}}")
    files.put("a.csv", "id\n1\n")
    files.put("b.csv", "id\nx\n")
    with pytest.raises(LoadError, match=r"inbox/b.csv: row 1"):
        files.load("bank.landed")
    files.put("b.csv", "id\n2\n")
    assert files.load("bank.landed").rows == 2


@pytest.mark.parametrize("disposition", ["append", "replace"])
def test_the_content_of_a_file_counts_and_not_its_time(files: FileTree, disposition: str) -> None:
    """Another checkout of a repository has its files with other times: none is loaded again, until its text changes."""
    files.read(f"write_disposition: {disposition}")
    file = files.put("a.csv", "id\n1\n")
    files.put("b.csv", "id\n2\n")
    files.load("bank.landed")
    for moment in (1, 2):
        os.utime(file, (moment, moment))
        assert files.load("bank.landed").unchanged
    files.put("a.csv", "id\n3\n")
    os.utime(file, (3, 3))
    files.load("bank.landed")
    assert files.values("id") == (["1", "3", "2"] if disposition == "append" else ["3", "2"])


def test_a_sample_marks_no_file_as_loaded(files: FileTree) -> None:
    """After a sample or a preview, the next run reads the file."""
    files.read()
    files.put("a.csv", "id\n1\n2\n")
    files.load("bank.landed", limit=1)
    assert files.load("bank.landed").rows == 2


def test_a_file_that_changes_while_it_is_read_fails_the_load(files: FileTree, monkeypatch: pytest.MonkeyPatch) -> None:
    """Otherwise half of one version and half of the other would be loaded."""
    file = files.put("a.csv", "id\n1\n")
    read, ticks = Path.open, count()

    def touch(path: Path, *args: Any, **kwargs: Any) -> Any:
        os.utime(file, (next(ticks), 0))
        return read(path, *args, **kwargs)

    monkeypatch.setattr(Path, "open", touch)
    with pytest.raises(ResourceExtractionError, match=r"a.csv changed while it was read; load it again"):
        files.peek()


OUTSIDE = {
    "up": ("../secret.csv", "accepted: a path or pattern below"),
    "up-and-down": ("inbox/../../*.csv", "accepted: a path or pattern below"),
    "absolute": ("/etc/*.csv", "accepted: a path or pattern below .* To read from another root, set `connection`"),
    "home": ("~/x.csv", "accepted: a path or pattern below"),
    "link": ("inbox/link.csv", "inbox/link.csv is a link to a place outside of"),
    "folder-link": ("inbox/*/*.csv", "inbox/folder/secret.csv is a link to a place outside of"),
    "deep": ("**/secret.csv", "inbox/folder/secret.csv is a link to a place outside of"),
    "missing": ("inbox/orders.csv", "there is no file 'inbox/orders.csv' below .* Did you mean 'order.csv'"),
}


@pytest.mark.parametrize(("path", "message"), OUTSIDE.values(), ids=OUTSIDE)
def test_nothing_outside_of_the_root_is_read(files: FileTree, path: str, message: str) -> None:
    """A path or a link that leads out of the root is refused."""
    outside = files.root / "elsewhere"
    outside.mkdir()
    (outside / "secret.csv").write_text("id\n1\n")
    root = FileTree(files.root / "repository")
    root.put("order.csv", "id\n1\n")
    (root.root / "inbox" / "link.csv").symlink_to(outside / "secret.csv")
    (root.root / "inbox" / "folder").symlink_to(outside)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DLT_PROJECT_DIR", str(root.root))
        with pytest.raises(ResourceExtractionError) as caught:
            root.peek(path)
    assert isinstance(caught.value.__cause__, FoundationError)
    assert re.search(message, str(caught.value.__cause__))


def test_the_root_may_be_that_of_a_connection(
    files: FileTree, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The connection's settings are below those of the folder; file names are relative to the connection's root."""
    root = tmp_path_factory.mktemp("exports")
    (root / "a.csv").write_text("id\n1\n")
    (root / ".b.csv").write_text("id\n2\n")
    monkeypatch.setenv("SOURCES__BANK__EXPORTS__URL", str(root))
    assert files.peek("*.csv", connection="exports") == [{"id": "1", "_file": "a.csv", "_row": 1}]
    assert files.peek(f"{root}/*.csv", connection="exports") == [{"id": "1", "_file": "a.csv", "_row": 1}]


def test_a_connection_without_settings_is_named(files: FileTree) -> None:
    """The error names the settings to set; `foundation list` shows them before anything is read."""
    files.read(connection="exports")
    assert find_missing_settings("bank", files.task("bank.landed").resource) == ("SOURCES__BANK__EXPORTS__URL",)
    with pytest.raises(ResourceExtractionError, match="needs SOURCES__BANK__EXPORTS__URL"):
        files.peek(connection="exports")


def test_a_file_with_an_unknown_extension_needs_a_format(files: FileTree) -> None:
    """A file with an unknown extension is read as `format`."""
    files.put("a.dat", "id\n1\n")
    with pytest.raises(
        ResourceExtractionError, match=r"inbox/a.dat: no format has this ending; set `format` to one of csv"
    ):
        files.peek()
    assert len(files.peek(format="csv")) == 1


@pytest.mark.parametrize(
    ("kwargs", "message"),
    [
        ({"on_bad_row": "quarantene"}, r"kwargs\.on_bad_row: got 'quarantene'; accepted: fail, .* mean 'quarantine'"),
        ({"format": "excell"}, r"kwargs\.format: got 'excell'; accepted: csv, .* mean 'excel'"),
        ({"format": "parquet", "delimiter": ";"}, "delimiter: not an option of parquet files; accepted: none"),
        ({"path": "a.csv.gz", "sheet": "a"}, "sheet: not an option of csv files; accepted: encoding"),
    ],
)
def test_a_check_finds_invalid_arguments(files: FileTree, kwargs: dict[str, Any], message: str) -> None:
    """The error is at the resource's line, without a file or a setting; templates are checked at run time."""
    files.read(**kwargs)
    with pytest.raises(ConfigError, match=message):
        files.check("bank")
    templates = {key: "{{ env.X }}" if key in {"format", "on_bad_row"} else value for key, value in kwargs.items()}
    files.read(**(templates if templates != kwargs else {"path": "*", "sheet": "a"}))
    files.check("bank")


@pytest.mark.parametrize("disposition", ["append", "merge", "replace"])
def test_bad_rows_are_set_aside_beside_every_disposition(files: FileTree, disposition: str) -> None:
    """The table of bad rows has a disposition of its own, and is no table that an asset is missing for."""
    files.read(f"write_disposition: {disposition}", "merge_key: _file", on_bad_row="quarantine")
    files.put("a.csv", "id,name\n1,x\n2\n")
    result = files.load("bank.landed")
    assert result.rows == 1
    assert result.warnings == ("1 bad row of inbox/a.csv set aside in landed__quarantine",)
    assert [row["text"] for row in files.rows("landed__quarantine")] == ["2"]

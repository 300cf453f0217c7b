"""Tests of settings that are files of a mounted folder."""

import os
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from data_foundation.errors import WarehouseError
from data_foundation.process_wide.redaction import redact
from data_foundation.warehouses.mounted_secrets import read_mounted
from data_foundation.warehouses.settings import read_settings

FOLDERS: Mapping[str, tuple[Mapping[str, str], Mapping[str, str]]] = {
    "as Docker": ({"snowflake-password": "s3cret-One"}, {"SNOWFLAKE_PASSWORD": "s3cret-One"}),
    "as Kubernetes": ({"SNOWFLAKE_PASSWORD": "s3cret-One"}, {"SNOWFLAKE_PASSWORD": "s3cret-One"}),
    "as dlt": ({"sources--shop--token/sources--shop--token": "t"}, {"SOURCES__SHOP__TOKEN": "t"}),
    "a volume": ({"volume/pii-hash-key": "k", "volume/..data": "x"}, {"PII_HASH_KEY": "k"}),
    "line breaks": ({"key": "-----BEGIN-----\nab\n-----END-----\r\n\n"}, {"KEY": "-----BEGIN-----\nab\n-----END-----"}),
    "spaces": ({"key": " a b "}, {"KEY": " a b "}),
    "empty": ({"key": "\n"}, {}),
    "twice": ({"a/key": "same", "b/key": "same"}, {"KEY": "same"}),
    "others": ({"kubernetes.io/serviceaccount/token": "x", "ca.crt": "x", ".hidden": "x", "a/b/key": "x"}, {}),
}


def write(folder: Path, files: Mapping[str, str | bytes]) -> Path:
    """Writes files into a folder, and returns it."""
    for name, text in files.items():
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(text if isinstance(text, bytes) else text.encode())
    return folder


@pytest.mark.parametrize("kind", FOLDERS)
def test_a_file_is_a_setting(tmp_path: Path, kind: str) -> None:
    """The name of a file is that of its setting, in every spelling in which secrets are mounted."""
    files, settings = FOLDERS[kind]
    assert read_mounted(write(tmp_path, files)) == settings


def test_a_folder_that_does_not_exist_has_no_settings(tmp_path: Path) -> None:
    """`/run/secrets` exists in containers only."""
    assert read_mounted(tmp_path / "none") == {}


FAULTS: Mapping[str, tuple[Callable[[Path], object], str]] = {
    "two values": (lambda folder: write(folder, {"a/key": "1", "b/KEY": "2"}), "contain different values"),
    "no text": (lambda folder: write(folder, {"key": b"\xff\xfe"}), "its content is no text in UTF-8"),
    "a NUL": (lambda folder: write(folder, {"key": b"a\0b"}), "its content is no text in UTF-8"),
    "a lost link": (lambda folder: (folder / "key").symlink_to(folder / "gone"), "cannot be read: No such file"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_file_that_is_no_setting_is_named(tmp_path: Path, fault: str) -> None:
    """A secret that was mounted is never left out silently."""
    make, message = FAULTS[fault]
    make(tmp_path)
    with pytest.raises(WarehouseError, match=message) as raised:
        read_mounted(tmp_path)
    assert "key" in str(raised.value).lower()


def test_a_mounted_secret_wins_and_is_masked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file counts before the environment and `.env`, whatever its setting is called; host names stay readable."""
    secrets = write(tmp_path / "secrets", {"odd-one": "hidden-from-all", "postgres-host": "db.example.com"})
    write(tmp_path, {".env": "ODD_ONE=of-the-file\n"})
    monkeypatch.setenv("SECRETS_FOLDER", str(secrets))
    monkeypatch.setenv("ODD_ONE", "of-yesterday")
    monkeypatch.setenv("POSTGRES_HOST", "")
    assert read_settings(tmp_path)["ODD_ONE"] == os.environ["ODD_ONE"] == "hidden-from-all"
    assert redact("hidden-from-all at db.example.com") == "*** at db.example.com"

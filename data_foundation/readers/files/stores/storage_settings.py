"""Builds the store that a connection or a path names; the default is the repository."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import SplitResult, unquote, urlsplit

from dlt.common.runtime.run_context import active

from data_foundation.errors import EntryError
from data_foundation.process_wide.secret_settings import learn_settings
from data_foundation.readers.connection_settings import ConnectionSettings
from data_foundation.readers.files.stores.local_storage import LocalStorage
from data_foundation.readers.files.stores.remote_storage import RemoteStorage
from data_foundation.readers.files.stores.storage import Storage
from data_foundation.suggestions import nearest

SCHEMES = {"s3": "s3", "az": "az", "abfs": "az", "abfss": "az", "sftp": "sftp", "file": "file"}
"""The accepted schemes of a URL, with the kind of store."""

OPTIONS = {
    "s3": ("aws_access_key_id", "aws_secret_access_key", "aws_session_token", "endpoint_url", "region_name"),
    "az": ("connection_string", "account_name", "account_key", "sas_token"),
    "sftp": ("username", "password", "key_filename", "passphrase", "known_hosts"),
    "file": (),
}
"""Settings of a connection in addition to `url`. Without them, the store's library looks for credentials itself."""

_S3FS_ARGUMENTS = {"aws_access_key_id": "key", "aws_secret_access_key": "secret", "aws_session_token": "token",
                   "endpoint_url": "endpoint_url"}  # fmt: skip
"""s3fs's names of the settings."""


def find_storage(folder: str, connection: str | None, path: str = "", root: str | None = None) -> Storage:
    """Returns the store with the files of a source.

    Args:
        folder: Name of the source's folder.
        connection: Name of the connection, whose settings are `[sources.<folder>.<connection>]` of dlt's configuration;
            None if `path` is a URL or is in the repository.
        path: The `path` of `kwargs`. The root of a URL is its bucket, container or server.
        root: The repository; None for dlt's run folder.

    Raises:
        SettingMissing: Names the setting that is not set.
        EntryError: The scheme of the URL is unknown.
    """
    settings = ConnectionSettings(folder, connection) if connection else None
    url: Any = settings.find("url") if settings else None
    if not url and "://" in path:
        parts = urlsplit(path)
        url = f"{parts.scheme}://{parts.netloc}"
    if settings and not url:
        raise settings.missing(["url"], "; for instance /srv/inbox or s3://landing/daily")
    if "://" not in str(url or ""):
        return LocalStorage(Path(root or active().run_dir) / str(url or ""))
    learn_settings({"url": str(url)})
    return _remote(urlsplit(str(url)), settings)


def _remote(parts: SplitResult, settings: ConnectionSettings | None) -> Storage:
    if parts.scheme not in SCHEMES:
        accepted = list(SCHEMES)
        raise EntryError(
            f"url: got '{parts.scheme}://'; accepted: {', '.join(accepted)}{nearest(parts.scheme, accepted)}"
        )
    kind = SCHEMES[parts.scheme]
    if kind == "file":
        return LocalStorage(Path(unquote(parts.path)))
    given = _options(settings, kind) if settings else {}
    place = f"{parts.scheme}://{parts.netloc.replace(f':{parts.password}@', '@')}{parts.path.rstrip('/')}"
    at = parts.path if kind == "sftp" else f"{parts.netloc.rpartition('@')[0] or parts.netloc}{parts.path}"
    return RemoteStorage(place, at, partial(_open, kind, parts, given))


def _options(settings: ConnectionSettings, kind: str) -> dict[str, str]:
    found = {key: settings.find(key, secret=True) for key in OPTIONS[kind]}
    given = {key: str(value) for key, value in found.items() if value is not None}
    learn_settings({key: value for key, value in given.items() if key != "username"})
    return given


def _open(kind: str, parts: SplitResult, given: dict[str, str]) -> Any:
    """Returns a new fsspec file system, without cached listings."""
    uncached: dict[str, Any] = {"skip_instance_cache": True, "use_listings_cache": False}
    if kind == "s3":
        import s3fs  # noqa: PLC0415 - installed with an extra

        region = {"region_name": given["region_name"]} if "region_name" in given else {}
        named = {_S3FS_ARGUMENTS[key]: value for key, value in given.items() if key in _S3FS_ARGUMENTS}
        return s3fs.S3FileSystem(**named, client_kwargs=region, **uncached)
    if kind == "az":
        import adlfs  # noqa: PLC0415 - installed with an extra

        account = {"account_name": parts.hostname.partition(".")[0]} if "@" in parts.netloc and parts.hostname else {}
        return adlfs.AzureBlobFileSystem(**{**account, **given}, **uncached)
    from data_foundation.readers.files.stores.sftp import KnownSftp  # noqa: PLC0415 - installed with an extra

    user = {"username": unquote(parts.username)} if parts.username else {}
    secret = {"password": unquote(parts.password)} if parts.password else {}
    return KnownSftp(parts.hostname, port=parts.port or 22, **{**user, **secret, **given}, skip_instance_cache=True)

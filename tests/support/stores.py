"""File stores for tests: S3 by moto, with Glue, and SFTP by paramiko."""

import io
import json
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import paramiko
from moto.core.models import DEFAULT_ACCOUNT_ID
from moto.glue.models import glue_backends
from moto.server import ThreadedMotoServer
from paramiko.common import AUTH_FAILED, AUTH_SUCCESSFUL, OPEN_SUCCEEDED
from typing_extensions import override

from tests.support.ssh_server import accept_connections

REGION = "us-east-1"
USER, PASSWORD = "reader", "sftp-pass-31415926"


@dataclass(frozen=True)
class S3:
    """A running server with one empty bucket."""

    url: str
    bucket: str = "landing"

    def put(self, name: str, content: bytes) -> None:
        """Writes an object."""
        self._client().put_object(Bucket=self.bucket, Key=name, Body=content)

    def lake(self, folder: str) -> dict[str, str]:
        """Returns the settings of a lake in the bucket."""
        return {"LAKE_URL": f"s3://{self.bucket}/{folder}", "AWS_ENDPOINT_URL": self.url, "AWS_REGION": REGION,
                "AWS_ACCESS_KEY_ID": "key", "AWS_SECRET_ACCESS_KEY": "secret"}  # fmt: skip

    def glue(self, folder: str) -> dict[str, str]:
        """Empties the server's Glue, and returns the settings of a lake in the bucket with its tables in it."""
        glue_backends[DEFAULT_ACCOUNT_ID][REGION].databases.clear()
        glue = {"LAKE_FORMAT": "iceberg", "LAKE_CATALOG": "glue", "AWS_ENDPOINT_URL_GLUE": self.url}
        return {**self.lake(folder), **glue}

    def files(self) -> dict[str, str]:
        """Returns pyiceberg's properties of the store, for a catalogue that reaches it by itself."""
        return {"s3.endpoint": self.url, "s3.region": REGION, "s3.access-key-id": "key",
                "s3.secret-access-key": "secret"}  # fmt: skip

    def make_bucket(self) -> None:
        """Creates the bucket."""
        self._client().create_bucket(Bucket=self.bucket)

    def _client(self) -> Any:
        return boto3.client("s3", endpoint_url=self.url, region_name=REGION, aws_access_key_id="key",
                            aws_secret_access_key="secret")  # fmt: skip


@contextmanager
def run_s3() -> Iterator[S3]:
    """Runs a server in this process."""
    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    try:
        host, port = server.get_host_and_port()
        _answer_one_by_one(server)
        store = S3(f"http://{host}:{port}")
        store.make_bucket()
        yield store
    finally:
        server.stop()


def _answer_one_by_one(server: ThreadedMotoServer) -> None:
    """Makes conditional writes atomic, as S3's and Glue's are: moto compares and writes in two steps, or not at all."""
    running: Any = server._server
    app, lock = running.app, threading.Lock()

    def answer(environ: Any, start_response: Any) -> list[bytes]:
        with lock:
            if environ.get("HTTP_X_AMZ_TARGET") == "AWSGlue.UpdateTable" and not _is_of_newest(environ):
                text = b'{"__type": "ConcurrentModificationException", "Message": "the table has a newer version"}'
                headers = [("Content-Type", "application/x-amz-json-1.1"), ("Content-Length", str(len(text)))]
                start_response("400 Bad Request", headers)
                return [text]
            return list(app(environ, start_response))

    running.app = answer


def _is_of_newest(environ: Any) -> bool:
    """Returns whether a change of a table in Glue names its newest version, which moto does not look at."""
    body = environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"]))
    environ["wsgi.input"] = io.BytesIO(body)
    wanted = json.loads(body)
    table = glue_backends[DEFAULT_ACCOUNT_ID][REGION].get_table(wanted["DatabaseName"], wanted["TableInput"]["Name"])
    return bool(str(table.as_dict()["VersionId"]) == wanted["VersionId"])


class _Login(paramiko.ServerInterface):
    @override
    def check_auth_password(self, username: str, password: str) -> int:
        return AUTH_SUCCESSFUL if (username, password) == (USER, PASSWORD) else AUTH_FAILED

    @override
    def check_channel_request(self, kind: str, chanid: int) -> int:
        return OPEN_SUCCEEDED


class _Folder(paramiko.SFTPServerInterface):
    """The files of a folder, which is the root of the server."""

    root: Path

    def _real(self, path: str) -> Path:
        return self.root / path.lstrip("/")

    @override
    def canonicalize(self, path: str) -> str:
        return f"/{os.path.relpath(self._real(path).resolve(), self.root)}".replace("/.", "/", 1)

    @override
    def list_folder(self, path: str) -> Any:
        entries = []
        for name in os.listdir(self._real(path)):  # noqa: PTH208 - only names are needed
            entry = self.stat(f"{path}/{name}")
            entry.filename = name
            entries.append(entry)
        return entries

    @override
    def stat(self, path: str) -> Any:
        try:
            return paramiko.SFTPAttributes.from_stat(self._real(path).stat())
        except OSError as error:
            return paramiko.SFTPServer.convert_errno(error.errno or 0)

    lstat = stat

    @override
    def open(self, path: str, flags: int, attr: Any) -> Any:
        handle: Any = paramiko.SFTPHandle(flags)
        handle.readfile = self._real(path).open("rb")
        return handle


@dataclass(frozen=True)
class Sftp:
    """A running server."""

    port: int
    root: Path
    known_hosts: Path


@contextmanager
def run_sftp(root: Path, known_hosts: Path) -> Iterator[Sftp]:
    """Runs a server for one folder in this process.

    Args:
        root: The folder.
        known_hosts: A file to create, with the server's host key.
    """
    key = paramiko.ECDSAKey.generate()
    folder = type("Folder", (_Folder,), {"root": root.resolve()})

    def begin(transport: paramiko.Transport) -> None:
        transport.set_subsystem_handler("sftp", paramiko.SFTPServer, folder)
        transport.start_server(event=threading.Event(), server=_Login())

    with accept_connections(key, begin) as (port, _):
        known_hosts.write_text(f"[127.0.0.1]:{port} {key.get_name()} {key.get_base64()}\n")
        yield Sftp(port, root, known_hosts)

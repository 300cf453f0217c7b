"""A REST catalogue for tests: Iceberg's protocol in front of pyiceberg's own catalogue in SQLite."""

import json
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from pyiceberg.catalog.rest import CreateTableRequest
from pyiceberg.catalog.sql import SqlCatalog
from pyiceberg.exceptions import (
    CommitFailedException,
    NamespaceAlreadyExistsError,
    NoSuchNamespaceError,
    NoSuchTableError,
    TableAlreadyExistsError,
)
from pyiceberg.table import CommitTableRequest, Table
from typing_extensions import override

CREDENTIAL, TOKEN, WAREHOUSE = "client:rest-secret-27182818", "rest-token-16180339", "analytics"
STATUS: Mapping[type[Exception], int] = {
    NoSuchNamespaceError: 404,
    NoSuchTableError: 404,
    NamespaceAlreadyExistsError: 409,
    TableAlreadyExistsError: 409,
    CommitFailedException: 409,
}


@dataclass(frozen=True)
class RestCatalogue:
    """A running server.

    Attributes:
        url: Its address.
        requests: Method and path of each request that it has answered.
    """

    url: str
    requests: list[str]

    def settings(self, **more: str) -> dict[str, str]:
        """Returns the settings of a lake with this catalogue."""
        credential = {"LAKE_CATALOG_WAREHOUSE": WAREHOUSE, "LAKE_CATALOG_CREDENTIAL": CREDENTIAL}
        return {"LAKE_FORMAT": "iceberg", "LAKE_CATALOG": self.url, **credential, **more}


@contextmanager
def run_rest_catalogue(folder: Path, **files: str) -> Iterator[RestCatalogue]:
    """Runs a server in this process.

    Args:
        folder: The folder of its database.
        files: pyiceberg's properties by which the server reaches the files.
    """
    catalogue = SqlCatalog("rest", uri=f"sqlite:///{folder}/rest.sqlite", warehouse=folder.as_uri(), **files)
    requests: list[str] = []
    handler = type("Handler", (_Handler,), {"catalogue": catalogue, "lock": threading.Lock(), "requests": requests})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield RestCatalogue(f"http://127.0.0.1:{server.server_port}", requests)
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class _Handler(BaseHTTPRequestHandler):
    """Answers one request at a time, as a commit compares and writes in two steps."""

    protocol_version = "HTTP/1.1"
    catalogue: SqlCatalog
    lock: threading.Lock
    requests: list[str]

    def do_GET(self) -> None:
        self._answer()

    def do_POST(self) -> None:
        self._answer()

    def do_HEAD(self) -> None:
        self._answer()

    def do_DELETE(self) -> None:
        self._answer()

    @override
    def log_message(self, format: str, *args: Any) -> None:
        """Prints nothing."""

    def _answer(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        url = urlsplit(self.path)
        path = [unquote(part) for part in url.path.strip("/").split("/")[1:]]
        self.requests.append(f"{self.command} {url.path}")
        with self.lock:
            try:
                status, answer = self._find_answer(path, parse_qs(url.query), body)
            except tuple(STATUS) as error:
                status, answer = STATUS[type(error)], _error(type(error).__name__, str(error), STATUS[type(error)])
        text = b"" if answer is None or self.command == "HEAD" else json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def _find_answer(self, path: list[str], query: Mapping[str, list[str]], body: bytes) -> tuple[int, Any]:
        if path == ["oauth", "tokens"]:
            given = parse_qs(body.decode())
            if ":".join((given["client_id"][0], given["client_secret"][0])) != CREDENTIAL:
                return 401, {"error": "invalid_client", "error_description": "the secret is another"}
            return 200, {"access_token": TOKEN, "token_type": "bearer", "expires_in": 3600}
        if self.headers.get("Authorization") != f"Bearer {TOKEN}":
            return 401, _error("NotAuthorizedException", "no such token", 401)
        if path == ["config"]:
            found = query.get("warehouse") == [WAREHOUSE]
            return (200, {"defaults": {}, "overrides": {}}) if found else (404, _error("NotFound", "no warehouse", 404))
        answers: Mapping[tuple[str, int], Callable[..., tuple[int, Any]]] = {
            ("POST", 1): self._create_namespace,
            ("GET", 2): self._load_namespace,
            ("HEAD", 2): self._load_namespace,
            ("POST", 3): self._create_table,
            ("GET", 4): self._load_table,
            ("HEAD", 4): self._load_table,
            ("POST", 4): self._commit,
            ("DELETE", 4): self._drop_table,
        }
        names = [part for part in path if part not in {"namespaces", "tables"}]
        return answers[self.command, len(path)](*names, **({"body": body} if self.command == "POST" else {}))

    def _create_namespace(self, *, body: bytes) -> tuple[int, Any]:
        [name] = json.loads(body)["namespace"]
        self.catalogue.create_namespace(name)
        return 200, {"namespace": [name], "properties": {}}

    def _load_namespace(self, name: str) -> tuple[int, Any]:
        return 200, {"namespace": [name], "properties": self.catalogue.load_namespace_properties(name)}

    def _create_table(self, namespace: str, *, body: bytes) -> tuple[int, Any]:
        wanted = CreateTableRequest.model_validate_json(body)
        identifier = (namespace, wanted.name)
        created = self.catalogue.create_table(
            identifier, wanted.table_schema, wanted.location, properties=wanted.properties
        )
        return 200, _described(created)

    def _load_table(self, namespace: str, name: str) -> tuple[int, Any]:
        return 200, _described(self.catalogue.load_table((namespace, name)))

    def _commit(self, namespace: str, name: str, *, body: bytes) -> tuple[int, Any]:
        wanted = CommitTableRequest.model_validate_json(body)
        table = self.catalogue.load_table((namespace, name))
        self.catalogue.commit_table(table, wanted.requirements, wanted.updates)
        return 200, _described(self.catalogue.load_table((namespace, name)))

    def _drop_table(self, namespace: str, name: str) -> tuple[int, Any]:
        self.catalogue.drop_table((namespace, name))
        return 204, None


def _described(table: Table) -> Any:
    return {"metadata-location": table.metadata_location, "metadata": json.loads(table.metadata.model_dump_json())}


def _error(kind: str, message: str, code: int) -> Any:
    return {"error": {"message": message, "type": kind, "code": code}}

"""A small API for tests: a function computes the responses, and the requests are recorded."""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from typing_extensions import override


@dataclass(frozen=True)
class ReceivedRequest:
    """A recorded request."""

    method: str
    path: str
    params: dict[str, str]
    headers: dict[str, str]
    body: Any


@dataclass
class Answer:
    """A response: JSON, or `text` if it is set."""

    value: Any = None
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    text: str | None = None


@dataclass
class RestServer:
    """A running server.

    Attributes:
        answer: Called with each request; returns an Answer or the JSON of one.
        requests: All requests, oldest first.
    """

    url: str
    answer: Callable[[ReceivedRequest], Any] = lambda _request: []
    requests: list[ReceivedRequest] = field(default_factory=list)


@contextmanager
def serve() -> Iterator[RestServer]:
    """Runs a server in a thread until the block ends."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    server.daemon_threads = True
    server.api = RestServer(f"http://127.0.0.1:{server.server_address[1]}")  # type: ignore[attr-defined] # the handler's only way to it
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield server.api  # type: ignore[attr-defined]
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    @override
    def log_message(self, format: str, *args: Any) -> None:
        """Discards the log line."""

    def do_GET(self) -> None:
        """Sends the response to the request."""
        api: RestServer = self.server.api  # type: ignore[attr-defined]
        parts = urlsplit(self.path)
        content = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        is_json = "json" in self.headers.get("Content-Type", "")
        body = json.loads(content) if is_json else dict(parse_qsl(content.decode()))
        request = ReceivedRequest(self.command, parts.path, dict(parse_qsl(parts.query)), dict(self.headers), body)
        api.requests.append(request)
        given = api.answer(request)
        answer = given if isinstance(given, Answer) else Answer(given)
        text = json.dumps(answer.value) if answer.text is None else answer.text
        self.send_response(answer.status)
        for name, value in {"Content-Type": "application/json", **answer.headers}.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(text.encode())))
        self.end_headers()
        self.wfile.write(text.encode())

    do_POST = do_GET  # noqa: N815 - http.server looks for this name

"""`python -m benchmarks.daily.server FD`: responds with ten rows, after 0.3 s."""

from __future__ import annotations

import sys

import orjson

from benchmarks.application import Application
from benchmarks.daily.outcome import ROWS

SECONDS = 0.3

if __name__ == "__main__":
    body = orjson.dumps([{"id": number, "name": f"n{number}", "price": number * 1.5} for number in range(ROWS)])
    Application(lambda _query: body, {"content-type": "application/json"}, SECONDS).run(int(sys.argv[1]))

"""Masks the secrets that this process knows in texts, log records and output."""

from __future__ import annotations

import base64
import json
import logging
import re
import sys
import threading
import traceback
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any, TextIO, cast
from urllib.parse import quote, quote_plus, unquote_plus

from data_foundation.process_wide.secret_names import is_secret

MASK = "***"
SHORTEST = 6
"""Characters of the shortest masked value: shorter ones occur in too many texts by chance."""

SHORTEST_NUMBER = 8
"""The same for a value of digits only."""

COMMON = frozenset({"access", "bearer", "changeme", "default", "disable", "duckdb", "example", "localhost", "password",
                    "passwd", "prefer", "public", "require", "sandbox", "secret", "secrets", "snowflake", "string",
                    "unknown", "verify-ca", "verify-full"})  # fmt: skip
"""Common words, never masked, whatever setting holds them."""

LONG, END = 24, 12
"""Of a value this long, its first or last characters are masked too: texts are often cut in the middle of a value."""

# Up to the last @, because a password may contain one, or a slash: masking too much is better than too little. But not
# after a host, whose path has the @, nor the name of a container in Azure's storage.
_USERINFO = re.compile(
    r"""(?<=://)(?<!\babfs://)(?<!\babfss://)(?<!\bwasbs://)(?!(?:localhost|[\w-]+(?:\.[\w-]+)+)(?::\d+)?[/?#])[^\s'"]+(?=@)"""
)
_QUERY = re.compile(r"(?<=[?&])([^=&\s'\"]+)=([^&\s'\")]+)")
_QUERY_SECRETS = frozenset({"code", "nonce", "otp", "pin"})
"""Names of parameters that hold a secret, in addition to those of settings."""
# A number, a date or a time, a version, numbers with commas, or words: not what a generated secret looks like.
_WORDS = r"(?:[a-z]{1,15}(?:[A-Z][a-z]{1,15})*|[A-Z][a-z]{1,15}|[A-Z]{1,12})"
_PLAIN = re.compile(
    rf"-?\d{{1,7}}(?:\.\d{{1,7}})?|v?\d{{1,3}}(?:\.\d{{1,3}})*|\d{{1,7}}(?:,\d{{1,7}})+|{_WORDS}(?:[-_.,: ]{_WORDS})*"
    r"|\d{4}-\d\d(?:-\d\d)?(?:[T ]\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?:Z|[+ -]\d\d:?\d\d)?)?|\d{4}-W\d\d"
)
# A value after the name of a secret, as in `token=abc` or `"password": "abc"`.
_NAMED = re.compile(
    r"""(?i)((?:token|secret|passw(?:or)?d|passphrase|api[_-]?key)(?:=|["']\s*:\s*["'])["']?)[^\s'",;&()]{6,}"""
)
_WORD = r"[^\s'\",;&()<>]*"
_HEX = re.compile("%[0-9A-F]{2}")


class _Known:
    """The masked values, with all their encodings."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._values: set[str] = set()
        self._marks: frozenset[str] = frozenset()
        self._pattern = re.compile("(?!)")

    def add(self, values: Iterable[str]) -> None:
        with self._lock:
            if not (new := {value for value in values if _is_maskable(value)} - self._values):
                return
            self._values |= new
            spelled = {spelling for value in self._values for spelling in _spellings(value)}
            ends = {value for value in spelled if len(value) >= LONG}
            patterns = [re.escape(value) for value in sorted(spelled, key=len, reverse=True)]
            patterns += [f"{re.escape(value[:END])}{_WORD}|{_WORD}{re.escape(value[-END:])}" for value in sorted(ends)]
            self._pattern = re.compile("|".join(patterns))
            self._marks = frozenset(spelled | {value[:END] for value in ends} | {value[-END:] for value in ends})

    def mask(self, text: str) -> str:
        # Searching for hundreds of words is a hundred times faster than the pattern, and mostly finds none.
        return self._pattern.sub(MASK, text) if any(mark in text for mark in self._marks) else text


_known = _Known()


def remember(values: Iterable[str]) -> None:
    """Registers secrets to mask, in every encoding. Skips values that are too short or too common."""
    _known.add(values)


def redact(text: str) -> str:
    """Returns `text` with known secrets masked, values named as secrets, and of URLs user info and query values.

    Query values that are plain, such as a page, a date or the name of a field, are kept unless their name is secret.
    """
    text = _known.mask(_USERINFO.sub(MASK, text))
    return _NAMED.sub(rf"\1{MASK}", _QUERY.sub(_mask_parameter, text))


def _mask_parameter(found: re.Match[str]) -> str:
    name, value = found[1], found[2]
    is_plain = _PLAIN.fullmatch(unquote_plus(value).rstrip(".,;:"))
    if is_plain and not is_secret(unquote_plus(name)) and name.lower() not in _QUERY_SECRETS:
        return found[0]
    return f"{name}={MASK}"


@contextmanager
def redacted_output() -> Iterator[None]:
    """Masks what Python code prints until the block ends, but not what child processes print.

    Output belongs to the process: with several threads in such a block, it is masked until the last one leaves.
    """
    _output.enter()
    try:
        yield
    finally:
        _output.leave()


def redact_logs() -> None:
    """Masks message, arguments and traceback of every log record that this process creates from now on."""
    former = logging.getLogRecordFactory()
    if isinstance(former, _RecordFactory):
        return
    logging.setLogRecordFactory(_RecordFactory(former))


class _Output:
    """The process's output, masked while a thread is inside `redacted_output`."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._inside = 0
        self._former: tuple[TextIO, TextIO] = (sys.stdout, sys.stderr)

    def enter(self) -> None:
        with self._lock:
            self._inside += 1
            if self._inside == 1:
                self._former = sys.stdout, sys.stderr
                sys.stdout, sys.stderr = (cast("TextIO", _Redacted(stream)) for stream in self._former)

    def leave(self) -> None:
        with self._lock:
            self._inside -= 1
            if not self._inside:
                sys.stdout, sys.stderr = self._former


_output = _Output()


class _Redacted:
    """A stream that masks text before it writes it to another stream."""

    def __init__(self, below: TextIO) -> None:
        self._below = below

    def write(self, text: str) -> int:
        self._below.write(redact(text))
        return len(text)

    def writelines(self, lines: Iterable[str]) -> None:
        for line in lines:
            self.write(line)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._below, name)


class _RecordFactory:
    """Creates log records with the former factory, and masks them."""

    def __init__(self, former: Any) -> None:
        self._former = former

    def __call__(self, *args: Any, **kwargs: Any) -> logging.LogRecord:
        record: logging.LogRecord = self._former(*args, **kwargs)
        try:
            message = record.getMessage()
        except Exception:  # noqa: BLE001 - arguments that do not fit the message must not fail the caller
            message = f"{record.msg} {record.args}"
            record.msg, record.args = message, ()
        # Unchanged records keep their arguments, by which log services group messages.
        if (masked := redact(message)) != message:
            record.msg, record.args = masked, ()
        if record.exc_info and record.exc_info[0]:
            trace = "".join(traceback.format_exception(*record.exc_info)).rstrip("\n")
            if (masked := redact(trace)) != trace:
                record.exc_text, record.exc_info = masked, None
        return record


def _is_maskable(value: str) -> bool:
    shortest = SHORTEST_NUMBER if value.isdigit() else SHORTEST
    return len(value) >= shortest and value.lower() not in COMMON


def _spellings(value: str) -> Iterator[str]:
    """Yields the encodings of a value in texts: plain, escaped, percent-encoded, and inside base64."""
    yield from (value, repr(value)[1:-1], json.dumps(value)[1:-1])
    raw = value.encode(errors="replace")
    for quoted in (quote(raw, safe=""), quote(raw), quote_plus(raw)):
        yield from (quoted, quote(quoted), _HEX.sub(lambda found: found[0].lower(), quoted))
    for before in range(3):
        # Its first and last characters in base64 also encode its neighbours: only those between are constant.
        coded = base64.b64encode(bytes(before) + raw).decode()[-(-before * 8 // 6) : (before + len(raw)) * 8 // 6]
        if len(coded) >= SHORTEST:
            yield from (coded, coded.replace("+", "-").replace("/", "_"))

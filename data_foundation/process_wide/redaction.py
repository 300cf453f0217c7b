"""Masks the secrets that this process knows in texts and log records."""

from __future__ import annotations

import logging
import re
import traceback
from collections.abc import Iterable
from typing import Any
from urllib.parse import unquote_plus

from data_foundation.process_wide.known_secrets import MASK, KnownSecrets
from data_foundation.process_wide.secret_names import is_secret

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
_HINTS = ("token", "secret", "passw", "passphrase", "api")
"""Beginnings of the names in `_NAMED`: a text without one of them need not be searched by the pattern."""

_known = KnownSecrets()


def remember(values: Iterable[str]) -> None:
    """Registers secrets to mask, in every encoding. Skips values that are too short or too common."""
    _known.add(values)


def redact(text: str) -> str:
    """Returns `text` with known secrets masked, values named as secrets, and of URLs user info and query values.

    Query values that are plain, such as a page, a date or the name of a field, are kept unless their name is secret.
    """
    if "://" in text:
        text = _USERINFO.sub(MASK, text)
    text = _known.mask(text)
    if "=" in text:
        text = _QUERY.sub(_mask_parameter, text)
    lower = text.lower()
    return _NAMED.sub(rf"\1{MASK}", text) if any(hint in lower for hint in _HINTS) else text


def has_known_secret(text: str) -> bool:
    """Returns whether a text contains a known secret, in any spelling."""
    return _known.mask(text) != text


def open_end(text: str, *, is_line: bool) -> int:
    """Returns how many characters at the end of a text may begin a secret that the text after it continues.

    Args:
        text: What was written so far.
        is_line: Whether the text ends with a line; a few characters then are no beginning.
    """
    return _known.open_end(text) if is_line else _known.open_end(text, 1)


def _mask_parameter(found: re.Match[str]) -> str:
    name, value = found[1], found[2]
    is_plain = _PLAIN.fullmatch(unquote_plus(value).rstrip(".,;:"))
    if is_plain and not is_secret(unquote_plus(name)) and name.lower() not in _QUERY_SECRETS:
        return found[0]
    return f"{name}={MASK}"


def redact_logs() -> None:
    """Masks message, arguments and traceback of every log record that this process creates from now on."""
    former = logging.getLogRecordFactory()
    if isinstance(former, _RecordFactory):
        return
    logging.setLogRecordFactory(_RecordFactory(former))


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

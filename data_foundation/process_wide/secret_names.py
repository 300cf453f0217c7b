"""Decides by its name whether a setting, an argument, a field or a parameter of a URL holds a secret."""

from __future__ import annotations

import re
from functools import lru_cache

SECRET_PARTS = ("password", "passwd", "passphrase", "secret", "token", "credential", "apikey", "signature", "webhook")
"""A name that contains one of these names a secret."""

SECRET_WORDS = frozenset({"auth", "authorization", "bearer", "cookie", "dsn", "jwt", "key", "keys", "pass", "pat",
                          "pwd", "sas", "sig"})  # fmt: skip
"""A name with one of these as a word names a secret."""

HARMLESS_ENDINGS = frozenset({"account", "column", "database", "dir", "drivername", "expires", "file", "folder", "host",
                           "id", "name", "path", "port", "region", "role", "sock", "type", "user", "username",
                           "warehouse"})  # fmt: skip
"""A name that ends in one of these words names no secret, whatever comes before."""

HARMLESS_NAMES = frozenset({"pwd", "oldpwd"})
HARMLESS_KEYS = ("foreign_key", "merge_key", "partition_key", "primary_key", "public_key", "sort_key")

_WORDS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")


@lru_cache(maxsize=4096)
def is_secret(name: str) -> bool:
    """Returns whether a setting, an argument or a field of this name holds a secret."""
    words = [word.lower() for word in _WORDS.findall(name.rpartition("__")[2])]
    snake = "_".join(words)
    if snake in HARMLESS_NAMES or snake.endswith(HARMLESS_KEYS) or (words and words[-1] in HARMLESS_ENDINGS):
        return False
    is_named = any(part in "".join(words) for part in SECRET_PARTS) or not SECRET_WORDS.isdisjoint(words)
    return is_named or "__credentials__" in name.lower()

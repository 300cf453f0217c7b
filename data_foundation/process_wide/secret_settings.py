"""Finds secret settings: by their names in the environment and in dlt's files, or as declared to dlt."""

from __future__ import annotations

import json
import os
import re
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from dlt.common.configuration.utils import get_resolved_traces
from dlt.common.runtime.run_context import global_dir

from data_foundation.process_wide.dlt_memo import is_secret_hint
from data_foundation.process_wide.redaction import remember
from data_foundation.process_wide.secret_names import HARMLESS_ENDINGS, is_secret

_PAIR = re.compile(r"(?:^|[;&\s,])\s*([\w .-]+?)\s*=\s*([^;&\s,]+)")
_RANDOM = re.compile(r"(?=.*\d)(?=.*[A-Za-z])\S{16,}")
_RANDOM_IN_SECRET = re.compile(r"(?=.*\d)\S{8,}|\S{20,}")
_AFTER_EQUALS = re.compile(r"=\s*[\[{]?\s*(?:'''|\"\"\"|['\"])?(.*?)['\"\]},\s]*$", re.MULTILINE)


def learn_settings(settings: Mapping[str, Any]) -> None:
    """Registers the secrets in `settings`, at any depth; user info in a URL is one, whatever the setting's name."""
    remember(list(_of_mapping(settings)))


def learn_secrets(settings: Mapping[str, Any]) -> None:
    """Registers every value in `settings`, at any depth, but for those whose name ends in a word like `host`."""
    plain = {name: value for name, value in settings.items() if _is_harmless(name)}
    remember(list(_of_mapping({name: settings[name] for name in settings.keys() - plain.keys()}, all_secret=True)))
    learn_settings(plain)


def learn_files(folder: Path) -> None:
    """Registers the secrets in dlt's files in `folder` and in dlt's global folder, even if they are malformed."""
    files = [Path(place, name) for place in (folder, global_dir()) for name in ("secrets.toml", "config.toml")]
    for file in files:
        try:
            text = file.read_text(encoding="utf-8", errors="replace")
        except OSError:
            continue
        try:
            secrets = list(_of_mapping(tomllib.loads(text), all_secret=file.name == "secrets.toml"))
        except tomllib.TOMLDecodeError:
            secrets = [line.strip() for line in _AFTER_EQUALS.findall(text)]
        remember(secrets)


def learn_resolved() -> None:
    """Registers the values that dlt resolved as secrets in this thread, from any provider."""
    for trace in list(get_resolved_traces().resolved_traces):
        if is_secret_hint(trace.hint):
            value = trace.value if isinstance(trace.value, Mapping) else {trace.key: trace.value}
            remember(list(_of_mapping(value, all_secret=True)))


def _is_harmless(name: str) -> bool:
    return name.lower().rpartition("_")[2] in HARMLESS_ENDINGS


def _of_mapping(settings: Mapping[str, Any], *, all_secret: bool = False) -> Iterator[str]:
    for name, value in settings.items():
        plain = all_secret and name.lower() not in HARMLESS_ENDINGS
        yield from _of_value(value, secret=plain or is_secret(str(name)), all_secret=all_secret)


def _of_value(value: Any, *, secret: bool, all_secret: bool) -> Iterator[str]:
    if isinstance(value, Mapping):
        yield from _of_mapping(value, all_secret=all_secret)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from _of_value(item, secret=secret, all_secret=all_secret)
    elif not isinstance(value, bool):
        yield from _of_text(str(value).strip(), secret=secret)


def _of_text(text: str, *, secret: bool) -> Iterator[str]:
    """Yields the secrets in a setting's text, which may be JSON, a URL, a connection string, or a plain value."""
    if text.startswith("{"):
        try:
            yield from _of_mapping(json.loads(text), all_secret=secret)
        except (ValueError, RecursionError):
            pass
        else:
            return
    if "://" in text or ("?" in text and "=" in text):
        yield from _of_url(text, secret=secret)
        return
    yield from (value for name, value in _PAIR.findall(text) if is_secret(name))
    if secret and not _is_path(text):
        yield text
        # Texts may quote single lines of a multi-line key.
        yield from (line for line in text.splitlines() if len(line) > len("-----BEGIN PRIVATE KEY-----"))


def _is_path(text: str) -> bool:
    """Returns whether a text is the path of a file here, such as `credentials` of DuckDB: masked, no error names it."""
    return text.startswith("/") and os.path.isdir(Path(*Path(text).parts[:2]))  # noqa: PTH112 - Path's own raises for long names


def _of_url(url: str, *, secret: bool) -> Iterator[str]:
    try:
        parts = urlsplit(url)
    except ValueError:
        yield url
        return
    user, _, password = parts.netloc.rpartition("@")[0].partition(":")
    # Without a password, the user is a token.
    yield from (password or user, unquote(password or user))
    for name, value in parse_qsl(parts.query) + parse_qsl(parts.fragment):
        if secret or is_secret(name):
            yield value
    random = _RANDOM_IN_SECRET if secret else _RANDOM
    segments = [*parts.path.split("/"), parts.fragment]
    for segment in segments:
        if random.fullmatch(segment):
            yield from (segment, unquote(segment))

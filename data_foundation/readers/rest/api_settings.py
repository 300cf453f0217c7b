"""Reads the settings of an API: base URL, headers and authentication."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import urlsplit

from typing_extensions import override

from data_foundation.errors import EntryError
from data_foundation.process_wide.secret_names import is_secret
from data_foundation.process_wide.secret_settings import learn_settings
from data_foundation.readers.connection_settings import ConnectionSettings
from data_foundation.suggestions import nearest

AUTH = {
    "none": (),
    "bearer": ("token",),
    "api_key": ("api_key",),
    "http_basic": ("username", "password"),
    "oauth2_client_credentials": ("access_token_url", "client_id", "client_secret"),
}
"""The kinds of `auth`, with dlt's names, and the settings that each needs."""

OPTIONS = {"api_key": ("name", "location"), "oauth2_client_credentials": ("access_token_request_data",)}
"""Optional settings of each kind."""

NAMES = {"basic": "http_basic", "apikey": "api_key", "oauth2": "oauth2_client_credentials"}
"""Other names of the kinds."""

LOCATIONS = ("header", "query")
_SECRET = ("token", "api_key", "password", "client_secret")


@dataclass(frozen=True)
class Api:
    """The settings of an API.

    Attributes:
        name: Name of the connection in `sources.yaml`.
        base_url: The URL before every endpoint's path.
        headers: Headers of every request.
        auth: Kind of authentication, a key of `AUTH`.
        keys: The settings of `AUTH` and `OPTIONS` for this kind.
    """

    name: str
    base_url: str
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    auth: str = "none"
    keys: Mapping[str, Any] = field(default_factory=dict, repr=False)

    @override
    def __str__(self) -> str:
        """Names the API in a message, without a secret."""
        return f"'{self.name}' ({self.base_url})"


def find_api(folder: str, name: str) -> Api:
    """Returns the API `name` of a source folder.

    Its settings are a table `[sources.<folder>.<name>]` of dlt's configuration with nested tables `auth` and
    `headers`, or environment variables: SOURCES__<FOLDER>__<NAME>__BASE_URL, ...__AUTH__TOKEN.

    Raises:
        SettingMissing: Settings are missing; names all of them.
        EntryError: A setting is invalid.
    """
    settings = ConnectionSettings(folder, name)
    keys = _read_keys(settings)
    kind = _kind(settings, keys)
    base_url = str(settings.find("base_url") or "").strip()
    lacking = [f"auth.{key}" for key in AUTH[kind] if key not in keys]
    if missing := ([] if base_url else ["base_url"]) + lacking:
        raise settings.missing(missing)
    if urlsplit(base_url).scheme not in {"http", "https"} or not urlsplit(base_url).hostname:
        raise EntryError(
            f"{settings.section}.base_url: got '{base_url}'; accepted is a URL, for instance https://api.example.com"
        )
    return Api(name, base_url, _headers(settings), kind, _keys_of(settings, kind, keys))


def with_auth(api: Api, folder: str, name: str) -> Api:
    """Returns the API with the credentials of another connection; with none, if the name is `none`.

    Raises:
        SettingMissing: The other connection lacks a credential.
        EntryError: A setting is invalid.
    """
    if name == "none":
        return replace(api, auth="none", keys={})
    settings = ConnectionSettings(folder, name)
    keys = _read_keys(settings)
    kind = _kind(settings, keys)
    lacking = [key for key in AUTH[kind] if key not in keys] or ([] if kind != "none" else ["type"])
    if lacking:
        raise settings.missing(f"auth.{key}" for key in lacking)
    return replace(api, auth=kind, keys=_keys_of(settings, kind, keys))


def _read_keys(settings: ConnectionSettings) -> dict[str, Any]:
    """Returns every setting of `auth` that is set, whatever its kind needs."""
    names = sorted({key for kind in AUTH for key in (*AUTH[kind], *OPTIONS.get(kind, ()))})
    known = {key: settings.find(f"auth.{key}", secret=key in _SECRET) for key in names}
    keys = {key: value for key, value in known.items() if value not in {None, ""}}
    learn_settings({key: str(keys[key]) for key in _SECRET if key in keys})
    return keys


def _keys_of(settings: ConnectionSettings, kind: str, keys: Mapping[str, Any]) -> dict[str, Any]:
    """Returns the settings that a kind of authentication has, checked."""
    own = {key: value for key, value in keys.items() if key in {*AUTH[kind], *OPTIONS.get(kind, ())}}
    _check_location(settings, own)
    if "access_token_request_data" in own:
        own["access_token_request_data"] = _mapping(settings, "auth.access_token_request_data")
    return own


def _kind(settings: ConnectionSettings, keys: Mapping[str, Any]) -> str:
    """Returns the kind that `auth.type` names; if it is not set, the kind to which the given keys belong."""
    word = settings.find("auth.type")
    if word is None:
        return next((kind for kind, needs in AUTH.items() if keys.keys() & set(needs)), "none")
    kind = str(word).strip().lower()
    kind = NAMES.get(kind, kind)
    if kind not in AUTH:
        accepted = [*AUTH, *NAMES]
        raise EntryError(
            f"{settings.section}.auth.type: got '{word}'; accepted: {', '.join(AUTH)}{nearest(kind, accepted)}"
        )
    return kind


def _check_location(settings: ConnectionSettings, keys: Mapping[str, Any]) -> None:
    if (location := keys.get("location", "header")) not in LOCATIONS:
        raise EntryError(
            f"{settings.section}.auth.location: got '{location}'; accepted: {', '.join(LOCATIONS)}"
            f"{nearest(str(location), LOCATIONS)}"
        )


def _headers(settings: ConnectionSettings) -> dict[str, str]:
    headers = _mapping(settings, "headers")
    learn_settings(headers)
    # In `Authorization: Token abc` the last word alone is a secret too.
    learn_settings({name: value.split()[-1] for name, value in headers.items() if is_secret(name) and value.strip()})
    return headers


def _mapping(settings: ConnectionSettings, setting: str) -> dict[str, str]:
    """Returns a setting that is a table, or in the environment a JSON object.

    Raises:
        EntryError: The setting is neither.
    """
    value = settings.find(setting, secret=True)
    try:
        mapping = json.loads(value) if isinstance(value, str) else value or {}
    except ValueError:
        mapping = None
    if not isinstance(mapping, Mapping):
        raise EntryError(f"{settings.section}.{setting}: accepted is a table, or in the environment a JSON object")
    return {str(name): str(item) for name, item in mapping.items()}

"""Turns settings into credentials for a lake, and errors of its storage into the setting to change."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlparse

from dlt.common.configuration.specs import (
    AwsCredentials,
    AwsCredentialsWithoutDefaults,
    AzureCredentials,
    AzureCredentialsWithoutDefaults,
    AzureServicePrincipalCredentialsWithoutDefaults,
)
from dlt.common.destination.exceptions import DestinationTransientException
from dlt.common.exceptions import MissingDependencyException

from data_foundation.errors import FoundationError, SettingMissing, WarehouseError
from data_foundation.warehouses.base import Setting
from data_foundation.warehouses.lake.access.google import GCS, GCS_SETTINGS, KEY_FILE, MachineCredentials

AZURE, S3 = ("az", "abfs", "abfss"), ("s3", "s3a")

ACCOUNT = "AZURE_STORAGE_ACCOUNT_NAME"
CONNECTION = "AZURE_STORAGE_CONNECTION_STRING"
KEY = "AZURE_STORAGE_ACCOUNT_KEY"
TOKEN = "AZURE_STORAGE_SAS_TOKEN"  # noqa: S105 - a setting's name
PRINCIPAL = ("AZURE_TENANT_ID", "AZURE_CLIENT_ID", "AZURE_CLIENT_SECRET")
NAMED_BY = "LAKE_URL, or `lake` of the resource"
"""The settings that name a container, for messages."""

EMULATED = "devstoreaccount1"
"""The only account of Azure's emulator."""

AWS_KEYS = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")

ACCESS_SETTINGS = (
    Setting(ACCOUNT, "Azure storage account. Alone it uses a managed identity, or the login of `az login`."),
    Setting(KEY, "Key of the storage account."),
    Setting(TOKEN, "SAS token with the rights to read, write, list and delete, instead of the key."),
    *(Setting(name, "Service principal, instead of the key; set all three.") for name in PRINCIPAL),
    Setting(CONNECTION, "Azure connection string, instead of everything above."),
    Setting("AWS_ACCESS_KEY_ID", "Access key of S3; if not set, the machine's own credentials."),
    Setting("AWS_SECRET_ACCESS_KEY", "Secret of that access key."),
    Setting("AWS_SESSION_TOKEN", "Session token of temporary credentials."),
    Setting("AWS_REGION", "Region of the bucket."),
    Setting("AWS_ENDPOINT_URL", "URL of another store that speaks S3's protocol."),
    *GCS_SETTINGS,
)

_REFUSED = re.compile(
    r"\b40[13]\b|AuthenticationFailed|AuthorizationFailure|AuthorizationPermissionMismatch|failed to authenticate"
    r"|not authorized|AccessDenied|InvalidAccessKeyId|SignatureDoesNotMatch|ExpiredToken|Forbidden|NoCredentials"
    r"|Unable to locate credentials|InvalidAuthenticationInfo|DefaultCredentialsError|RefreshError"
    r"|Unauthorized|OAuthError|UnrecognizedClient|InvalidSignature"
)
_NO_CONTAINER = re.compile(r"ContainerNotFound|specified container does not exist|NoSuchBucket|bucket does not exist")
_PASSING = re.compile(
    r"Cannot connect|Could not connect|Connection (?:refused|reset|closed|timeout)|error sending request|tcp connect"
    r"|timed out|\b50[0234]\b|ServerBusy|SlowDown|\b429\b|EndpointConnection|name resolution|Name or service"
    r"|ServiceUnavailable|ServerError|TooManyRequests|ThrottlingException"
)
_LIBRARIES = (
    "azure.",
    "aiohttp.",
    "adlfs",
    "botocore.",
    "aiobotocore.",
    "s3fs",
    "gcsfs.",
    "google.auth.",
    "deltalake",
    "_internal",
    "pyiceberg.",
    "requests.",
)
_OF_CATALOGUE = "pyiceberg.exceptions"
"""Module of the errors of a catalogue; those of its files are of the libraries that read them."""
_PROOFS = ("LAKE_CATALOG_CREDENTIAL", "LAKE_CATALOG_TOKEN")


@dataclass(frozen=True)
class Access:
    """Address and credentials of a lake.

    Attributes:
        url: The address for dlt.
        credentials: dlt's credentials, None for a local folder.
        filesystem: Further arguments of the fsspec file system.
        delta: Further storage options of deltalake.
    """

    url: str
    credentials: Any = field(default=None, repr=False)
    filesystem: Mapping[str, Any] = field(default_factory=dict, repr=False)
    delta: Mapping[str, str] = field(default_factory=dict, repr=False)


def find_access(url: str, settings: Mapping[str, str]) -> Access:
    """Returns address and credentials of a lake.

    Args:
        url: The URL of the lake, or a path.
        settings: The environment, completed by `.env`.

    Raises:
        SettingMissing: Names every setting that is not set.
        WarehouseError: Two settings contradict each other, or the protocol is unknown.
    """
    scheme = urlparse(url).scheme if "://" in url else ""
    if not scheme:
        return Access(url)
    if scheme in AZURE:
        return _azure(url, settings)
    if scheme in S3:
        return _s3(url, settings)
    if scheme in GCS:
        return Access(url, MachineCredentials.of(settings))
    accepted = "az://container/folder, abfss://, s3://bucket/folder, gs://bucket/folder, or a path"
    message = f"LAKE_URL: got '{scheme}://'; accepted: {accepted}"
    raise WarehouseError(message)


def _azure(url: str, settings: Mapping[str, str]) -> Access:
    given = {name: value for name in (CONNECTION, KEY, TOKEN) if (value := settings.get(name))}
    principal = [name for name in PRINCIPAL if settings.get(name)]
    # A tenant or a client without a secret only selects among default credentials.
    if "AZURE_CLIENT_SECRET" in principal:
        given["AZURE_CLIENT_SECRET"] = settings["AZURE_CLIENT_SECRET"]
    if len(given) > 1:
        raise WarehouseError(f"{' and '.join(given)} are set; accepted: one of them, so unset the others")
    if CONNECTION in given:
        return _azure_by_connection_string(url, given[CONNECTION])
    host = urlparse(url).hostname or ""
    account = settings.get(ACCOUNT) or (host.split(".")[0] if "@" in url else "")
    missing = [] if account else [ACCOUNT]
    if "AZURE_CLIENT_SECRET" in given:
        missing += [name for name in PRINCIPAL if name not in principal]
    if missing:
        raise SettingMissing(missing, "LAKE_URL is in Azure; set them in the environment or in .env")
    if "AZURE_CLIENT_SECRET" in given:
        secrets = AzureServicePrincipalCredentialsWithoutDefaults(azure_storage_account_name=account)
        for name in PRINCIPAL:
            setattr(secrets, name.lower(), settings[name])
        return Access(url, _resolved(secrets))
    if KEY in given or TOKEN in given:
        return Access(url, _by_secret(account, given.get(KEY), given.get(TOKEN)))
    default = AzureCredentials(azure_storage_account_name=account)
    default.on_partial()
    return Access(url, default)


def _azure_by_connection_string(url: str, text: str) -> Access:
    parts = dict(part.split("=", 1) for part in text.split(";") if "=" in part)
    name, key, token = (parts.get(part) for part in ("AccountName", "AccountKey", "SharedAccessSignature"))
    if not name or not (key or token):
        message = f"{CONNECTION}: accepted is AccountName=...;AccountKey=... or ...;SharedAccessSignature=..."
        raise WarehouseError(message)
    credentials = _by_secret(name, key, token)
    endpoint = parts.get("BlobEndpoint", "").rstrip("/")
    if name == EMULATED:
        # With this option deltalake does not list from a start name, which Azurite ignores. deltalake reads the
        # emulator's address from the process's AZURITE_BLOB_STORAGE_URL.
        return Access(url, credentials, {"connection_string": text}, {"azure_storage_use_emulator": "true"})
    delta = {"azure_storage_endpoint": endpoint} if endpoint else {}
    if endpoint.startswith("http://"):
        delta["allow_http"] = "true"
    return Access(url, credentials, {"connection_string": text}, delta)


def _s3(url: str, settings: Mapping[str, str]) -> Access:
    keys = [name for name in AWS_KEYS if settings.get(name)]
    if len(keys) == 1:
        raise SettingMissing(
            [name for name in AWS_KEYS if name not in keys],
            f"{keys[0]} is set; set both, or neither to use the credentials of the machine",
        )
    endpoint = settings.get("AWS_ENDPOINT_URL") or None
    location = {"region_name": settings.get("AWS_REGION") or None, "endpoint_url": endpoint}
    delta = {"aws_allow_http": "true"} if (endpoint or "").startswith("http://") else {}
    if not keys:
        default = AwsCredentials()
        for name, value in location.items():
            setattr(default, name, value)
        default.on_partial()
        return Access(url, default, {}, delta)
    credentials = AwsCredentialsWithoutDefaults()
    secrets = {"aws_access_key_id": AWS_KEYS[0], "aws_secret_access_key": AWS_KEYS[1],
               "aws_session_token": "AWS_SESSION_TOKEN"}  # fmt: skip
    for name, value in {**location, **{name: settings.get(setting) for name, setting in secrets.items()}}.items():
        setattr(credentials, name, value)
    return Access(url, _resolved(credentials), {}, delta)


def _by_secret(account: str, key: str | None, token: str | None) -> Any:
    credentials: Any = AzureCredentialsWithoutDefaults(azure_storage_account_name=account)
    credentials.azure_storage_account_key, credentials.azure_storage_sas_token = key, token
    return _resolved(credentials)


def _resolved(credentials: Any) -> Any:
    """Returns `credentials`, marked as resolved so that dlt does not read settings of its own."""
    credentials.__is_resolved__ = True
    return credentials


def explain_refusal(error: BaseException, settings: Mapping[str, str]) -> Exception | None:
    """Returns an error with the setting to change or a transient error, None for an error of another kind.

    Args:
        error: The error of a library that reads or writes the lake.
        settings: The settings of the lake; the one that signs in is named in the message.
    """
    if isinstance(error, FoundationError):
        return None
    if isinstance(error, MissingDependencyException | ModuleNotFoundError):
        return WarehouseError(f"the lake needs packages that are not installed: {error}. Install the extra `lake`")
    cause: BaseException | None = error
    while cause is not None and not _is_of_storage(cause):
        cause = cause.__cause__
    return _explain(cause, settings) if cause is not None else None


def _explain(error: BaseException, settings: Mapping[str, str]) -> Exception | None:
    message = " ".join(re.sub(r"\x1b\[\d+m|↳|<[^>]*>", " ", str(error)).split())[:300]
    if _NO_CONTAINER.search(str(error)):
        return WarehouseError(f"the container or bucket is not there: create it, or correct {NAMED_BY}")
    if isinstance(error, PermissionError) or _REFUSED.search(f"{type(error).__name__} {error}"):
        is_of_catalogue = type(error).__module__ == _OF_CATALOGUE
        who = "catalogue of the lake (LAKE_CATALOG)" if is_of_catalogue else "lake"
        proof = (_given(settings, _PROOFS) or "this process") if is_of_catalogue else _proof(settings)
        reason = f"the {who} refuses {proof}: it is wrong, expired, or lacks a privilege"
        return WarehouseError(f"{reason}. The message of the storage: {message}")
    if isinstance(error, ConnectionError | TimeoutError) or _PASSING.search(f"{type(error).__name__} {error}"):
        return DestinationTransientException(message)
    return None


def _is_of_storage(error: BaseException) -> bool:
    """Returns whether a library of the lake raised the error."""
    names = {parent.__module__ for parent in type(error).__mro__}
    is_of_library = any(name.startswith(_LIBRARIES) for name in names)
    # s3fs, gcsfs and deltalake raise Python's own errors; deltalake's start with "Generic" and the name of the service.
    is_named = isinstance(error, OSError) and re.search("Generic |^Forbidden: ", str(error)) is not None
    return is_of_library or isinstance(error, PermissionError) or is_named


def _proof(settings: Mapping[str, str]) -> str:
    """Returns the settings that sign in, for messages."""
    names = (CONNECTION, KEY, TOKEN, "AZURE_CLIENT_SECRET", *AWS_KEYS, KEY_FILE)
    scheme = urlparse(settings.get("LAKE_URL") or "").scheme
    kinds = {**dict.fromkeys(AZURE, "AZURE"), **dict.fromkeys(S3, "AWS"), **dict.fromkeys(GCS, "GOOGLE")}
    kind = kinds.get(scheme, "/")
    given = _given(settings, [name for name in names if name.startswith(kind)])
    return given or ("this process" if kind == "/" else "the default credentials of this machine")


def _given(settings: Mapping[str, str], names: Sequence[str]) -> str:
    return " and ".join(name for name in names if settings.get(name))

"""Snowflake as warehouse: checks its settings and opens one session for each load."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Self

from dlt.common.libs.cryptography import decode_private_key
from typing_extensions import override

from data_foundation.errors import WarehouseError
from data_foundation.warehouses.base import WORK_FOLDER, Setting, Warehouse, require_settings

if TYPE_CHECKING:
    from snowflake.connector import SnowflakeConnection

    from data_foundation.warehouses.base import Destination
    from data_foundation.warehouses.snowflake.destination import TransactionalSnowflake

SETTINGS = (
    Setting("SNOWFLAKE_ACCOUNT", "The account identifier, for instance `myorg-myaccount`; no URL.", required=True),
    Setting("SNOWFLAKE_USER", "The user that signs in.", required=True),
    Setting("SNOWFLAKE_DATABASE", "The database that holds the schemas.", required=True),
    Setting("SNOWFLAKE_WAREHOUSE", "The virtual warehouse that runs the statements.", required=True),
    Setting("SNOWFLAKE_ROLE", "The role to use; if not set, the user's default role."),
    Setting("SNOWFLAKE_PRIVATE_KEY_PATH", "File of a PKCS8 private key in PEM format: the way in for machines."),
    Setting("SNOWFLAKE_PRIVATE_KEY", "The private key itself, where a secret store gives no files."),
    Setting("SNOWFLAKE_PRIVATE_KEY_PASSPHRASE", "Passphrase of an encrypted private key."),
    Setting("SNOWFLAKE_PASSWORD", "Password, instead of a key."),
    Setting("SNOWFLAKE_TOKEN", "OAuth token or programmatic access token, instead of a key."),
    Setting(
        "SNOWFLAKE_AUTHENTICATOR",
        "How to sign in: `oauth` (default) or `programmatic_access_token` with a token; `externalbrowser` or "
        "`workload_identity` without a secret.",
    ),
    Setting("SNOWFLAKE_HOST", "Host name, for a private link only."),
    Setting("SNOWFLAKE_PORT", "Port, for a private link only."),
    Setting("SNOWFLAKE_PROTOCOL", "Protocol, for a test server only."),
)
PRIVATE_KEY_SETTINGS = ("SNOWFLAKE_PRIVATE_KEY_PATH", "SNOWFLAKE_PRIVATE_KEY")
SECRET_SETTINGS = (*PRIVATE_KEY_SETTINGS, "SNOWFLAKE_PASSWORD", "SNOWFLAKE_TOKEN")
"""Settings with a secret to sign in with, of which exactly one is set; machines use a key pair."""

AUTHENTICATORS: Mapping[str, str] = {
    "SNOWFLAKE_PRIVATE_KEY_PATH": "snowflake_jwt",
    "SNOWFLAKE_PRIVATE_KEY": "snowflake_jwt",
    "SNOWFLAKE_PASSWORD": "snowflake",
    "SNOWFLAKE_TOKEN": "oauth",
}
WITHOUT_SECRET = frozenset({"externalbrowser", "workload_identity"})
"""Authenticators without a secret: a person in a browser, or the identity of a cloud machine."""

LOGIN_SECONDS = 60
REPLY_SECONDS = 300
"""How long the connector retries a request without an answer; its default has no limit."""

LONGEST_TAG = 2000

LOCK_SECONDS = 600
"""How long a statement waits for a table that another one changes; Snowflake's default is twelve hours."""


@dataclass(frozen=True)
class SnowflakeWarehouse(Warehouse):
    """A Snowflake database."""

    settings: Mapping[str, str] = field(repr=False)
    kind: ClassVar[str] = "snowflake"
    known_settings: ClassVar[Sequence[Setting]] = SETTINGS
    # They put files into a stage over one session; Snowflake then loads the files in parallel.
    load_workers: ClassVar[int] = 8
    json_text: ClassVar[str] = "TO_JSON({})"  # a cast would write texts without quotes

    @classmethod
    @override
    def of(cls, root: Path, settings: Mapping[str, str], *, suffix: str, others: Callable[[str], Warehouse]) -> Self:
        """Returns the database that `SNOWFLAKE_ACCOUNT` and `SNOWFLAKE_DATABASE` name."""
        identity = f"{settings.get('SNOWFLAKE_ACCOUNT')}/{settings.get('SNOWFLAKE_DATABASE')}{suffix}"
        return cls(
            cls.find_work_folder(WORK_FOLDER.find_path(root, settings), identity),
            settings,
            suffix=suffix,
            others=others,
        )

    @override
    def describe(self) -> str:
        return f"snowflake://{self.settings.get('SNOWFLAKE_ACCOUNT')}/{self.settings.get('SNOWFLAKE_DATABASE')}"

    @property
    @override
    def database(self) -> str:
        return self.settings.get("SNOWFLAKE_DATABASE", "")

    @override
    def destination(self) -> Destination:
        return self._destination()

    @override
    def dbt_settings(self) -> Mapping[str, str]:
        settings = {name: value for name, value in self.settings.items() if name.startswith("SNOWFLAKE_")}
        return {**settings, "SNOWFLAKE_AUTHENTICATOR": self._authenticator()} if settings else settings

    @contextmanager
    @override
    def open(self, label: Mapping[str, str] | None = None) -> Iterator[Destination]:
        """Yields a destination over one session, whose QUERY_TAG is the label as JSON.

        Raises:
            SettingMissing: Names every setting that is not set.
            WarehouseError: Names the setting or the privilege at fault.
            ConnectionError: The account cannot be reached; a retry may help.
        """
        with closing(self._connect(label or {})) as session:
            yield self._destination(session)

    def _destination(self, session: SnowflakeConnection | None = None) -> TransactionalSnowflake:
        credentials = self._credentials()
        try:
            # The driver is an extra, and takes half a second to import.
            from data_foundation.warehouses.snowflake.destination import TransactionalSnowflake  # noqa: PLC0415
        except ModuleNotFoundError as error:
            message = f"WAREHOUSE=snowflake needs {error.name}: pip install 'data-foundation[snowflake]'"
            raise WarehouseError(message) from None
        return TransactionalSnowflake(credentials, session)

    def _connect(self, label: Mapping[str, str]) -> SnowflakeConnection:
        self._destination()  # raises if the driver is not installed
        import snowflake.connector  # noqa: PLC0415 - see `_destination`

        from data_foundation.warehouses.snowflake.errors import explain_connection  # noqa: PLC0415 - the same

        parameters = self._connector_parameters()
        try:
            return snowflake.connector.connect(
                **parameters,
                autocommit=True,
                # A database or virtual warehouse that does not exist fails here, and not at the first statement.
                validate_default_parameters=True,
                login_timeout=LOGIN_SECONDS,
                network_timeout=REPLY_SECONDS,
                arrow_number_to_decimal=True,
                application="data_foundation",
                session_parameters={"QUERY_TAG": json.dumps(dict(label))[:LONGEST_TAG], "LOCK_TIMEOUT": LOCK_SECONDS},
            )
        except snowflake.connector.Error as error:
            raise explain_connection(error, self.settings) from None

    def _connector_parameters(self) -> dict[str, Any]:
        """Returns the checked arguments of the connector."""
        get = self.settings.get
        self._check()
        parameters: dict[str, Any] = {
            "account": get("SNOWFLAKE_ACCOUNT"),
            "user": get("SNOWFLAKE_USER"),
            "database": get("SNOWFLAKE_DATABASE"),
            "warehouse": get("SNOWFLAKE_WAREHOUSE"),
            "role": get("SNOWFLAKE_ROLE"),
            "password": get("SNOWFLAKE_PASSWORD"),
            "token": get("SNOWFLAKE_TOKEN"),
            "authenticator": self._authenticator(),
            "private_key": self._private_key(),
            "host": get("SNOWFLAKE_HOST"),
            "port": get("SNOWFLAKE_PORT"),
            "protocol": get("SNOWFLAKE_PROTOCOL"),
        }
        return {name: value for name, value in parameters.items() if value}

    def _credentials(self) -> dict[str, Any]:
        """Returns dlt's credentials, without a secret: dlt gets an open session."""
        self._check()
        get = self.settings.get
        known = {"host": get("SNOWFLAKE_ACCOUNT"), "database": get("SNOWFLAKE_DATABASE"),
                 "username": get("SNOWFLAKE_USER"), "warehouse": get("SNOWFLAKE_WAREHOUSE"),
                 "role": get("SNOWFLAKE_ROLE")}  # fmt: skip
        return {**{name: value for name, value in known.items() if value}, "authenticator": "given"}

    def _authenticator(self) -> str:
        given = [AUTHENTICATORS[name] for name in SECRET_SETTINGS if self.settings.get(name)]
        return self.settings.get("SNOWFLAKE_AUTHENTICATOR") or (given[0] if given else "")

    def _check(self) -> None:
        """Raises if a setting is missing or invalid, or if two contradict each other."""
        get = self.settings.get
        given = [name for name in SECRET_SETTINGS if get(name)]
        authenticator = get("SNOWFLAKE_AUTHENTICATOR", "")
        needs_secret = not given and authenticator.lower() not in WITHOUT_SECRET
        secrets = ["SNOWFLAKE_PRIVATE_KEY_PATH (or SNOWFLAKE_PASSWORD, or SNOWFLAKE_TOKEN)"] if needs_secret else []
        require_settings(SETTINGS, self.settings, also=secrets)
        if len(given) > 1:
            message = f"{' and '.join(given)} are set; accepted: one of them, preferably SNOWFLAKE_PRIVATE_KEY_PATH"
            raise WarehouseError(message)
        if get("SNOWFLAKE_PRIVATE_KEY_PASSPHRASE") and not any(get(name) for name in PRIVATE_KEY_SETTINGS):
            message = "SNOWFLAKE_PRIVATE_KEY_PASSPHRASE is set and there is no key; set SNOWFLAKE_PRIVATE_KEY_PATH"
            raise WarehouseError(message)
        expected = AUTHENTICATORS[given[0]] if given else authenticator
        if authenticator and ((expected == "snowflake_jwt") != (authenticator.lower() == "snowflake_jwt")):
            message = (
                f"SNOWFLAKE_AUTHENTICATOR: got '{authenticator}', and {given[0] if given else 'no key'} is set; "
                "unset one of them"
            )
            raise WarehouseError(message)
        if any(mark in get("SNOWFLAKE_ACCOUNT", "") for mark in ("/", ".snowflakecomputing.")):
            message = (
                "SNOWFLAKE_ACCOUNT: got an address; accepted: the account's identifier, for instance myorg-myaccount"
            )
            raise WarehouseError(message)
        if get("SNOWFLAKE_PRIVATE_KEY_PATH") or get("SNOWFLAKE_PRIVATE_KEY"):
            self._private_key()

    def _private_key(self) -> bytes | None:
        """Returns the private key as DER, None if none is set.

        Raises:
            WarehouseError: The file cannot be read, it holds no key, or the passphrase does not open it.
        """
        path, text = self.settings.get("SNOWFLAKE_PRIVATE_KEY_PATH"), self.settings.get("SNOWFLAKE_PRIVATE_KEY")
        if path:
            try:
                text = Path(path).expanduser().read_text(encoding="ascii")
            except (OSError, UnicodeDecodeError) as error:
                reason = error.strerror if isinstance(error, OSError) else "it is not a PEM file"
                message = f"SNOWFLAKE_PRIVATE_KEY_PATH: {path} cannot be read: {reason}"
                raise WarehouseError(message) from None
        if not text:
            return None
        try:
            return decode_private_key(text, self.settings.get("SNOWFLAKE_PRIVATE_KEY_PASSPHRASE") or None)
        except Exception:  # noqa: BLE001 - the message of any library may contain the key
            name = "SNOWFLAKE_PRIVATE_KEY_PATH" if path else "SNOWFLAKE_PRIVATE_KEY"
            message = (
                f"{name}: the private key cannot be read; accepted: a PKCS8 key in PEM format. Set "
                "SNOWFLAKE_PRIVATE_KEY_PASSPHRASE to its passphrase if it is encrypted, otherwise unset it"
            )
            raise WarehouseError(message) from None

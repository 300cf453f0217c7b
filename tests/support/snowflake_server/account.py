"""Users, roles and warehouses of the account, and the checks at login."""

import base64
import hashlib
from dataclasses import dataclass, field
from typing import Any

import jwt
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_der_public_key,
    load_pem_public_key,
)

_INVALID_KEY = "JWT token is invalid. [0ce9eb56-821d-4ca9-a774-04ae89a0cf5a]"
SYSTEM_ROLES = ("ACCOUNTADMIN", "SECURITYADMIN", "SYSADMIN", "USERADMIN", "PUBLIC")


class LoginError(Exception):
    """A login that Snowflake would refuse, with its code and message."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


class UnknownAccountError(Exception):
    """There is no account with the requested name."""


@dataclass
class User:
    """A user with its credentials and roles; None stands for all roles."""

    name: str
    password: str | None = None
    public_keys: list[str] = field(default_factory=list)
    # Which of a user's two keys each one is, if ALTER USER set it.
    key_names: dict[str, str] = field(default_factory=dict)
    tokens: dict[str, str] = field(default_factory=dict)
    roles: set[str] | None = None
    default_role: str = "PUBLIC"
    default_warehouse: str | None = None
    disabled: bool = False


@dataclass
class Warehouse:
    """A warehouse, and whether it is suspended."""

    name: str
    suspended: bool = False
    auto_resume: bool = True


@dataclass
class Account:
    """An account without its data."""

    name: str
    users: dict[str, User] = field(default_factory=dict)
    roles: set[str] = field(default_factory=lambda: set(SYSTEM_ROLES))
    read_only_roles: set[str] = field(default_factory=set)
    warehouses: dict[str, Warehouse] = field(default_factory=dict)
    policies: set[str] = field(default_factory=set)


def account_from(settings: dict[str, Any]) -> Account:
    """Returns the account described by a JSON document; names are upper-cased like unquoted identifiers."""
    account = Account(settings["account"].upper())
    account.roles |= {name.upper() for name in settings.get("roles", [])}
    account.read_only_roles = {name.upper() for name in settings.get("read_only_roles", [])}
    account.roles |= account.read_only_roles
    for name, fields in settings.get("warehouses", {}).items():
        account.warehouses[name.upper()] = Warehouse(name.upper(), **fields)
    for name, fields in settings.get("users", {}).items():
        roles = {"PUBLIC", *map(str.upper, fields["roles"])} if fields.get("roles") is not None else None
        account.users[name.upper()] = User(name.upper(), **{**fields, "roles": roles})
    return account


def check_login(account: Account, login: dict[str, Any]) -> User:
    """Returns the user of a login request.

    Raises:
        UnknownAccountError: The request is for another account.
        LoginError: The credentials are invalid.
    """
    if str(login.get("ACCOUNT_NAME", "")).upper() != account.name:
        raise UnknownAccountError
    authenticator = str(login.get("AUTHENTICATOR", "SNOWFLAKE")).upper()
    if authenticator == "OAUTH":
        return _by_token(account, str(login.get("TOKEN")))
    if authenticator == "SNOWFLAKE_JWT":
        return _active(_by_key(account, str(login.get("LOGIN_NAME")), str(login.get("TOKEN"))))
    user = account.users.get(str(login.get("LOGIN_NAME", "")).upper())
    if user is None or user.password is None or user.password != login.get("PASSWORD"):
        raise LoginError("390100", "Incorrect username or password was specified.")
    return _active(user)


def _active(user: User) -> User:
    if user.disabled:
        raise LoginError("390101", "User access disabled. Contact your local system administrator.")
    return user


def _by_token(account: Account, token: str) -> User:
    for user in account.users.values():
        if (state := user.tokens.get(token)) == "expired":
            raise LoginError("390318", "OAuth access token expired.")
        if state is not None:
            return _active(user)
    raise LoginError("390303", "Invalid OAuth access token.")


def _by_key(account: Account, login_name: str, token: str) -> User:
    user = account.users.get(login_name.upper())
    if user is None:
        raise LoginError("390144", _INVALID_KEY)
    for key in user.public_keys:
        public_key = _public_key(key)
        try:
            # Snowflake accepts a client's clock that is ahead by more than a second.
            claims = jwt.decode(token, public_key, algorithms=["RS256"], leeway=60)
        except jwt.PyJWTError:
            continue
        der = public_key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        fingerprint = "SHA256:" + base64.b64encode(hashlib.sha256(der).digest()).decode()
        subject = f"{account.name.partition('.')[0]}.{login_name.upper()}"
        if claims.get("sub") == subject and claims.get("iss") == f"{subject}.{fingerprint}":
            return user
    raise LoginError("390144", _INVALID_KEY)


def _public_key(text: str) -> Any:
    """Returns a key from PEM, or from the base64 text that ALTER USER accepts."""
    if "BEGIN" in text:
        return load_pem_public_key(text.encode())
    return load_der_public_key(base64.b64decode("".join(text.split())))


def role_at_login(account: Account, user: User, wanted: str | None) -> str:
    """Returns the role at the start of a session.

    Raises:
        LoginError: The role does not exist, or the user does not have it.
    """
    role = (wanted or user.default_role).upper()
    if role not in account.roles or (user.roles is not None and role not in user.roles):
        raise LoginError(
            "390189",
            f"Role '{role}' specified in the connect string does not exist or not authorized. "
            "Contact your local system admin, or attempt to login with another role, e.g. PUBLIC.",
        )
    return role

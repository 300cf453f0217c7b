"""Statements about the account: users, roles, warehouses, policies and grants. Each must match a known form."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from .account import Account, User, Warehouse
from .answers import Answer, rows_answer, status
from .errors import SqlError, operation_impossible, syntax_error
from .session import Session
from .stages import NAME, QUALIFIED, STRING, identifiers, unquoted
from .statements import Statement

_PROPERTY = re.compile(rf"\s*,?\s*(\w+)\s*=\s*(\((?:[^()']|{STRING})*\)|{STRING}|{QUALIFIED}|-?\d+)", re.DOTALL)
_KNOWN = {
    "USER": {
        "PASSWORD", "LOGIN_NAME", "DISPLAY_NAME", "EMAIL", "COMMENT", "DISABLED", "MUST_CHANGE_PASSWORD", "TYPE",
        "DEFAULT_ROLE", "DEFAULT_WAREHOUSE", "DEFAULT_NAMESPACE", "DEFAULT_SECONDARY_ROLES", "RSA_PUBLIC_KEY",
        "RSA_PUBLIC_KEY_2", "NETWORK_POLICY", "DAYS_TO_EXPIRY", "QUERY_TAG", "STATEMENT_TIMEOUT_IN_SECONDS",
    },
    "ROLE": {"COMMENT"},
    "WAREHOUSE": {
        "WAREHOUSE_SIZE", "WAREHOUSE_TYPE", "AUTO_SUSPEND", "AUTO_RESUME", "INITIALLY_SUSPENDED", "COMMENT",
        "MIN_CLUSTER_COUNT", "MAX_CLUSTER_COUNT", "SCALING_POLICY", "RESOURCE_MONITOR", "STATEMENT_TIMEOUT_IN_SECONDS",
        "STATEMENT_QUEUED_TIMEOUT_IN_SECONDS", "MAX_CONCURRENCY_LEVEL", "ENABLE_QUERY_ACCELERATION", "GENERATION",
    },
    "NETWORK POLICY": {"ALLOWED_IP_LIST", "BLOCKED_IP_LIST", "ALLOWED_NETWORK_RULE_LIST", "COMMENT"},
    "NETWORK RULE": {"TYPE", "VALUE_LIST", "MODE", "COMMENT"},
    "AUTHENTICATION POLICY": {
        "AUTHENTICATION_METHODS", "CLIENT_TYPES", "SECURITY_INTEGRATIONS", "MFA_ENROLLMENT", "COMMENT",
    },
    "RESOURCE MONITOR": {"CREDIT_QUOTA", "FREQUENCY", "START_TIMESTAMP", "NOTIFY_USERS"},
}  # fmt: skip
_KINDS = "|".join(kind.replace(" ", r"\s+") for kind in _KNOWN)
_PRIVILEGES = (
    r"(?:ALL(?:\s+PRIVILEGES)?|USAGE|OPERATE|MONITOR(?:\s+USAGE)?|MODIFY|SELECT|INSERT|UPDATE|DELETE|TRUNCATE|REFERENCES"
    r"|READ|WRITE|OWNERSHIP|IMPORTED\s+PRIVILEGES|APPLY|EXECUTE\s+TASK"
    r"|CREATE\s+(?:DATABASE|SCHEMA|TABLE|TEMPORARY\s+TABLE|VIEW|STAGE|FILE\s+FORMAT|SEQUENCE|FUNCTION|PROCEDURE|TASK"
    r"|STREAM|PIPE|DYNAMIC\s+TABLE|MATERIALIZED\s+VIEW|ROLE|USER|WAREHOUSE))"
)
_OBJECT = (
    r"(?:ACCOUNT|(?:(?:ALL|FUTURE)\s+\w+(?:\s+\w+)?\s+IN\s+(?:SCHEMA|DATABASE)"
    r"|DATABASE|SCHEMA|TABLE|VIEW|STAGE|FILE\s+FORMAT|WAREHOUSE|SEQUENCE|INTEGRATION|USER|ROLE)\s+" + QUALIFIED + ")"
)


def _pattern(text: str) -> re.Pattern[str]:
    return re.compile(text.replace(" ", r"\s+"), re.IGNORECASE | re.DOTALL)


@dataclass(frozen=True)
class _Form:
    pattern: re.Pattern[str]
    answer: Callable[[Account, Session, re.Match[str]], Answer]


def answer(account: Account, session: Session, statement: Statement) -> Answer | None:
    """Returns the answer of the account, or None if the statement is not about it."""
    for form in _FORMS:
        if found := form.pattern.fullmatch(statement.text):
            return form.answer(account, session, found)
    return None


def _properties(kind: str, text: str) -> dict[str, str]:
    found = {name.upper(): value for name, value in _PROPERTY.findall(text or "")}
    rest = re.sub(r"^\s*(WITH\b)?", "", _PROPERTY.sub("", text or ""), flags=re.IGNORECASE).strip()
    # Triggers of a monitor are a clause, not properties.
    if kind == "RESOURCE MONITOR":
        rest = re.sub(r"TRIGGERS(\s+ON\s+\d+\s+PERCENT\s+DO\s+\w+)+", "", rest, flags=re.IGNORECASE).strip()
    if rest or found.keys() - _KNOWN[kind]:
        raise syntax_error(rest or min(found.keys() - _KNOWN[kind]))
    return {name: unquoted(value) for name, value in found.items()}


def _create(account: Account, _session: Session, found: re.Match[str]) -> Answer:
    kind, name = " ".join(found["kind"].upper().split()), identifiers(found["name"])[-1]
    properties = _properties(kind, found["rest"])
    known = _known(account, kind)
    if name in known and not found["replace"]:
        if found["exists"]:
            return status(f"{name} already exists, statement succeeded.")
        raise SqlError(2002, "42710", f"SQL compilation error:\nObject '{name}' already exists.")
    if kind == "USER":
        account.users[name] = User(name, roles={"PUBLIC"})
        _set_user(account.users[name], properties)
    elif kind == "WAREHOUSE":
        account.warehouses[name] = Warehouse(name)
        _set_warehouse(account.warehouses[name], properties)
    elif kind == "ROLE":
        account.roles.add(name)
    else:
        account.policies.add(f"{kind} {name}")
    return status(f"{kind.capitalize()} {name} successfully created.")


def _known(account: Account, kind: str) -> set[str]:
    if kind in {"USER", "WAREHOUSE", "ROLE"}:
        return set({"USER": account.users, "WAREHOUSE": account.warehouses, "ROLE": account.roles}[kind])
    return {name.removeprefix(f"{kind} ") for name in account.policies if name.startswith(f"{kind} ")}


def _set_user(user: User, properties: dict[str, str]) -> None:
    user.password = properties.get("PASSWORD", user.password)
    user.default_role = identifiers(properties.get("DEFAULT_ROLE", user.default_role))[-1]
    user.disabled = properties.get("DISABLED", str(user.disabled)).upper() == "TRUE"
    for name in ("RSA_PUBLIC_KEY", "RSA_PUBLIC_KEY_2"):
        if name in properties:
            user.public_keys[:] = [key for key in user.public_keys if user.key_names.get(key) != name]
            user.public_keys.append(properties[name])
            user.key_names[properties[name]] = name
    if "DEFAULT_WAREHOUSE" in properties:
        user.default_warehouse = identifiers(properties["DEFAULT_WAREHOUSE"])[-1]


def _set_warehouse(warehouse: Warehouse, properties: dict[str, str]) -> None:
    warehouse.suspended = properties.get("INITIALLY_SUSPENDED", str(warehouse.suspended)).upper() == "TRUE"
    warehouse.auto_resume = properties.get("AUTO_RESUME", str(warehouse.auto_resume)).upper() == "TRUE"


def _drop(account: Account, _session: Session, found: re.Match[str]) -> Answer:
    kind, name = " ".join(found["kind"].upper().split()), identifiers(found["name"])[-1]
    if name not in _known(account, kind):
        if found["exists"]:
            return status(f"Drop statement executed successfully ({name} already dropped).")
        raise SqlError(
            2003, "02000", f"SQL compilation error:\n{kind.capitalize()} '{name}' does not exist or not authorized."
        )
    account.users.pop(name, None) if kind == "USER" else None
    account.warehouses.pop(name, None) if kind == "WAREHOUSE" else None
    account.roles.discard(name) if kind == "ROLE" else None
    account.policies.discard(f"{kind} {name}")
    return status(f"{name} successfully dropped.")


def _existing(known: dict[str, User] | dict[str, Warehouse] | set[str], kind: str, text: str) -> str:
    name = identifiers(text)[-1]
    if name not in known:
        raise SqlError(2003, "02000", f"SQL compilation error:\n{kind} '{name}' does not exist or not authorized.")
    return name


def _alter_user(account: Account, _session: Session, found: re.Match[str]) -> Answer:
    user = account.users[_existing(account.users, "User", found["name"])]
    if found["verb"].upper() == "UNSET":
        names = {name.strip().upper() for name in found["rest"].split(",")}
        if unknown := names - _KNOWN["USER"]:
            raise syntax_error(min(unknown))
        user.public_keys[:] = [key for key in user.public_keys if user.key_names.get(key) not in names]
        user.password = None if "PASSWORD" in names else user.password
        return status()
    if re.fullmatch(rf"(AUTHENTICATION|PASSWORD|SESSION)\s+POLICY\s+{QUALIFIED}", found["rest"].strip(), re.IGNORECASE):
        return status()
    _set_user(user, _properties("USER", found["rest"]))
    return status()


def _alter_warehouse(account: Account, _session: Session, found: re.Match[str]) -> Answer:
    warehouse = account.warehouses[_existing(account.warehouses, "Warehouse", found["name"])]
    verb = found["verb"].upper()
    if verb == "SET":
        _set_warehouse(warehouse, _properties("WAREHOUSE", found["rest"]))
    elif found["rest"].strip().upper() not in {"", "IF SUSPENDED"}:
        raise syntax_error(found["rest"].split()[0])
    else:
        warehouse.suspended = verb == "SUSPEND"
    return status()


def _alter_account(_account: Account, _session: Session, _found: re.Match[str]) -> Answer:
    return status()


def _grant_role(account: Account, _session: Session, found: re.Match[str]) -> Answer:
    role = _existing(account.roles, "Role", found["role"])
    if found["to"].upper() == "USER":
        user = account.users[_existing(account.users, "User", found["grantee"])]
        if user.roles is not None:
            (user.roles.add if found["verb"].upper() == "GRANT" else user.roles.discard)(role)
    else:
        _existing(account.roles, "Role", found["grantee"])
    return status()


def _grant(account: Account, _session: Session, found: re.Match[str]) -> Answer:
    _existing(account.roles, "Role", found["grantee"])
    return status()


def _use_role(account: Account, session: Session, found: re.Match[str]) -> Answer:
    role = identifiers(found["name"])[-1]
    if role not in account.roles:
        raise operation_impossible()
    if session.user.roles is not None and role not in session.user.roles:
        raise SqlError(
            3013,
            "42501",
            f"SQL access control error:\nRequested role '{role}' is not assigned to the executing user. "
            "Specify another role to activate.",
        )
    session.role = role
    return status()


def _use_warehouse(account: Account, session: Session, found: re.Match[str]) -> Answer:
    warehouse = identifiers(found["name"])[-1]
    if warehouse not in account.warehouses:
        raise operation_impossible()
    session.warehouse = warehouse
    return status()


def _shown(columns: Sequence[str], rows: list[list[str | None]], like: str | None, name_at: int) -> Answer:
    if like:
        pattern = re.escape(unquoted(like)).replace("%", ".*").replace("_", ".")
        rows = [row for row in rows if re.fullmatch(pattern, str(row[name_at]), re.IGNORECASE)]
    return rows_answer([(name, "VARCHAR") for name in columns], rows)


def _show_warehouses(account: Account, session: Session, found: re.Match[str]) -> Answer:
    rows: list[list[str | None]] = [
        [
            w.name,
            "SUSPENDED" if w.suspended else "STARTED",
            "STANDARD",
            "X-Small",
            str(w.auto_resume).lower(),
            "Y" if w.name == session.warehouse else "N",
        ]
        for w in account.warehouses.values()
    ]
    return _shown(("name", "state", "type", "size", "auto_resume", "is_current"), rows, found["like"], 0)


def _show_roles(account: Account, session: Session, found: re.Match[str]) -> Answer:
    rows: list[list[str | None]] = [
        ["1970-01-01", role, "N", "Y" if role == session.role else "N", "N", "0", "0", "0", "", ""]
        for role in sorted(account.roles)
    ]
    columns = (
        "created_on",
        "name",
        "is_default",
        "is_current",
        "is_inherited",
        "assigned_to_users",
        "granted_to_roles",
        "granted_roles",
        "owner",
        "comment",
    )
    return _shown(columns, rows, found["like"], 1)


def _show_users(account: Account, _session: Session, found: re.Match[str]) -> Answer:
    rows: list[list[str | None]] = [
        [u.name, u.default_role, u.default_warehouse, str(bool(u.password)).lower(), str(bool(u.public_keys)).lower()]
        for u in account.users.values()
    ]
    return _shown(
        ("name", "default_role", "default_warehouse", "has_password", "has_rsa_public_key"), rows, found["like"], 0
    )


def _show_grants(_account: Account, _session: Session, _found: re.Match[str]) -> Answer:
    columns = (
        "created_on",
        "privilege",
        "granted_on",
        "name",
        "granted_to",
        "grantee_name",
        "grant_option",
        "granted_by",
    )
    return _shown(columns, [], None, 0)


def _nothing(_account: Account, _session: Session, _found: re.Match[str]) -> Answer:
    return status()


_LIKE = rf"(?: LIKE (?P<like>{STRING}))?"
_TO = rf"(?:TO|FROM)(?: (?:ROLE|USER|DATABASE ROLE))? (?P<grantee>{QUALIFIED})"
_TEXT = rf"(?:{STRING}|\$\$.*?\$\$)"
_RETENTION = r"(?:DATA_RETENTION|MAX_DATA_EXTENSION)_TIME_IN_DAYS"
_HOW = r"(?: WITH GRANT OPTION| COPY CURRENT GRANTS| REVOKE CURRENT GRANTS| CASCADE| RESTRICT)?"
_COMMENTED = rf"(?:COLUMN )?{NAME} COMMENT {_TEXT}"
_UNLESS = r"(?P<exists>IF NOT EXISTS )?"
_FORMS: tuple[_Form, ...] = tuple(
    _Form(_pattern(text), handler)
    for text, handler in (
        (
            rf"CREATE (?P<replace>OR REPLACE )?(?P<kind>{_KINDS}) {_UNLESS}(?P<name>{QUALIFIED})(?P<rest>.*)",
            _create,
        ),
        (rf"DROP (?P<kind>{_KINDS}) (?P<exists>IF EXISTS )?(?P<name>{QUALIFIED})", _drop),
        (rf"ALTER USER (?:IF EXISTS )?(?P<name>{NAME}) (?P<verb>SET|UNSET) (?P<rest>.*)", _alter_user),
        (
            rf"ALTER WAREHOUSE (?:IF EXISTS )?(?P<name>{NAME}) (?P<verb>SET|SUSPEND|RESUME)(?P<rest>.*)",
            _alter_warehouse,
        ),
        (rf"ALTER ACCOUNT (?:SET|UNSET) \w+(?: POLICY)?(?:\s*=\s*|\s+)?{QUALIFIED}?", _alter_account),
        (
            rf"(?P<verb>GRANT|REVOKE) ROLE (?P<role>{NAME}) (?:TO|FROM) (?P<to>ROLE|USER) (?P<grantee>{NAME})",
            _grant_role,
        ),
        (
            rf"(?:GRANT|REVOKE) {_PRIVILEGES}(?:\s*,\s*{_PRIVILEGES})* ON {_OBJECT} {_TO}{_HOW}",
            _grant,
        ),
        (rf"(?:GRANT|REVOKE) DATABASE ROLE {QUALIFIED} (?:TO|FROM) ROLE (?P<grantee>{NAME})", _grant),
        (rf"ALTER (?:DATABASE|SCHEMA|TABLE) (?:IF EXISTS )?{QUALIFIED} SET {_RETENTION}\s*=\s*\d+", _nothing),
        (rf"USE ROLE (?P<name>{NAME})", _use_role),
        (rf"USE WAREHOUSE (?P<name>{NAME})", _use_warehouse),
        (r"USE SECONDARY ROLES (?:ALL|NONE)", _nothing),
        (rf"SHOW WAREHOUSES{_LIKE}", _show_warehouses),
        (rf"SHOW (?:TERSE )?ROLES{_LIKE}", _show_roles),
        (rf"SHOW (?:TERSE )?USERS{_LIKE}", _show_users),
        (rf"SHOW (?:FUTURE )?GRANTS(?: (?:ON|TO|OF|IN) \w+(?: {QUALIFIED})?)?", _show_grants),
        (rf"COMMENT (?:IF EXISTS )?ON \w+(?: \w+)? {QUALIFIED}(?:\.{NAME})? IS {_TEXT}", _nothing),
        (
            rf"ALTER (?:TABLE|VIEW) {QUALIFIED} (?:ALTER|MODIFY)\s*\(?\s*{_COMMENTED}(?:\s*,\s*{_COMMENTED})*\s*\)?",
            _nothing,
        ),
    )
)

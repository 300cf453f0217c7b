"""Parser of COPY INTO: table, source and options; unknown options are refused."""

import re
from dataclasses import dataclass, field
from typing import Any

from .errors import SqlError, syntax_error
from .stages import QUALIFIED, STAGE, STRING, identifiers, unquoted

_LIST = rf"\((?:[^()']|{STRING})*\)"
_VALUE = rf"(?:\((?:[^()']|{STRING}|{_LIST})*\)|{STRING}|[\w.+-]+)"
_OPTION = re.compile(rf"\s*,?\s*(\w+)\s*=\s*({_VALUE})", re.DOTALL)
_HEAD = re.compile(
    rf"COPY\s+INTO\s+(?P<table>{QUALIFIED})\s*(?P<columns>\([^)]*\))?\s*FROM\s+(?P<rest>.*)", re.IGNORECASE | re.DOTALL
)
_SELECT = re.compile(
    rf"\s*SELECT\s+(?P<projection>.*?)\s+FROM\s+(?P<stage>{STAGE})\s*(?:AS\s+)?(?P<alias>\w+)?\s*",
    re.IGNORECASE | re.DOTALL,
)
_KNOWN = {
    "FILE_FORMAT", "FILES", "PATTERN", "FORCE", "PURGE", "ON_ERROR", "MATCH_BY_COLUMN_NAME", "TRUNCATECOLUMNS",
    "LOAD_UNCERTAIN_FILES",
}  # fmt: skip
_KNOWN_OF_FORMAT = {
    "PARQUET": {"COMPRESSION", "BINARY_AS_TEXT", "USE_LOGICAL_TYPE", "USE_VECTORIZED_SCANNER", "TRIM_SPACE", "NULL_IF"},
    "JSON": {"COMPRESSION", "BINARY_FORMAT", "STRIP_OUTER_ARRAY", "STRIP_NULL_VALUES", "ALLOW_DUPLICATE", "NULL_IF"},
    "CSV": {
        "COMPRESSION", "BINARY_FORMAT", "PARSE_HEADER", "SKIP_HEADER", "FIELD_OPTIONALLY_ENCLOSED_BY", "NULL_IF",
        "ERROR_ON_COLUMN_COUNT_MISMATCH", "FIELD_DELIMITER", "ENCODING", "EMPTY_FIELD_AS_NULL", "RECORD_DELIMITER",
    },
}  # fmt: skip


@dataclass
class Copy:
    """One COPY INTO a table."""

    table: str
    stage: str
    columns: list[str] | None = None
    projection: str | None = None
    options: dict[str, Any] = field(default_factory=dict)
    file_format: dict[str, Any] = field(default_factory=dict)

    @property
    def format(self) -> str:
        """The type of the files."""
        return str(self.file_format.get("TYPE", "CSV")).upper()

    def is_on(self, option: str) -> bool:
        """Returns True if an option of COPY is TRUE."""
        return str(self.options.get(option, "FALSE")).upper() == "TRUE"


def read_copy(text: str) -> Copy:
    """Parses the text of a COPY INTO.

    Raises:
        SqlError: The text is not a COPY INTO, or an option is unknown.
    """
    if not (head := _HEAD.fullmatch(text)):
        raise syntax_error("COPY")
    columns = identifiers(head["columns"]) if head["columns"] else None
    rest = head["rest"].strip()
    if rest.startswith("("):
        inner, rest = _parenthesised(rest)
        if not (select := _SELECT.fullmatch(inner)):
            raise syntax_error("SELECT")
        projection = _without_alias(select["projection"], select["alias"])
        copy = Copy(head["table"], select["stage"], columns, projection)
    else:
        if not (source := re.match(STAGE, rest)):
            raise syntax_error(rest[:20])
        copy, rest = Copy(head["table"], source[0], columns), rest[source.end() :]
    copy.options = _options(rest, _KNOWN)
    copy.file_format = _format(str(copy.options.pop("FILE_FORMAT", "()")))
    if str(copy.options.get("ON_ERROR", "ABORT_STATEMENT")).upper() != "ABORT_STATEMENT":
        raise SqlError(9999, "0A000", "This server knows ON_ERROR = ABORT_STATEMENT alone")
    return copy


def _without_alias(projection: str, alias: str | None) -> str:
    return re.sub(rf"\b{alias}\.\$", "$", projection) if alias else projection


def _parenthesised(text: str) -> tuple[str, str]:
    """Returns the text inside the leading parentheses, and the text after them."""
    depth = 0
    for found in re.finditer(rf'{STRING}|"[^"]*"|[()]', text):
        depth += {"(": 1, ")": -1}.get(found[0], 0)
        if depth == 0 and found[0] == ")":
            return text[1 : found.start()], text[found.end() :]
    raise syntax_error("<EOF>")


def _options(text: str, known: set[str]) -> dict[str, Any]:
    if rest := _OPTION.sub("", text).strip():
        raise syntax_error(rest.split()[0])
    options = {name.upper(): _value(value) for name, value in _OPTION.findall(text)}
    if unknown := options.keys() - known:
        raise syntax_error(min(unknown))
    return options


def _value(text: str) -> Any:
    if re.fullmatch(rf"\(\s*(?:{STRING}\s*,?\s*)*\)", text):
        return [unquoted(item) for item in re.findall(STRING, text)]
    return unquoted(text)


def _format(text: str) -> dict[str, Any]:
    inner = text[1:-1] if text.startswith("(") else text
    kind = re.search(r"\bTYPE\s*=\s*'?(\w+)", inner, re.IGNORECASE)
    name = kind[1].upper() if kind else "CSV"
    if name not in _KNOWN_OF_FORMAT:
        raise SqlError(1003, "42000", f"SQL compilation error:\nFile format type '{name}' is not known to this server")
    return _options(inner, _KNOWN_OF_FORMAT[name] | {"TYPE"})

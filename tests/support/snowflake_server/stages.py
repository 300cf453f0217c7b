"""Stages: their files, and the statements PUT, LIST, REMOVE and DROP STAGE."""

import datetime as dt
import hashlib
import re
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

from .answers import Answer, rows_answer, status
from .errors import SqlError, object_missing, syntax_error
from .session import Session

STRING = r"'(?:[^'\\]|\\.|'')*'"
STAGE = rf'(?:{STRING}|@(?:"[^"]*"|[^\s"(),;\'])+)'
NAME = r'(?:"(?:[^"]|"")+"|\w+)'
QUALIFIED = rf"{NAME}(?:\.{NAME}){{0,2}}"

_PUT = re.compile(rf"PUT\s+(?P<file>{STRING}|\S+)\s+(?P<stage>{STAGE})\s*(?P<options>.*)", re.IGNORECASE | re.DOTALL)
_REMOVE = re.compile(rf"(?:REMOVE|RM)\s+(?P<stage>{STAGE})\s*", re.IGNORECASE)
_LIST = re.compile(rf"(?:LIST|LS)\s+(?P<stage>{STAGE})\s*", re.IGNORECASE)
_DROP = re.compile(rf"DROP\s+STAGE\s+(?P<exists>IF\s+EXISTS\s+)?(?P<name>{QUALIFIED})", re.IGNORECASE)
_PUT_OPTION = re.compile(r"\s*,?\s*(PARALLEL|AUTO_COMPRESS|SOURCE_COMPRESSION|OVERWRITE)\s*=\s*(\w+)", re.IGNORECASE)


def unquoted(literal: str) -> str:
    """Returns the value of a string literal."""
    if not literal.startswith("'"):
        return literal
    return re.sub(r"\\(.)", r"\1", literal[1:-1].replace("''", "'"))


def identifiers(name: str) -> list[str]:
    """Returns the parts of a qualified name, in the case of the catalogue."""
    return [part[1:-1].replace('""', '"') if part.startswith('"') else part.upper() for part in re.findall(NAME, name)]


def qualify(session: Session, parts: list[str]) -> tuple[str, str, str]:
    """Returns database, schema and name; missing parts are filled from the session.

    Raises:
        SqlError: A part is neither given nor current.
    """
    database, schema = session.database, session.schema
    if len(parts) < 3 and database is None:
        raise _nothing_current(90105, "database")
    if len(parts) < 2 and schema is None:
        raise _nothing_current(90106, "schema")
    first, second, third = [*[str(database), str(schema)][: 3 - len(parts)], *parts]
    return first, second, third


def _nothing_current(errno: int, kind: str) -> SqlError:
    words = f"Cannot perform operation. This session does not have a current {kind}."
    return SqlError(errno, "22000", f"{words} Call 'USE {kind.upper()}', or use a qualified name.")


@dataclass(frozen=True)
class StagedPath:
    """A stage, and a path prefix in it."""

    database: str
    schema: str
    stage: str
    path: str

    @property
    def name(self) -> str:
        """The full name of the stage."""
        return f"{self.database}.{self.schema}.{self.stage}"


class StagedFiles:
    """The files of all stages, in one folder of this process."""

    def __init__(self) -> None:
        self.root = Path(tempfile.mkdtemp(prefix="snowflake_server_"))

    def clear(self) -> None:
        """Removes all files."""
        shutil.rmtree(self.root, ignore_errors=True)

    def folder(self, staged: StagedPath) -> Path:
        """Returns the folder of a stage."""
        return (
            self.root / quote(staged.database, safe="") / quote(staged.schema, safe="") / quote(staged.stage, safe="%")
        )

    def target(self, relative: str) -> Path | None:
        """Returns the path of an upload, or None if it is outside of the stages."""
        target = (self.root / relative).resolve()
        return target if target.is_relative_to(self.root) else None

    def files(self, staged: StagedPath) -> list[tuple[str, Path]]:
        """Returns the files whose path starts with this one, sorted by name."""
        folder = self.folder(staged)
        found = [(path.relative_to(folder).as_posix(), path) for path in folder.rglob("*") if path.is_file()]
        return sorted((name, path) for name, path in found if name.startswith(staged.path))

    def forget_table(self, table: tuple[str, str, str]) -> None:
        """Removes the files of a table's own stage."""
        shutil.rmtree(self.folder(StagedPath(table[0], table[1], f"%{table[2]}", "")), ignore_errors=True)

    def swap_tables(self, one: tuple[str, str, str], other: tuple[str, str, str]) -> None:
        """Swaps the stages of two tables that swap their names."""
        first, second = (self.folder(StagedPath(t[0], t[1], f"%{t[2]}", "")) for t in (one, other))
        aside = self.root / ".aside"
        for source, target in ((first, aside), (second, first), (aside, second)):
            if source.exists():
                target.parent.mkdir(parents=True, exist_ok=True)
                source.rename(target)


def staged_path(session: Session, text: str) -> StagedPath:
    """Returns the stage and path of a reference: @"S"."%T"/"folder"/file, also as a string literal.

    Raises:
        SqlError: The reference is invalid, or its stage does not exist.
    """
    reference = unquoted(text)
    if not reference.startswith("@"):
        raise SqlError(1011, "42601", f"SQL compilation error:\ninvalid URL prefix found in: '{reference}'")
    found = re.match(r'((?:"[^"]*"|[^/"])+)/?(.*)', reference[1:], re.DOTALL)
    if not found:
        raise syntax_error(reference)
    parts = [part[1:-1] if part.startswith('"') else part.upper() for part in re.findall(r'"[^"]+"|[^."]+', found[1])]
    database, schema, stage = qualify(session, parts)
    staged = StagedPath(database, schema, stage, found[2].replace('"', ""))
    if ".." in staged.path.split("/"):
        raise SqlError(1003, "42000", "SQL compilation error:\nrelative path is not allowed in a stage reference")
    _check_exists(session, staged)
    return staged


def _check_exists(session: Session, staged: StagedPath) -> None:
    if staged.stage.startswith("%"):
        table = (staged.database, staged.schema, staged.stage[1:])
        known = (
            table in session.temporary
            or session.duck.execute(
                "SELECT 1 FROM duckdb_tables() WHERE (database_name, schema_name, table_name) = (?, ?, ?)", table
            ).fetchone()
        )
    else:
        known = session.duck.execute(
            "SELECT 1 FROM _fs_global._fs_information_schema._fs_stages "
            "WHERE (database_name, schema_name, name) = (?, ?, ?)",
            (staged.database, staged.schema, staged.stage),
        ).fetchone()
    if not known:
        raise object_missing("Stage", staged.name)


def put(session: Session, files: StagedFiles, text: str, url: str) -> Answer:
    """Returns the upload address for the client: this server over HTTP, like a bucket of Google's."""
    if not (found := _PUT.fullmatch(text)):
        raise syntax_error("PUT")
    options = {name.upper(): value.upper() for name, value in _PUT_OPTION.findall(found["options"])}
    if _PUT_OPTION.sub("", found["options"]).strip():
        raise syntax_error(found["options"])
    source = unquoted(found["file"]).removeprefix("file://")
    staged = staged_path(session, found["stage"])
    folder = files.folder(staged) / staged.path
    relative = (folder / Path(source).name).relative_to(files.root).as_posix()
    data: dict[str, Any] = {
        "stageInfo": {
            "locationType": "GCS",
            "location": f"{staged.name}/{staged.path}",
            "creds": {},
            "presignedUrl": f"{url}/stage/{quote(relative)}",
        },
        "src_locations": [source],
        "parallel": 4,
        "autoCompress": options.get("AUTO_COMPRESS", "TRUE") == "TRUE",
        "sourceCompression": options.get("SOURCE_COMPRESSION", "auto_detect").lower(),
        "overwrite": options.get("OVERWRITE", "FALSE") == "TRUE",
        "command": "UPLOAD",
        "statementTypeId": 0,
    }
    return Answer(data)


def remove(session: Session, files: StagedFiles, text: str) -> Answer:
    """Removes the staged files with this path prefix."""
    if not (found := _REMOVE.fullmatch(text)):
        raise syntax_error("REMOVE")
    removed = files.files(staged_path(session, found["stage"]))
    for _, path in removed:
        path.unlink(missing_ok=True)
    return rows_answer([("name", "VARCHAR"), ("result", "VARCHAR")], [(name, "removed") for name, _ in removed])


def listing(session: Session, files: StagedFiles, text: str) -> Answer:
    """Returns the staged files with this path prefix."""
    if not (found := _LIST.fullmatch(text)):
        raise syntax_error("LIST")
    columns = [("name", "VARCHAR"), ("size", "BIGINT"), ("md5", "VARCHAR"), ("last_modified", "VARCHAR")]
    return rows_answer(columns, [_listed(*entry) for entry in files.files(staged_path(session, found["stage"]))])


def _listed(name: str, path: Path) -> tuple[str, int, str, str]:
    modified = dt.datetime.fromtimestamp(path.stat().st_mtime, dt.UTC)
    return name, path.stat().st_size, checksum(path), modified.strftime("%a, %d %b %Y %H:%M:%S GMT")


def checksum(path: Path) -> str:
    """Returns the MD5 by which Snowflake distinguishes two files of one name."""
    return hashlib.md5(path.read_bytes(), usedforsecurity=False).hexdigest()


def drop_stage(session: Session, files: StagedFiles, text: str) -> Answer:
    """Drops a named stage with its files."""
    if not (found := _DROP.fullmatch(text)):
        raise syntax_error("STAGE")
    staged = StagedPath(*qualify(session, identifiers(found["name"])), "")
    (dropped,) = session.duck.execute(
        "DELETE FROM _fs_global._fs_information_schema._fs_stages WHERE (database_name, schema_name, name) = (?, ?, ?)",
        (staged.database, staged.schema, staged.stage),
    ).fetchall()[0]
    if not dropped and not found["exists"]:
        raise object_missing("Stage", staged.name)
    shutil.rmtree(files.folder(staged), ignore_errors=True)
    return status(f"{staged.stage} successfully dropped.")

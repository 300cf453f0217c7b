"""YAML files read as plain data, with the line of every value for error messages."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any, Protocol

import yaml
from yaml.constructor import SafeConstructor

from data_foundation.errors import ConfigError, Place, Problem
from data_foundation.process_wide.redaction import redact

MAX_VALUES = 200_000
"""Most values in one document with its aliases expanded: more than in a hand-written file, fewer than in a bomb."""

MAX_DEPTH = 200
"""Most levels of nesting: libyaml's composer recurses per level, and a stack overflow would end the process."""

_AnyLoader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_STR, _SEQ, _MAP, _MERGE_TAG = (f"tag:yaml.org,2002:{tag}" for tag in ("str", "seq", "map", "merge"))
_ALIAS = re.compile(r"\*[\w-]")

Path_ = tuple[str | int, ...]


class _Loader(_AnyLoader):  # type: ignore[misc, valid-type]
    """Caches the tag that YAML gives to a word: most words of a tree of files occur many times."""

    resolve = staticmethod(lru_cache(maxsize=4096)(_AnyLoader("").resolve))


class Document(Protocol):
    """A file that declares resources: its plain value, and the place of each part of it."""

    file: Path
    value: Any

    def place(self, path: Sequence[str | int]) -> Place:
        """Returns the place of the value at `path`."""

    def problem(self, path: Sequence[str | int], message: str) -> Problem:
        """Returns a Problem that points at the value at `path`."""


class YamlDocument:
    """A parsed file: its plain value, and the line of each value.

    Attributes:
        file: The file that was read.
        value: The content as dicts, lists and scalars; None for an empty file.
    """

    def __init__(self, file: Path, value: Any, root: yaml.Node | None) -> None:
        self.file = file
        self.value = value
        self._root = root

    def line(self, path: Sequence[str | int]) -> int:
        """Returns the 1-based line of the value at `path`, or of its nearest ancestor that exists."""
        node, line = self._root, 1
        for part in path:
            name = str(part) if isinstance(node, yaml.MappingNode) else part
            found = next((pair for key, *pair in _children(node) if key == name), None)
            if found is None:
                break
            start, node = found
            line = _line(start)
        return line

    def place(self, path: Sequence[str | int]) -> Place:
        """Returns file and line of the value at `path`."""
        return Place(self.file, self.line(path))

    def problem(self, path: Sequence[str | int], message: str) -> Problem:
        """Returns a Problem that points at the value at `path`."""
        return Problem(self.file, message, self.line(path), redact(format_path(path)))


def load_yaml(file: Path) -> YamlDocument:
    """Reads one YAML file, plain data only.

    Raises:
        ConfigError: Malformed YAML, a tag that builds objects, a key given twice, nesting beyond `MAX_DEPTH`, or
            aliases that expand beyond `MAX_VALUES`.
    """
    text = _read_text(file)
    try:
        loader = _Loader(text)
        try:
            _refuse_depth(file, text)
            root = loader.get_single_node()
            if root is None:
                return YamlDocument(file, None, None)
            if (value := _read_plain(text, root)) is not None:
                return YamlDocument(file, value, root)
            problems = [*_duplicate_keys(file, root), *_bombs(file, root)]
            if problems:
                raise ConfigError(problems)
            return YamlDocument(file, _construct(file, loader, root), root)
        finally:
            loader.dispose()
    except yaml.YAMLError as error:
        raise ConfigError([_yaml_problem(file, error, text)]) from None


def _read_text(file: Path) -> str:
    try:
        content = file.read_bytes()
        return content.decode("utf-8-sig")
    except OSError as error:
        raise ConfigError([Problem(file, f"cannot be read: {error.strerror}")]) from None
    except UnicodeDecodeError as error:
        message = f"is not UTF-8 text: byte 0x{content[error.start]:02x}; save it as UTF-8"
        raise ConfigError([Problem(file, message, content[: error.start].count(b"\n") + 1)]) from None


def _refuse_depth(file: Path, text: str) -> None:
    if sum(map(text.count, "[{-?:")) <= MAX_DEPTH:
        return  # each level takes one of these: a small file is not read twice
    depth = 0
    for event in yaml.parse(text, _Loader):
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if depth > MAX_DEPTH:
            message = f"is nested more than {MAX_DEPTH} levels deep"
            raise ConfigError([Problem(file, message, _line(event))])


def _read_plain(text: str, root: yaml.Node) -> Any:
    """Returns the value of a document; None if it needs PyYAML's own constructor.

    That constructor handles aliases and merges at every node and takes five times as long. It is needed for an alias,
    a merge, a tag, a duplicate key, a key that is not text, and a value that cannot be read.
    """
    constructor = SafeConstructor()

    def read(node: yaml.Node) -> Any:
        if isinstance(node, yaml.ScalarNode):
            return node.value if node.tag == _STR else constructor.construct_object(node)
        if node.tag == _SEQ and isinstance(node, yaml.SequenceNode):
            return [read(item) for item in node.value]
        if node.tag == _MAP and isinstance(node, yaml.MappingNode):
            words = {key.value: read(item) for key, item in node.value if _is_word(key)}
            if len(words) == len(node.value):
                return words
        raise ValueError(node.tag)

    try:
        return None if _ALIAS.search(text) else read(root)
    except (yaml.YAMLError, ValueError):
        return None


def _is_word(node: yaml.Node) -> bool:
    return node.tag == _STR and isinstance(node, yaml.ScalarNode)


def _construct(file: Path, loader: Any, root: yaml.Node) -> Any:
    """Returns the document's value; a value that only looks like a date or a number is refused with its line."""
    try:
        return loader.construct_document(root)
    except ValueError as error:
        message = f"a value cannot be read: {error}; put it in quotes if it is text"
        raise ConfigError([Problem(file, message, _unreadable_line(root))]) from None


def format_path(path: Sequence[str | int]) -> str:
    """Returns `("resources", 0, "entry")` as `resources[0].entry`."""
    text = ""
    for part in path:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else str(part)
    return text


def _line(part: yaml.Node | yaml.Event) -> int:
    return part.start_mark.line + 1 if part.start_mark else 1


def _children(node: yaml.Node | None) -> Iterator[tuple[str | int, yaml.Node, yaml.Node]]:
    """Yields for each child its key, the node at its line, and the node of its value."""
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            yield str(key.value) if isinstance(key, yaml.ScalarNode) else "", key, value
    elif isinstance(node, yaml.SequenceNode):
        for index, value in enumerate(node.value):
            yield index, value, value


def _unreadable_line(root: yaml.Node) -> int:
    """Returns the line of the first scalar that cannot be constructed."""
    constructor = SafeConstructor()
    pending = [root]
    while pending:
        node = pending.pop()
        if isinstance(node, yaml.ScalarNode):
            try:
                constructor.construct_object(node)
            except ValueError:
                return _line(node)
        else:
            pending += reversed([part for _, *pair in _children(node) for part in pair])
    return 1


def _yaml_problem(file: Path, error: yaml.YAMLError, text: str) -> Problem:
    mark = getattr(error, "problem_mark", None)
    what = getattr(error, "problem", None) or str(error).splitlines()[0]
    hint = ""
    before = text.splitlines()[mark.line][: mark.column + 1] if mark and mark.line < len(text.splitlines()) else ""
    if "tab character" in what or ("cannot start any token" in what and "\t" in before):
        hint = "; indent with spaces, YAML allows no tabs"
    elif "could not determine a constructor" in what:
        hint = "; only plain values are accepted, no tags"
    return Problem(file, f"not valid YAML: {what}{hint}", mark.line + 1 if mark else None)


def _duplicate_keys(file: Path, root: yaml.Node) -> Iterator[Problem]:
    seen: set[int] = set()
    pending: list[tuple[yaml.Node, Path_]] = [(root, ())]
    while pending:
        node, path = pending.pop()
        if id(node) in seen:
            continue
        seen.add(id(node))
        first_lines: dict[str | int, int] = {}
        for key, mark, child in _children(node):
            line = _line(mark)
            if isinstance(node, yaml.MappingNode) and not isinstance(mark, yaml.ScalarNode):
                yield Problem(file, "a list or a mapping cannot be a key; write a word", line, format_path(path))
            elif key in first_lines and mark.tag != _MERGE_TAG:
                message = f"the key '{redact(str(key))}' is given twice, first on line {first_lines[key]}; keep one"
                yield Problem(file, message, line, redact(format_path((*path, key))))
            first_lines.setdefault(key, line)
            pending.append((child, (*path, key)))


def _bombs(file: Path, root: yaml.Node) -> Iterator[Problem]:
    """Yields a Problem if aliases make the document contain itself or exceed `MAX_VALUES`."""
    sizes: dict[int, int] = {}
    open_nodes: set[int] = set()
    lines: list[int] = []

    def size(node: yaml.Node) -> int:
        key = id(node)
        if key not in sizes and key not in open_nodes:
            open_nodes.add(key)
            sizes[key] = 1 + sum(size(child) for _, _, child in _children(node))
            open_nodes.discard(key)
        found = sizes.get(key, MAX_VALUES + 1)
        if found > MAX_VALUES:
            lines.append(_line(node))
        return found

    if size(root) > MAX_VALUES:
        message = f"aliases expand to more than {MAX_VALUES:,} values or contain themselves; write the values out"
        yield Problem(file, message, lines[0])

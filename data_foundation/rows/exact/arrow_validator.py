"""Checks Arrow tables column by column: each value is loaded unchanged in its column's type, or refused."""

from __future__ import annotations

import functools
from collections import Counter
from collections.abc import Iterable
from typing import Any, cast

import pyarrow as pa
import pyarrow.compute as pc
from dlt.common.libs import pyarrow as dlt_arrow
from dlt.common.schema.typing import TColumnSchema

from data_foundation.errors import ValueRefused
from data_foundation.rows.exact.arrow_types import SAME_VALUES, loaded_type, unencoded
from data_foundation.rows.exact.bisection import first_refused
from data_foundation.rows.exact.schema_preview import EMPTY_KEY, Landing, SchemaPreview
from data_foundation.rows.exact.value_rules import Unacceptable, as_json_text

_DLT_COLUMNS = frozenset({"_dlt_load_id", "_dlt_parent_id", "_dlt_list_idx", "_dlt_root_id"})
_CAST_HELP = "cast it before it is yielded, or yield dicts"
_TYPE_HELP = (
    "name the type that fits all values: `columns: {<column>: {data_type: text}}` (and `refresh: drop` if the table is "
    "there)"
)
_DURATION_HELP = (
    "a duration has no type in the warehouse; `columns: {<column>: {data_type: bigint}}` stores microseconds"
)
_UNSIGNED_HELP = (
    "an unsigned integer of 64 bits that a bigint cannot hold; `columns: {<column>: {data_type: decimal, "
    "precision: 20, scale: 0}}` stores it (and `refresh: drop` if the table is there)"
)


def as_arrow(frame: Any) -> Any:
    """Returns the Arrow table or batch of a frame: itself, or a pandas or polars frame converted.

    Raises:
        Unacceptable: An Arrow table cannot hold something in the frame.
    """
    kind = type(frame).__module__.split(".")[0]
    if kind == "pyarrow":
        return frame
    if kind == "polars":
        return (frame.collect() if hasattr(frame, "collect") else frame).to_arrow()
    names = [str(name) for name in frame.index.names if name is not None]
    if names or frame.index.dtype.kind not in "iu":
        raise Unacceptable(
            f"the frame's index {', '.join(names)} would be lost; yield its reset_index()".replace("  ", " ")
        )
    try:
        return pa.Table.from_pandas(frame, preserve_index=False)
    except (pa.ArrowInvalid, pa.ArrowTypeError, ValueError) as error:
        culprit = next((str(text).split(" with type")[0] for text in error.args[1:]), "").removeprefix(
            "Conversion failed for "
        )
        reason = "duplicate names of columns" if "uplicate" in str(error) else "values of several types in one column"
        raise Unacceptable(f"{culprit + ': ' if culprit else ''}{reason}; {_CAST_HELP}") from None


class ArrowValidator:
    """Checks the Arrow tables of one resource, and removes what the schema contract discards.

    Attributes:
        discarded: How often the contract discarded something, by a phrase that names it.
    """

    def __init__(self, preview: SchemaPreview) -> None:
        self._preview = preview
        self.discarded: Counter[str] = Counter()
        self._types: dict[str, pa.DataType] = {}
        self._before = 0

    def check(self, frame: Any, before: int) -> Any:
        """Returns the frame in the types of the table's columns.

        Args:
            frame: An Arrow table or batch.
            before: How many rows came before it.

        Raises:
            ValueRefused: A value would be changed or lost; the error names row and column.
        """
        self._before = before
        try:
            frame.validate(full=True)
        except pa.ArrowInvalid:
            raise self._invalid(frame) from None
        fields: list[tuple[str, Any]] = []
        gone: list[Any] = []
        for original, name, column in zip(frame.column_names, self._names(frame), frame.columns, strict=True):
            try:
                converted, mode = self._convert(name, column)
            except Unacceptable as error:
                index = first_refused(column, functools.partial(self._convert, name))
                raise self._refuse(original, str(error), index) from None
            if mode.startswith("discard_row"):
                gone.append(column)
            if mode:
                self.discarded[mode] += len(column) - column.null_count
            else:
                fields.append((original or EMPTY_KEY, converted))
        made = type(frame).from_arrays([column for _, column in fields], names=[name for name, _ in fields])
        return made.filter(functools.reduce(pc.and_, map(pc.is_null, gone))) if gone else made

    def fill(self, checked: Any) -> Any:
        """Returns a checked frame with nulls for lists and objects that earlier ones had; dlt would fill in texts."""
        nested = [(name, kind) for name, kind in self._types.items() if pa.types.is_nested(kind)]
        names = {self._preview.normalize_key(name) for name in checked.column_names} if nested else ()
        for name, kind in nested:
            if name not in names:
                checked = checked.append_column(name, pa.nulls(len(checked), kind))
        return checked

    def _refuse(self, column: str, reason: str, index: int = 0) -> ValueRefused:
        """Returns the error for a column, in the row at `index` of the current frame."""
        reason = reason.replace("<column>", column)
        return ValueRefused(f"row {self._before + 1 + index}, column {column}: {reason}")

    def _names(self, frame: Any) -> list[str]:
        """Returns the table's names of the columns; refuses two with one name, and those that dlt fills."""
        names: dict[str, str] = {}
        for original in frame.column_names:
            name = self._preview.normalize_key(original) if original.strip() else EMPTY_KEY
            if name in names:
                keys = f"'{names[name]}' and '{original}'"
                raise self._refuse(original, f"the columns {keys} become one name, {name}; rename one")
            if name in _DLT_COLUMNS:
                raise self._refuse(original, "dlt fills a column of this name itself; rename it")
            names[name] = original
        return list(names)

    def _convert(self, name: str, column: Any) -> tuple[Any, str]:
        """Returns a column in the table's type, and the phrase under which the contract discards it, or ""."""
        known = self._preview.column(self._preview.table, name)
        if pa.types.is_null(column.type):
            return column, ""
        natural = _natural(column, known)
        if known and known["data_type"] == "json" and pa.types.is_string(natural.type):
            texts = [None if text is None else as_json_text(text) for text in natural.to_pylist()]
            return pa.array(texts, natural.type), ""
        self._check_nested(natural)
        try:
            hints = cast("TColumnSchema", {"name": name, **dlt_arrow.get_column_type_from_py_arrow(natural.type)})
        except dlt_arrow.UnsupportedArrowTypeException:
            raise Unacceptable(f"the Arrow type {column.type} has no type in the warehouse; {_CAST_HELP}") from None
        if hints["data_type"] == "decimal" and (hints.get("precision") or 0) > self._preview.decimals[0]:
            raise Unacceptable(f"decimals of more than {self._preview.decimals[0]} digits; cast them to text")
        if not known:
            landing = self._preview.enter_column(hints)
            if landing.mode:
                return column, landing.discard(name)
        wanted = self._types.get(name) or self._wanted(natural.type, hints, known)
        try:
            converted = _cast(natural, wanted)
        except Unacceptable as error:
            return column, self._discard_type(name, error)
        self._types[name] = converted.type
        return converted, ""

    def _wanted(self, arrived: pa.DataType, hints: TColumnSchema, known: TColumnSchema | None) -> pa.DataType:
        """Returns the Arrow type in which the warehouse's column is loaded."""
        if not known or known["data_type"] == "json":
            return arrived
        if known["data_type"] == hints["data_type"] and hints["data_type"] in {"text", "binary", "timestamp"}:
            return arrived
        return dlt_arrow.get_py_arrow_datatype(known, self._preview.capabilities, "UTC")

    def _discard_type(self, name: str, error: Unacceptable) -> str:
        contract = self._preview.schema.resolve_contract_settings_for_table(self._preview.table)
        mode: Any = contract["data_type"]
        if mode == "evolve":
            raise error
        return Landing(mode=mode, entity="data_type").discard(name)

    def _check_nested(self, column: Any) -> None:
        """Checks a nested column, which becomes JSON.

        Raises:
            Unacceptable: JSON cannot hold one of its values unchanged.
        """
        if not pa.types.is_nested(column.type):
            return
        if reason := _why_no_json(column.type):
            raise Unacceptable(f"{reason} inside nested values, which become JSON; {_CAST_HELP}")
        for leaf in _leaves(column):
            if pa.types.is_map(leaf.type):
                keys = pa.ListArray.from_arrays(leaf.offsets, leaf.keys)
                pairs = pa.table([pc.list_parent_indices(keys), keys.flatten()], names=["row", "key"])
                if pairs.group_by(["row", "key"]).aggregate([]).num_rows < pairs.num_rows:
                    raise Unacceptable("a map with a key twice, which JSON cannot hold; yield lists of pairs")
            elif pa.types.is_floating(leaf.type) and not pc.all(pc.is_finite(leaf).fill_null(True)).as_py():  # noqa: FBT003
                raise Unacceptable("NaN or an infinity inside nested values, which become JSON; make them null")

    def _invalid(self, frame: Any) -> ValueRefused:
        for name, column in zip(frame.column_names, frame.columns, strict=True):
            try:
                column.validate(full=True)
            except pa.ArrowInvalid:
                reason = "text that is no UTF-8; yield bytes"
                return self._refuse(name, reason, first_refused(column, lambda part: part.validate(full=True)))
        return self._refuse("", "columns that are not of one length")


def _natural(column: Any, known: TColumnSchema | None) -> Any:
    """Returns a column in the type in which its values are loaded.

    Raises:
        Unacceptable: The warehouse has no such type.
    """
    column = unencoded(column)
    declared = (known or {}).get("data_type")
    if pa.types.is_duration(column.type):
        if declared != "bigint":
            raise Unacceptable(_DURATION_HELP)
        return _cast(_cast(column, pa.duration("us")), pa.int64())
    if column.type == pa.uint64():
        if declared in {"decimal", "text", "double"}:
            return column
        try:
            return _cast(column, pa.int64())
        except Unacceptable:
            raise Unacceptable(_UNSIGNED_HELP) from None
    return _cast(column, loaded_type(column.type))


def _cast(column: Any, wanted: pa.DataType) -> Any:
    """Returns a column in another type, every value unchanged.

    Raises:
        Unacceptable: A value would change.
    """
    if column.type == wanted or (pa.types.is_timestamp(wanted) and pa.types.is_timestamp(column.type)
                                 and column.type.unit == wanted.unit):  # fmt: skip
        return column
    is_exact = column.type in SAME_VALUES and loaded_type(column.type) == wanted
    try:
        cast = column.cast(wanted)
        if is_exact or cast.cast(column.type).equals(column):
            return cast
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        if is_exact:
            # Texts of more than 2 GiB in one chunk have no shorter type; dlt then begins another file.
            return column
    raise Unacceptable(f"values of type {column.type} do not fit the column, which is {wanted}; {_TYPE_HELP}")


def _why_no_json(kind: pa.DataType) -> str:
    """Returns the part of a type that JSON cannot hold unchanged, or "" if there is none."""
    if pa.types.is_map(kind):
        return _why_no_json(kind.item_type) if pa.types.is_string(kind.key_type) else f"keys of type {kind.key_type}"
    if pa.types.is_struct(kind):
        names = [field.name for field in kind]
        if len(set(names)) < len(names):
            return "two fields of one name"
        return next(filter(None, (_why_no_json(field.type) for field in kind)), "")
    if pa.types.is_nested(kind):
        return _why_no_json(kind.value_type) if hasattr(kind, "value_type") else str(kind)
    if pa.types.is_binary(kind) or pa.types.is_large_binary(kind) or pa.types.is_fixed_size_binary(kind):
        return "bytes"
    is_lost = pa.types.is_duration(kind) or pa.types.is_interval(kind) or getattr(kind, "unit", "") == "ns"
    return str(kind) if is_lost else ""


def _leaves(column: Any) -> Iterable[Any]:
    """Yields the maps and the plain columns inside a nested column."""
    chunks = column.chunks if isinstance(column, pa.ChunkedArray) else [column]
    for chunk in chunks:
        if pa.types.is_struct(chunk.type):
            for inner in chunk.flatten():
                yield from _leaves(inner)
        elif pa.types.is_map(chunk.type):
            yield chunk
            # As lists, because the items of a slice of a map are those of the whole map.
            yield from _leaves(pa.ListArray.from_arrays(chunk.offsets, chunk.items).flatten())
        elif pa.types.is_nested(chunk.type):
            yield from _leaves(chunk.flatten())
        else:
            yield chunk

"""Explains a failed load: the resource, the phase, the place in the source's code, the cause, and a hint."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dlt.common.configuration.exceptions import ConfigFieldMissingException, ContainerInjectableContextMangled
from dlt.extract.incremental.exceptions import IncrementalCursorPathMissing
from dlt.pipeline.exceptions import PipelineStepFailed

from data_foundation.errors import (
    EntryError,
    FoundationError,
    LoadError,
    LoadStopped,
    SettingMissing,
    TimedOut,
    WarehouseError,
)
from data_foundation.loading.failures.origin import Origin, find_origin
from data_foundation.loading.failures.reader_advice import advise
from data_foundation.process_wide.redaction import redact
from data_foundation.process_wide.secret_settings import learn_resolved
from data_foundation.project.dlt_source import explain_missing
from data_foundation.project.source_import import shown
from data_foundation.vendors.calls import Refusal
from data_foundation.vendors.retries import http_status, is_transient, root_cause, times_sent

if TYPE_CHECKING:
    from data_foundation.config.grammar import ResourceConfig
    from data_foundation.project.source import SourceConfig

MOST_FIELDS = 30
"""Fields of a row that a hint names."""


def explain(
    source: SourceConfig, resource: ResourceConfig, error: BaseException, tries: int = 1, trace: Path | None = None
) -> FoundationError:
    """Returns the error to raise instead of `error`: its message explains what to do and contains no secret.

    Args:
        source: The source of the resource.
        resource: The resource that was not loaded.
        error: The raised error, with dlt's wrappers around it.
        tries: Number of attempts.
        trace: The file that contains the traceback, None if there is none.
    """
    root = find_cause(error)
    if isinstance(root, ConfigFieldMissingException):
        return explain_missing(source.name, root)
    phase = {"extract": "extracting", "normalize": "normalising", "load": "loading"}
    step = phase.get(error.step, "") if isinstance(error, PipelineStepFailed) else ""
    if isinstance(root, LoadError | EntryError):
        return type(root)(f"{resource.destination}: {advise(resource.entry, str(root))}")
    if isinstance(root, FoundationError):
        return root
    origin = find_origin(source, resource, root)
    phase_and_place = f"{f' while {step}' if step else ''}{f' at {origin.place}' if origin.place else ''}"
    tries = max(tries, times_sent(root))
    tried = f", {tries} times" if tries > 1 else ""
    return LoadError(
        f"{resource.destination} failed{phase_and_place}{tried}: {describe(root)}"
        f"\n  Hint: {_hint(source, resource, root, step, origin)}{_traceback_line(trace)}"
    )


def is_refusal(error: BaseException) -> bool:
    """Returns True if the cause was raised on purpose, with a message that needs no traceback."""
    return isinstance(find_cause(error), FoundationError | Refusal | ConfigFieldMissingException)


def _traceback_line(trace: Path | None) -> str:
    return f"\n  Traceback: {shown(trace)}" if trace else ""


def _hint(source: SourceConfig, resource: ResourceConfig, root: BaseException, step: str, origin: Origin) -> str:
    """Returns what to do about the failure."""
    if origin.is_ours:
        return "this is a fault of data-foundation, not of the entry; please report it with its traceback"
    if isinstance(root, IncrementalCursorPathMissing) and (fields := _fields(root.item)):
        return f"nothing was written; name a field that the rows have as `cursor_path`, or leave it out: {fields}"
    if known := _hint_of_cause(source, root):
        return known
    if step == "loading":
        return "nothing of it was written; the next run tries it once more, then sets it aside"
    if not step:
        return f"nothing was read; correct the code, or the arguments in dlthub/{source.name}/{source.file.name}"
    return f"nothing was written; `foundation preview {source.name}.{resource.table}` shows what the entry yields"


def _hint_of_cause(source: SourceConfig, root: BaseException) -> str:
    """Returns what to do about an error whose class says enough, "" for any other."""
    if isinstance(root, ContainerInjectableContextMangled):
        return "the code runs a dlt pipeline while its rows are read; yield the rows, or name the source that it loads"
    if isinstance(root, ModuleNotFoundError) and root.name:
        return (
            f"nothing was written; install the package that has {root.name}, and add it to the project's requirements"
        )
    if http_status(root) in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN):
        return f"the vendor refuses the credentials; see the settings of dlthub/{source.name}"
    if http_status(root) in (HTTPStatus.BAD_REQUEST, HTTPStatus.NOT_FOUND, HTTPStatus.UNPROCESSABLE_ENTITY):
        return (
            "the vendor does not know this request; compare the address in the settings, and the path and parameters "
            f"of dlthub/{source.name}, with its documentation"
        )
    if is_transient(root):
        return "this may pass by itself; run the table again (in Dagster: re-execute from failure)"
    return ""


def _fields(item: Any) -> str:
    """Returns the names of the fields of a row, or of the columns of a table; a long list is cut."""
    names = list(item) if isinstance(item, Mapping) else list(getattr(getattr(item, "schema", None), "names", ()))
    return ", ".join(map(str, names[:MOST_FIELDS])) + (", ..." if len(names) > MOST_FIELDS else "")


def describe(error: BaseException) -> str:
    """Returns class and message of the innermost cause, redacted."""
    root = find_cause(error)
    text = str(root).strip() or "no message"
    return redact(f"{type(root).__name__}: {text}")


def find_cause(error: BaseException) -> BaseException:
    """Returns the cause inside dlt's wrappers, and registers the secrets that dlt resolved, to mask them."""
    learn_resolved()
    return root_cause(error)


def is_final(error: PipelineStepFailed) -> bool:
    """Returns True if loading the same package again must fail too, because of its rows and of nothing else."""
    root = root_cause(error)
    of_others = WarehouseError | SettingMissing | LoadStopped | TimedOut
    return error.step == "normalize" or not (is_transient(root) or isinstance(root, of_others))

"""The commands of `foundation alerts`, and the alerts of `foundation run`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape

from data_foundation.cli.consoles import err, print_problems
from data_foundation.cli.json_lines import AsJson, WriteLine, print_written
from data_foundation.cli.targets import read_sources
from data_foundation.errors import ConfigError, FoundationError, SettingMissing
from data_foundation.project.root import find_root

if TYPE_CHECKING:
    from pathlib import Path

    from data_foundation.alerts.events import Event
    from data_foundation.alerts.message import Message
    from data_foundation.alerts.routing import Receiver, Routing
    from data_foundation.dbt.command import ModelResult
    from data_foundation.loading.parallel import Outcome
    from data_foundation.project.find_sources import BrokenSource, FoundSource
    from data_foundation.warehouses.base import Warehouse

app = typer.Typer(no_args_is_help=True, help="Messages about runs: dlthub/alerts.yaml, and alerts of a source.")


@app.command("test")
def try_targets(as_json: AsJson = False) -> None:
    """Send a test message to every target."""
    from data_foundation.alerts.message import Message

    routing, _ = _read_routing(find_root())
    message = Message("Test message of foundation", text="Alerts of this project arrive here.")
    _deliver(dict.fromkeys(routing.receivers, message), as_json=as_json)


@app.command()
def digest(
    hours: Annotated[
        float | None, typer.Option(min=0.1, help="Hours that it covers. Default: those of the configuration, or 24.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Print the digest of the last hours, and send it to the targets that receive it."""
    from data_foundation.alerts.digest import build_digest
    from data_foundation.alerts.run_report import find_link
    from data_foundation.warehouses.settings import build_warehouse

    root = find_root()
    routing, sources = _read_routing(root)
    configured = routing.tree.digest.hours if routing.tree.digest else 24
    message = build_digest([source.config for source in sources], build_warehouse(root), hours or configured,
                           find_link(routing))  # fmt: skip
    lines = list(message.lines())
    built = WriteLine("message", message.title, "built", written=False, detail="\n".join(lines))
    print_written(built, "\n".join((message.title, *lines)), as_json=as_json)
    _deliver(dict.fromkeys(routing.digest_receivers, message), as_json=as_json)


def send_run_alerts(  # noqa: PLR0913, PLR0917 - what a run has ended with
    root: Path,
    outcomes: Sequence[Outcome],
    models: Sequence[ModelResult],
    sources: Sequence[FoundSource],
    broken: Sequence[BrokenSource],
    warehouse: Warehouse,
) -> None:
    """Sends one message about a run to each target, and prints those that could not be sent. Never raises.

    Args:
        root: The repository.
        outcomes: The outcomes of the loads.
        models: The results of `dbt build`.
        sources: All sources of the project.
        broken: The broken sources that the run was to load.
        warehouse: The warehouse.
    """
    from data_foundation.alerts.outcomes import find_broken
    from data_foundation.alerts.routing import Routing
    from data_foundation.alerts.run_report import report_run

    try:
        routing = Routing.load(root, [source.config for source in sources])
        others = [*find_broken(broken), *_failed_models(models)]
        for undelivered in report_run(routing, outcomes, warehouse, others):
            err.print(f"[yellow]warning[/] {escape(str(undelivered))}")
    except ConfigError as error:
        err.print(f"[yellow]warning[/] no alert was sent: {escape(str(error))}")
    except Exception as error:  # noqa: BLE001 - a message must not fail what it is about
        err.print(f"[yellow]warning[/] no alert was sent: {type(error).__name__}: {escape(str(error))}")


def is_reported(outcome: Outcome, *, named: bool) -> bool:
    """Returns False for a table that lacks a setting, in a run of all sources: such a run does not fail either."""
    return named or not isinstance(outcome.error, SettingMissing)


def _failed_models(models: Sequence[ModelResult]) -> Iterator[Event]:
    from data_foundation.alerts.events import Event

    for model in models:
        if not model.succeeded and model.state != "skipped":
            yield Event("failure", model.name, f"dbt: {model.state}: {model.message}")


def _read_routing(root: Path) -> tuple[Routing, list[FoundSource]]:
    """Returns who receives what, and the sources.

    Raises:
        FoundationError: There is no target.
    """
    from data_foundation.alerts.routing import Routing

    sources, broken = read_sources()
    for source in broken:
        print_problems(source.problems)
    try:
        routing = Routing.load(root, [source.config for source in sources])
    except ConfigError:
        raise typer.Exit(1) from None  # its problems were printed
    if not routing.receivers:
        raise FoundationError("no target is configured; add dlthub/alerts.yaml: docs/how-to/get-alerts.md")
    return routing, sources


def _deliver(messages: Mapping[Receiver, Message], *, as_json: bool) -> None:
    """Sends the messages, prints what became of each, and exits with 1 if one was not sent."""
    from data_foundation.alerts.deliver import deliver

    undelivered = {one.receiver: one for one in deliver(messages)}
    for receiver in messages:
        error = str(undelivered.get(receiver, ""))
        action, service = "not sent" if error else "sent", receiver.target.service
        line = WriteLine(
            "receiver", receiver.name, action, written=not error, error=error, metadata={"service": service}
        )
        if error:
            err.print(f"[red]error[/] {escape(error)}")
        if as_json or not error:
            print_written(line, f"sent to {receiver.name} ({service})", as_json=as_json)
    raise typer.Exit(int(bool(undelivered)))

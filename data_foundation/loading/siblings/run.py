"""What the loads of one run share."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from data_foundation.loading.siblings.built_sources import BuiltSources
from data_foundation.loading.siblings.parents import SharedParents
from data_foundation.loading.siblings.source_state import SharedStates

if TYPE_CHECKING:
    from data_foundation.loading.stop import LoadWatch
    from data_foundation.loading.task import Task


@dataclass(frozen=True)
class LoadContext:
    """What a load has of its run.

    Attributes:
        watch: Stops the load.
        siblings: What it shares with the other loads.
    """

    watch: LoadWatch
    siblings: Siblings


class Siblings:
    """What the loads of one run share.

    Attributes:
        sources: The dlt sources that were built.
        parents: The pages of parents that several transformers take.
        states: The states of the sources.
    """

    def __init__(self, tasks: Sequence[Task] = ()) -> None:
        """Begins a run.

        Args:
            tasks: All loads of the run, in the order in which they begin.
        """
        self.sources = BuiltSources()
        self.parents = SharedParents(tasks)
        self.states = SharedStates(tasks)

    def give_up(self, task: Task) -> None:
        """Lets the others go on without a load that does not end."""
        self.states.end_turn(task)

"""Copies items directly behind a generator that dlt may continue before later steps have received its last item."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from typing import Any

from dlt.extract import DltResource
from dlt.extract.items_transform import ItemTransform, MapItem, YieldMapItem
from dlt.extract.pipe import ForkPipe
from dlt.extract.utils import wrap_async_iterator, wrap_parallel_iterator
from typing_extensions import override

from data_foundation.rows.copies import copy_item
from data_foundation.rows.pipe_steps import Step


class EarlyCopies(Step):
    """The step after a generator; it copies only if later steps may receive an item late.

    These are transformers, which dlt runs in turn with their parent, and mapping functions, which may return
    generators. Parallel and async generators are continued only once their last item was copied: dlt continues them as
    soon as they have yielded.
    """

    def __init__(self) -> None:
        super().__init__()
        self._copies: bool | None = None
        self._is_taken = True

    @override
    def bind(self, pipe: Any) -> EarlyCopies:
        """Returns a step for one extraction: pipes of several extractions may share this one."""
        if self._copies is not None:
            return self
        bound = EarlyCopies()
        is_ahead = getattr(pipe.gen, "gi_code", None) in _GENERATORS_AHEAD
        if is_ahead:
            pipe.replace_gen(bound._one_by_one(pipe.gen))
        bound._copies = is_ahead or any(map(_may_delay, pipe.steps[pipe.steps.index(self) + 1 :]))
        return bound

    @override
    def take(self, item: Any) -> Any:
        copied = copy_item(item) if self._copies else item
        self._is_taken = True
        return copied

    def _one_by_one(self, generator: Any) -> Iterator[Any]:
        """Yields functions or coroutines that return an item, and None until the item was copied."""
        try:
            for pending in generator:
                if pending is not None:
                    self._is_taken = False
                    yield self._waiting(pending) if isinstance(pending, Awaitable) else self._calling(pending)
                while not self._is_taken:
                    yield None
                if pending is None:
                    yield None
        finally:
            generator.close()

    def _calling(self, pending: Callable[[], Any]) -> Callable[[], Any]:
        def call() -> Any:
            item = pending()
            # No later step receives None.
            self._is_taken = item is None
            return item

        return call

    def _waiting(self, pending: Awaitable[Any]) -> Awaitable[Any]:
        async def wait() -> Any:
            try:
                item = await pending
            except StopAsyncIteration:
                self._is_taken = True
                raise
            self._is_taken = item is None
            return item

        return wait()


def copy_early(resource: DltResource) -> None:
    """Adds the step to the pipe of a resource and to the pipes of the resources that it gets its items from."""
    pipe = resource._pipe  # noqa: SLF001 - dlt has no public access to the pipes of parents
    while pipe is not None:
        if not any(isinstance(step, EarlyCopies) for step in pipe.steps):
            pipe.insert_step(EarlyCopies(), 1)
        pipe = pipe.parent


# dlt's own wrappers, the inner function of the second; they run in dlt's main thread, the wrapped ones elsewhere.
_GENERATORS_AHEAD = frozenset(
    {wrap_async_iterator.__code__}
    | {code for code in wrap_parallel_iterator.__code__.co_consts if hasattr(code, "co_code")}
)


def _may_delay(step: Any) -> bool:
    return not isinstance(step, ItemTransform) or isinstance(step, MapItem | YieldMapItem | ForkPipe)

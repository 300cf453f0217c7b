"""The process with dlt alone, which the tests of compatibility share."""

from collections.abc import Iterator

import pytest

from tests.compat.plain_worker import PlainDlt, start_plain_dlt


@pytest.fixture(scope="session")
def plain_dlt() -> Iterator[PlainDlt]:
    """A process with dlt alone."""
    with start_plain_dlt() as process:
        yield process

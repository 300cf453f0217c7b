"""What more than one module of a source's tests asks for."""

from collections.abc import Iterator

import pytest

from tests.support.facebook_ads import Vendor, open_vendor


@pytest.fixture
def vendor(sandbox_url: str) -> Iterator[Vendor]:
    """The sandbox's Marketing API, asked on a clock that nobody waits for."""
    with open_vendor(sandbox_url) as found:
        yield found

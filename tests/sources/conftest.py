"""Fixtures of the tests of sources."""

from collections.abc import Iterator

import pytest

from tests.support.facebook_ads import Vendor, open_vendor


@pytest.fixture
def vendor(sandbox_url: str) -> Iterator[Vendor]:
    """The sandbox's Marketing API, read with a virtual clock."""
    with open_vendor(sandbox_url) as found:
        yield found

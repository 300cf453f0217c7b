"""Fixtures for the tests of loads."""

import pytest

from data_foundation.process_wide import redaction
from data_foundation.process_wide.known_secrets import KnownSecrets


@pytest.fixture(autouse=True)
def _no_secret_of_another_test(monkeypatch: pytest.MonkeyPatch) -> None:
    """Removes the secrets registered by earlier tests of this process; some are paths and would mask others."""
    monkeypatch.setattr(redaction, "_known", KnownSecrets())

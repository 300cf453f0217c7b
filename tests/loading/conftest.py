"""What the tests of loads have in common."""

import pytest

from data_foundation.process_wide import redaction


@pytest.fixture(autouse=True)
def _no_secret_of_another_test(monkeypatch: pytest.MonkeyPatch) -> None:
    """Forgets the secrets that earlier tests of this process registered: some are paths and would mask others."""
    monkeypatch.setattr(redaction, "_known", redaction._Known())

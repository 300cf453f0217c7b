"""Parameters of tests of which an ordinary run takes a sample; `make test-promises` takes all."""

from collections.abc import Container, Iterable
from typing import Any

import pytest


def with_rare(values: Iterable[Any], often: Container[Any]) -> list[Any]:
    """Returns values as parameters; those that are not among `often` are marked as rare."""
    return [pytest.param(value, marks=() if value in often else pytest.mark.rare) for value in values]

"""Cached results of dlt's type inspection: they are computed once and equal dlt's own."""

import sys
from typing import Annotated, Any, get_type_hints

import dlt
import pytest
from dlt.common import validation
from dlt.common.configuration.specs import ConnectionStringCredentials
from dlt.common.configuration.specs.base_configuration import is_secret_hint
from dlt.common.exceptions import DictValidationException
from dlt.common.normalizers.typing import TNormalizersConfig
from dlt.common.schema.typing import TColumnSchema, TSchemaSettings
from dlt.common.typing import SecretSentinel

from data_foundation.process_wide import dlt_memo as hints
from tests.support.trees import Tree


def test_a_type_is_inspected_once(tree: Tree) -> None:
    """Secret hints and fields of typed dicts are cached from load to load."""
    settings = "incremental: {cursor_path: id}, primary_key: id, checks: {primary_key: block}"
    tree.add("shop", f"resources: [{{entry: data.get_rows, destination: raw.orders, {settings}}}]")
    for number in (2, 3):
        # The second load also reads the state that the first one stored.
        tree.give("shop", [{"id": number, "lines": [number]}])
        tree.load("shop.orders")
    kept = (hints.known_secrets, hints.known_fields)
    before = [known.cache_info() for known in kept]
    tree.give("shop", [{"id": 4}])
    tree.load("shop.orders")
    after = [known.cache_info() for known in kept]
    assert [now.misses for now in after] == [then.misses for then in before]
    secrets, fields = (now.hits - then.hits for now, then in zip(after, before, strict=True))
    assert secrets > 100
    assert fields > 40


@pytest.mark.parametrize(
    ("hint", "secret"),
    [
        (str, False),
        (dlt.TSecretStrValue, True),
        (dlt.TSecretStrValue | None, True),
        (dlt.TSecretValue, True),
        (Any, False),
        (ConnectionStringCredentials, True),
        (Annotated[str, ["no hash"]], False),
        (Annotated[str, ["no hash"], SecretSentinel], True),
    ],
)
def test_cached_secret_hints_equal_dlts(hint: Any, secret: bool) -> None:  # noqa: FBT001 - a parameter
    """Hints that are not hashable are computed at every call."""
    for _ in range(2):
        assert hints.is_secret_hint(hint) is is_secret_hint(hint) is secret


@pytest.mark.parametrize("spec", [TColumnSchema, TSchemaSettings, TNormalizersConfig])
def test_cached_fields_of_typed_dicts_equal_dlts(spec: type) -> None:
    """Fields are resolved with the globals of the module that defines the typed dict, as dlt does."""
    hints.remember_hints()
    names = vars(sys.modules[spec.__module__])
    cached: Any = vars(validation)["get_type_hints"]
    assert cached(spec, globalns=names) == get_type_hints(spec, globalns=names)
    with pytest.raises(DictValidationException, match="unexpected fields"):
        validation.validate_dict(spec, {"nothing like it": 1}, ".")

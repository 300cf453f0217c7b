"""What dlt asks of types again and again is found out once, and is what dlt would find out."""

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


def test_a_type_is_taken_apart_once(tree: Tree) -> None:
    """Whether a setting is secret, and what a dict of settings may hold: the answers are kept from load to load."""
    settings = "incremental: {cursor_path: id}, primary_key: id, checks: {primary_key: block}"
    tree.add("shop", f"resources: [{{entry: data.get_rows, destination: raw.orders, {settings}}}]")
    for number in (2, 3):
        # The second reads back what the first has left.
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
def test_what_is_kept_of_a_type_is_what_dlt_says(hint: Any, secret: bool) -> None:  # noqa: FBT001 - a parameter
    """Those that cannot be kept are taken apart each time."""
    for _ in range(2):
        assert hints.is_secret_hint(hint) is is_secret_hint(hint) is secret


@pytest.mark.parametrize("spec", [TColumnSchema, TSchemaSettings, TNormalizersConfig])
def test_what_is_kept_of_a_dict_is_what_dlt_reads(spec: type) -> None:
    """It is asked for with the globals of the module that a typed dict is of."""
    hints.remember_hints()
    names = vars(sys.modules[spec.__module__])
    asked: Any = vars(validation)["get_type_hints"]
    assert asked(spec, globalns=names) == get_type_hints(spec, globalns=names)
    with pytest.raises(DictValidationException, match="unexpected fields"):
        validation.validate_dict(spec, {"nothing like it": 1}, ".")

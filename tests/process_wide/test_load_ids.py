"""Load ids grow, whatever the clock says."""

import time
from unittest.mock import patch

from dlt.common.storages.load_package import create_load_id
from dlt.common.time import increasing_precise_time

from data_foundation.process_wide.load_ids import begin_after


def test_ids_are_higher_than_a_landed_one() -> None:
    """After a load whose id is a minute ahead of the clock, every id is higher, and no two agree."""
    landed = str(time.time() + 60)
    begin_after(landed)
    ids = [create_load_id() for _ in range(3)]
    assert ids == sorted(ids, key=float)
    assert len(set(map(float, (landed, *ids)))) == 4
    assert min(map(float, ids)) > float(landed)


def test_two_machines_have_different_ids() -> None:
    """Two that begin after the same load, whose id is ahead of both clocks, do not take the same next id."""
    landed = str(time.time() + 7200)
    begin_after(landed)
    first = create_load_id()
    with patch.object(increasing_precise_time, "_last", 0.0):
        begin_after(landed)
        second = create_load_id()
    assert first != second
    assert min(float(first), float(second)) > float(landed)


def test_an_older_load_changes_nothing() -> None:
    """The ids never fall back to a load that landed long ago."""
    before = create_load_id()
    begin_after("1000000000.5")
    assert float(create_load_id()) > float(before)

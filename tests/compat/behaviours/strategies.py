"""Strategies of merge: upsert, insert-only and scd2."""

from typing import Any

import dlt

from tests.compat.behaviours.case import behaviour

UPSERT: Any = {"disposition": "merge", "strategy": "upsert"}
INSERT_ONLY: Any = {"disposition": "merge", "strategy": "insert-only"}
SCD2: Any = {"disposition": "merge", "strategy": "scd2"}


@behaviour({"things": [{"id": 1, "v": 2}, {"id": 2, "v": 1}, {"id": 3, "v": 2}]})
def upsert(run: int) -> Any:
    """Upsert updates the rows whose primary key is known and inserts the others."""
    rows = [{"id": number, "v": run} for number in ((1, 2) if run == 1 else (1, 3))]
    return [dlt.resource(rows, name="things", write_disposition=UPSERT, primary_key="id")]


@behaviour({"things": [{"id": 1}], "things__tags": [{"value": "b"}]})
def upsert_of_nested_rows(run: int) -> Any:
    """Upsert leaves of a row's list only what its last version has."""
    rows = [{"id": 1, "tags": ["a", "b", "c"] if run == 1 else ["b"]}]
    return [dlt.resource(rows, name="things", write_disposition=UPSERT, primary_key="id")]


@behaviour({}, runs=1, fails=[1])
def upsert_without_a_key(run: int) -> Any:
    """Upsert without a primary key is refused."""
    return [dlt.resource([{"id": run}], name="things", write_disposition=UPSERT)]


@behaviour({"things": [{"id": 1, "v": 1}, {"id": 2, "v": 2}]})
def insert_only(run: int) -> Any:
    """Insert-only adds rows of new keys and never changes a row."""
    rows = [{"id": 1, "v": run}, *([{"id": 2, "v": 2}] if run == 2 else [])]
    return [dlt.resource(rows, name="things", write_disposition=INSERT_ONLY, primary_key="id")]


@behaviour({"things": [{"id": 1, "v": 1, "past": True}, {"id": 1, "v": 2}, {"id": 2, "v": 1}]})
def scd2_changes(run: int) -> Any:
    """Scd2 retires the old version of a row that has changed, and keeps one version of a row that has not."""
    return [dlt.resource([{"id": 1, "v": run}, {"id": 2, "v": 1}], name="things", write_disposition=SCD2)]


@behaviour({"things": [{"id": 1}, {"id": 2, "past": True}]})
def scd2_absence(run: int) -> Any:
    """Scd2 without a merge key retires a row that a load does not bring."""
    return [dlt.resource([{"id": 1}, {"id": 2}][: 3 - run], name="things", write_disposition=SCD2)]


@behaviour({"things": [{"id": 1}, {"id": 2, "past": True}, {"id": 2}]}, runs=3)
def scd2_return(run: int) -> Any:
    """A row that scd2 has retired comes back as a new version."""
    return [dlt.resource([{"id": 1}, {"id": 2}][: 1 if run == 2 else 2], name="things", write_disposition=SCD2)]


@behaviour({"things": [{"id": 1, "v": 1, "past": True}, {"id": 1, "v": 2}, {"id": 2, "v": 1}]})
def scd2_with_merge_key(run: int) -> Any:
    """Scd2 with a merge key leaves alone the rows whose key a load does not bring."""
    rows = [{"id": 1, "v": run}, {"id": 2, "v": 1}][: 3 - run]
    return [dlt.resource(rows, name="things", write_disposition=SCD2, merge_key="id")]


@behaviour({"things": [{"id": 1}], "things__tags": [{"value": "a"}, {"value": "b"}]})
def scd2_with_lists(run: int) -> Any:  # noqa: ARG001 - each run brings the same
    """Scd2 adds no nested rows of a row that has not changed."""
    return [dlt.resource([{"id": 1, "tags": ["a", "b"]}], name="things", write_disposition=SCD2)]


@behaviour(
    {
        "things": [
            {"id": 1, "v": 2, "since": "2024-01-02T00:00:00Z"},
            {"id": 1, "v": 1, "since": "2024-01-01T00:00:00Z", "until": "2024-01-02T00:00:00Z"},
        ]
    }
)
def scd2_with_own_names(run: int) -> Any:
    """Scd2 takes names for its columns of validity, and the moment of a change."""
    disposition: Any = {**SCD2, "validity_column_names": ["since", "until"], "boundary_timestamp": f"2024-01-0{run}"}
    return [dlt.resource([{"id": 1, "v": run}], name="things", write_disposition=disposition)]


@behaviour({"things": [{"id": 1, "v": 1, "hash": "h"}]})
def scd2_with_own_hash(run: int) -> Any:
    """Scd2 compares versions by a column of hashes, if the code names one, and not by the values."""
    disposition: Any = {**SCD2, "row_version_column_name": "hash"}
    return [dlt.resource([{"id": 1, "v": run, "hash": "h"}], name="things", write_disposition=disposition)]


@behaviour({"things": [{"id": 1, "v": 2}, {"id": 2, "v": 1}]})
def delete_insert(run: int) -> Any:
    """`delete-insert` is what a merge does without a strategy."""
    disposition: Any = {"disposition": "merge", "strategy": "delete-insert"}
    rows = [{"id": 1, "v": run}, {"id": 2, "v": 1}][: 3 - run]
    return [dlt.resource(rows, name="things", write_disposition=disposition, primary_key="id")]

"""Checks of a table after its load.

`rules` holds what each check queries and when it fails; `run` runs a resource's checks on a table. `tag_contract`
compares rows with a tag before they are written, and `failed_parts` reads which parts of a source failed alone. How a
result reaches Dagster is decided in `orchestration/`.
"""

"""What the resources of one dlt source share in a run, although each has a pipeline of its own.

A source that was built (`built_sources`), the pages of a parent (`parents`), and what the code keeps in
`dlt.current.source_state()` (`source_state` is one table's view of it, `leaves` its values). `Siblings` holds them for
one run. Loads without siblings work the same, each by itself. Begin with `run.Siblings`.
"""

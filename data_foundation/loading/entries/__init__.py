"""From an entry to the dlt resource of one load.

`dlt_resource` builds it and applies the configuration: begin there. `builder` makes a resource of any kind of entry,
`rest_clients` gives dlt's REST clients the session of ours, `own_copy` gives each load a resource that shares nothing
with another load, `late_hints` refuses what code declares too late. No row is read here.
"""

"""From an entry to the dlt resource of one load.

`builder` makes a resource of any kind of entry, `own_copy` gives each load a resource that shares nothing with another
load, `late_hints` refuses what code declares too late. Hints of the configuration are not applied here, and no row is
read.
"""

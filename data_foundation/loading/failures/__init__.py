"""A load that failed: the error that a person reads, and the traceback that is kept.

`failure` turns an exception into one sentence with a hint; `origin` decides if the fault is in the source's code or in
ours; `traceback_file` writes the traceback without secrets. No failure is caught here.
"""

"""`WAREHOUSE=<any destination of dlt>`: dlt's own destination with dlt's own settings, and what can be kept everywhere.

`warehouse` finds the destination by its name; `destination` adds the fence, translated statements and the refusal of
changed types to dlt's class; `dlt_settings` resolves `[destination.NAME]`. Not in here: what an engine can do better,
which is a folder of its own beside this one.
"""

"""The command line `foundation`: its commands, and the tables and messages that they print.

A command reads its arguments, calls the room that does the work, and prints the result. Work that a script or Dagster
needs too does not belong here but in `local` or below. Heavy modules, such as dlt, are imported inside the commands, so
that `foundation --help` answers at once.

Begin with `main`, which puts together the groups of `commands/`. `run_report` and `audit_report` print;
`reference_docs` and `python_reference` generate the reference pages.
"""

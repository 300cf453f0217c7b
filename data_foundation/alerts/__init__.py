"""Tells people what went wrong in a run: events become one message for each target, which is sent to its service.

`events` is what can happen to a table, `outcomes` finds it in the outcomes of loads and `history` in the audit trail.
`routing` decides who receives an event, `message` makes one message of many events, `digest` summarises the runs of a
night, `deliver` sends, and `services/` has one module for each service. Neither Dagster nor printing belongs here:
`orchestration.alerts` and `cli.commands.alerts` call this room. Begin with `run_report.report_run`.
"""

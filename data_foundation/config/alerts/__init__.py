"""The grammar of `alerts:`, in `dlthub/alerts.yaml` for all sources and in a `sources.yaml` for those of its folder.

`keys` holds the models of the block, `targets` those of the services that messages are sent to, `secret_text` the
values that may not be written into a file, `file` reads `alerts.yaml`. What is sent, and when, is decided in the room
`data_foundation.alerts`. Begin with `keys.TreeAlerts`.
"""

"""Where files are stored: this machine, S3, Azure, SFTP.

A store lists the files that match a pattern and opens one of them. `storage` holds what all stores have in common,
`storage_settings` builds the store that a connection names. Nothing here knows a file's format.
"""

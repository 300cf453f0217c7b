"""Where a lake is, and who signs in there: from settings to what dlt, fsspec, deltalake and pyiceberg take.

Begin with `credentials`, which also turns errors into the setting to change; `google` signs in to Google Cloud Storage,
and `catalogue_address` finds the catalogue of Iceberg tables.
"""

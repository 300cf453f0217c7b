"""Snowflake as warehouse: files are staged first, then one transaction changes all tables.

`warehouse` checks the settings and signs in, `destination` loads, `statements` holds the SQL of one load and its
order, and `errors` translates what Snowflake refuses into the setting or privilege to change. The connector takes half
a second to import, so `warehouse` imports it only inside functions.
"""

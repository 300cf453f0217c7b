"""A server for tests that speaks Snowflake's wire protocol: fakesnow, with extensions."""

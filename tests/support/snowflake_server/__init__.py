"""A server for the tests that speaks Snowflake's wire protocol: fakesnow, extended where it falls short."""

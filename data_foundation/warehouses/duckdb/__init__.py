"""DuckDB as warehouse."""

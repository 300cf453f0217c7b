"""PostgreSQL as warehouse."""

"""Snowflake as warehouse."""

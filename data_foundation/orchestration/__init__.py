"""Dagster: the only room that knows it."""

"""Checks of a table after its load: their rules, and what runs them."""

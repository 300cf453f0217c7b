"""Rows reach the table exactly as they were yielded, or are refused with resource, column and row named."""

"""A local server that simulates the vendors' APIs, its settings, and functions that start it."""

from sandbox.environment import settings
from sandbox.process import serve_in_background

__all__ = ["serve_in_background", "settings"]

"""The vendors on this machine: a server that speaks their protocols, its settings, and how to start it."""

from sandbox.environment import settings
from sandbox.process import serve_in_background

__all__ = ["serve_in_background", "settings"]

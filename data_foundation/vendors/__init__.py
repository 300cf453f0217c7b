"""Requests to vendors: how they are paced, answered and tried again."""

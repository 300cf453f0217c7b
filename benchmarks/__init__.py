"""Benchmarks: this project compared with the tools that a user would choose instead."""

"""Entries that ship with the framework, named in `sources.yaml` and never imported by a source."""

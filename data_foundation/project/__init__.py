"""The source folders below `dlthub/`: found, checked and, for a load, imported.

`find_sources` walks the folders and returns each as a `FoundSource` or a `BrokenSource`; `source` reads one folder's
files into a `SourceConfig`; `entry` finds an entry's file and reads its text without an import, `entry_text/` what else
the text shows; `source_import` imports it for a load. `dlt_source` builds an entry that holds several resources,
`discovery/` finds what such a one stands for, `scaffold/` writes a new folder. At definition time no code of a source
runs but a folder's `definitions.py`. Begin with `find_sources`.
"""

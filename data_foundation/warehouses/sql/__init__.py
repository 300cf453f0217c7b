"""SQL that more than one engine needs: statements of the project in another dialect, and rows as text.

`translation` rewrites the statements of this project in the dialect of an engine; `value_texts` converts columns of
Arrow to text; `version_merge` is dlt's merge of versions at a cost that follows the load. Not in here: connections, and
whatever only one engine has.
"""

"""`foundation init` and `foundation upgrade`: the files of a repository of one's own, and their next version.

`files` returns every file that this version of the package writes; the texts are in `templates/`, the JSON Schemas come
from `editor_schemas`. `create` writes them into a folder, and `record` keeps what was written, so that `upgrade` can
tell what a new version changes from what a person has changed; `merge` joins the two. Source folders are written by
`scaffold`. Begin with `files`.
"""

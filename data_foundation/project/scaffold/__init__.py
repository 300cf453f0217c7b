"""`foundation new`: writes a source folder that works, and a test of it that passes.

`create` checks the name and writes the files. `kinds` reads what `--from` accepts; the files of each kind are in
`templates/`. For a dlt source `dlt_folder` takes its code as it is, `dlt_functions` reads what it declares, and
`dlt_yaml` writes that down. No code of a source runs here: that is left to `discovery`. Begin with `create`.
"""

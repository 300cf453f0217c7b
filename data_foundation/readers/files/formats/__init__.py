"""One module or room for each file format: delimited/ (CSV), sheets/ (workbooks), JSON, Parquet, PDF; what they share.

Each turns one file into pages of rows or Arrow tables. It knows neither where the file is stored nor which files were
loaded before; `file_reader` in the room above calls it, after `unpack` and `transcode`. `notation` says how texts are
numbers and times, `text_columns` converts them. Begin with `delimited/csv_files`.
"""

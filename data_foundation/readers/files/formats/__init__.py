"""One module for each file format: CSV, JSON, Excel, Parquet, PDF, and what they share.

Each turns one file into pages of rows or Arrow tables. It knows neither where the file is stored nor which files were
loaded before; `file_reader` in the room above calls it. Begin with `csv_files`.
"""

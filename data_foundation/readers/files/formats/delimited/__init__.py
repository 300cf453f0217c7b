"""CSV: text with delimiters between its values.

`head` decides to the byte where the rows begin, by a `dialect`; `line_ends` copies rows whose lines end in different
ways, and `csv_files` lets DuckDB read them. Begin with `csv_files`.
"""

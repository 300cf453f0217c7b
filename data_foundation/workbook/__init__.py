"""Reads a source folder's `ingestion_config.xlsx`, a configuration in Excel with one row for each table.

`read_workbook` (`document.py`) turns it into a document like `sources.yaml`, with the cell of each value for error
messages; `template.py` writes an empty workbook, `export.py` the equivalent YAML. `xlsx_file.py` opens every .xlsx
file of the project, the data files of `readers.files` too. The room loads nothing and knows neither dlt nor Dagster.
"""

WORKBOOK_FILE = "ingestion_config.xlsx"
SHEET = "SourceConfig"

"""A folder's `ingestion_config.xlsx`: one row a table, for those who keep their configuration in Excel."""

WORKBOOK_FILE = "ingestion_config.xlsx"
SHEET = "SourceConfig"

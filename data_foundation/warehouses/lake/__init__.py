"""Files in a data lake as warehouse: Delta tables and parquet."""

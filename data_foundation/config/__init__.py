"""The grammar of `sources.yaml` and `tags.yaml`; it knows neither dlt nor Dagster."""

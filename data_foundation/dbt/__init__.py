"""dbt as a command, and the sources.yml that it reads."""

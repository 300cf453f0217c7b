"""One resource into its table."""

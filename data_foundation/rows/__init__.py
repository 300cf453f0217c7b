"""What a yielded row goes through before it is written to a load package."""

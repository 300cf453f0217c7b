"""The command `foundation`: its commands and what they print."""

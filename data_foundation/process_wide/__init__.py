"""Whatever changes the whole process."""

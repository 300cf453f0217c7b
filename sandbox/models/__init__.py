"""The vendors' objects: pydantic models as they document them, and factories that make the same rows every time."""

"""The vendors' objects: pydantic models of the documented fields, and factories that always create the same rows."""

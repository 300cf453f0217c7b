"""How many bytes a compressed file may unpack to: gzip files and .xlsx workbooks have the same limits."""

MAX_RATIO = 200
"""Unpacked bytes for each byte of the compressed file."""

FREE_BYTES = 64 * 2**20
"""Unpacked bytes that any file may have, however small it is."""


def max_unpacked_bytes(compressed: int) -> int:
    """Returns how many bytes a file of `compressed` bytes may unpack to."""
    return max(FREE_BYTES, MAX_RATIO * compressed)

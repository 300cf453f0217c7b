"""dlt's snake_case that keeps the letters of every script; the value of dlt's setting `naming`, section `[schema]`.

With `naming = "data_foundation.unicode_snake_case"`, `Номер заказа` becomes `номер_заказа`, and `订单` stays `订单`.
dlt's snake_case replaces every letter but a to z, so that both become names of `_` and `x` alone.
"""

from __future__ import annotations

import unicodedata
from functools import lru_cache

from dlt.common.normalizers.naming.snake_case import NamingConvention as SnakeCase
from typing_extensions import override


class NamingConvention(SnakeCase):
    """Lower case, with `_` for all but letters, digits and marks of any script; otherwise as dlt's snake_case."""

    @override
    def normalize_identifier(self, identifier: str) -> str:
        """Returns the name in the warehouse of a key, a column or a table."""
        super().normalize_identifier(identifier)  # refuses what is no name
        return self._shorten(_normalize(identifier.strip()), identifier)

    @override
    def shorten_fragments(self, *normalized_idents: str) -> str:
        """Returns the name of a nested table, or of a column in an object."""
        path = self.make_path(*normalized_idents)
        return self._shorten(path, path)

    def _shorten(self, name: str, identifier: str) -> str:
        """Returns the name in at most `max_length` bytes: databases count bytes, dlt counts letters."""
        longest, shortened = self.max_length, name
        while self.max_length and len(shortened.encode()) > self.max_length:
            shortened = self.shorten_identifier(name, identifier, longest)
            longest -= 1
        return shortened


@lru_cache(maxsize=65536)
def _normalize(identifier: str) -> str:
    # One spelling of letters that can be composed of others, so that two spellings of a heading are one column.
    composed = unicodedata.normalize("NFC", identifier).translate(SnakeCase._TR_REDUCE_ALPHABET)  # noqa: SLF001
    # As the method that is overridden ends.
    return SnakeCase._to_snake_case("".join(letter if _is_kept(letter) else "_" for letter in composed))  # noqa: SLF001


def _is_kept(letter: str) -> bool:
    return letter == "_" or letter.isalnum() or unicodedata.category(letter).startswith("M")

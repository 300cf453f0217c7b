"""How a file writes numbers, dates and times; `number_format` is an example of one of its numbers."""

from __future__ import annotations

import re
from dataclasses import dataclass

from data_foundation.errors import EntryError
from data_foundation.sql_text import quote_text

_CURRENCY = r"(?:[^\W\d_]{1,3}\.?|[^\W\d_]{0,3}[\u0024\u00a2-\u00a5\u20a0-\u20cf])"
_EXAMPLE = re.compile(
    rf"\(?[+-]? ?(?P<before>{_CURRENCY})? ?[+-]?"
    r"(?:\d{1,3}(?:(?P<group>[.,' ])\d{3})+|\d+)(?P<point>[.,])(?P<decimals>\d+)"
    rf" ?[+-]? ?(?P<after>{_CURRENCY})?[+-]?\)?"
)
_PLAIN = str.maketrans("\u00a0\u202f\u2009\u2007\u2019\u2212", "    '-")
"""Spaces that do not break a line or are thin, the typographic apostrophe and minus, and what they stand for."""

_ACCEPTED = "accepted: a number with decimals as the file writes it, for instance '1.234,50', '1 234,50' or 'EUR 12.50'"
_OF_THREE_DIGITS = 3


@dataclass(frozen=True)
class NumberForm:
    """The form of a file's numbers.

    Attributes:
        point: The decimal separator.
        group: The separator of thousands.
        currency: The currency that a number may have before or behind it.
        example: The example in the configuration, after which a sign may be behind a number, and parentheses around it;
            "" for none.
    """

    point: str = "."
    group: str = ","
    currency: str = ""
    example: str = ""

    @classmethod
    def of_example(cls, example: str) -> NumberForm:
        """Returns the form of an example.

        Raises:
            EntryError: It is no number with decimals, or can be read in two ways.
        """
        found = _EXAMPLE.fullmatch(example.translate(_PLAIN).strip()) if isinstance(example, str) else None
        if not found or found["group"] == found["point"]:
            raise EntryError(f"number_format: got {example!r}; {_ACCEPTED}")
        if not found["group"] and len(found["decimals"]) == _OF_THREE_DIGITS:
            raise EntryError(
                f"number_format: got {example!r}, whose '{found['point']}' may separate thousands or decimals; "
                f"{_ACCEPTED}"
            )
        group = found["group"] or ("," if found["point"] == "." else ".")
        return cls(found["point"], group, found["before"] or found["after"] or "", example)

    def value(self, text: str) -> str:
        """Returns the SQL of a number as SQL writes it.

        Args:
            text: SQL of a text that matches `pattern`.
        """
        if not self.example:
            return _without(text, self.group, self.point)
        text = self._plain(text)
        amount = f"replace({text}, {quote_text(self.currency)}, '')" if self.currency else text
        number = _without(f"regexp_replace({amount}, '[()+ -]', '', 'g')", self.group, self.point)
        return f"(CASE WHEN regexp_matches({text}, '[(-]') THEN '-' ELSE '' END || {number})"

    def matches(self, text: str, decimals: str) -> str:
        """Returns the SQL of whether a text is a number of this form.

        Args:
            text: SQL of the text.
            decimals: Regular expression of the decimals, in which `POINT` stands for the decimal separator.
        """
        decimals = decimals.replace("POINT", re.escape(self.point))
        units = rf"(\d+|\d{{1,3}}({re.escape(self.group)}\d{{3}})+)?{decimals}"
        if not self.example:
            return f"regexp_full_match({text}, {quote_text(f'[+-]?{units}')})"
        before = f"({re.escape(self.currency)} ?)?" if self.currency else ""
        after = f"( ?{re.escape(self.currency)})?" if self.currency else ""
        forms = (
            rf"{before}[+-]? ?{units}{after}", rf"[+-] ?{before}{units}{after}", rf"{before}{units}{after} ?[+-]",
            rf"{units} ?[+-]{after}", rf"\( ?{before}{units}{after} ?\)",
        )  # fmt: skip
        plain = self._plain(text)
        return f"(regexp_full_match({plain}, {quote_text('|'.join(forms))}) AND regexp_matches({plain}, '[0-9]'))"

    def _plain(self, text: str) -> str:
        before, after = (quote_text("".join(map(chr, side))) for side in (_PLAIN.keys(), _PLAIN.values()))
        return f"translate({text}, {before}, {after})"


@dataclass(frozen=True)
class Notation:
    """How a file writes numbers and times.

    Attributes:
        decimal_separator: A point or a comma; the other one may separate thousands.
        date_format: Format of dates in the notation of `strptime`; None for ISO 8601.
        timestamp_format: Format of timestamps in the same notation; None for ISO 8601.
        number_format: An example of a number, in place of `decimal_separator`.
    """

    decimal_separator: str | None = None
    date_format: str | None = None
    timestamp_format: str | None = None
    number_format: str | None = None

    def __post_init__(self) -> None:
        """Checks the form of numbers.

        Raises:
            EntryError: The decimal separator is neither a point nor a comma, or the example is no number.
        """
        if self.decimal_separator not in {None, ".", ","}:
            raise EntryError(f"decimal_separator: got {self.decimal_separator!r}; accepted: '.' or ','")
        if self.numbers.point != (self.decimal_separator or self.numbers.point):
            raise EntryError(
                f"decimal_separator: got {self.decimal_separator!r}, and number_format is {self.number_format!r}; "
                "accepted: one of the two"
            )

    @property
    def numbers(self) -> NumberForm:
        """The form of numbers."""
        if self.number_format is not None:
            return NumberForm.of_example(self.number_format)
        return NumberForm(",", ".") if self.decimal_separator == "," else NumberForm()


def _without(text: str, group: str, point: str) -> str:
    """Returns the SQL of a number without separators of thousands, and with a decimal point."""
    plain = f"replace({text}, {quote_text(group)}, '')"
    return plain if point == "." else f"replace({plain}, {quote_text(point)}, '.')"

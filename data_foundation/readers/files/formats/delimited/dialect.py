"""How a CSV file is written: its delimiter, quotes and headings."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from data_foundation.errors import EntryError
from data_foundation.readers.files.formats.notation import Notation

_DELIMITERS = (";", "\t", "|", ",")
"""The delimiters that are recognised. Of equally good ones the first wins: texts and decimals contain commas."""

_SAMPLE_LINES = 20
_DECIMAL_COMMA = re.compile(r"(?<=\d),(?=\d)")


@dataclass(frozen=True)
class Dialect:
    """How a CSV file is written.

    Attributes:
        delimiter: Character between values; None for the most frequent one in the first row.
        quote: Character around values that contain delimiters; "" if values are never quoted.
        escape: Character before a quote inside of a quoted value.
        header: True if the first row names the columns; otherwise their names, or False for `column_1`, `column_2`.
        skip: Number of lines before the first row.
        null_values: Texts that are read as NULL, in addition to an empty value.
        notation: How the file writes numbers and times.
    """

    delimiter: str | None = None
    quote: str = '"'
    escape: str = '"'
    header: bool | Sequence[str] = True
    skip: int = 0
    null_values: Sequence[str] = ()
    notation: Notation = field(default_factory=Notation)

    def __post_init__(self) -> None:
        """Checks the options that DuckDB would refuse.

        Raises:
            EntryError: Names the invalid option.
        """
        for key, shortest in (("delimiter", 1), ("quote", 0), ("escape", 0)):
            value = getattr(self, key)
            if value is not None and not (isinstance(value, str) and shortest <= len(value) <= 1):
                none = "" if shortest else ', or "" for none'
                raise EntryError(f"{key}: got {value!r}; accepted: one character{none}")
        if not isinstance(self.skip, int) or self.skip < 0:
            raise EntryError(f"skip: got {self.skip!r}; accepted: a number of lines, 0 or more")

    @property
    def quoted_text(self) -> str:
        """Regular expression of a value in quotes, with the group `text`; it matches nothing if there are no quotes."""
        if not self.quote:
            return r"(?!)(?P<text>)"
        quote, escape = re.escape(self.quote), re.escape(self.escape)
        inner = f"[^{quote}]" if self.escape in {"", self.quote} else rf"[^{quote}{escape}]|{escape}."
        doubled = f"|{quote}{quote}" if self.escape == self.quote else ""
        return f"{quote}(?P<text>(?s:{inner}{doubled})*+){quote}"

    def unescape(self, text: str) -> str:
        """Returns the value that a text inside of quotes stands for."""
        if not (self.quote and self.escape):
            return text
        return re.sub(f"(?s){re.escape(self.escape)}([{re.escape(self.quote + self.escape)}])", r"\1", text)

    def guess_delimiter(self, sample: str) -> str:
        """Returns the most frequent delimiter of the first line; later lines decide between equally frequent ones.

        Delimiters in quotes do not count, nor does a comma between two digits if the line has another delimiter: it may
        be a decimal comma.

        Args:
            sample: The first lines of a file.
        """
        first, *others = map(_count_delimiters, self._lines_without_quotes(sample))
        return max(_DELIMITERS, key=lambda one: (first[one], sum(line[one] == first[one] for line in others)))

    def has_title(self, sample: str) -> bool:
        """Returns True if the first line has no delimiter, though most lines below have equally many of one.

        It is a title or a comment then, and no heading. A comma before a blank or between two digits does not count:
        it may be one of a text, or a decimal comma.

        Args:
            sample: The first lines of a file.
        """
        first, *others = self._lines_without_quotes(sample)
        below = [line for line in others if line]
        return not any(one in first for one in _DELIMITERS) and any(_share_columns(below, one) for one in _DELIMITERS)

    def _lines_without_quotes(self, sample: str) -> list[str]:
        starts = rf"(?<![^{re.escape(''.join(_DELIMITERS))}\r\n])"
        return re.split("\r\n|\r|\n", re.sub(starts + self.quoted_text, "", sample))[:_SAMPLE_LINES]


def _share_columns(lines: Sequence[str], delimiter: str) -> bool:
    counts = [len(re.findall(rf"{re.escape(delimiter)}(?! )", line)) for line in lines]
    found, times = Counter(filter(None, counts)).most_common(1)[0] if any(counts) else (0, 0)
    # One line with more than decimal commas is enough: the headings, above rows of numbers.
    is_text = delimiter != "," or any(
        count == found and len(_DECIMAL_COMMA.findall(line)) < count for line, count in zip(lines, counts, strict=True)
    )
    return times > 1 and times * 2 > len(lines) and is_text


def _count_delimiters(line: str) -> dict[str, int]:
    counts = {one: line.count(one) for one in _DELIMITERS}
    if any(counts[one] for one in _DELIMITERS if one != ","):
        counts[","] -= len(_DECIMAL_COMMA.findall(line))
    return counts

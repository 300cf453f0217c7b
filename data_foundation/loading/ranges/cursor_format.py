"""Converts the values of a range, given as text or as times, to the type and the format of a cursor's values."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from typing import Any

from dlt.common.time import datetime_obj_to_str, detect_datetime_format

from data_foundation.errors import LoadError
from data_foundation.loading.task import refuse_misspelt

DAILY = ("%Y-%m-%d", "%Y%m%d")


@dataclass(frozen=True)
class CursorFormat:
    """Converts values to the type and format of the cursor.

    Attributes:
        example: A value of the cursor as rows have it, None if none is known.
        zone: Time zone in which days begin, and of times without a zone.
        untyped: Column of the cursor, "" if it is declared as text.
    """

    example: Any
    zone: tzinfo
    untyped: str

    @property
    def format(self) -> str | None:
        """The `strftime` format of a date or time held as text; None for any other value."""
        return _find_format(self.example) if isinstance(self.example, str) else None

    @property
    def _is_moment(self) -> bool:
        return isinstance(self.example, date) or self.format is not None

    def read(self, text: str) -> Any:
        """Returns a value given as text, converted to the type and format of the example.

        Raises:
            LoadError: It cannot be converted.
        """
        if self.example is None:
            refuse_misspelt(text, self.untyped)
        if isinstance(self.example, int | float):
            try:
                return type(self.example)(text)
            except ValueError:
                message = f"start/end: got '{text}'; accepted is a number like the cursor's {self.example}"
                raise LoadError(message) from None
        if not self._is_moment or (self.format and "z" not in self.format and _find_format(text) == self.format):
            return text
        try:
            return self.spell(datetime.fromisoformat(text))
        except ValueError:
            message = f"start/end: got '{text}'; accepted is a date or a time in ISO 8601, like {self.example}"
            raise LoadError(message) from None

    def spell(self, moment: date) -> Any:
        """Returns a date or time in the type and format of the example; a date is its midnight in `zone`."""
        if not isinstance(moment, datetime):
            moment = datetime.combine(moment, time.min)
        moment = moment if moment.tzinfo else moment.replace(tzinfo=self.zone)
        if isinstance(self.example, datetime):
            return moment if self.example.tzinfo else moment.astimezone(UTC).replace(tzinfo=None)
        if isinstance(self.example, date):
            return moment.date()
        text_format = self.format or DAILY[0]
        if "%H" not in text_format:
            return datetime_obj_to_str(moment, text_format)
        example = datetime.fromisoformat(self.example)
        text = datetime_obj_to_str(moment.astimezone(example.tzinfo or UTC), text_format)
        # A vendor that writes milliseconds often rejects microseconds.
        digits = re.search(r"\.(\d+)", self.example)
        return re.sub(r"(\.\d{6})", lambda fraction: fraction[1][: 1 + len(digits[1])], text) if digits else text

    def now(self) -> Any:
        """Returns the current time, or tomorrow if values are days (a range excludes its end); None for numbers."""
        now = datetime.now(self.zone).replace(microsecond=0)
        if isinstance(self.example, datetime) or (self.format and "%H" in self.format):
            return self.spell(now)
        is_daily = isinstance(self.example, date) or self.format in DAILY
        return self.spell(now + timedelta(days=1)) if is_daily else None


def _find_format(text: str) -> str | None:
    """Returns the `strftime` format of a date or time, with a T or a space between both; None for any other text."""
    text_format = detect_datetime_format(text.replace(" ", "T", 1))
    return text_format.replace("T", " ", 1) if text_format and " " in text else text_format

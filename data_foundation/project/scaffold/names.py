"""Which names a new source may have, and the nearest one to a name that it must not have."""

from __future__ import annotations

import keyword
import re
import unicodedata

from data_foundation.project.source_folder import OP_NAMES, RESERVED_FOLDERS


def find_reason(name: str) -> str:
    """Returns why a new source cannot have this name, as a clause; "" if it can."""
    reasons = {
        "it is empty": not name,
        "Python uses that word itself": keyword.iskeyword(name),
        "dlt's plugin has a module of that name": name in RESERVED_FOLDERS,
        "Dagster uses that word itself": name in OP_NAMES,
        "it has letters with accents or of another alphabet": not name.isascii(),
        "it has a character that is no letter, digit or _": bool(re.search(r"\W", name)),
        "it has capital letters": name != name.lower(),
        "it begins with a digit": name[:1].isdigit(),
        "it begins with _": name.startswith("_"),
        "dlt puts two _ between a table and its nested table": "__" in name,
    }
    return next((reason for reason, applies in reasons.items() if applies), "")


def suggest_name(name: str) -> str:
    """Returns the accepted name that is nearest to one that is not accepted."""
    plain = unicodedata.normalize("NFKD", name.casefold()).encode("ascii", "ignore").decode()
    words = re.sub(r"[^a-z0-9]+", "_", plain).strip("_")
    shortened = words.lstrip("0123456789_") or (f"source_{words}" if words else "shop")
    return f"{shortened}_source" if find_reason(shortened) else shortened

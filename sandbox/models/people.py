"""Authors, topics and times, shared by all platforms, so that an author can appear on several of them."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from random import Random
from typing import Any, TypeVar

from polyfactory.factories.pydantic_factory import ModelFactory
from pydantic import BaseModel

T = TypeVar("T", bound=BaseModel)

ANCHOR = datetime(2026, 10, 31, tzinfo=UTC)
"""The sandbox's fixed current time: no row is later, so the rows are the same at every start."""

DAYS = 60
"""The number of days with posts."""

WEBSITE = "https://blog.duckyards.example"


@dataclass(frozen=True)
class Person:
    """A person with accounts on the platforms."""

    number: int
    name: str
    handle: str


FIRST = ("Ada", "Bram", "Chloe", "Daan", "Elif", "Femke", "Grace", "Hugo", "Ines", "Jonas", "Kenji", "Lotte")
LAST = ("Adams", "Bakker", "Costa", "Dekker", "Evans", "Fischer", "Garcia", "Haddad")

SITES = (
    "news.example",
    "data-weekly.example",
    "techreview.example",
    "blog.duckyards.example",
    "docs.duckyards.example",
)
TOPICS = (
    "pipelines",
    "release-2-0",
    "incremental-loads",
    "warehouse-costs",
    "schema-contracts",
    "backfills",
    "lineage",
)
LINKS = tuple(f"https://{site}/{topic}" for site in SITES for topic in TOPICS)
"""The links in posts; the first ones are the most frequent."""

OPENINGS = (
    "Finally tried",
    "Moved everything to",
    "Anyone else using",
    "Hot take on",
    "We cut costs with",
    "Stuck with",
)
OBJECTS = ("duckyards", "duckyards 2.0", "the duckyards loader", "duckyards on a laptop", "the new duckyards release")
ENDINGS = (
    "and it just works.",
    "after three years of scripts.",
    "- thoughts?",
    "in production.",
    "Notes inside.",
    "Thread.",
)


@cache
def people() -> tuple[Person, ...]:
    """Return 48 people, the most active ones first."""
    random = Random(48)
    names = [f"{first} {last}" for first in FIRST for last in LAST]
    chosen = random.sample(names, 48)
    return tuple(Person(1000 + i, name, name.lower().replace(" ", "_")) for i, name in enumerate(chosen))


def pick_person(random: Random) -> Person:
    """Return a person; active people are more likely."""
    return people()[int(len(people()) * random.random() ** 2)]


def pick_link(random: Random) -> str:
    """Return a link; popular links are more likely."""
    return LINKS[int(len(LINKS) * random.random() ** 2)]


def write_text(random: Random) -> str:
    """Return a sentence about the product."""
    return " ".join((random.choice(OPENINGS), random.choice(OBJECTS), random.choice(ENDINGS)))


def pick_times(random: Random, count: int, days: int = DAYS) -> list[datetime]:
    """Return times in whole seconds within the days before the anchor, newest first."""
    seconds = sorted(random.sample(range(1, days * 86_400), count))
    return [ANCHOR - timedelta(seconds=second) for second in seconds]


def count_likes(random: Random) -> int:
    """Return a count: mostly small, sometimes thousands, sometimes zero."""
    return min(int(random.paretovariate(0.6) * 3) - 3, 250_000)


def to_json(model: BaseModel, *, omit_none: bool = False) -> dict[str, Any]:
    """Return the object as the vendor sends it, with the vendor's key names; some vendors omit empty fields."""
    data: dict[str, Any] = model.model_dump(mode="json", by_alias=True, exclude_none=omit_none)
    return data


class SeededFactory(ModelFactory[T]):
    """A factory whose objects are derived from the seed only."""

    __is_base_factory__ = True
    __random_seed__ = 20261031

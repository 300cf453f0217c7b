"""Who writes, what about and when: shared by all platforms, so that an author can be met on several of them."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from random import Random
from typing import Any, TypeVar

from polyfactory.factories.pydantic_factory import ModelFactory
from pydantic import BaseModel

T = TypeVar("T", bound=BaseModel)

ANCHOR = datetime(2026, 10, 31, tzinfo=UTC)
"""The sandbox's fixed now: nothing is younger, so the same rows come out at every start."""

DAYS = 60
"""How far back posts go."""

WEBSITE = "https://blog.duckyards.example"


@dataclass(frozen=True)
class Person:
    """Somebody with accounts."""

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
"""The links that posts share; the first are shared most."""

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
    """Return everybody: 48 people, the first of them the most talkative."""
    random = Random(48)
    names = [f"{first} {last}" for first in FIRST for last in LAST]
    chosen = random.sample(names, 48)
    return tuple(Person(1000 + i, name, name.lower().replace(" ", "_")) for i, name in enumerate(chosen))


def pick_person(random: Random) -> Person:
    """Return somebody, talkative people more often."""
    return people()[int(len(people()) * random.random() ** 2)]


def pick_link(random: Random) -> str:
    """Return a link, popular ones more often."""
    return LINKS[int(len(LINKS) * random.random() ** 2)]


def write_text(random: Random) -> str:
    """Return a sentence about the product."""
    return " ".join((random.choice(OPENINGS), random.choice(OBJECTS), random.choice(ENDINGS)))


def pick_times(random: Random, count: int, days: int = DAYS) -> list[datetime]:
    """Return whole seconds within the days before the anchor, newest first."""
    seconds = sorted(random.sample(range(1, days * 86_400), count))
    return [ANCHOR - timedelta(seconds=second) for second in seconds]


def count_likes(random: Random) -> int:
    """Return a count as posts have them: mostly small, now and then thousands, sometimes none."""
    return min(int(random.paretovariate(0.6) * 3) - 3, 250_000)


def to_json(model: BaseModel, *, omit_none: bool = False) -> dict[str, Any]:
    """Return the object as the vendor sends it: its own spelling of names; some vendors leave empty fields out."""
    data: dict[str, Any] = model.model_dump(mode="json", by_alias=True, exclude_none=omit_none)
    return data


class SeededFactory(ModelFactory[T]):
    """A factory whose every object follows from the seed."""

    __is_base_factory__ = True
    __random_seed__ = 20261031

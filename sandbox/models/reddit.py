"""Links (`t3`) of Reddit's listings, as https://www.reddit.com/dev/api documents them."""

from datetime import datetime
from typing import Any, Literal

from pydantic import BaseModel

from sandbox.models.people import SeededFactory, count_likes, pick_link, pick_person, pick_times, to_json, write_text

COUNT = 380
BASE36 = "0123456789abcdefghijklmnopqrstuvwxyz"
SUBREDDITS = {"dataengineering": "t5_36en4", "python": "t5_2qh0y", "duckyards": "t5_9aaaa", "selfhosted": "t5_32hch"}


class Link(BaseModel):
    """A submission."""

    id: str
    name: str
    title: str
    selftext: str
    author: str
    author_fullname: str
    subreddit: str
    subreddit_id: str
    subreddit_name_prefixed: str
    created: float
    created_utc: float
    score: int
    ups: int
    downs: Literal[0]
    upvote_ratio: float
    num_comments: int
    permalink: str
    url: str
    domain: str
    is_self: bool
    edited: float | Literal[False]
    """False, or the time of the edit, as in Reddit's API."""
    link_flair_text: Literal["Discussion", "Help", "Blog"] | None
    over_18: Literal[False]
    stickied: Literal[False]
    locked: bool


class LinkFactory(SeededFactory[Link]):
    """Creates the submissions that a search for the product finds."""

    __model__ = Link

    @classmethod
    def rows(cls) -> list[dict[str, Any]]:
        """Return all submissions, newest first."""
        cls.seed_random(12)
        return [to_json(cls.link(at)) for at in pick_times(cls.__random__, COUNT)]

    @classmethod
    def link(cls, at: datetime) -> Link:
        """Create a submission with that time."""
        random = cls.__random__
        person, url, ups = pick_person(random), pick_link(random), count_likes(random)
        number = "1" + "".join(random.choice(BASE36) for _ in range(6))
        subreddit = random.choice(tuple(SUBREDDITS))
        title = write_text(random)
        slug = "_".join(title.lower().split()[:4]).strip(".?-")
        permalink = f"/r/{subreddit}/comments/{number}/{slug}/"
        is_self = random.random() < 0.3
        return cls.build(
            id=number,
            name=f"t3_{number}",
            title=title,
            selftext=write_text(random) if is_self else "",
            author=person.handle,
            author_fullname=f"t2_{person.number}a",
            subreddit=subreddit,
            subreddit_id=SUBREDDITS[subreddit],
            subreddit_name_prefixed=f"r/{subreddit}",
            created=at.timestamp(),
            created_utc=at.timestamp(),
            score=ups,
            ups=ups,
            upvote_ratio=round(random.uniform(0.5, 1), 2),
            num_comments=ups // 6,
            permalink=permalink,
            url=f"https://www.reddit.com{permalink}" if is_self else url,
            domain=f"self.{subreddit}" if is_self else url.split("/")[2],
            is_self=is_self,
            edited=at.timestamp() + 600 if random.random() < 0.1 else False,
            locked=random.random() < 0.03,
        )

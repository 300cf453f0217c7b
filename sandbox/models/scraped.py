"""Semi-structured items of the three platforms' scrapers; each scraper has its own inconsistent format.

Keys are missing, numbers are numbers or text ("1.2K"), dates have several formats, and `extra` contains any keys. Some
of the items are posts that the platforms' APIs also return.
"""

from collections.abc import Callable
from datetime import UTC, datetime
from random import Random
from typing import Any

from pydantic import BaseModel, ConfigDict, Field
from typing_extensions import override

from sandbox.models.facebook import PAGE, PAGE_ID, PostFactory
from sandbox.models.people import ANCHOR, SeededFactory, to_json
from sandbox.models.reddit import LinkFactory
from sandbox.models.x import TweetFactory, UserFactory

SHARED = 150
"""Number of items that an API also returns."""
OWN = 170
"""Number of items that only the scraper has."""

OPTIONAL = 0.12
"""Probability that an optional key is missing."""


def spell_number(random: Random, number: int) -> int | str:
    """Return a count as 1234, "1234", "1,234" or "1.2K" (thousands only, rounded)."""
    spellings: list[int | str] = [number, number, str(number), f"{number:,}"]
    if number >= 1000:
        spellings += [f"{number / 1000:.1f}K"] * 4
    return random.choice(spellings)


def spell_time(random: Random, at: datetime) -> str | int:
    """Return a UTC time in one of five formats."""
    spellings: tuple[Callable[[], str | int], ...] = (
        lambda: at.strftime("%Y-%m-%dT%H:%M:%S.000Z"),
        lambda: at.strftime("%Y-%m-%d %H:%M:%S"),
        lambda: at.strftime("%a %b %d %H:%M:%S +0000 %Y"),
        lambda: at.strftime("%B %d, %Y at %I:%M %p"),
        lambda: int(at.timestamp()),
    )
    return random.choice(spellings)()


def spell_link(random: Random, link: str) -> str:
    """Return a link as found on a page: unchanged, with a trailing slash, or with tracking parameters."""
    return random.choice((link, link, link, f"{link}/", f"{link}?utm_source=feed&utm_medium=social"))


class FacebookUser(BaseModel):
    """The author as shown on the page."""

    name: str
    profileUrl: str


class FacebookItem(BaseModel):
    """A post scraped from a page."""

    model_config = ConfigDict(extra="allow")

    postId: str
    pageName: str
    url: str
    time: str | int
    user: FacebookUser
    text: str | None
    link: str | None
    likes: int | str | None
    comments: int | str | None
    shares: int | str | None
    extra: dict[str, Any] | None


class RedditItem(BaseModel):
    """A submission scraped from a listing."""

    model_config = ConfigDict(extra="allow")

    id: str
    url: str
    username: str
    title: str
    communityName: str
    body: str | None
    link: str | None
    upVotes: int | str | None
    numberOfComments: int | str | None
    createdAt: str | int
    dataType: str = "post"
    extra: dict[str, Any] | None


class XAuthor(BaseModel):
    """The author as shown on the page."""

    userName: str
    name: str
    followers: int | str


class XItem(BaseModel):
    """A post scraped from a timeline."""

    model_config = ConfigDict(extra="allow")

    id: str
    url: str
    fullText: str | None
    author: XAuthor
    createdAt: str | int
    likeCount: int | str | None
    retweetCount: int | str | None
    replyCount: int | str | None
    viewCount: int | str | None
    outlinks: str | None = Field(description="The first link of the post.")
    extra: dict[str, Any] | None


class ItemFactory(SeededFactory[BaseModel]):
    """The common parts of the three scrapers: they lose keys and add others."""

    __is_base_factory__ = True

    @classmethod
    def rows(cls) -> list[dict[str, Any]]:
        """Return all items, in the scraper's order."""
        raise NotImplementedError

    @classmethod
    def maybe(cls, value: Any) -> Any:
        """Return the value, or None if the scraper lost it."""
        return None if cls.__random__.random() < OPTIONAL else value

    @classmethod
    def number(cls, value: int) -> int | str | None:
        """Return a count in the page's format."""
        spelt: int | str | None = cls.maybe(spell_number(cls.__random__, value))
        return spelt

    @classmethod
    def anything(cls) -> dict[str, Any] | None:
        """Return the additional keys of this scraper's version."""
        random = cls.__random__
        choices: tuple[dict[str, Any] | None, ...] = (
            None,
            {"scraper": {"version": f"1.{random.randrange(9)}", "proxy": random.choice(("nl", "de", None))}},
            {"position": random.randrange(100), "badges": random.sample(("top", "new", "verified"), 2)},
            {"debug": {"retries": random.randrange(3), "selectors": [{"css": ".post", "hits": random.randrange(9)}]}},
        )
        return random.choice(choices)

    @classmethod
    def choose(cls, known: list[dict[str, Any]], new: Callable[[datetime], dict[str, Any]]) -> list[dict[str, Any]]:
        """Return posts in the API's format, in random order: some known to the API and some new."""
        random = cls.__random__
        times = [datetime.fromtimestamp(ANCHOR.timestamp() - random.randrange(1, 60 * 86_400), UTC) for _ in range(OWN)]
        posts = [*random.sample(known, SHARED), *map(new, times)]
        random.shuffle(posts)
        return posts


class FacebookItemFactory(ItemFactory):
    """Creates the items of the Facebook scraper."""

    __model__ = FacebookItem

    @classmethod
    @override
    def rows(cls) -> list[dict[str, Any]]:
        """Return all items, in the scraper's order."""
        known = PostFactory.rows()
        cls.seed_random(21)
        new = cls.choose(known, lambda at: to_json(PostFactory.post(at), omit_none=True))
        return [to_json(cls.item(post), omit_none=True) for post in new]

    @classmethod
    def item(cls, post: dict[str, Any]) -> BaseModel:
        """Create the item of a post."""
        random = cls.__random__
        person, number = post["from"], post["id"].removeprefix(f"{PAGE_ID}_")
        links = post.get("attachments", {"data": []})["data"]
        likes = post["reactions"]["summary"]["total_count"]
        return cls.build(
            postId=number,
            pageName=PAGE,
            url=post["permalink_url"],
            time=spell_time(random, datetime.strptime(post["created_time"], "%Y-%m-%dT%H:%M:%S%z")),
            user=FacebookUser(
                name=person["name"], profileUrl=f"https://www.facebook.com/profile.php?id={person['id']}"
            ),
            text=cls.maybe(post.get("message")),
            link=spell_link(random, links[0]["unshimmed_url"]) if links else None,
            likes=cls.number(likes),
            comments=cls.number(likes // 5),
            shares=cls.number(likes // 8),
            extra=cls.anything(),
        )


class RedditItemFactory(ItemFactory):
    """Creates the items of the Reddit scraper."""

    __model__ = RedditItem

    @classmethod
    @override
    def rows(cls) -> list[dict[str, Any]]:
        """Return all items, in the scraper's order."""
        known = LinkFactory.rows()
        cls.seed_random(22)
        posts = cls.choose(known, lambda at: to_json(LinkFactory.link(at)))
        return [to_json(cls.item(post), omit_none=True) for post in posts]

    @classmethod
    def item(cls, post: dict[str, Any]) -> BaseModel:
        """Create the item of a submission."""
        random = cls.__random__
        return cls.build(
            id=post["name"],
            url=f"https://www.reddit.com{post['permalink']}",
            username=post["author"],
            title=post["title"],
            communityName=post["subreddit_name_prefixed"],
            body=post["selftext"] or None,
            link=None if post["is_self"] else spell_link(random, post["url"]),
            upVotes=cls.number(post["ups"]),
            numberOfComments=cls.number(post["num_comments"]),
            createdAt=spell_time(random, datetime.fromtimestamp(post["created_utc"], UTC)),
            dataType="post",
            extra=cls.anything(),
        )


class XItemFactory(ItemFactory):
    """Creates the items of the X scraper."""

    __model__ = XItem

    @classmethod
    @override
    def rows(cls) -> list[dict[str, Any]]:
        """Return all items, in the scraper's order."""
        known, users = TweetFactory.rows(), UserFactory.rows()
        cls.seed_random(23)
        posts = cls.choose(known, lambda at: to_json(TweetFactory.tweet(at), omit_none=True))
        return [to_json(cls.item(post, users[post["author_id"]]), omit_none=True) for post in posts]

    @classmethod
    def item(cls, post: dict[str, Any], user: dict[str, Any]) -> BaseModel:
        """Create the item of a post."""
        random = cls.__random__
        metrics, urls = post["public_metrics"], post.get("entities", {"urls": []})["urls"]
        followers = spell_number(random, user["public_metrics"]["followers_count"])
        return cls.build(
            id=post["id"],
            url=f"https://x.com/{user['username']}/status/{post['id']}",
            fullText=cls.maybe(post["text"]),
            author=XAuthor(userName=user["username"], name=user["name"], followers=followers),
            createdAt=spell_time(random, datetime.strptime(post["created_at"], "%Y-%m-%dT%H:%M:%S.%f%z")),
            likeCount=cls.number(metrics["like_count"]),
            retweetCount=cls.number(metrics["retweet_count"]),
            replyCount=cls.number(metrics["reply_count"]),
            viewCount=cls.number(metrics["impression_count"]),
            outlinks=spell_link(random, urls[0]["expanded_url"]) if urls else None,
            extra=cls.anything(),
        )

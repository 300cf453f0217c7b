"""Posts of the X API v2, as https://docs.x.com/x-api/fundamentals/data-dictionary documents them."""

from datetime import datetime
from typing import Any, Literal

from pydantic import BaseModel

from sandbox.models.people import (
    Person,
    SeededFactory,
    count_likes,
    people,
    pick_link,
    pick_person,
    pick_times,
    to_json,
    write_text,
)

COUNT = 460
FIRST_ID = 1_900_000_000_000_000_000


class UserMetrics(BaseModel):
    """A user's public counts."""

    followers_count: int
    following_count: int
    tweet_count: int
    listed_count: int


class User(BaseModel):
    """The author of a post, in `includes.users`."""

    id: str
    name: str
    username: str
    created_at: str
    verified: bool
    public_metrics: UserMetrics


class Metrics(BaseModel):
    """A post's public counts."""

    retweet_count: int
    reply_count: int
    like_count: int
    quote_count: int
    bookmark_count: int
    impression_count: int


class Url(BaseModel):
    """A link in the text."""

    start: int
    end: int
    url: str
    expanded_url: str
    display_url: str


class Entities(BaseModel):
    """The entities of a post's text."""

    urls: list[Url]


class Tweet(BaseModel):
    """A post; empty fields are omitted from the response."""

    id: str
    text: str
    author_id: str
    conversation_id: str
    created_at: str
    edit_history_tweet_ids: list[str]
    lang: Literal["en", "nl"]
    possibly_sensitive: Literal[False]
    public_metrics: Metrics
    entities: Entities | None


class UserFactory(SeededFactory[User]):
    """Creates the accounts."""

    __model__ = User

    @classmethod
    def rows(cls) -> dict[str, dict[str, Any]]:
        """Return all accounts by id."""
        cls.seed_random(13)
        return {user.id: to_json(user) for user in map(cls.user, people())}

    @classmethod
    def user(cls, person: Person) -> User:
        """Create a person's account."""
        random = cls.__random__
        metrics = UserMetrics(
            followers_count=count_likes(random) * 10,
            following_count=random.randrange(2000),
            tweet_count=random.randrange(9000),
            listed_count=random.randrange(50),
        )
        return cls.build(
            id=str(2_244_900_000 + person.number),
            name=person.name,
            username=person.handle,
            created_at=f"{random.randrange(2009, 2024)}-03-05T10:00:00.000Z",
            public_metrics=metrics,
        )


class TweetFactory(SeededFactory[Tweet]):
    """Creates the posts that a search for the product finds."""

    __model__ = Tweet

    @classmethod
    def rows(cls) -> list[dict[str, Any]]:
        """Return all posts, newest first."""
        cls.seed_random(14)
        return [to_json(cls.tweet(at), omit_none=True) for at in pick_times(cls.__random__, COUNT)]

    @classmethod
    def tweet(cls, at: datetime) -> Tweet:
        """Create a post with that time; ids increase with time, as those of X do."""
        random = cls.__random__
        person, link, likes = pick_person(random), pick_link(random), count_likes(random)
        number = str(FIRST_ID + int(at.timestamp()) * 1000 + random.randrange(1000))
        text = write_text(random)
        short = f"https://t.co/{random.randrange(16**9, 16**10):x}"
        has_link = random.random() < 0.7
        url = Url(
            start=len(text) + 1,
            end=len(text) + 1 + len(short),
            url=short,
            expanded_url=link,
            display_url=link.removeprefix("https://"),
        )
        return cls.build(
            id=number,
            text=f"{text} {short}" if has_link else text,
            author_id=str(2_244_900_000 + person.number),
            conversation_id=number,
            created_at=at.strftime("%Y-%m-%dT%H:%M:%S.000Z"),
            edit_history_tweet_ids=[number],
            public_metrics=Metrics(
                retweet_count=likes // 7,
                reply_count=likes // 9,
                like_count=likes,
                quote_count=likes // 40,
                bookmark_count=likes // 12,
                impression_count=likes * 37 + random.randrange(100),
            ),
            entities=Entities(urls=[url]) if has_link else None,
        )

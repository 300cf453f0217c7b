"""Posts of the Graph API, as https://developers.facebook.com/docs/graph-api/reference/post documents them."""

from datetime import datetime
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from sandbox.models.people import SeededFactory, count_likes, pick_link, pick_person, pick_times, to_json, write_text

PAGE_ID = "104512345678901"
PAGE = "duckyards"
COUNT = 420


class Profile(BaseModel):
    """The author of a post."""

    name: str
    id: str


class Summary(BaseModel):
    """A count of an edge."""

    total_count: int


class Edge(BaseModel):
    """An edge requested with `limit(0).summary(total_count)`: the number of objects, but no objects."""

    data: list[dict[str, Any]]
    summary: Summary


class Shares(BaseModel):
    """The number of shares of a post."""

    count: int


class Attachment(BaseModel):
    """A link on a post."""

    media_type: str
    title: str
    unshimmed_url: str


class Attachments(BaseModel):
    """The links on a post."""

    data: list[Attachment]


class Post(BaseModel):
    """A post; empty fields are omitted from the response."""

    model_config = ConfigDict(populate_by_name=True)

    id: str
    created_time: str
    updated_time: str
    from_: Profile = Field(alias="from")
    message: str | None
    permalink_url: str
    status_type: Literal["mobile_status_update", "shared_story", "added_photos"]
    is_hidden: Literal[False]
    shares: Shares | None
    reactions: Edge
    comments: Edge
    attachments: Attachments | None


class PostFactory(SeededFactory[Post]):
    """Creates the posts in which the page was tagged."""

    __model__ = Post

    @classmethod
    def rows(cls) -> list[dict[str, Any]]:
        """Return all posts, newest first."""
        cls.seed_random(11)
        return [to_json(cls.post(at), omit_none=True) for at in pick_times(cls.__random__, COUNT)]

    @classmethod
    def post(cls, at: datetime) -> Post:
        """Create a post with that time."""
        random = cls.__random__
        person, link, likes = pick_person(random), pick_link(random), count_likes(random)
        number = str(random.randrange(10**14, 10**15))
        title = link.rsplit("/", 1)[1].replace("-", " ").capitalize()
        attachment = Attachment(media_type="link", title=title, unshimmed_url=link)
        created = at.strftime("%Y-%m-%dT%H:%M:%S+0000")
        return cls.build(
            id=f"{PAGE_ID}_{number}",
            created_time=created,
            updated_time=created,
            from_=Profile(name=person.name, id=str(10**14 + person.number)),
            message=write_text(random) if random.random() < 0.97 else None,
            permalink_url=f"https://www.facebook.com/{PAGE}/posts/{number}",
            shares=Shares(count=likes // 8) if likes >= 8 else None,
            reactions=Edge(data=[], summary=Summary(total_count=likes)),
            comments=Edge(data=[], summary=Summary(total_count=likes // 5)),
            attachments=Attachments(data=[attachment]) if random.random() < 0.75 else None,
        )

"""Commits, issues and pull requests, as https://docs.github.com/rest (2022-11-28) documents them."""

from datetime import datetime
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from sandbox.models.people import Person

API = "https://api.github.com"
WEB = "https://github.com"
REPOSITORY = "dlt-hub/dlt"

Association = Literal["CONTRIBUTOR", "MEMBER", "NONE", "COLLABORATOR"]


def spell_time(at: datetime) -> str:
    """Return a time in GitHub's format."""
    return at.strftime("%Y-%m-%dT%H:%M:%SZ")


class User(BaseModel):
    """An account, in its simple form."""

    login: str
    id: int
    node_id: str
    avatar_url: str
    gravatar_id: str = ""
    url: str
    html_url: str
    followers_url: str
    repos_url: str
    type: str = "User"
    user_view_type: str = "public"
    site_admin: bool = False

    @classmethod
    def of(cls, person: Person) -> "User":
        """Return a person's account."""
        login = person.handle.replace("_", "-")
        return cls(
            login=login,
            id=person.number,
            node_id=f"U_{person.number}",
            avatar_url=f"https://avatars.githubusercontent.com/u/{person.number}?v=4",
            url=f"{API}/users/{login}",
            html_url=f"{WEB}/{login}",
            followers_url=f"{API}/users/{login}/followers",
            repos_url=f"{API}/users/{login}/repos",
        )


class Signature(BaseModel):
    """The author or committer of a commit, in git's terms."""

    name: str
    email: str
    date: str


class Tree(BaseModel):
    """A git tree."""

    sha: str
    url: str


class Verification(BaseModel):
    """Whether a commit's signature was verified."""

    verified: bool
    reason: str
    signature: str | None = None
    payload: str | None = None
    verified_at: str | None = None


class GitCommit(BaseModel):
    """A commit, in git's terms."""

    author: Signature
    committer: Signature
    message: str
    tree: Tree
    url: str
    comment_count: int
    verification: Verification


class Parent(BaseModel):
    """A commit's parent."""

    sha: str
    url: str
    html_url: str


class Commit(BaseModel):
    """A commit."""

    sha: str
    node_id: str
    commit: GitCommit
    url: str
    html_url: str
    comments_url: str
    author: User | None
    committer: User | None
    parents: list[Parent]


class Label(BaseModel):
    """A label."""

    id: int
    node_id: str
    url: str
    name: str
    color: str
    default: bool
    description: str | None


class Reactions(BaseModel):
    """Counts of reactions."""

    model_config = ConfigDict(populate_by_name=True)

    url: str
    total_count: int
    plus: int = Field(alias="+1")
    minus: int = Field(alias="-1")
    laugh: int
    hooray: int
    confused: int
    heart: int
    rocket: int
    eyes: int


class PullRequestLink(BaseModel):
    """The link that makes an issue a pull request."""

    url: str
    html_url: str
    diff_url: str
    patch_url: str
    merged_at: str | None


class Thread(BaseModel):
    """The common fields of issues and pull requests."""

    url: str
    html_url: str
    comments_url: str
    id: int
    node_id: str
    number: int
    title: str
    user: User
    labels: list[Label]
    state: str
    locked: bool
    assignee: User | None
    assignees: list[User]
    milestone: None
    created_at: str
    updated_at: str
    closed_at: str | None
    author_association: Association
    active_lock_reason: None
    body: str | None


class Issue(Thread):
    """An issue; GitHub lists pull requests among them."""

    repository_url: str
    comments: int
    reactions: Reactions
    state_reason: str | None
    pull_request: PullRequestLink | None = None


class Branch(BaseModel):
    """One side of a pull request."""

    label: str
    ref: str
    sha: str
    user: User


class PullRequest(Thread):
    """A pull request."""

    diff_url: str
    patch_url: str
    issue_url: str
    commits_url: str
    merged_at: str | None
    merge_commit_sha: str | None
    requested_reviewers: list[User]
    draft: bool
    head: Branch
    base: Branch
    auto_merge: None

"""The commits, issues and pull requests of one repository, the same at every start."""

import random as rnd
from datetime import datetime, timedelta
from functools import cache
from typing import Any

from sandbox.models.github import (
    API,
    REPOSITORY,
    WEB,
    Branch,
    Commit,
    GitCommit,
    Issue,
    Label,
    Parent,
    PullRequest,
    PullRequestLink,
    Reactions,
    Signature,
    Tree,
    User,
    Verification,
    spell_time,
)
from sandbox.models.people import ANCHOR, SeededFactory, pick_person, pick_times, to_json, write_text

DAYS = 1000
COMMITS = 640
NUMBERS = 430
"""The number of issues and pull requests, which are numbered together."""

LABELS = {
    "bug": ("d73a4a", "Something isn't working"),
    "enhancement": ("a2eeef", "New feature or request"),
    "documentation": ("0075ca", None),
    "question": ("d876e3", None),
    "destination": ("fbca04", "One destination only"),
    "good first issue": ("7057ff", "Good for newcomers"),
}


class CommitFactory(SeededFactory[Commit]):
    """Creates the history of the default branch."""

    __model__ = Commit

    @classmethod
    def rows(cls) -> list[dict[str, Any]]:
        """Return all commits, newest first by committer date."""
        cls.seed_random(31)
        shas = [f"{cls.__random__.getrandbits(160):040x}" for _ in range(COMMITS)]
        times = pick_times(cls.__random__, COMMITS, DAYS)
        return [to_json(cls.commit(shas, i, at)) for i, at in enumerate(times)]

    @classmethod
    def commit(cls, shas: list[str], index: int, applied_at: datetime) -> Commit:
        """Create the commit at a position of the history; a quarter was written days before it was applied."""
        random = cls.__random__
        person, sha = pick_person(random), shas[index]
        merges = random.random() < 0.1
        written_at = applied_at - timedelta(days=random.choice((0, 0, 0, 3)), minutes=random.randrange(5))
        path, page = f"{API}/repos/{REPOSITORY}", f"{WEB}/{REPOSITORY}/commit"
        parents = shas[index + 1 : index + (3 if merges else 2)]
        user = User.of(person)
        email = f"{person.handle}@duckyards.example"
        return cls.build(
            sha=sha,
            node_id=f"C_{sha[:16]}",
            commit=GitCommit(
                author=Signature(name=person.name, email=email, date=spell_time(written_at)),
                committer=Signature(name=person.name, email=email, date=spell_time(applied_at)),
                message=f"{'Merge: ' if merges else ''}{write_text(random)}",
                tree=Tree(sha=sha[::-1], url=f"{path}/git/trees/{sha[::-1]}"),
                url=f"{path}/git/commits/{sha}",
                comment_count=0,
                verification=Verification(verified=False, reason="unsigned"),
            ),
            url=f"{path}/commits/{sha}",
            html_url=f"{page}/{sha}",
            comments_url=f"{path}/commits/{sha}/comments",
            # GitHub has no account for some e-mail addresses.
            author=user if random.random() < 0.95 else None,
            committer=user,
            parents=[Parent(sha=it, url=f"{path}/commits/{it}", html_url=f"{page}/{it}") for it in parents],
        )


class IssueFactory(SeededFactory[Issue]):
    """Creates issues, including pull requests."""

    __model__ = Issue


class PullRequestFactory(SeededFactory[PullRequest]):
    """Creates pull requests."""

    __model__ = PullRequest


def _thread(random: rnd.Random, number: int, created_at: datetime) -> dict[str, Any]:
    """Create the common fields of an issue and a pull request."""
    closed_at = created_at + timedelta(hours=random.randrange(1, 2000)) if random.random() < 0.7 else None
    closed_at = closed_at if closed_at and closed_at < ANCHOR else None
    age = (closed_at or ANCHOR) - created_at
    updated_at = closed_at or created_at + age * random.random() ** 3
    names = random.sample(sorted(LABELS), random.choice((0, 1, 1, 2, 3)))
    labels = [
        Label(
            id=208_045_900 + len(name),
            node_id=f"LA_{len(name)}",
            url=f"{API}/repos/{REPOSITORY}/labels/{name.replace(' ', '%20')}",
            name=name,
            color=LABELS[name][0],
            default=name in {"bug", "question"},
            description=LABELS[name][1],
        )
        for name in names
    ]
    assignees = [User.of(pick_person(random))] if random.random() < 0.4 else []
    return {
        "number": number,
        "title": write_text(random),
        "user": User.of(pick_person(random)),
        "labels": labels,
        "state": "closed" if closed_at else "open",
        "locked": random.random() < 0.02,
        "assignee": assignees[0] if assignees else None,
        "assignees": assignees,
        "milestone": None,
        "created_at": spell_time(created_at),
        "updated_at": spell_time(updated_at),
        "closed_at": spell_time(closed_at) if closed_at else None,
        "active_lock_reason": None,
        "body": write_text(random) if random.random() < 0.9 else None,
    }


def _issue(random: rnd.Random, thread: dict[str, Any], *, is_pull: bool, merged_at: str | None) -> Issue:
    number = thread["number"]
    path, page = f"{API}/repos/{REPOSITORY}", f"{WEB}/{REPOSITORY}"
    url = f"{path}/issues/{number}"
    counts = [random.choice((0, 0, 0, 1, 4)) for _ in range(8)]
    pull = f"{page}/pull/{number}"
    link = PullRequestLink(
        url=f"{path}/pulls/{number}",
        html_url=pull,
        diff_url=f"{pull}.diff",
        patch_url=f"{pull}.patch",
        merged_at=merged_at,
    )
    names = ("plus", "minus", "laugh", "hooray", "confused", "heart", "rocket", "eyes")
    return IssueFactory.build(
        **thread,
        id=2_100_000_000 + number,
        node_id=f"I_{number}",
        url=url,
        html_url=pull if is_pull else f"{page}/issues/{number}",
        repository_url=path,
        comments_url=f"{url}/comments",
        comments=random.randrange(12),
        reactions=Reactions(url=f"{url}/reactions", total_count=sum(counts), **dict(zip(names, counts, strict=True))),
        state_reason="completed" if thread["state"] == "closed" and not is_pull else None,
        pull_request=link if is_pull else None,
    )


def _pull(random: rnd.Random, thread: dict[str, Any], merged_at: str | None) -> PullRequest:
    number, user = thread["number"], thread["user"]
    path, page = f"{API}/repos/{REPOSITORY}", f"{WEB}/{REPOSITORY}/pull/{number}"
    ref = f"fix/{number}"
    owner = User.of(pick_person(random))
    return PullRequestFactory.build(
        **thread,
        id=1_700_000_000 + number,
        node_id=f"PR_{number}",
        url=f"{path}/pulls/{number}",
        html_url=page,
        diff_url=f"{page}.diff",
        patch_url=f"{page}.patch",
        issue_url=f"{path}/issues/{number}",
        comments_url=f"{path}/issues/{number}/comments",
        commits_url=f"{path}/pulls/{number}/commits",
        merged_at=merged_at,
        merge_commit_sha=f"{random.getrandbits(160):040x}" if merged_at else None,
        requested_reviewers=[owner] if random.random() < 0.3 else [],
        draft=random.random() < 0.1,
        head=Branch(label=f"{user.login}:{ref}", ref=ref, sha=f"{random.getrandbits(160):040x}", user=user),
        base=Branch(label="dlt-hub:devel", ref="devel", sha=f"{random.getrandbits(160):040x}", user=owner),
        auto_merge=None,
    )


@cache
def build_threads() -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Return all issues, including pull requests, and all pull requests, newest first."""
    IssueFactory.seed_random(32)
    PullRequestFactory.seed_random(33)
    random = IssueFactory.__random__
    issues, pulls = [], []
    for index, created_at in enumerate(pick_times(random, NUMBERS, DAYS)):
        thread = _thread(random, NUMBERS - index, created_at)
        is_pull = random.random() < 0.4
        merged_at = thread["closed_at"] if is_pull and random.random() < 0.8 else None
        issue = to_json(_issue(random, thread, is_pull=is_pull, merged_at=merged_at))
        if is_pull:
            pulls.append(to_json(_pull(random, thread, merged_at)))
        else:
            del issue["pull_request"]
        issues.append(issue)
    return issues, pulls

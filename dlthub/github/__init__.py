"""Commits, issues and pull requests of a GitHub repository.

Purpose: who changes what, how long issues and pull requests stay open.
Owner: team:data-platform.
Origin: GitHub's REST API, version 2022-11-28 (https://docs.github.com/rest). A token is optional and raises the limit
from 60 to 5,000 requests an hour.

    api.github.com/repos/{owner}/{repository}/{endpoint} -> data.py -> raw.github_* -> dbt
"""

TIMEOUT = (5, 30)
"""Seconds to connect, and to wait for the next bytes."""

HEADERS = {
    "Accept": "application/vnd.github+json",
    "X-GitHub-Api-Version": "2022-11-28",
    "User-Agent": "data-foundation",
}

PARAMETERS: dict[str, dict[str, str | int]] = {
    "commits": {},
    # Oldest update first: what is updated meanwhile moves to a page that is still to come.
    "issues": {"state": "all", "sort": "updated", "direction": "asc"},
    "pulls": {"state": "all", "sort": "created", "direction": "asc"},
}
"""The endpoints, each with its query parameters besides the page."""


def check_progress(seen: set[int], *marks: object) -> None:
    """Refuse a page whose rows, or whose pointer to the next page, were there before: it would never end.

    Raises:
        RuntimeError: where one of the marks was seen.
    """
    for mark in filter(None, marks):
        fingerprint = hash(repr(mark))
        if fingerprint in seen:
            raise RuntimeError(f"paging goes in circles: seen before: {mark!r:.200}")
        seen.add(fingerprint)

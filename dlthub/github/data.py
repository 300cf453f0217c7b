"""Commits, issues and pull requests from GitHub: three endpoints, one function."""

from collections.abc import Callable, Iterator
from typing import Any

import dlt
import requests

from . import HEADERS, PARAMETERS, TIMEOUT, check_progress

Pages = Iterator[list[dict[str, Any]]]


def get_repository_items(endpoint: str, repository: str, since: str | None = None) -> Callable[..., Pages]:
    """Items of a repository, as GitHub sends them.

    Args:
        endpoint: `commits`, `issues` (pull requests among them, as GitHub lists them) or `pulls`.
        repository: `owner/name`.
        since: only what was committed or updated at or after this time (ISO 8601); GitHub has none for `pulls`.

    Returns:
        The generator function of this endpoint; each page is a list of items.
    """
    parameters = {**PARAMETERS[endpoint], **({"since": since} if since else {})}

    def get_pages(
        base_url: str = dlt.config.value,
        access_token: dlt.TSecretStrValue | None = None,
        page_size: int = 100,
    ) -> Pages:
        with requests.Session() as session:
            session.headers.update(HEADERS)
            if access_token:
                session.headers["Authorization"] = f"Bearer {access_token}"
            url = f"{base_url}/repos/{repository}/{endpoint}"
            response = session.get(url, params={**parameters, "per_page": page_size}, timeout=TIMEOUT)
            seen: set[int] = set()
            while True:
                response.raise_for_status()
                rows, following = response.json(), response.links.get("next", {}).get("url")
                check_progress(seen, rows, following)
                yield rows
                if not following:
                    return
                # The link repeats every parameter.
                response = session.get(following, timeout=TIMEOUT)

    return get_pages

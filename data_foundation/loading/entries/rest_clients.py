"""Gives the clients of dlt's `rest_api` the session of `readers.rest`, so that both repeat requests by one rule."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from dlt.common.configuration.specs import RuntimeConfiguration
from dlt.extract import DltResource
from dlt.sources.helpers.requests.session import Session

from data_foundation.vendors.request_session import RequestSession

_DEFAULTS = (
    RuntimeConfiguration.request_max_attempts,
    RuntimeConfiguration.request_backoff_factor,
    RuntimeConfiguration.request_max_retry_delay,
)
"""The retries of dlt's session without configuration."""


def share_sessions(resources: Iterable[DltResource]) -> None:
    """Replaces dlt's own session in each REST client among the arguments of the resources, and that of its tokens.

    A session of the source's code, and one with other retries (`[runtime] request_max_attempts`), is left as it is.
    Credentials are sent to the hosts that the configuration names: that of the base URL, and of a path that is a URL.
    """
    for resource in resources:
        arguments = resource.explicit_args if resource.args_bound else None  # None too if the resource was piped
        client: Any = (arguments or {}).get("client")
        session = getattr(client, "session", None)
        if type(session) is Session and _has_default_retries(session):
            path = str((arguments or {}).get("path", ""))
            homes = [url for url in (client.base_url, path) if "://" in str(url)]
            client.session = RequestSession(*homes, timeout=session.timeout)
            if type(getattr(client.auth, "session", None)) is Session:
                client.auth.session = RequestSession(timeout=session.timeout)


def _has_default_retries(session: Session) -> bool:
    # The loop that dlt's client puts around `send`; tenacity documents it as the attribute `retry`.
    retrying: Any = getattr(session.send, "retry", None)
    numbers = [(retrying, "stop", "max_attempt_number"), (retrying, "wait", "multiplier"), (retrying, "wait", "max")]
    found = tuple(getattr(getattr(one, part, None), name, None) for one, part, name in numbers)
    return found == _DEFAULTS and session.headers == Session().headers

"""Does with certain responses what `response_actions` name, with dlt's words."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence

import requests
from dlt.sources.helpers.rest_client.exceptions import IgnoreResponseException

from data_foundation.errors import LoadError
from data_foundation.process_wide.source_log import capture_logger
from data_foundation.readers.rest.endpoint_arguments import ResponseAction
from data_foundation.vendors.responses import describe_answer

logger = logging.getLogger(__name__)


def response_hooks(actions: Sequence[ResponseAction]) -> list[Callable[..., None]]:
    """Returns the response hooks of requests for the actions, in their order; the first that fits decides."""
    if not actions:
        return []
    capture_logger(__name__)
    logged: set[int] = set()

    def act(response: requests.Response, *_args: object, **_kwargs: object) -> None:
        for number, action in enumerate(actions):
            if not action.fits(response.status_code, response.text if action.content else ""):
                continue
            if action.action == "raise":
                raise LoadError(f"response_actions: {describe_answer(response)}")
            if number not in logged:
                logged.add(number)
                logger.info("response_actions: ignored %s; further ones are not logged", describe_answer(response))
            raise IgnoreResponseException

    return [act]

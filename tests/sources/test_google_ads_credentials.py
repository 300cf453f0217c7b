"""Default credentials of Google: each kind gets its token from a real server that answers as Google does."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from data_foundation import Calls
from dlthub.google_ads.access_token import SCOPE, AccessToken, Login
from dlthub.google_ads.refusals import Refused
from tests.support.rest_server import Answer, ReceivedRequest, RestServer, serve
from tests.support.virtual_clock import VirtualClock

LOADER = "loader@project.iam.gserviceaccount.com"


@pytest.fixture
def google() -> Iterator[RestServer]:
    """A server with Google's addresses for tokens, those of another identity provider, and a cloud's metadata."""
    with serve() as server:
        server.answer = partial(answer, server)
        yield server


def answer(server: RestServer, request: ReceivedRequest) -> Any:
    """Returns Google's response to a request; the first one for a token is refused for a moment."""
    if request.method == "GET":
        return Answer(text="subject-of-the-cloud") if request.path == "/subject" else metadata(request)
    if [seen.path for seen in server.requests].count(request.path) == 1:
        return Answer({"error": "temporarily_unavailable"}, 503)
    if request.path.endswith(":generateAccessToken"):
        assert header(request, "authorization") == "Bearer of-the-federation"
        expires = datetime.now(UTC) + timedelta(hours=1)
        return {"accessToken": f"of {request.body['scope'][0]}", "expireTime": f"{expires:%Y-%m-%dT%H:%M:%SZ}"}
    if request.body["subject_token"] != "subject-of-the-cloud":
        return Answer({"error": "invalid_grant", "error_description": "no such subject"}, 400)
    kind = {"token_type": "Bearer", "issued_token_type": "urn:ietf:params:oauth:token-type:access_token"}
    return {"access_token": "of-the-federation", "expires_in": 3600, **kind}


def header(request: ReceivedRequest, name: str) -> str | None:
    """Returns a header by its name in lower case."""
    return {key.lower(): value for key, value in request.headers.items()}.get(name)


def metadata(request: ReceivedRequest) -> Answer:
    """Returns the response of a virtual machine's metadata server."""
    headers = {"Metadata-Flavor": "Google"}
    if header(request, "metadata-flavor") != "Google":
        return Answer(status=403, headers=headers)
    name = request.path.rpartition("/service-accounts/")[2]
    if name.endswith("/token"):
        scopes = request.params.get("scopes") or (request.body or {}).get("scopes")
        return Answer({"access_token": f"of {scopes}", "expires_in": 3600, "token_type": "Bearer"}, headers=headers)
    return Answer({"email": LOADER, "scopes": [SCOPE], "aliases": ["default"]}, headers=headers)


def federation(url: str, **changes: Any) -> dict[str, Any]:
    """Returns the file of a workload identity pool."""
    kinds = {"subject_token_type": "urn:ietf:params:oauth:token-type:jwt", "token_url": f"{url}/sts"}
    source = {"credential_source": {"url": f"{url}/subject"}}
    return {"type": "external_account", "audience": "//iam.googleapis.com/pool", **kinds, **source, **changes}


def get_token(url: str, clock: VirtualClock) -> str:
    """Returns the token that a source without settings gets."""
    return AccessToken(Login(f"{url}/token"), partial(Calls, clock=clock)).get()


KINDS: dict[str, tuple[Callable[[str], dict[str, Any]], str]] = {
    "workload-identity-federation": (federation, "of-the-federation"),
    "impersonation": (
        lambda url: federation(
            url, service_account_impersonation_url=(f"{url}/v1/projects/-/serviceAccounts/{LOADER}:generateAccessToken")
        ),
        f"of {SCOPE}",
    ),
}


@pytest.mark.parametrize("kind", KINDS)
def test_a_file_of_default_credentials_gives_a_token(
    google: RestServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    """The token is Google's for this kind of credentials, also if Google is unavailable for a moment."""
    build, expected = KINDS[kind]
    file = tmp_path / "credentials.json"
    file.write_text(json.dumps(build(google.url)))
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(file))
    clock = VirtualClock()
    assert get_token(google.url, clock) == expected
    assert clock.slept, "the first refusal was not repeated"


def test_a_refused_identity_is_an_error_with_the_reason(
    google: RestServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """If Google does not accept the other cloud's identity, the error has Google's words."""
    file = tmp_path / "credentials.json"
    file.write_text(json.dumps(federation(google.url, credential_source={"url": f"{google.url}/"})))
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(file))
    with pytest.raises(Refused, match=r"invalid_grant: no such subject|gives no access token"):
        get_token(google.url, VirtualClock())


METADATA = """
from data_foundation import Calls
from dlthub.google_ads.access_token import AccessToken, Login
print(AccessToken(Login("https://unused.example/token"), Calls).get())
"""


def test_the_identity_of_a_workload_gives_a_token(google: RestServer, tmp_path: Path) -> None:
    """On a machine or a pod of Google's cloud, the token is that of its service account, for Google Ads."""
    host = google.url.removeprefix("http://")
    kept = {name: value for name, value in os.environ.items() if not name.startswith("GOOGLE_")}
    cloud = {"GCE_METADATA_HOST": host, "GCE_METADATA_IP": host, "CLOUDSDK_CONFIG": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-c", METADATA],
        env={**kept, **cloud},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert (done.stdout.strip(), done.returncode) == (f"of {SCOPE}", 0), done.stderr

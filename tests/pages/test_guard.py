"""Tests of who may see the pages: only the browser that has opened the printed address."""

from collections.abc import Callable

import pytest
from starlette.testclient import TestClient

from data_foundation.ui.app import build_app
from data_foundation.ui.guard import ENTER
from tests.support.trees import Tree

PORT, TOKEN = 3100, "a-token-of-32-random-characters"
HERE = f"http://127.0.0.1:{PORT}"


@pytest.fixture
def client(tree: Tree) -> TestClient:
    """A browser that has not opened the address yet."""
    (tree.root / "dlthub").mkdir()
    return TestClient(build_app(tree.root, tree.warehouse, PORT, TOKEN), base_url=HERE)


def enter(client: TestClient) -> None:
    """Opens the printed address."""
    answer = client.get(ENTER + TOKEN, follow_redirects=False)
    assert (answer.status_code, answer.headers["location"]) == (303, "/")


def test_without_the_token_there_is_nothing(client: TestClient) -> None:
    """No page, not even a style sheet, is served to whoever has no token, or another; with it, all are."""
    for path in ("/", "/table/raw.orders", "/loads", "/sql", "/static/style.css", ENTER, f"{ENTER}{TOKEN}x", "/x"):
        assert client.get(path, follow_redirects=False).status_code == 403, path
    client.cookies.set(f"foundation_ui_{PORT}", "guessed")
    assert client.get("/").status_code == 403
    client.cookies.clear()
    enter(client)
    assert [client.get(path).status_code for path in ("/", "/loads", "/sql", "/static/style.css")] == [200] * 4


def test_the_cookie_is_kept_from_scripts_and_other_sites(client: TestClient) -> None:
    """A browser never sends the cookie from another site, and never shows it to a script."""
    cookie = client.get(ENTER + TOKEN, follow_redirects=False).headers["set-cookie"].lower()
    assert "httponly" in cookie
    assert "samesite=strict" in cookie


FOREIGN: dict[str, Callable[[TestClient], int]] = {
    "a name that points here": lambda c: c.get("/", headers={"host": f"evil.example:{PORT}"}).status_code,
    "another port": lambda c: c.get("/", headers={"host": "127.0.0.1:80"}).status_code,
    "no port": lambda c: c.get("/", headers={"host": "127.0.0.1"}).status_code,
    "a name before": lambda c: c.get("/", headers={"host": f"127.0.0.1:{PORT}.evil.example"}).status_code,
    "a frame of another site": lambda c: c.get("/", headers={"sec-fetch-site": "cross-site"}).status_code,
    "a program on another port": lambda c: c.get("/", headers={"sec-fetch-site": "same-site"}).status_code,
    "a form of another site": lambda c: c.post("/sql", headers={"origin": "https://evil.example"}).status_code,
    "a form of a file": lambda c: c.post("/sql", headers={"origin": "null"}).status_code,
    "a form of another port": lambda c: c.post("/sql", headers={"origin": "http://127.0.0.1:8000"}).status_code,
}


@pytest.mark.parametrize("case", FOREIGN)
def test_what_another_page_causes_is_refused(case: str, client: TestClient) -> None:
    """A request that another site or program causes is refused, although the browser has the cookie."""
    enter(client)
    assert FOREIGN[case](client) == 403


def test_own_requests_pass(client: TestClient) -> None:
    """The pages' own requests pass, also under the name localhost; other methods than theirs do not."""
    enter(client)
    assert client.get("/", headers={"sec-fetch-site": "same-origin"}).status_code == 200
    assert client.post("/sql", headers={"origin": HERE}, data={"sql": "select 1"}).status_code == 200
    assert [client.request(method, "/").status_code for method in ("PUT", "DELETE", "OPTIONS")] == [405] * 3
    client.cookies.set(f"foundation_ui_{PORT}", TOKEN, domain="localhost.local")
    localhost = {"host": f"localhost:{PORT}", "cookie": f"foundation_ui_{PORT}={TOKEN}"}
    assert client.get("/", headers=localhost).status_code == 200


def test_a_page_runs_no_script_and_is_in_no_frame(client: TestClient) -> None:
    """Every answer forbids scripts, frames, other sites' resources and copies on the disk, refusals too."""
    refusal = client.get("/")
    enter(client)
    for answer in (refusal, client.get("/"), client.get("/static/style.css")):
        policy = answer.headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "script-src" not in policy
        assert "frame-ancestors 'none'" in policy
        assert answer.headers["cache-control"] == "no-store"

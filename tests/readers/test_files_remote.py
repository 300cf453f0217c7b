"""Tests of `data_foundation.readers.files` on stores and servers: S3, Azure and SFTP."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from azure.storage.blob import BlobServiceClient
from dlt.extract.exceptions import ResourceExtractionError

from data_foundation.errors import LoadError
from tests.support import azurite
from tests.support.azurite import Azurite
from tests.support.file_sources import FileTree, files
from tests.support.stores import PASSWORD, S3, USER, Sftp, run_s3, run_sftp

__all__ = ["files"]

WITHOUT_NODE = pytest.mark.skipif(not azurite.is_available(), reason="Azurite needs node and npm, which are not here")
Put = Callable[[str, bytes], object]


@pytest.fixture(scope="module")
def s3() -> Iterator[S3]:
    """A server with the S3 protocol."""
    with run_s3() as store:
        yield store


@pytest.fixture(scope="module")
def azure() -> Iterator[Azurite]:
    """Azure's emulator with the container `landing`."""
    with azurite.run_azurite() as server:
        server.settings("landing")
        yield server


@pytest.fixture(scope="module")
def sftp(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sftp]:
    """An SFTP server."""
    with run_sftp(tmp_path_factory.mktemp("exports"), tmp_path_factory.mktemp("ssh") / "known_hosts") as server:
        yield server


def _s3(request: pytest.FixtureRequest, settings: Callable[..., None]) -> Put:
    store: S3 = request.getfixturevalue("s3")
    settings(url="s3://landing/daily", endpoint_url=store.url, aws_access_key_id="key", aws_secret_access_key="secret")
    return lambda name, content: store.put(f"daily/{name}", content)


def _azure(request: pytest.FixtureRequest, settings: Callable[..., None]) -> Put:
    server: Azurite = request.getfixturevalue("azure")
    settings(url="az://landing/daily", connection_string=server.connection_string())
    container = BlobServiceClient.from_connection_string(server.connection_string()).get_container_client("landing")
    return lambda name, content: container.upload_blob(f"daily/{name}", content, overwrite=True)


def _sftp(request: pytest.FixtureRequest, settings: Callable[..., None]) -> Put:
    server: Sftp = request.getfixturevalue("sftp")
    (server.root / "daily").mkdir(exist_ok=True)
    settings(url=f"sftp://{USER}@127.0.0.1:{server.port}/daily", password=PASSWORD, known_hosts=str(server.known_hosts))
    return lambda name, content: (server.root / "daily" / name).write_bytes(content)


@pytest.fixture
def exports(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """A function that sets the settings of the connection `exports`."""

    def settings(**given: str) -> None:
        for key, value in given.items():
            monkeypatch.setenv(f"SOURCES__BANK__EXPORTS__{key.upper()}", value)

    return settings


@pytest.mark.sampled(2)
@pytest.mark.parametrize("connect", [_s3, pytest.param(_azure, marks=WITHOUT_NODE), _sftp], ids=["s3", "azure", "sftp"])
def test_files_of_a_store_are_read_once(
    files: FileTree, request: pytest.FixtureRequest, exports: Callable[..., None],
    connect: Callable[[pytest.FixtureRequest, Callable[..., None]], Put],
) -> None:  # fmt: skip
    """Files are found by pattern below the connection's root; new and changed files are read."""
    put = connect(request, exports)
    put("a.csv", b"id\n1\n")
    put("other.txt", b"no\n")
    files.read("write_disposition: merge", "merge_key: _file", path="*.csv", connection="exports")
    assert files.load("bank.landed").rows == 1
    assert files.load("bank.landed").warnings == ("1 file, none of them new or changed",)
    put("b.csv", b"id\n2\n")
    assert files.load("bank.landed").rows == 1
    put("a.csv", b"id\n10\n")
    assert files.load("bank.landed").rows == 1
    assert [(row["id"], row["_file"]) for row in files.rows()] == [("10", "a.csv"), ("2", "b.csv")]
    files.read(path="aa.csv", connection="exports")
    with pytest.raises(LoadError, match=r"there is no file 'aa.csv' below .*Did you mean 'a.csv'"):
        files.load("bank.landed")


def test_a_server_with_an_unknown_host_key_is_refused(
    files: FileTree, sftp: Sftp, exports: Callable[..., None]
) -> None:
    """The error shows the server's host key, and no password."""
    exports(url=f"sftp://{USER}:{PASSWORD}@127.0.0.1:{sftp.port}/")
    with pytest.raises(ResourceExtractionError, match=r"the host key of .* is not known: .* SHA256:") as caught:
        files.peek("*.csv", connection="exports")
    assert isinstance(caught.value.__cause__, LoadError)
    assert PASSWORD not in str(caught.value.__cause__)


def test_a_wrong_password_is_refused_at_once(files: FileTree, sftp: Sftp, exports: Callable[..., None]) -> None:
    """A wrong password is not retried."""
    exports(url=f"sftp://{USER}@127.0.0.1:{sftp.port}/", password="wrong", known_hosts=str(sftp.known_hosts))
    with pytest.raises(ResourceExtractionError, match="Authentication") as caught:
        files.peek("*.csv", connection="exports")
    assert isinstance(caught.value.__cause__, LoadError)


def test_a_link_of_a_server_that_leaves_the_root_is_refused(
    files: FileTree, sftp: Sftp, exports: Callable[..., None]
) -> None:
    """A link that leads out of the root is refused, as on a local disk."""
    (sftp.root / "secret.csv").write_text("id\n1\n")
    inbox = sftp.root / "inbox"
    inbox.mkdir()
    (inbox / "link.csv").symlink_to(Path("..", "secret.csv"))
    exports(url=f"sftp://{USER}@127.0.0.1:{sftp.port}/inbox", password=PASSWORD, known_hosts=str(sftp.known_hosts))
    with pytest.raises(ResourceExtractionError, match=r"link.csv is a link to a place outside of"):
        files.peek("*.csv", connection="exports")


def test_an_unavailable_store_is_retried(files: FileTree, exports: Callable[..., None]) -> None:
    """If the store is unavailable, the load is retried."""
    exports(url="sftp://reader@127.0.0.1:1/", password=PASSWORD)
    with pytest.raises(ResourceExtractionError) as caught:
        files.peek("*.csv", connection="exports")
    assert isinstance(caught.value.__cause__, ConnectionError)


def test_an_address_of_no_known_kind_is_refused(files: FileTree) -> None:
    """The error names the accepted schemes."""
    with pytest.raises(ResourceExtractionError, match=r"url: got 'sfpt://'; accepted: s3, .* Did you mean 'sftp'"):
        files.peek("sfpt://host/*.csv")

"""SFTP through fsspec, to servers with a known host key."""

from __future__ import annotations

from typing import Any

from fsspec.implementations.sftp import SFTPFileSystem

from data_foundation.readers.ssh.host_keys import make_client


class KnownSftp(SFTPFileSystem):  # type: ignore[misc] # fsspec ships no types
    """fsspec's SFTP file system, restricted to known host keys: fsspec accepts any."""

    cachable = False

    def _connect(self) -> None:
        self.client = make_client(self.ssh_kwargs.pop("known_hosts", ""))
        self.client.connect(self.host, allow_agent=False, timeout=30, **self.ssh_kwargs)
        self.ftp: Any = self.client.open_sftp()

    def close(self) -> None:
        """Closes the connection."""
        self.client.close()

    def real_path(self, path: str) -> str:
        """Returns a path with all links resolved."""
        return str(self.ftp.normalize(path))

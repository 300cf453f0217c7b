"""SFTP through fsspec, to servers with a known host key."""

from __future__ import annotations

from typing import Any

import paramiko
from fsspec.implementations.sftp import SFTPFileSystem
from typing_extensions import override


class UnknownHostKey(paramiko.SSHException):
    """The server's host key is not known: it may be another server."""


class _RefuseUnknownKey(paramiko.MissingHostKeyPolicy):
    @override
    def missing_host_key(self, _client: paramiko.SSHClient, hostname: str, key: paramiko.PKey) -> None:
        raise UnknownHostKey(
            f"the host key of {hostname} is not known: {key.get_name()} {key.fingerprint}; if it is the server's key, "
            "add it to ~/.ssh/known_hosts, or to the file that `known_hosts` of the connection names"
        )


class KnownSftp(SFTPFileSystem):  # type: ignore[misc] # fsspec ships no types
    """fsspec's SFTP file system, restricted to known host keys: fsspec accepts any."""

    cachable = False

    def _connect(self) -> None:
        known_hosts = self.ssh_kwargs.pop("known_hosts", None)
        self.client = paramiko.SSHClient()
        self.client.load_system_host_keys()
        if known_hosts:
            self.client.load_host_keys(known_hosts)
        self.client.set_missing_host_key_policy(_RefuseUnknownKey())
        self.client.connect(self.host, allow_agent=False, timeout=30, **self.ssh_kwargs)
        self.ftp: Any = self.client.open_sftp()

    def close(self) -> None:
        """Closes the connection."""
        self.client.close()

    def real_path(self, path: str) -> str:
        """Returns a path with all links resolved."""
        return str(self.ftp.normalize(path))

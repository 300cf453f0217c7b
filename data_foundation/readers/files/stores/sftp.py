"""SFTP through fsspec, to servers whose key is known."""

from __future__ import annotations

from typing import Any

import paramiko
from fsspec.implementations.sftp import SFTPFileSystem
from typing_extensions import override


class UnknownHostKey(paramiko.SSHException):
    """Nothing vouches for the server: it may be another one."""


class _Refuse(paramiko.MissingHostKeyPolicy):
    @override
    def missing_host_key(self, _client: paramiko.SSHClient, hostname: str, key: paramiko.PKey) -> None:
        raise UnknownHostKey(
            f"the key of {hostname} is not known: {key.get_name()} {key.fingerprint}; if that is its key, add it to "
            "the file of known hosts of this user, or to one that `known_hosts` of the connection names"
        )


class KnownSftp(SFTPFileSystem):  # type: ignore[misc] # fsspec ships no types
    """fsspec's, which itself would take any server's key."""

    cachable = False

    def _connect(self) -> None:
        known_hosts = self.ssh_kwargs.pop("known_hosts", None)
        self.client = paramiko.SSHClient()
        self.client.load_system_host_keys()
        if known_hosts:
            self.client.load_host_keys(known_hosts)
        self.client.set_missing_host_key_policy(_Refuse())
        self.client.connect(self.host, allow_agent=False, timeout=30, **self.ssh_kwargs)
        self.ftp: Any = self.client.open_sftp()

    def close(self) -> None:
        """Ends the connection."""
        self.client.close()

    def real_path(self, path: str) -> str:
        """Returns where a path leads once its links are followed."""
        return str(self.ftp.normalize(path))

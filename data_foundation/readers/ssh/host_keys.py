"""SSH clients that connect only to servers with a known host key; paramiko's own default accepts none or any."""

from __future__ import annotations

from paramiko import MissingHostKeyPolicy, PKey, SSHClient, SSHException
from paramiko.hostkeys import HostKeyEntry
from typing_extensions import override

SSH_PORT = 22


class UnknownHostKey(SSHException):
    """The server's host key is not known: it may be another server."""


class _RefuseUnknownKey(MissingHostKeyPolicy):
    @override
    def missing_host_key(self, _client: SSHClient, hostname: str, key: PKey) -> None:
        raise UnknownHostKey(
            f"the host key of {hostname} is not known: {key.get_name()} {key.fingerprint}; if it is the server's key, "
            "add it to ~/.ssh/known_hosts, or to the file that `known_hosts` of the connection names"
        )


def make_client(known_hosts: str = "") -> SSHClient:
    """Returns a client that is not connected; it knows the keys in ~/.ssh/known_hosts and in a file of that form.

    Raises:
        OSError: The file cannot be read.
    """
    client = SSHClient()
    client.load_system_host_keys()
    if known_hosts:
        client.load_host_keys(known_hosts)
    client.set_missing_host_key_policy(_RefuseUnknownKey())
    return client


def make_client_of(host_key: str, host: str, port: int) -> SSHClient:
    """Returns a client that is not connected; it knows one key of one server.

    Args:
        host_key: The key as known_hosts has it behind the host: `ssh-ed25519 AAAA...`.
        host: Host of the server.
        port: Its port.

    Raises:
        ValueError: The text is no public key.
    """
    client = SSHClient()
    # known_hosts names a server on another port so.
    name = host if port == SSH_PORT else f"[{host}]:{port}"
    try:
        entry = HostKeyEntry.from_line(f"{name} {host_key.strip()}")
    except SSHException:
        entry = None
    if entry is None or entry.key is None:
        raise ValueError(host_key)
    client.get_host_keys().add(name, entry.key.get_name(), entry.key)
    client.set_missing_host_key_policy(_RefuseUnknownKey())
    return client

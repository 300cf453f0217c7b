"""Reads the settings of the SSH server of a connection: the table `ssh` of the connection's settings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any

from typing_extensions import override

from data_foundation.errors import EntryError
from data_foundation.process_wide.secret_settings import learn_settings
from data_foundation.readers.connection_settings import ConnectionSettings
from data_foundation.suggestions import nearest

_SECRETS = ("password", "private_key", "passphrase")


@dataclass(frozen=True)
class SshServer:
    """The settings of an SSH server.

    Attributes:
        section: Section of dlt's configuration, for error messages.
        host: Host of the server.
        username: User that logs in.
        port: Port of the server.
        key_filename: File with a private key.
        private_key: The private key itself, in place of its file.
        passphrase: Passphrase of the private key.
        password: Password of the user. Without it and without a key, the keys of the SSH agent and of ~/.ssh are used.
        known_hosts: File with the server's host key, beside ~/.ssh/known_hosts.
        host_key: The server's host key itself, in place of both files.
    """

    section: str
    host: str
    username: str
    port: int = 22
    key_filename: str = ""
    private_key: str = field(default="", repr=False)
    passphrase: str = field(default="", repr=False)
    password: str = field(default="", repr=False)
    known_hosts: str = ""
    host_key: str = ""

    @override
    def __str__(self) -> str:
        """Names the server in a message, without a secret."""
        return f"SSH server {self.host}:{self.port} of {self.section}"


SETTINGS = tuple(one.name for one in fields(SshServer) if one.name != "section")
"""Keys of the table `ssh`."""


def find_ssh_server(settings: ConnectionSettings) -> SshServer | None:
    """Returns the SSH server of a connection, or None if none is set.

    Raises:
        SettingMissing: The host or the user is not set.
        EntryError: A setting is unknown or invalid.
    """
    section = f"{settings.section}.ssh"
    table: Any = settings.find("ssh", secret=True)
    if isinstance(table, Mapping) and (unknown := next((key for key in table if key not in SETTINGS), "")):
        raise EntryError(
            f"{section}: got '{unknown}'; accepted: {', '.join(SETTINGS)}{nearest(str(unknown), list(SETTINGS))}"
        )
    found = {name: settings.find(f"ssh.{name}", secret=name in _SECRETS) for name in SETTINGS}
    given = {name: str(value) for name, value in found.items() if value not in (None, "")}
    learn_settings({name: given.get(name, "") for name in _SECRETS})
    if not given and not table:
        return None
    if missing := [f"ssh.{name}" for name in ("host", "username") if name not in given]:
        raise settings.missing(missing)
    if "key_filename" in given and "private_key" in given:
        raise EntryError(f"{section}: key_filename and private_key are both set; remove one of them")
    port = given.pop("port", "22")
    if not port.isdecimal():
        raise EntryError(f"{section}.port: got '{port}'; accepted is a number, for instance 22")
    return SshServer(section, port=int(port), **given)

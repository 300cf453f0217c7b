"""SSH servers for tests: paramiko's in this process, and OpenSSH's on machines that have it."""

import os
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import paramiko
from paramiko.common import (
    AUTH_FAILED,
    AUTH_SUCCESSFUL,
    OPEN_FAILED_ADMINISTRATIVELY_PROHIBITED,
    OPEN_FAILED_CONNECT_FAILED,
    OPEN_SUCCEEDED,
)
from typing_extensions import override

from tests.databases.servers import OPENSSH

USER, PASSWORD = "tunnel-user", "ssh-pass-27182818"
HIDDEN = "db.internal"
"""A name of 127.0.0.1 that only paramiko's server knows."""

DEADLINE = 30.0


@dataclass
class SshServer:
    """A running server that accepts one key, and forwards to ports of 127.0.0.1.

    Attributes:
        port: Port on 127.0.0.1.
        user: User that may log in.
        key: File with the private key that is accepted.
        host_key: The server's public key, as in known_hosts.
        transports: What is connected to paramiko's server.
        log: Log of OpenSSH.
    """

    port: int
    user: str
    key: Path
    host_key: str
    transports: list[paramiko.Transport] = field(default_factory=list)
    log: Path = Path()

    @property
    def settings(self) -> dict[str, str]:
        """The settings of a connection through the server."""
        return {"host": "127.0.0.1", "port": str(self.port), "username": self.user, "key_filename": str(self.key),
                "host_key": self.host_key}  # fmt: skip

    def hang_up(self) -> None:
        """Ends all connections to paramiko's server."""
        for transport in self.transports:
            transport.close()

    @property
    def is_idle(self) -> bool:
        """True if nothing is connected to paramiko's server, after the moment that it needs to notice that."""
        deadline = time.monotonic() + DEADLINE
        while any(transport.is_active() for transport in self.transports) and time.monotonic() < deadline:
            time.sleep(0.01)
        return not any(transport.is_active() for transport in self.transports)


class _Forwarding(paramiko.ServerInterface):
    """Connects to the target while the client waits for the answer."""

    def __init__(self, server: SshServer) -> None:
        self._server = server
        self.targets: dict[int, socket.socket] = {}

    @override
    def get_allowed_auths(self, username: str) -> str:
        return "publickey,password"

    @override
    def check_auth_password(self, username: str, password: str) -> int:
        return AUTH_SUCCESSFUL if (username, password) == (USER, PASSWORD) else AUTH_FAILED

    @override
    def check_auth_publickey(self, username: str, key: paramiko.PKey) -> int:
        accepted = paramiko.ECDSAKey.from_private_key_file(str(self._server.key))
        return AUTH_SUCCESSFUL if username == USER and key.get_base64() == accepted.get_base64() else AUTH_FAILED

    @override
    def check_channel_direct_tcpip_request(
        self, chanid: int, origin: tuple[str, int], destination: tuple[str, int]
    ) -> int:
        host, port = destination
        if host not in {HIDDEN, "127.0.0.1"}:
            return OPEN_FAILED_ADMINISTRATIVELY_PROHIBITED
        try:
            self.targets[chanid] = socket.create_connection(("127.0.0.1", port))
        except OSError:
            return OPEN_FAILED_CONNECT_FAILED
        return OPEN_SUCCEEDED


def make_key(file: Path) -> None:
    """Creates a private key and, beside it, its public one."""
    key = paramiko.ECDSAKey.generate()
    key.write_private_key_file(str(file))
    file.with_suffix(".pub").write_text(f"{key.get_name()} {key.get_base64()}\n")


@contextmanager
def accept_connections(
    key: paramiko.PKey, begin: Callable[[paramiko.Transport], None]
) -> Iterator[tuple[int, list[paramiko.Transport]]]:
    """Accepts connections of SSH in a thread of this process, and ends all of them at the end of the block.

    Args:
        key: The server's key.
        begin: Starts the server of a connection.

    Yields:
        The port on 127.0.0.1, and the connections.
    """
    transports: list[paramiko.Transport] = []
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def serve() -> None:
            while True:
                try:
                    client, _ = listening.accept()
                except OSError:
                    return
                transport = paramiko.Transport(client)
                transport.add_server_key(key)
                transports.append(transport)
                begin(transport)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        try:
            yield listening.getsockname()[1], transports
        finally:
            listening.shutdown(socket.SHUT_RDWR)
            thread.join()
            for transport in transports:
                transport.close()


@contextmanager
def run_ssh(folder: Path) -> Iterator[SshServer]:
    """Runs paramiko's server in this process.

    Args:
        folder: An empty folder for the user's key.
    """
    make_key(folder / "key")
    key = paramiko.ECDSAKey.generate()

    def begin(transport: paramiko.Transport) -> None:
        login = _Forwarding(server)
        transport.start_server(event=threading.Event(), server=login)
        threading.Thread(target=_forward, args=(transport, login), daemon=True).start()

    with accept_connections(key, begin) as (port, transports):
        server = SshServer(port, USER, folder / "key", f"{key.get_name()} {key.get_base64()}", transports)
        yield server


def _forward(transport: paramiko.Transport, login: _Forwarding) -> None:
    while transport.is_active():
        if channel := transport.accept(0.1):
            target = login.targets.pop(channel.get_id())
            for pump in (_to_client, _to_target):
                threading.Thread(target=pump, args=(target, channel), daemon=True).start()


def _to_client(target: socket.socket, channel: paramiko.Channel) -> None:
    with target, suppress(OSError, EOFError):
        while data := target.recv(65536):
            channel.sendall(data)
        channel.close()


def _to_target(target: socket.socket, channel: paramiko.Channel) -> None:
    with suppress(OSError):
        while data := channel.recv(65536):
            target.sendall(data)
        target.shutdown(socket.SHUT_RDWR)


@contextmanager
def run_openssh(folder: Path) -> Iterator[SshServer]:
    """Runs OpenSSH's server; its log names each connection that it forwards.

    Args:
        folder: An empty folder for keys, settings and log.
    """
    for name in ("key", "host"):
        make_key(folder / name)
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    lines = [
        f"Port {port}",
        "ListenAddress 127.0.0.1",
        f"HostKey {folder / 'host'}",
        f"AuthorizedKeysFile {folder / 'key.pub'}",
        f"PidFile {folder / 'pid'}",
        "PermitRootLogin yes",
        "StrictModes no",
        "UsePAM no",
        "LogLevel DEBUG",
    ]
    (folder / "config").write_text("\n".join(lines))
    user = os.environ.get("USER") or subprocess.run(["id", "-un"], capture_output=True, text=True, check=True).stdout
    server = SshServer(port, user.strip(), folder / "key", (folder / "host.pub").read_text(), log=folder / "log")
    assert OPENSSH
    if os.geteuid() == 0:
        Path("/run/sshd").mkdir(exist_ok=True)  # where it locks itself in
    with ExitStack() as opened:
        output = opened.enter_context(server.log.open("wb"))
        process = subprocess.Popen([OPENSSH, "-D", "-e", "-f", folder / "config"], stderr=output)
        opened.callback(process.wait, DEADLINE)
        opened.callback(process.kill)
        deadline = time.monotonic() + DEADLINE
        while "Server listening" not in server.log.read_text():
            assert process.poll() is None, server.log.read_text()
            assert time.monotonic() < deadline, server.log.read_text()
            time.sleep(0.02)
        yield server

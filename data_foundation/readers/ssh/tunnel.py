"""A tunnel through an SSH server: a port of this machine whose connections arrive at a host that the server reaches."""

from __future__ import annotations

import io
import socket
from contextlib import ExitStack, suppress
from pathlib import Path
from threading import Thread
from typing import Self

from paramiko import (
    AuthenticationException,
    BadHostKeyException,
    Channel,
    ChannelException,
    ECDSAKey,
    Ed25519Key,
    PasswordRequiredException,
    PKey,
    RSAKey,
    SSHClient,
    SSHException,
    Transport,
)

from data_foundation.errors import EntryError, LoadError
from data_foundation.process_wide.redaction import redact
from data_foundation.readers.ssh.host_keys import UnknownHostKey, make_client, make_client_of
from data_foundation.readers.ssh.server_settings import SshServer

_LOOPBACK = "127.0.0.1"
_SECONDS = 30
"""Time-out of each step of connecting, and the interval at which an idle connection is kept alive."""
_BYTES = 1 << 17
_FAULTS = (OSError, SSHException, EOFError)
"""What paramiko and sockets raise when a connection is lost or closed."""
_PROHIBITED = 1
"""Code of SSH: the server does not permit the forwarding."""


class SshTunnel:
    """An open tunnel.

    Attributes:
        port: Port of 127.0.0.1; each connection to it is one of the SSH server to the target.
    """

    def __init__(self, server: SshServer, host: str, port: int) -> None:
        """Logs in, and connects to the target once: a refusal then has words that the database's driver cannot have.

        Args:
            server: The SSH server.
            host: Host of the target, as the SSH server knows it.
            port: Port of the target.

        Raises:
            EntryError: The private key or the file of host keys cannot be read.
            LoadError: The server's host key is not known, or it refuses the user or the forwarding.
            ConnectionError: The server, or the target behind it, cannot be reached.
        """
        self._server, self._target = server, (host, port)
        with ExitStack() as opened:
            self._client = opened.enter_context(_log_in(server))
            # The first connection to the port takes this channel, so that the target sees none without a login.
            first = self._open_channel()
            self._listening = opened.enter_context(socket.create_server((_LOOPBACK, 0)))
            self._opened = opened.pop_all()
        self.port: int = self._listening.getsockname()[1]
        Thread(target=self._accept, args=(first,), name="ssh-tunnel", daemon=True).start()

    def __enter__(self) -> Self:
        """Returns itself."""
        return self

    def __exit__(self, *_error: object) -> None:
        """Closes the port, all connections through it, and the connection to the SSH server."""
        with suppress(OSError):  # wakes the thread that waits for connections
            self._listening.shutdown(socket.SHUT_RDWR)
        self._opened.close()

    def _open_channel(self) -> Channel:
        host, port = self._target
        try:
            return self._transport().open_channel("direct-tcpip", self._target, (_LOOPBACK, 0), timeout=_SECONDS)
        except ChannelException as error:
            if error.code == _PROHIBITED:
                raise LoadError(
                    f"{self._server} does not permit a connection to {host}:{port}; AllowTcpForwarding or PermitOpen "
                    "of the server, or `permitopen` of the key, must allow it"
                ) from None
            raise ConnectionError(f"{self._server} does not reach {host}:{port}: {error.text}") from None
        except (SSHException, EOFError) as error:
            raise ConnectionError(f"{self._server}: {error}") from None

    def _transport(self) -> Transport:
        if transport := self._client.get_transport():
            return transport
        raise ConnectionError(f"{self._server}: the connection is closed")

    def _accept(self, first: Channel) -> None:
        waiting: Channel | None = first
        while True:
            try:
                local, _ = self._listening.accept()
            except OSError:  # the tunnel is closed
                return
            Thread(target=self._serve, args=(local, waiting), name="ssh-tunnel-connection", daemon=True).start()
            waiting = None

    def _serve(self, local: socket.socket, channel: Channel | None) -> None:
        """Carries the bytes of one connection until either side closes it; the driver sees every fault as its end."""
        with local, suppress(*_FAULTS, LoadError):
            channel = channel or self._open_channel()
            sender = Thread(target=_send, args=(local, channel), name="ssh-tunnel-sender", daemon=True)
            sender.start()
            with suppress(*_FAULTS):
                while data := channel.recv(_BYTES):
                    local.sendall(data)
            with suppress(*_FAULTS):
                channel.close()
            with suppress(OSError):  # wakes the sender; the driver may have closed the connection
                local.shutdown(socket.SHUT_RDWR)
            sender.join()


def _send(local: socket.socket, channel: Channel) -> None:
    """Carries what the driver sends; bytes that the database sent before it closed are still read by `_serve`."""
    with suppress(*_FAULTS):
        while data := local.recv(_BYTES):
            channel.sendall(data)
        channel.close()


def _log_in(server: SshServer) -> SSHClient:
    key = _read_key(server)
    client = _make_client(server)
    is_default = key is None and not server.password
    try:
        client.connect(
            server.host,
            server.port,
            server.username,
            server.password or None,
            key,
            allow_agent=is_default,
            look_for_keys=is_default,
            timeout=_SECONDS,
            banner_timeout=_SECONDS,
            auth_timeout=_SECONDS,
        )
    except _FAULTS as error:
        client.close()
        raise _explain(server, error) from None
    if transport := client.get_transport():
        transport.set_keepalive(_SECONDS)
    return client


def _explain(server: SshServer, error: Exception) -> Exception:
    """Returns a ConnectionError if a later attempt may succeed, else a LoadError."""
    text = redact(str(error)) or type(error).__name__
    if isinstance(error, UnknownHostKey):
        return LoadError(f"{server}: {text}, or set `host_key` there")
    if isinstance(error, BadHostKeyException):
        return LoadError(
            f"{server}: {text}. It may be another server; if its key was replaced, correct known_hosts or `host_key`"
        )
    if isinstance(error, AuthenticationException) or "No authentication methods" in text:
        ways = [name for name in ("key_filename", "private_key", "password") if getattr(server, name)]
        used = " and ".join(ways) or "the keys of the SSH agent and of ~/.ssh"
        return LoadError(f"{server} refuses user '{server.username}' with {used}: {text}")
    return ConnectionError(f"{server} cannot be reached: {text}")


def _make_client(server: SshServer) -> SSHClient:
    try:
        if server.host_key:
            return make_client_of(server.host_key, server.host, server.port)
        return make_client(str(Path(server.known_hosts).expanduser()) if server.known_hosts else "")
    except OSError as error:
        raise EntryError(f"{server.section}.known_hosts: {error}; accepted is a file like ~/.ssh/known_hosts") from None
    except ValueError:
        raise EntryError(f"{server.section}.host_key: accepted is a public key, as in `ssh-ed25519 AAAA...`") from None


def _read_key(server: SshServer) -> PKey | None:
    setting, text = f"{server.section}.private_key", server.private_key
    if server.key_filename:
        setting = f"{server.section}.key_filename"
        try:
            text = Path(server.key_filename).expanduser().read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise EntryError(f"{setting}: {error}; accepted is a file with a private key") from None
    if not text:
        return None
    # A variable of the environment often has its line ends as \n, and lacks the last one.
    text = text.replace("\\n", "\n").strip() + "\n"
    for kind in (Ed25519Key, ECDSAKey, RSAKey):
        try:
            return kind.from_private_key(io.StringIO(text), server.passphrase or None)
        except PasswordRequiredException:
            raise EntryError(f"{setting}: the key is encrypted; set {server.section}.passphrase") from None
        except (SSHException, ValueError, IndexError):  # of another kind, or another passphrase
            continue
    raise EntryError(
        f"{setting}: it is no Ed25519, ECDSA or RSA key in the form of OpenSSH or PEM"
        + (", or the passphrase is another one" if server.passphrase else "")
    )

"""A small SMTP server for tests: it receives e-mails, checks passwords, and has a certificate of its own."""

import base64
import socketserver
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email import message_from_bytes, policy
from email.message import EmailMessage
from ipaddress import ip_address
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from typing_extensions import override

PASSWORD = "correct-horse-battery"


@dataclass
class ReceivedEmail:
    """A received e-mail, with the addresses of its envelope."""

    to: list[str]
    message: EmailMessage
    was_encrypted: bool
    user: str


@dataclass
class SmtpServer:
    """A running server.

    Attributes:
        port: Its port on 127.0.0.1.
        certificate: The file of its certificate, which is its own authority.
        emails: All received e-mails, the oldest first.
        refusal: Answer to every sender, "" to accept them.
    """

    port: int
    certificate: Path
    emails: list[ReceivedEmail] = field(default_factory=list)
    refusal: str = ""


@contextmanager
def serve_smtp(folder: Path, *, encrypted: bool = False) -> Iterator[SmtpServer]:
    """Runs a server in a thread until the block ends.

    Args:
        folder: Where its certificate is written.
        encrypted: Whether a connection is encrypted from its begin, as on port 465; else by STARTTLS.
    """
    certificate, key = _write_certificate(folder)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    with _Server(("127.0.0.1", 0), _Session) as server:
        state = SmtpServer(server.server_address[1], certificate)
        server.state, server.context, server.encrypted = state, context, encrypted  # type: ignore[attr-defined] # the session's only way to them
        thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        try:
            yield state
        finally:
            server.shutdown()
            thread.join()


class _Server(socketserver.ThreadingTCPServer):
    daemon_threads = True

    @override
    def handle_error(self, request: Any, client_address: Any) -> None:
        """Prints nothing: a client that does not trust the certificate ends the connection."""


class _Session(socketserver.StreamRequestHandler):
    state: SmtpServer
    user = ""
    is_encrypted = False

    @override
    def handle(self) -> None:
        self.state = self.server.state  # type: ignore[attr-defined]
        if self.server.encrypted:  # type: ignore[attr-defined]
            self._encrypt()
        self._say("220 test")
        to: list[str] = []
        while line := self.rfile.readline().decode().strip():
            command = line.upper()
            if command.startswith("EHLO"):
                self._say("250-test", *([] if self.is_encrypted else ["250-STARTTLS"]), "250 AUTH PLAIN")
            elif command == "STARTTLS":
                self._say("220 go ahead")
                self._encrypt()
            elif command.startswith("AUTH PLAIN"):
                _, self.user, password = base64.b64decode(line.split()[2]).decode().split("\0")
                self._say("235 welcome" if password == PASSWORD else f"535 wrong password for {self.user}")
            elif command.startswith("MAIL"):
                self._say(self.state.refusal or "250 ok")
            elif command.startswith("RCPT"):
                to.append(line.partition("<")[2].rstrip(">"))
                self._say("250 ok")
            elif command == "DATA":
                self._say("354 go on")
                self._receive(to)
            else:
                self._say("221 bye" if command == "QUIT" else "250 ok")

    def _receive(self, to: list[str]) -> None:
        lines = []
        while (line := self.rfile.readline()) != b".\r\n":
            lines.append(line)
        message = message_from_bytes(b"".join(lines), policy=policy.default)
        assert isinstance(message, EmailMessage)
        self.state.emails.append(ReceivedEmail(list(to), message, self.is_encrypted, self.user))
        self._say("250 received")

    def _say(self, *lines: str) -> None:
        self.wfile.write("".join(f"{line}\r\n" for line in lines).encode())
        self.wfile.flush()

    def _encrypt(self) -> None:
        context: ssl.SSLContext = self.server.context  # type: ignore[attr-defined]
        self.request = context.wrap_socket(self.request, server_side=True)
        self.is_encrypted = True
        self.setup()


def _write_certificate(folder: Path) -> tuple[Path, Path]:
    """Writes a certificate of 127.0.0.1 that signs itself, and its key."""
    key, name = ec.generate_private_key(ec.SECP256R1()), x509.Name([])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=True)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    files = folder / "smtp.pem", folder / "smtp.key"
    files[0].write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    encoding, form = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
    files[1].write_bytes(key.private_bytes(encoding, form, serialization.NoEncryption()))
    return files

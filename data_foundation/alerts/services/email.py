"""E-mail through an SMTP server."""

from __future__ import annotations

import smtplib
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from email.message import EmailMessage
from email.utils import formatdate, make_msgid

from data_foundation.alerts.message import Message
from data_foundation.alerts.services.settings import fill
from data_foundation.config.alerts.targets import Email
from data_foundation.errors import AlertNotSent

SECONDS = 10.0
"""How long to wait for each answer of the server."""

FIRST_LASTING = 500
"""The first code of SMTP that means that another attempt fails too."""


def send_email(email: Email, message: Message) -> None:
    """Sends a message to all its addresses in one e-mail.

    Raises:
        AlertNotSent: The server cannot be reached, or refused the sender, a receiver or the password.
        SettingMissing: A template's setting is not set.
    """
    letter = EmailMessage()
    try:
        letter["From"], letter["To"] = fill(email.sender), ", ".join(fill(list(email.to)))
        letter["Subject"] = message.title
        letter["Date"], letter["Message-ID"] = formatdate(), make_msgid(domain="data-foundation.invalid")
        letter.set_content("\n".join(message.lines()) + "\n")
        with _connect(email) as server:
            if refused := server.send_message(letter):
                raise AlertNotSent(f"{len(refused)} of {len(email.to)} addresses were refused")
    except smtplib.SMTPResponseException as error:
        # Its text may contain the user.
        may_pass = error.smtp_code < FIRST_LASTING
        raise AlertNotSent(f"{type(error).__name__}: answered {error.smtp_code}", may_pass=may_pass) from None
    except (OSError, smtplib.SMTPException) as error:
        reason = error.verify_message if isinstance(error, ssl.SSLCertVerificationError) else ""
        may_pass = not isinstance(error, ssl.SSLError | smtplib.SMTPRecipientsRefused | smtplib.SMTPNotSupportedError)
        raise AlertNotSent(f"{type(error).__name__}: {reason}".rstrip(": "), may_pass=may_pass) from None
    except ValueError as error:  # an address with a line break
        raise AlertNotSent(f"an address is not accepted: {type(error).__name__}") from None


@contextmanager
def _connect(email: Email) -> Iterator[smtplib.SMTP]:
    host, context = fill(email.host, secret=False), ssl.create_default_context()
    if email.tls == "tls":
        connection: smtplib.SMTP = smtplib.SMTP_SSL(host, email.smtp_port, timeout=SECONDS, context=context)
    else:
        connection = smtplib.SMTP(host, email.smtp_port, timeout=SECONDS)
    with connection as server:
        if email.tls == "starttls":
            server.starttls(context=context)
        if email.user and email.password:
            server.login(fill(email.user, secret=False), fill(email.password))
        yield server

"""Letters as e-mail: the message, and the mail server that takes it."""

import smtplib
import ssl
from datetime import UTC, date, datetime, time
from email.headerregistry import Address
from email.message import EmailMessage
from email.parser import BytesParser
from email.policy import SMTP
from email.utils import format_datetime
from ipaddress import ip_address
from urllib.parse import unquote, urlsplit

from pydantic import SecretStr

from pipelines.feedback.contacts import Contact, plain
from pipelines.settings import Settings

TEXT_WIDTH = 76  # of a letter's lines
SECONDS_TO_ANSWER = 30
SERVICE_CLOSING = 421


class MailServerDownError(Exception):
    """The server (or GOV.UK Notify) cannot be reached, or takes nothing from us: no use to try another letter."""


class LetterRefusedError(Exception):
    """The server is there, and refuses this one letter."""


def compose(
    settings: Settings, *, letter_id: str, subject: str, text: str, html: str, to: list[Contact], on: date
) -> bytes:
    """The message, text and HTML; the same bytes for the same letter, its Message-ID included."""
    message = EmailMessage(policy=SMTP)
    message["From"] = Address(display_name=plain(settings.la_name), addr_spec=settings.la_email)
    if to:
        message["To"] = _addresses(to)
    message["Subject"] = plain(subject)
    message["Date"] = format_datetime(datetime.combine(on, time(), UTC))
    message["Message-ID"] = message_id(settings, letter_id)
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(text, cte="quoted-printable")
    message.add_alternative(html, subtype="html", cte="quoted-printable")
    message.set_boundary(f"=_{letter_id}")  # a random one would change the bytes
    return message.as_bytes()


def message_id(settings: Settings, letter_id: str) -> str:
    """By which a server, or a person, knows a letter that was sent twice."""
    return f"<{letter_id}@{settings.la_email.rpartition('@')[2]}>"


def addressed(message: bytes, to: list[Contact]) -> bytes:
    """The same message to these contacts."""
    parsed = BytesParser(policy=SMTP).parsebytes(message)
    del parsed["To"]
    parsed["To"] = _addresses(to)
    return parsed.as_bytes()


def _addresses(contacts: list[Contact]) -> list[Address]:
    return [Address(display_name=contact.name[:100], addr_spec=contact.email) for contact in contacts]


class MailServer:
    """The server of `SEN_SMTP_URL`: one connection, opened when first needed and again when the server closes it."""

    def __init__(self, url: SecretStr) -> None:
        self._url = url
        self._connection: smtplib.SMTP | None = None
        self._delivered = 0  # on this connection

    def open(self) -> None:
        """Connect and sign in, unless that is done. Raises MailServerDownError."""
        if self._connection is not None:
            return
        try:
            self._connection = _connect(self._url)
        except smtplib.SMTPAuthenticationError as error:
            # nothing of the server's own words: some repeat what they were given
            raise MailServerDownError(f"the mail server refuses the sign-in ({error.smtp_code})") from None
        except (OSError, smtplib.SMTPException) as error:
            raise MailServerDownError(f"the mail server cannot be reached ({type(error).__name__})") from None
        self._delivered = 0

    def send(self, sender: str, recipients: list[str], message: bytes, again: bool = False) -> dict[str, str]:  # noqa: ARG002
        """Hand over one message; gives the addresses that were refused, each with the server's reason.

        `again`: an earlier try may have gone through. Nobody can ask a mail server; it has the Message-ID to tell by. A server may close a connection after so many letters: then it is opened once more.
        Raises LetterRefusedError, and MailServerDownError where the server is gone.
        """
        self.open()
        try:
            return self._hand_over(sender, recipients, message)
        except MailServerDownError:
            if not self._delivered:
                raise
        self.open()
        return self._hand_over(sender, recipients, message)

    def _hand_over(self, sender: str, recipients: list[str], message: bytes) -> dict[str, str]:
        try:
            refused = self._connection.sendmail(sender, recipients, message)
        except smtplib.SMTPRecipientsRefused as error:
            if any(code == SERVICE_CLOSING for code, _ in error.recipients.values()):
                raise self._gone("it closes the connection") from None
            refused = error.recipients
        except smtplib.SMTPSenderRefused as error:
            raise self._gone(f"it refuses our own address, {error.smtp_code}") from None
        except smtplib.SMTPDataError as error:
            if error.smtp_code == SERVICE_CLOSING:
                raise self._gone("it closes the connection") from None
            raise LetterRefusedError(_reason(error.smtp_code, error.smtp_error)) from None
        except smtplib.SMTPNotSupportedError as error:
            raise LetterRefusedError(type(error).__name__) from None
        except (OSError, smtplib.SMTPException) as error:
            raise self._gone(type(error).__name__) from None
        self._delivered += 1
        return {address: _reason(code, words) for address, (code, words) in refused.items()}

    def _gone(self, why: str) -> MailServerDownError:
        self.close()
        return MailServerDownError(f"the mail server went away ({why})")

    def close(self) -> None:
        """Say goodbye, if there is still anyone to say it to."""
        connection, self._connection = self._connection, None
        if connection is not None:
            try:
                connection.quit()
            except (OSError, smtplib.SMTPException):
                connection.close()


def _connect(url: SecretStr) -> smtplib.SMTP:
    try:
        parts = urlsplit(url.get_secret_value())
        port = parts.port
    except ValueError:
        raise MailServerDownError("SEN_SMTP_URL cannot be read: write special characters as %XX") from None
    if parts.scheme not in ("smtp", "smtps") or not parts.hostname:
        raise MailServerDownError("SEN_SMTP_URL is not smtp://... or smtps://...")
    if parts.scheme == "smtps":
        connection = smtplib.SMTP_SSL(
            parts.hostname, port or 465, timeout=SECONDS_TO_ANSWER, context=ssl.create_default_context()
        )
    else:
        connection = smtplib.SMTP(parts.hostname, port or 587, timeout=SECONDS_TO_ANSWER)
    try:
        connection.ehlo()
        protected = parts.scheme == "smtps" or _is_this_machine(parts.hostname)
        if parts.scheme == "smtp" and connection.has_extn("starttls"):
            connection.starttls(context=ssl.create_default_context())
            connection.ehlo()
            protected = True
        if parts.username:
            if not protected:
                raise MailServerDownError("the mail server offers no encryption, and a password is not sent without")
            connection.login(unquote(parts.username), unquote(parts.password or ""))
    except BaseException:
        connection.close()
        raise
    return connection


def _is_this_machine(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _reason(code: int, words: bytes | str) -> str:
    said = words.decode("utf-8", "replace") if isinstance(words, bytes) else str(words)
    return f"{code} {plain(said)}"[:200]

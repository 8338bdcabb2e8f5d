"""Letters by GOV.UK Notify, through its own client: the other way of sending beside a mail server.

The LA makes one e-mail template there, whose subject is ((subject)) and whose body is ((body)): what a letter says stays
in our own templates. A letter's id is the reference of what is sent, one to each address.
"""

import re
from collections.abc import Callable
from email.message import EmailMessage
from email.parser import BytesParser
from email.policy import SMTP
from typing import TYPE_CHECKING, Any

from pipelines.feedback.contacts import plain
from pipelines.feedback.mail import TEXT_WIDTH, LetterRefusedError, MailServerDownError
from pipelines.settings import Settings

if TYPE_CHECKING:
    from notifications_python_client.errors import APIError
    from notifications_python_client.notifications import NotificationsAPIClient

UUID = "[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"
A_KEY = re.compile(rf".+-{UUID}-{UUID}", re.IGNORECASE)  # its name, the service, the secret
A_POINT = re.compile(r"\* |[0-9]+\. ")  # begins a line of its own
NOT_MADE = "technical-failure"  # Notify's own fault: nothing was sent
# as Notify words what is wrong with one address; another template, or a key for fewer people, is no fault of the letter's
OF_AN_ADDRESS = ("email_address", "team-only")
OF_THE_TEMPLATE = ("template", "personalisation")


class Notify:
    """The service of `SEN_NOTIFY_API_KEY`; it takes letters as `mail.MailServer` does."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._client: NotificationsAPIClient | None = None

    def open(self) -> None:
        """Make the client, unless that is done; nothing is asked of the service. Raises MailServerDownError."""
        if self._client is not None:
            return
        key = self._settings.notify_api_key.get_secret_value()
        # the client takes the secret from the end of whatever it is given
        if not A_KEY.fullmatch(key):
            raise MailServerDownError("SEN_NOTIFY_API_KEY is not a key of GOV.UK Notify")
        if not self._settings.notify_template_id:
            raise MailServerDownError("SEN_NOTIFY_TEMPLATE_ID does not say which template of GOV.UK Notify to fill")
        # its import costs as much as a term's letters
        from notifications_python_client.notifications import NotificationsAPIClient

        self._client = NotificationsAPIClient(key, base_url=self._settings.notify_url)

    def send(self, _sender: str, recipients: list[str], message: bytes, again: bool = False) -> dict[str, str]:
        """Hand over one letter, to each address apart; gives the addresses that were refused, each with the reason.

        The sender is the service's own. `again`: an earlier try may have gone through, and the service knows. Raises
        LetterRefusedError, and MailServerDownError where the service is gone, refuses the key or has had enough.
        """
        self.open()
        letter = BytesParser(policy=SMTP).parsebytes(message)
        reference = letter["Message-ID"].strip("<>").partition("@")[0]
        taken = self._taken(reference) if again else frozenset()
        refused = {}
        for address in recipients:
            if address.lower() not in taken and (why := self._hand_over(reference, address, letter)):
                refused[address] = why
        return refused

    def _taken(self, reference: str) -> frozenset[str]:
        """The addresses to which the service has this letter already."""
        found = self._ask(lambda client: client.get_all_notifications(reference=reference))
        return frozenset(
            one["email_address"].lower()
            for one in found["notifications"]
            if one["status"] != NOT_MADE and one["email_address"]
        )

    def _hand_over(self, reference: str, address: str, letter: EmailMessage) -> str | None:
        """The reason where the address is refused."""
        try:
            self._ask(
                lambda client: client.send_email_notification(
                    email_address=address,
                    template_id=self._settings.notify_template_id,
                    personalisation={
                        "subject": str(letter["Subject"]),
                        "body": as_body(letter.get_body(("plain",)).get_content()),
                    },
                    reference=reference,
                    email_reply_to_id=self._settings.notify_reply_to_id,
                )
            )
        except LetterRefusedError as refusal:
            why = str(refusal)
            if any(words in why for words in OF_AN_ADDRESS):
                return why
            if any(words in why.lower() for words in OF_THE_TEMPLATE):
                raise MailServerDownError(f"GOV.UK Notify cannot fill the template: {why}") from None
            raise
        return None

    def _ask(self, question: Callable[["NotificationsAPIClient"], Any]) -> Any:
        """An answer of the service. Raises LetterRefusedError with its words, and MailServerDownError."""
        from notifications_python_client.errors import APIError

        try:
            return question(self._client)
        except APIError as error:
            status = error.status_code
            if status == 400:
                raise LetterRefusedError(_said(error)) from None
            # nothing of its own words: they are about the key
            why = {401: "refuses the key", 403: "refuses the key", 429: "takes no more letters for now"}
            raise MailServerDownError(f"GOV.UK Notify {why.get(status, 'does not answer')} ({status})") from None

    def close(self) -> None:
        """Let go of the connection."""
        client, self._client = self._client, None
        if client is not None:
            client.request_session.close()


def as_body(text: str) -> str:
    """A letter's text as Notify's template takes it: without the breaks inside a paragraph that our lines have."""
    lines: list[str] = []
    for line in text.splitlines():
        words = line.split()
        # a line was broken where its next word would not have fitted
        if (
            lines
            and lines[-1]
            and words
            and not A_POINT.match(line)
            and len(lines[-1].split("\0")[-1]) + 1 + len(words[0]) > TEXT_WIDTH
        ):
            lines[-1] += "\0" + line
        else:
            lines.append(line)
    return "\n".join(re.sub("\0 *", " ", line).strip() for line in lines).strip()


def _said(error: "APIError") -> str:
    said = error.message
    if isinstance(said, list):
        said = "; ".join(str(one.get("message", "")) for one in said)
    return f"{error.status_code} {plain(str(said))}"[:200]

"""The post: a letter goes once, to everyone that it is for, whatever the mail server or a killed run does."""

import csv
import email
import email.policy
import logging
import socket
import ssl
from datetime import UTC, date, datetime, timedelta
from ipaddress import ip_address

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult
from pydantic import SecretStr

from pipelines.feedback import answer_schools, posting
from pipelines.feedback.mail import MailServer, MailServerDownError
from pipelines.warehouse import warehouse
from tests.feedback.conftest import ON, TERM, SmallAuthority


class Postman:
    """A mail server's behaviour: keeps what it takes, and refuses whom it is told to refuse."""

    def __init__(self):
        self.taken = []
        self.refused_addresses = set()
        self.refused_letters = 0
        self.letters_a_connection = None
        self.on_connection = {}

    async def handle_RCPT(self, server, session, envelope, address, options):
        if address in self.refused_addresses:
            return "550 5.1.1 No such mailbox"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):
        if self.refused_letters:
            self.refused_letters -= 1
            return "554 5.7.1 We do not like this one"
        so_far = self.on_connection.get(session.peer, 0)
        if self.letters_a_connection is not None and so_far >= self.letters_a_connection:
            return "421 4.7.0 Too many letters on this connection"
        self.on_connection[session.peer] = so_far + 1
        self.taken.append((envelope.mail_from, sorted(envelope.rcpt_tos), envelope.content))
        return "250 OK"


@pytest.fixture
def postman():
    return Postman()


def free_port():
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        return unused.getsockname()[1]


@pytest.fixture
def mail_server(postman):
    controller = Controller(postman, hostname="127.0.0.1", port=free_port())
    controller.start()
    yield f"smtp://127.0.0.1:{controller.port}"
    controller.stop()


@pytest.fixture
def closed_port():
    return free_port()


@pytest.fixture
def with_mail(make_settings):
    """An authority with a mail server, one school and one return with an error."""
    opened = []

    def make(url):
        settings = make_settings(smtp_url=url)
        stack = warehouse(settings)
        authority = SmallAuthority(settings, stack.__enter__())
        opened.append(stack)
        authority.school()
        authority.contact()
        authority.contact(email="office@oakfield.example", role="OFFICE", name="Office")
        authority.file()
        authority.issue(row_number=2)
        return authority

    yield make
    for stack in opened:
        stack.__exit__(None, None, None)


def answer(authority, on=ON):
    return answer_schools(authority.settings, authority.connection, [TERM], on)


def schools(authority, number):
    """So many schools more, each with a contact and a return with an error."""
    for n in range(number):
        urn, return_id = f"20000{n}", f"b{n}"
        authority.school(urn=urn, laestab=f"801300{n}", name=f"School {n}")
        authority.contact(urn=urn, email=f"senco@school{n}.example")
        authority.file(return_id, urn=urn)
        authority.issue(return_id=return_id, row_number=2)


def test_a_letter_goes_to_a_real_mail_server_once(with_mail, mail_server, postman):
    authority = with_mail(mail_server)

    first, again = answer(authority), answer(authority)

    assert (first["sent"], again["sent"], again["letters"]) == (1, 0, 0)
    ((sender, recipients, content),) = postman.taken
    assert sender == "sen-returns@westmere.example"
    assert recipients == ["office@oakfield.example", "senco@oakfield.example"]
    message = email.message_from_bytes(content, policy=email.policy.default)
    assert message["Message-ID"] == authority.letters("message_id")[0][0]
    assert "1 error to correct" in message["Subject"]
    assert not list(message.iter_attachments())  # the workbook never goes by mail
    assert authority.letters("state, attempts, sent_at::DATE, last_error, message") == [("sent", 1, ON, None, None)]


def test_changed_content_is_a_letter_of_its_own(with_mail, mail_server, postman):
    authority = with_mail(mail_server)
    answer(authority)
    authority.issue("PUP16", "query", row_number=3)

    assert answer(authority)["sent"] == 1
    assert answer(authority)["sent"] == 0
    assert len(postman.taken) == 2


def test_another_wording_or_another_day_is_not_another_letter(with_mail, mail_server, postman):
    authority = with_mail(mail_server)
    answer(authority)
    authority.connection.execute("UPDATE quality.issues SET message = 'Put better.', issue_id = 'other'")

    answer(authority, on=ON + timedelta(days=30))

    assert len(postman.taken) == 1


def test_a_server_that_is_down_costs_nothing_but_time(with_mail, closed_port, mail_server, postman, monkeypatch):
    authority = with_mail(f"smtp://127.0.0.1:{closed_port}")
    schools(authority, 3)
    tries = []
    open_server = MailServer.open
    monkeypatch.setattr(MailServer, "open", lambda server: (tries.append(1), open_server(server)))

    counts = answer(authority)

    assert (counts["letters"], counts["waiting"], counts["sent"], counts["mail_server_down"]) == (4, 4, 0, 1)
    assert len(tries) == 1  # in one run a server that is down is asked once
    assert len(authority.outbox(".eml")) == 4
    assert {state for (state,) in authority.letters("state")} == {"waiting"}

    authority.settings = authority.settings.model_copy(update={"smtp_url": SecretStr(mail_server)})
    counts = answer_schools(authority.settings, authority.connection, [], ON)  # whatever the next run is about

    assert (counts["sent"], counts["waiting"], counts["mail_server_down"]) == (4, 0, 0)
    assert len(postman.taken) == 4


def test_a_letter_waits_safely_even_if_the_outbox_is_emptied(with_mail, closed_port, mail_server, postman):
    authority = with_mail(f"smtp://127.0.0.1:{closed_port}")
    answer(authority)
    for path in authority.outbox():
        path.unlink()
    authority.settings = authority.settings.model_copy(update={"smtp_url": SecretStr(mail_server)})

    assert answer(authority)["sent"] == 1
    assert len(postman.taken) == 1


def test_an_address_that_is_refused_is_tried_again_and_the_other_is_not_bothered(with_mail, mail_server, postman):
    authority = with_mail(mail_server)
    schools(authority, 1)
    postman.refused_addresses = {"office@oakfield.example"}

    counts = answer(authority)

    assert (counts["sent"], counts["waiting"]) == (1, 1)
    assert sorted(recipients for _, recipients, _ in postman.taken) == [
        ["senco@oakfield.example"],
        ["senco@school0.example"],
    ]
    ((error,),) = [row for row in authority.letters("last_error") if row[0]]
    assert "1 of 2 addresses refused" in error
    assert "550" in error

    postman.refused_addresses, postman.taken = set(), []
    assert answer(authority)["sent"] == 1
    assert [recipients for _, recipients, _ in postman.taken] == [["office@oakfield.example"]]


def test_a_letter_that_is_refused_does_not_stop_the_others(with_mail, mail_server, postman):
    authority = with_mail(mail_server)
    schools(authority, 2)
    postman.refused_letters = 1

    counts = answer(authority)

    assert (counts["sent"], counts["waiting"]) == (2, 1)
    assert answer(authority)["sent"] == 1


def test_a_refused_letter_is_tried_ever_more_rarely_and_at_last_given_up(with_mail, mail_server, postman):
    authority = with_mail(mail_server)
    postman.refused_addresses = {"office@oakfield.example", "senco@oakfield.example"}
    tried = []
    for day in (0, 1, 2, 3, 4, 7, 8, 14, 15, 21, 22, 28, 29, 36, 39):
        on = ON + timedelta(days=day)
        before = authority.letters("attempts") or [(0,)]
        answer(authority, on)
        tried += [day] if authority.letters("attempts") != before else []

    # at once, in the next run, then after 1, 2, 4, 7, 7 and 7 days
    assert tried == [0, 1, 2, 4, 8, 15, 22, 29]
    assert authority.letters("state") == [("given_up",)]
    assert answer(authority, ON + timedelta(days=50))["given_up"] == 1

    postman.refused_addresses = set()
    authority.contact(email="new.senco@oakfield.example")
    assert answer(authority, ON + timedelta(days=51))["sent"] == 1  # another address is another chance


def test_a_server_that_closes_the_connection_after_some_letters_is_called_again(with_mail, mail_server, postman):
    authority = with_mail(mail_server)
    schools(authority, 4)
    postman.letters_a_connection = 2

    assert answer(authority)["sent"] == 5
    assert len(postman.taken) == 5


def test_a_server_that_takes_nothing_at_all_is_left_alone(with_mail, mail_server, postman):
    authority = with_mail(mail_server)
    schools(authority, 2)
    postman.letters_a_connection = 0

    counts = answer(authority)

    assert (counts["sent"], counts["waiting"], counts["mail_server_down"]) == (0, 3, 1)


def test_a_run_killed_before_the_ledger_knows_writes_the_same_files_again(authority, monkeypatch):
    authority.school()
    authority.contact()
    authority.file()
    authority.issue(row_number=2)
    with monkeypatch.context() as broken:
        broken.setattr("pipelines.feedback.answering._enter", killed)
        with pytest.raises(KeyboardInterrupt):
            answer(authority)
    left = {path.name: path.read_bytes() for path in authority.outbox()}
    assert authority.letters() == []

    counts = answer(authority)

    assert counts["letters"] == counts["filed"] == 1
    assert {path.name: path.read_bytes() for path in authority.outbox()} == left


def killed(*_, **__):
    raise KeyboardInterrupt


def test_a_run_killed_between_two_letters_sends_the_second_only(with_mail, mail_server, postman, monkeypatch):
    authority = with_mail(mail_server)
    schools(authority, 1)
    send = MailServer.send
    with monkeypatch.context() as broken:
        broken.setattr(MailServer, "send", lambda *args: send(*args) if not postman.taken else killed())
        with pytest.raises(KeyboardInterrupt):
            answer(authority)
    assert sorted(authority.letters("state")) == [("sending",), ("sent",)]

    assert answer(authority)["sent"] == 1
    assert len(postman.taken) == 2
    assert len({recipients[0] for _, recipients, _ in postman.taken}) == 2


def test_a_run_killed_after_the_server_took_the_letter_sends_it_under_the_same_id(
    with_mail, mail_server, postman, monkeypatch
):
    authority = with_mail(mail_server)
    send = MailServer.send
    with monkeypatch.context() as broken:
        broken.setattr(MailServer, "send", lambda *args: (send(*args), killed()))
        with pytest.raises(KeyboardInterrupt):
            answer(authority)

    answer(authority)

    assert len(postman.taken) == 2  # nobody can know whether the first one arrived
    assert postman.taken[0] == postman.taken[1]  # and whoever has both can tell


def test_a_letter_that_waits_is_dropped_when_what_it_says_no_longer_holds(with_mail, closed_port, mail_server, postman):
    authority = with_mail(f"smtp://127.0.0.1:{closed_port}")
    answer(authority)
    authority.state("aaaaaaaa00000001", "superseded")
    authority.file("bbbbbbbb00000002", serial=2, day=10)
    authority.issue("PUP16", "query", return_id="bbbbbbbb00000002", row_number=2)
    authority.settings = authority.settings.model_copy(update={"smtp_url": SecretStr(mail_server)})

    counts = answer(authority)

    assert (counts["overtaken"], counts["sent"]) == (1, 1)
    assert authority.letters() == [("accepted_with_errors", "overtaken"), ("queried", "sent")]


def test_a_letter_dropped_before_it_went_goes_when_it_holds_again(with_mail, closed_port, mail_server, postman):
    authority = with_mail(f"smtp://127.0.0.1:{closed_port}")
    answer(authority)
    authority.issue("PUP16", "query", row_number=3)
    answer(authority)
    authority.connection.execute("DELETE FROM quality.issues WHERE rule_code = 'PUP16'")
    authority.settings = authority.settings.model_copy(update={"smtp_url": SecretStr(mail_server)})

    assert answer(authority)["sent"] == 1
    assert sorted(authority.letters("state")) == [("overtaken",), ("sent",)]


def test_a_school_without_a_contact_is_listed_and_written_to_once_there_is_one(authority):
    authority.school(name="=Oakfield")
    authority.file()
    authority.issue(row_number=2)

    counts = answer(authority)

    assert (counts["no_contact"], counts["filed"]) == (1, 0)
    (listed,) = authority.outbox("letters_not_delivered.csv")
    (row,) = csv.DictReader(listed.read_text(encoding="utf-8-sig").splitlines())
    assert (row["urn"], row["laestab"], row["school"], row["state"]) == (
        "100001",
        "8012001",
        "'=Oakfield",
        "no_contact",
    )
    assert len(authority.outbox(".xlsx")) == 1  # the workbook is in the school's folder all the same

    authority.contact()
    counts = answer(authority)

    assert (counts["no_contact"], counts["filed"]) == (0, 1)
    assert authority.outbox("letters_not_delivered.csv") == []
    (letter,) = authority.outbox(".eml")
    message = email.message_from_bytes(letter.read_bytes(), policy=email.policy.default)
    assert message["To"].addresses[0].addr_spec == "senco@oakfield.example"


def test_letters_of_a_time_without_a_mail_server_are_not_sent_later(authority, mail_server, postman):
    authority.school()
    authority.contact()
    authority.file()
    authority.issue(row_number=2)
    answer(authority)
    authority.settings = authority.settings.model_copy(update={"smtp_url": SecretStr(mail_server)})

    assert answer(authority)["sent"] == 0
    assert postman.taken == []


def test_other_terms_are_left_as_they_are(authority):
    authority.school()
    authority.contact()
    authority.file(term="2025-26-spring")
    authority.issue(row_number=2, term="2025-26-spring")

    assert answer(authority)["returns"] == 0
    assert authority.outbox() == []


# --------------------------------------------------------------------------------------------------------- the connection


@pytest.fixture
def server_with_sign_in(postman):
    def check(server, session, envelope, mechanism, data):
        return AuthResult(success=(data.login, data.password) == (b"sen", b"p@ss:w/rd"), handled=False)

    controller = Controller(
        postman, hostname="127.0.0.1", port=free_port(), authenticator=check, auth_required=True, auth_require_tls=False
    )
    controller.start()
    yield controller.port
    controller.stop()


def test_user_and_password_come_from_the_url(with_mail, server_with_sign_in, postman):
    authority = with_mail(f"smtp://sen:p%40ss%3Aw%2Frd@127.0.0.1:{server_with_sign_in}")

    assert answer(authority)["sent"] == 1


@pytest.mark.parametrize(
    "url", ["smtp://sen:hunter2@127.0.0.1:{port}", "smtp://sen:hunter2/@127.0.0.1:{port}", "imap://sen:hunter2@x:1"]
)
def test_a_password_is_never_in_a_log_or_the_ledger(with_mail, server_with_sign_in, caplog, url):
    caplog.set_level(logging.DEBUG)
    authority = with_mail(url.format(port=server_with_sign_in))

    counts = answer(authority)

    assert (counts["waiting"], counts["mail_server_down"]) == (1, 1)
    assert caplog.records
    assert "hunter2" not in caplog.text
    assert "hunter2" not in str(authority.letters("COLUMNS(*)"))
    assert "hunter2" not in repr(authority.settings)


def test_a_sign_in_that_is_refused_says_so(with_mail, server_with_sign_in):
    authority = with_mail(f"smtp://sen:hunter2@127.0.0.1:{server_with_sign_in}")

    answer(authority)

    assert authority.letters("last_error") == [("the mail server refuses the sign-in (535)",)]


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    """Files of a certificate for this machine and its key."""
    x509 = pytest.importorskip("cryptography.x509")
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "loopback")])
    now = datetime.now(UTC)
    signed = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    folder = tmp_path_factory.mktemp("certificate")
    (folder / "certificate.pem").write_bytes(signed.public_bytes(serialization.Encoding.PEM))
    (folder / "key.pem").write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return folder / "certificate.pem", folder / "key.pem"


@pytest.fixture(params=["smtp", "smtps"])
def encrypting_server(request, postman, certificate):
    """A server that takes letters over TLS alone: by STARTTLS, or from the first byte."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(*certificate)
    how = {"ssl_context": context} if request.param == "smtps" else {"tls_context": context, "require_starttls": True}
    controller = Controller(postman, hostname="127.0.0.1", port=free_port(), **how)
    controller.start()
    yield f"{request.param}://127.0.0.1:{controller.port}"
    controller.stop()


def test_letters_go_encrypted_where_the_server_offers_it(
    with_mail, encrypting_server, postman, certificate, monkeypatch
):
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate[0]))

    assert answer(with_mail(encrypting_server))["sent"] == 1
    assert len(postman.taken) == 1


def test_a_server_that_cannot_prove_who_it_is_gets_no_letter(with_mail, encrypting_server, postman):
    counts = answer(with_mail(encrypting_server))

    assert (counts["waiting"], counts["mail_server_down"]) == (1, 1)
    assert postman.taken == []


def test_a_password_is_not_sent_without_encryption_to_another_machine(monkeypatch):
    class PlainServer:
        def __init__(self, *_, **__): ...
        def ehlo(self): ...
        def has_extn(self, _):
            return False

        def login(self, *_):
            raise AssertionError("signed in without encryption")

        def close(self): ...

    monkeypatch.setattr("smtplib.SMTP", PlainServer)

    with pytest.raises(MailServerDownError, match="no encryption"):
        MailServer(SecretStr("smtp://sen:hunter2@mail.example:587")).open()


def test_the_next_try_of_a_letter_is_worked_out_from_days_not_hours():
    letter = posting._Waiting("id", "1", "queried", "p", "waiting", 4, date(2025, 12, 1), frozenset(), frozenset(), b"")

    # after the fourth try, four days
    assert not posting._is_due(letter, date(2025, 12, 4))
    assert posting._is_due(letter, date(2025, 12, 5))

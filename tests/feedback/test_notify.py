"""GOV.UK Notify, by its own client, against a stand-in on this machine: as sure as a mail server, and it never says its key."""

import json
import logging
import re
import threading
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

import jwt
import pytest

from pipelines.feedback import answer_schools
from pipelines.feedback.notify import Notify, as_body
from pipelines.warehouse import warehouse
from tests.feedback.conftest import ON, OTHER_UPN, TERM, UPN, SmallAuthority

SERVICE = "11111111-2222-3333-4444-555555555555"
SECRET = "aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee"
KEY = f"schools-{SERVICE}-{SECRET}"
TEMPLATE = "99999999-8888-7777-6666-555555555555"


class StandIn:
    """Notify's behaviour: keeps what it takes, and answers what it is told to answer."""

    def __init__(self):
        self.taken = []
        self.asked = []
        self.answers = {}  # address -> statuses to give it, one after the other; then 201
        self.errors = [{"error": "BadRequestError", "message": "Something about this one"}]
        self.keeps_silent_about = 0  # how many it takes without saying so: the connection breaks

    def post(self, sent):
        statuses = self.answers.get(sent["email_address"], [])
        status = statuses.pop(0) if statuses else 201
        if status != 201:
            return status, {"status_code": status, "errors": self.errors}
        self.taken.append(sent)
        if self.keeps_silent_about:
            self.keeps_silent_about -= 1
            return None, None
        return 201, {"id": f"{len(self.taken)}", "reference": sent["reference"]}

    def get(self, reference):
        self.asked.append(reference)
        found = [
            {"email_address": sent["email_address"], "status": "sending"}
            for sent in self.taken
            if sent["reference"] == reference
        ]
        return 200, {"notifications": found, "links": {}}


@pytest.fixture
def stand_in():
    behaviour = StandIn()

    class Handler(BaseHTTPRequestHandler):
        def answer(self, status, said):
            if status is None:
                self.close_connection = True
                self.connection.close()
                return
            data = json.dumps(said).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def is_let_in(self):
            token = self.headers["Authorization"].removeprefix("Bearer ")
            try:
                return jwt.decode(token, SECRET, algorithms=["HS256"], leeway=30)["iss"] == SERVICE
            except jwt.InvalidTokenError:
                return False

        def do_POST(self):
            sent = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            if not self.is_let_in():
                return self.answer(403, {"errors": [{"error": "AuthError", "message": "Invalid token"}]})
            assert self.path == "/v2/notifications/email"
            return self.answer(*behaviour.post(sent))

        def do_GET(self):
            if not self.is_let_in():
                return self.answer(403, {"errors": [{"error": "AuthError", "message": "Invalid token"}]})
            return self.answer(*behaviour.get(parse_qs(urlsplit(self.path).query)["reference"][0]))

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    behaviour.url = f"http://127.0.0.1:{server.server_port}"
    yield behaviour
    server.shutdown()
    server.server_close()


@pytest.fixture
def with_notify(make_settings, stand_in):
    """An authority that sends by Notify, with one school of two contacts and a return with an error."""
    opened = []

    def make(**more):
        given = {"notify_api_key": KEY, "notify_template_id": TEMPLATE, "notify_url": stand_in.url} | more
        stack = warehouse(make_settings(**given))
        authority = SmallAuthority(make_settings(**given), stack.__enter__())
        opened.append(stack)
        authority.school()
        authority.contact()
        authority.contact(email="office@oakfield.example", role="OFFICE", name="Office")
        authority.file()
        authority.issue(row_number=2, upn=UPN, value=OTHER_UPN)
        return authority

    yield make
    for stack in opened:
        stack.__exit__(None, None, None)


def answer(authority, on=ON):
    return answer_schools(authority.settings, authority.connection, [TERM], on)


def test_a_letter_goes_once_to_each_address_with_the_letters_id_as_reference(with_notify, stand_in):
    authority = with_notify(notify_reply_to_id="reply")

    assert answer(authority)["sent"] == 1
    assert answer(authority)["sent"] == 0
    [(letter_id,)] = authority.letters("letter_id")
    assert [(sent["email_address"], sent["reference"], sent["template_id"]) for sent in stand_in.taken] == [
        ("office@oakfield.example", letter_id, TEMPLATE),
        ("senco@oakfield.example", letter_id, TEMPLATE),
    ]
    assert {sent["email_reply_to_id"] for sent in stand_in.taken} == {"reply"}
    assert stand_in.asked == []  # what was never tried need not be asked for


def test_what_is_sent_is_the_letters_subject_and_text_without_a_pupil(with_notify, stand_in):
    answer(with_notify())

    filled = stand_in.taken[0]["personalisation"]
    assert set(filled) == {"subject", "body"}
    assert filled["subject"].startswith("SEN return: 1 error to correct – Oakfield Primary School")
    assert "NSA (no specialist assessment) is only for pupils on SEN support." in filled["body"]
    assert not re.search(f"{UPN}|{OTHER_UPN}", json.dumps(stand_in.taken))


def test_notify_comes_before_a_mail_server(with_notify, stand_in):
    authority = with_notify(smtp_url="smtp://127.0.0.1:1")

    assert answer(authority)["sent"] == 1
    assert len(stand_in.taken) == 2


@pytest.mark.parametrize("status", [429, 500, 503])
def test_a_service_that_is_down_or_has_had_enough_is_left_alone_and_loses_no_letter(with_notify, stand_in, status):
    authority = with_notify()
    authority.school(urn="100002", laestab="8012002", name="Riverside School")
    authority.contact(urn="100002", email="senco@riverside.example")
    authority.file("bbbbbbbb00000001", urn="100002", file_name="8012002_2025-26_autumn_01.xlsx")
    authority.issue(return_id="bbbbbbbb00000001", urn="100002", row_number=2)
    stand_in.answers = {
        address: [status]
        for address in ("office@oakfield.example", "senco@oakfield.example", "senco@riverside.example")
    }

    counts = answer(authority)

    assert (counts["sent"], counts["waiting"], counts["mail_server_down"]) == (0, 2, 1)
    assert f"({status})" in str(authority.letters("last_error"))
    stand_in.answers = {}
    assert answer(authority)["sent"] == 2
    assert len(stand_in.taken) == 3


def test_nobody_at_the_address_of_the_service_loses_no_letter(with_notify):
    authority = with_notify(notify_url="http://127.0.0.1:9")

    counts = answer(authority)

    assert (counts["sent"], counts["waiting"], counts["mail_server_down"]) == (0, 1, 1)


def test_an_address_that_notify_refuses_is_tried_again_alone(with_notify, stand_in):
    authority = with_notify()
    stand_in.errors = [{"error": "ValidationError", "message": "email_address Not a valid email address"}]
    stand_in.answers = {"senco@oakfield.example": [400]}

    assert answer(authority)["waiting"] == 1
    [(said,)] = authority.letters("last_error")
    assert "1 of 2 addresses refused" in said
    assert "Not a valid email address" in said

    assert answer(authority)["sent"] == 1
    assert sorted(sent["email_address"] for sent in stand_in.taken) == [
        "office@oakfield.example",
        "senco@oakfield.example",
    ]


def test_a_letter_that_notify_refuses_is_at_last_given_up(with_notify, stand_in):
    authority = with_notify()
    stand_in.answers = {"office@oakfield.example": [400] * 20}
    for day in (0, 1, 2, 4, 8, 15, 22, 29):
        answer(authority, ON + timedelta(days=day))

    assert authority.letters("state, attempts") == [("given_up", 8)]


def test_a_template_that_notify_cannot_fill_is_no_fault_of_the_letters(with_notify, stand_in):
    authority = with_notify()
    stand_in.errors = [{"error": "BadRequestError", "message": "Template not found"}]
    stand_in.answers = {"office@oakfield.example": [400]}

    counts = answer(authority)

    assert (counts["waiting"], counts["mail_server_down"]) == (1, 1)
    assert "cannot fill the template: 400 Template not found" in authority.letters("last_error")[0][0]


def test_what_notify_took_without_our_knowing_is_not_sent_again(with_notify, stand_in):
    authority = with_notify()
    stand_in.keeps_silent_about = 1

    assert answer(authority)["waiting"] == 1
    assert answer(authority)["sent"] == 1
    assert sorted(sent["email_address"] for sent in stand_in.taken) == [
        "office@oakfield.example",
        "senco@oakfield.example",
    ]


def test_a_run_killed_after_notify_took_the_letter_does_not_send_it_again(with_notify, stand_in, monkeypatch):
    authority = with_notify()
    send = Notify.send

    def send_and_die(*args):
        send(*args)
        raise KeyboardInterrupt

    with monkeypatch.context() as broken:
        broken.setattr(Notify, "send", send_and_die)
        with pytest.raises(KeyboardInterrupt):
            answer(authority)
    assert authority.letters("state") == [("sending",)]

    assert answer(authority)["sent"] == 1
    assert len(stand_in.taken) == 2


@pytest.mark.parametrize(
    ("key", "why"),
    [
        (f"schools-{SERVICE}-{TEMPLATE}", "refuses the key (403)"),
        ("hunter2hunter2", "is not a key of GOV.UK Notify"),
    ],
)
def test_a_key_that_is_wrong_loses_no_letter_and_is_in_no_log(with_notify, caplog, capfd, key, why):
    authority = with_notify(notify_api_key=key)
    with caplog.at_level(logging.DEBUG):
        counts = answer(authority)

    assert (counts["waiting"], counts["mail_server_down"]) == (1, 1)
    [(said,)] = authority.letters("last_error")
    assert why in said
    everything = caplog.text + "".join(capfd.readouterr()) + said
    for path in authority.outbox():
        everything += path.read_bytes().decode("latin-1")
    assert not any(part in everything for part in (key, key[-36:]))


def test_the_key_is_in_no_log_while_letters_go(with_notify, caplog, stand_in):
    authority = with_notify()
    with caplog.at_level(logging.DEBUG):
        assert answer(authority)["sent"] == 1

    assert SECRET not in caplog.text
    assert SECRET not in repr(authority.settings)


def test_without_a_template_nothing_is_sent_and_nothing_lost(with_notify, stand_in):
    authority = with_notify(notify_template_id="")

    assert answer(authority)["waiting"] == 1
    assert stand_in.taken == []
    assert "SEN_NOTIFY_TEMPLATE_ID" in authority.letters("last_error")[0][0]


def test_a_paragraph_is_one_line_and_points_keep_lines_of_their_own():
    long = "a word " * 10 + "and the very last ones"
    text = f"Council\nSchool\n\n{long[:74].strip()}\n{long[74:].strip()}\n\n* one\n  more of it\n1. two\n"
    assert as_body(text) == f"Council\nSchool\n\n{' '.join(long.split())}\n\n* one\nmore of it\n1. two"

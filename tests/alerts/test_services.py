"""Tests of the services: what each receives, what happens if it refuses, and that no secret leaves the process."""

import json
import logging
import threading
from pathlib import Path

import pytest
import yaml

from data_foundation.alerts import deliver as delivery
from data_foundation.alerts.deliver import deliver
from data_foundation.alerts.events import Event
from data_foundation.alerts.message import Message
from data_foundation.alerts.routing import Receiver
from data_foundation.alerts.services import slack, teams
from data_foundation.config.alerts.targets import Target
from data_foundation.process_wide.redaction import redact_logs, remember
from tests.support.receivers import SECRET, SERVICES, Receivers
from tests.support.rest_server import Answer
from tests.support.smtp_server import PASSWORD, serve_smtp

EVENTS = (
    Event("schema_drift", "raw.orders", "raw.orders: new: vat", "shop"),
    Event("failure", "raw.customers", "ValueError: <!channel> *bold* _x_ `y` ```z``` & co", "shop", "ask the vendor"),
)
MESSAGE = Message.of_events(EVENTS, "https://dagster.example.com/runs/1|2", "run 12345678 on duckdb")
MANY = [
    Event("failure", f"raw.table_{number}", "値段が違います " * 200, "shop", "see the vendor " * 50)
    for number in range(60)
]
EXTREMES = {
    "no events": Message("Test message"),
    "one line of text": Message("Digest", text="Tables loaded: 3\n\nFailed: 0"),
    "sixty long causes": Message.of_events(MANY, "https://dagster.example.com/runs/1", "run 1"),
    "a title of many tables": Message("shop " * 100, EVENTS),
    "characters that have no encoding": Message.of_events([Event("failure", "raw.t", "\udc80 \0 \x1b[31m", "shop")]),
    "line breaks": Message("a title", (Event("failure", "raw.t", "a\r\nb\n\nc", "shop"),), text="one\r\n\r\ntwo"),
}


def receiver(receivers: Receivers, service: str, name: str = "team") -> Receiver:
    """Returns a receiver of a service."""
    return Receiver(name, Target.model_validate(yaml.safe_load(receivers.target(service, name))[name]))


@pytest.mark.parametrize("service", SERVICES)
def test_a_message_names_table_cause_hint_and_link(receivers: Receivers, service: str) -> None:
    """Each service shows the worst event first, each with its table, its cause and its hint, and the link."""
    assert deliver({receiver(receivers, service): MESSAGE}) == []
    [text] = receivers.texts(service, "team")
    parts = ["shop: 1 failed, 1 changed its columns", "raw.customers failed", "ValueError:", "ask the vendor"]
    parts += ["raw.orders changed its columns", "new: vat", "dagster.example.com/runs/1", "run 12345678"]
    assert [part for part in parts if part not in text] == []
    assert text.index("raw.customers") < text.index("raw.orders")


def test_slack_reads_no_mention_and_no_formatting_in_a_cause() -> None:
    """`<!channel>` in an error message mentions no person, and a block of code in it does not end ours."""
    text = json.dumps(slack.build_payload(MESSAGE))
    assert "<!channel>" not in text
    assert "&lt;!channel&gt; *bold* _x_ `y` '''z''' &amp; co" in text
    assert "<https://dagster.example.com/runs/1%7C2|Open in Dagster>" in text


@pytest.mark.parametrize("message", EXTREMES.values(), ids=EXTREMES)
@pytest.mark.parametrize("service", SERVICES)
def test_a_service_accepts_any_message(receivers: Receivers, service: str, message: Message) -> None:
    """However long a message is, it stays within the limits of each service."""
    assert deliver({receiver(receivers, service): message}) == []
    assert len(receivers.texts(service, "team")) == 1


@pytest.mark.parametrize(("build", "service"), [(slack.build_payload, "slack"), (teams.build_payload, "teams")])
def test_events_that_do_not_fit_are_counted(build: object, service: str) -> None:
    """A chat shows the number of the events that it leaves out."""
    assert callable(build)
    text = json.dumps(build(EXTREMES["sixty long causes"]), ensure_ascii=False)
    shown = sum(f"raw.table_{number} failed" in text for number in range(60))
    assert 0 < shown < 60, service
    assert f"and {60 - shown} more" in text


def test_an_email_is_encrypted_before_the_password_is_sent(receivers: Receivers) -> None:
    """The password is sent after STARTTLS only, and the certificate is verified."""
    assert deliver({receiver(receivers, "email"): MESSAGE}) == []
    [email] = receivers.smtp.emails
    assert (email.was_encrypted, email.user) == (True, "robot")
    assert email.message["To"] == "team@example.com"


def test_an_email_through_an_encrypted_port(tmp_path: Path, receivers: Receivers) -> None:
    """With `tls: tls` the connection is encrypted from its begin."""
    with serve_smtp(tmp_path, encrypted=True) as server, pytest.MonkeyPatch.context() as patch:
        patch.setenv("SSL_CERT_FILE", str(server.certificate))
        email = {
            "to": "a@example.com",
            "sender": "b@example.com",
            "host": "127.0.0.1",
            "port": server.port,
            "tls": "tls",
        }
        assert deliver({Receiver("team", Target.model_validate({"email": email})): MESSAGE}) == []
        assert [email.was_encrypted for email in server.emails] == [True]
    assert receivers.smtp.emails == []


def test_a_certificate_that_is_not_trusted_ends_the_connection(
    receivers: Receivers, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is sent to a server whose certificate the machine does not trust."""
    monkeypatch.delenv("SSL_CERT_FILE")
    [undelivered] = deliver({receiver(receivers, "email"): MESSAGE})
    assert undelivered.reason == "SSLCertVerificationError: self-signed certificate"
    assert receivers.smtp.emails == []


FAULTS = {
    "down": ({"HOOKS": "http://127.0.0.1:9/{secret}"}, "cannot be reached: ConnectionError"),
    "another address": ({"HOOKS": "{url}/wrong-{secret}"}, "answered 400: no_service"),
    "no address": ({"HOOKS": "{secret}"}, "cannot be reached: MissingSchema"),
    "not set": ({"HOOKS": ""}, "needs HOOKS. Set it in .env or the environment"),
}


@pytest.mark.parametrize("service", ["slack", "teams", "webhook"])
@pytest.mark.parametrize(("settings", "reason"), FAULTS.values(), ids=FAULTS)
def test_a_receiver_that_fails_is_reported_without_its_address(  # noqa: PLR0913, PLR0917 - fixtures
    receivers: Receivers,
    service: str,
    settings: dict[str, str],
    reason: str,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """The reason is logged and returned, the address is in neither, and the other receivers get their message."""
    redact_logs()  # as every process of the product does when it reads its settings
    caplog.set_level(logging.DEBUG)
    for name, value in settings.items():
        monkeypatch.setenv(name, value.format(secret=SECRET, url=receivers.http.url))
    other = receiver(receivers, "email", "other")
    failing = receiver(receivers, service)
    [undelivered] = deliver({failing: MESSAGE, other: MESSAGE}, pauses=(0,))
    assert undelivered.reason.startswith(reason)
    assert str(undelivered).startswith(f"no alert was sent to team ({service}): ")
    assert any(record.levelname == "WARNING" and reason in record.getMessage() for record in caplog.records)
    assert SECRET not in caplog.text + str(undelivered) + repr(undelivered)
    assert len(receivers.texts("email", "other")) == 1


def test_a_password_that_is_refused_is_not_shown(
    receivers: Receivers, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The reason names the server's code, neither the user nor the password."""
    monkeypatch.setenv("SMTP_PASS", "another-password")
    [undelivered] = deliver({receiver(receivers, "email"): MESSAGE})
    assert undelivered.reason == "SMTPAuthenticationError: answered 535"
    assert not any(word in caplog.text for word in ("another-password", "robot", PASSWORD))


@pytest.mark.parametrize(
    ("status", "requests"), [(503, 3), (429, 3), (400, 1), (404, 1), (302, 1)], ids=["503", "429", "400", "404", "302"]
)
def test_only_a_fault_that_may_pass_is_tried_again(receivers: Receivers, status: int, requests: int) -> None:
    """A service that is busy is tried three times; one that refuses the message, or sends it elsewhere, once."""
    receivers.http.answer = lambda _request: Answer(status=status, text="no", headers={"Location": receivers.http.url})
    [undelivered] = deliver({receiver(receivers, "webhook"): MESSAGE}, pauses=(0, 0))
    assert undelivered.reason == f"answered {status}: no"
    assert len(receivers.http.requests) == requests


def test_a_receiver_that_does_not_answer_delays_no_other(receivers: Receivers) -> None:
    """Delivery ends after its time, whatever a receiver does, and the others have their message."""
    held = threading.Event()
    receivers.http.answer = lambda _request: held.wait(10)
    slow, quick = receiver(receivers, "slack", "slow"), receiver(receivers, "email", "quick")
    undelivered = deliver({slow: MESSAGE, quick: MESSAGE}, seconds=1)
    held.set()
    assert [(one.receiver.name, one.reason) for one in undelivered] == [("slow", "has not answered")]
    assert len(receivers.texts("email", "quick")) == 1
    assert delivery.MOST_SECONDS < 60


def test_a_secret_in_an_error_is_masked() -> None:
    """What the process knows as a secret is in no text of a message."""
    remember(["s3cr3t-of-the-vendor"])
    event = Event("failure", "raw.t", "GET https://u:p4ssw0rd@api.example.com/?token=abc failed: s3cr3t-of-the-vendor")
    message = Message.of_events([event], "https://user:pw@dagster.example.com/runs/1")
    assert not any(word in json.dumps(message.to_json()) for word in ("s3cr3t", "p4ssw0rd", "token=abc", "user:pw"))
    assert Message.from_json(json.loads(json.dumps(message.to_json()))) == message


def test_a_secret_of_dlt_is_an_address(receivers: Receivers, monkeypatch: pytest.MonkeyPatch) -> None:
    """`{{ secrets.NAME }}` is read as dlt reads a secret: from secrets.toml, or from the environment."""
    monkeypatch.setenv("ALERTS__TEAM_HOOK", f"{receivers.http.url}/{SECRET}/webhook/team")
    target = Target.model_validate({"webhook": "{{ secrets.alerts.team_hook }}"})
    assert SECRET not in repr(target)
    assert deliver({Receiver("team", target): MESSAGE}) == []
    assert len(receivers.texts("webhook", "team")) == 1


def test_headers_of_a_webhook_are_sent(receivers: Receivers, monkeypatch: pytest.MonkeyPatch) -> None:
    """A webhook's headers have the values of their templates."""
    monkeypatch.setenv("TOKEN", "a-long-enough-token")
    hook = {"url": "{{ env.HOOKS }}/webhook/team", "headers": {"Authorization": "Bearer {{ env.TOKEN }}"}}
    assert deliver({Receiver("team", Target.model_validate({"webhook": hook})): MESSAGE}) == []
    [request] = receivers.http.requests
    assert request.headers["Authorization"] == "Bearer a-long-enough-token"
    assert (request.body["type"], len(request.body["events"])) == ("failure", 2)

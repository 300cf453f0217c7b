"""Tests of `alerts:`: what is accepted, where a mistake is, and that no message shows a secret."""

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml
from pydantic import ValidationError

from data_foundation.config.alerts.file import load_alerts
from data_foundation.config.alerts.keys import AlertsFile, TreeAlerts
from data_foundation.errors import ConfigError
from data_foundation.project.find_sources import find_sources
from data_foundation.project.repository.editor_schemas import ALERTS_SCHEMA_FILE, build_alerts_schema, build_json_schema
from tests.support.checkouts import Checkout

ROOT = Path(__file__).parents[2]
SCHEMA = build_alerts_schema()
SECRET = "T0AB12CD3/B0EF45GH6/x7K2mQ9p"
ADDRESS = f"https://hooks.slack.com/services/{SECRET}"
EMAIL = "to: a@example.com, sender: b@example.com, host: mail.example.com"

GOOD = {
    "short": 'targets: {team: {slack: "{{ env.SLACK }}"}}',
    "long": 'targets: {team: {slack: {url: "https://hooks.slack.com/services/{{ env.SLACK }}"}}}',
    "teams": 'targets: {team: {teams: "{{ secrets.alerts.teams-url }}", events: [failure]}}',
    "webhook": 'targets: {t: {webhook: {url: "{{ env.U }}", headers: {X-Team: a, Authorization: "{{ env.T }}"}}}}',
    "email": f"targets: {{team: {{email: {{{EMAIL}}}}}}}",
    "email with a password": f'targets: {{t: {{email: {{{EMAIL}, tls: tls, user: u, password: "{{{{ env.P }}}}"}}}}}}',
    "email to several": 'targets: {t: {email: {to: ["{{ env.TO }}", a@b.nl], sender: b@c.nl, host: h, port: 2525}}}',
    "events as a set": 'events: {failure, freshness}\ntargets: {team: {slack: "{{ env.SLACK }}"}}',
    "no events": "events: []",
    "digest": 'targets: {team: {slack: "{{ env.SLACK }}"}}\ndigest: "0 7 * * *"',
    "digest to one": 'targets: {a: {slack: "{{ env.S }}"}}\ndigest: {cron: "@daily", timezone: Asia/Tokyo, targets: a}',
    "all": 'empty_runs: 3\ndagster_url: "{{ env.DAGSTER }}"\nevents: failure',
}
BAD = {
    "an address": (f"targets: {{team: {{slack: '{ADDRESS}'}}}}", "targets.team.slack", "is a secret, which no file"),
    "an address as url": (f"targets: {{t: {{teams: {{url: '{ADDRESS}'}}}}}}", "targets.t.teams.url", "is a secret"),
    "an address in a list": (f"targets: {{t: {{slack: ['{ADDRESS}']}}}}", "targets.t.slack", "accepted is the address"),
    "a short password": (
        f"targets: {{t: {{email: {{{EMAIL}, user: u, password: ab12}}}}}}",
        "targets.t.email.password",
        "is a secret",
    ),
    "a token in a header": (
        'targets: {t: {webhook: {url: "{{ env.U }}", headers: {X-Api-Key: x7K2mQ9p}}}}',
        "targets.t.webhook.headers",
        "the header X-Api-Key is a secret",
    ),
    "a password in clear text": (
        f'targets: {{t: {{email: {{{EMAIL}, tls: none, user: u, password: "{{{{ env.P }}}}"}}}}}}',
        "targets.t.email",
        "tls none would send the password in clear text",
    ),
    "a password without a user": (
        f'targets: {{t: {{email: {{{EMAIL}, password: "{{{{ env.P }}}}"}}}}}}',
        "targets.t.email",
        "belong together",
    ),
    "an unknown template": ('targets: {t: {slack: "{{ partition.key }}"}}', "targets.t.slack", "unknown template"),
    "an expression": ('targets: {t: {slack: "{{ env.A + env.B }}"}}', "targets.t.slack", "unknown template"),
    "a misspelt service": ('targets: {t: {slak: "{{ env.S }}"}}', "targets.t.slak", "Did you mean 'slack'?"),
    "two services": (
        'targets: {t: {slack: "{{ env.S }}", teams: "{{ env.T }}"}}',
        "targets.t",
        "names slack and teams",
    ),
    "no service": (
        "targets: {t: {}}",
        "targets.t",
        "names no service; accepted is one of slack, teams, email, webhook",
    ),
    "an unknown event": ("events: [failures]", "events[0]", "Did you mean 'failure'?"),
    "no e-mail server": ("targets: {t: {email: {to: a@b.nl, sender: b@c.nl}}}", "targets.t.email.host", "is required"),
    "no receiver": (
        "targets: {t: {email: {to: [], sender: b@c.nl, host: h}}}",
        "targets.t.email.to",
        "at least 1 item",
    ),
    "no run": ("empty_runs: 0", "empty_runs", "greater than or equal to 1"),
    "a cron of four fields": ('digest: {cron: "0 7 * *"}', "digest.cron", "accepted: a cron of five fields"),
    "no such time zone": ("digest: {cron: '@daily', timezone: Europe/Amsterdm}", "digest.timezone", "Did you mean"),
    "a misspelt key": ("targts: {}", "targts", "Did you mean 'targets'?"),
    "a list": ("targets: []", "targets", "accepted is a mapping"),
}
BEYOND_SCHEMA = {"a password in clear text", "a password without a user", "an unknown template", "an expression",
                 "a token in a header", "no receiver", "a cron of four fields", "no such time zone"}  # fmt: skip
"""Mistakes that a JSON Schema cannot describe, or that ours does not."""

CONTRADICTIONS = {
    "a digest without a target": ('digest: "@daily"', "digest needs a target in this file"),
    "a digest for an unknown target": (
        'targets: {team: {slack: "{{ env.S }}"}}\ndigest: {cron: "@daily", targets: tea}',
        "digest: no target is named 'tea'; accepted: team. Did you mean 'team'?",
    ),
}


def document(text: str) -> str:
    """Returns an `alerts.yaml` with these lines below `alerts:`."""
    return "alerts:\n" + "".join(f"  {line}\n" for line in text.splitlines())


def read(checkout: Path, text: str) -> TreeAlerts:
    """Writes and reads `alerts.yaml`."""
    Checkout(checkout).write("dlthub/alerts.yaml", text)
    return load_alerts(checkout)


def is_accepted_by_schema(value: Any) -> bool:
    """Returns True if an editor marks no error."""
    return not list(jsonschema.Draft202012Validator(SCHEMA).iter_errors(value))


@pytest.mark.parametrize("text", GOOD.values(), ids=GOOD)
def test_a_valid_file_is_read(tmp_path: Path, text: str) -> None:
    """Each spelling is accepted, by the JSON Schema too, and no repr shows more than the template."""
    alerts = read(tmp_path, document(text))
    assert isinstance(alerts, TreeAlerts)
    assert is_accepted_by_schema(yaml.safe_load(document(text)))


@pytest.mark.parametrize(("text", "field", "message"), BAD.values(), ids=BAD)
def test_a_mistake_has_line_field_and_what_is_accepted(tmp_path: Path, text: str, field: str, message: str) -> None:
    """The error names file, line and field, and what is accepted; it never shows a secret."""
    with pytest.raises(ConfigError) as refused:
        read(tmp_path, document(text))
    [problem] = refused.value.problems
    assert (problem.line, problem.field) == (2, f"alerts.{field}")
    assert message in problem.message
    assert not any(part in str(problem) for part in (*SECRET.split("/"), "ab12"))


@pytest.mark.parametrize("case", [case for case in BAD if case not in BEYOND_SCHEMA])
def test_an_editor_marks_the_mistake(case: str) -> None:
    """The JSON Schema refuses what the models refuse."""
    text, *_ = BAD[case]
    assert not is_accepted_by_schema(yaml.safe_load(document(text)))


@pytest.mark.parametrize(("text", "message"), CONTRADICTIONS.values(), ids=CONTRADICTIONS)
def test_a_digest_needs_a_target_of_the_file(tmp_path: Path, text: str, message: str) -> None:
    """The targets of a digest are those of the file."""
    with pytest.raises(ConfigError, match=message.replace("?", r"\?")):
        read(tmp_path, document(text))


def test_all_mistakes_come_at_once_in_check(tmp_path: Path) -> None:
    """`alerts.yaml` with mistakes is a broken source of its own; the other sources are found."""
    checkout = Checkout(tmp_path)
    checkout.write("dlthub/alerts.yaml", document("events: [a, b]\nempty_runs: no"))
    checkout.write_source("shop", "resources: [{entry: data.f, destination: raw.t}]", "def f():\n    yield 1\n")
    found, [broken] = find_sources(tmp_path)
    assert (broken.name, len(broken.problems), len(found)) == ("alerts.yaml", 3, 1)


def test_without_a_file_nothing_is_configured(tmp_path: Path) -> None:
    """A project without `alerts.yaml` has no targets; an empty file is a mistake."""
    assert load_alerts(tmp_path) == TreeAlerts()
    with pytest.raises(ConfigError, match="accepted is a mapping: alerts:"):
        read(tmp_path, "")
    with pytest.raises(ConfigError, match="alerts: is required and missing"):
        read(tmp_path, "{}")


@pytest.mark.parametrize(
    ("alerts", "message"),
    [
        ("{targets: {own: {slack: 'https://hooks.slack.com/services/x7K2mQ9p'}}}", "alerts.targets.own.slack: is a"),
        ("{inherit: false, event: []}", "alerts.event: unknown key 'event'"),
        ("{digest: '@daily'}", "alerts.digest: unknown key 'digest'"),
        ("[failure]", "alerts: got ['failure']; "),
    ],
    ids=["an address", "a misspelt key", "a key of the tree", "a list"],
)
def test_a_mistake_in_a_source_breaks_the_source(tmp_path: Path, alerts: str, message: str) -> None:
    """The block of a source is checked with its file."""
    resources = "resources: [{entry: data.f, destination: raw.t}]"
    Checkout(tmp_path).write_source("shop", f"alerts: {alerts}\n{resources}", "def f():\n    yield 1\n")
    _, [broken] = find_sources(tmp_path)
    [problem] = broken.problems
    assert message in str(problem)
    assert problem.line == 1
    assert "x7K2mQ9p" not in str(problem)


def test_an_editor_knows_the_block_of_a_source() -> None:
    """The JSON Schema of `sources.yaml` has the keys of `alerts`, each with a description."""
    validator = jsonschema.Draft202012Validator(build_json_schema(ROOT))
    resources = [{"entry": "data.f", "destination": "raw.t"}]
    good = {"inherit": False, "events": "failure", "targets": {"own": {"teams": "{{ env.T }}"}}}
    validator.validate({"alerts": good, "resources": resources})
    assert not validator.is_valid({"alerts": {"inhert": False}, "resources": resources})
    for name, model in SCHEMA["$defs"].items():
        for key, value in model["properties"].items():
            assert value.get("description") or name == "AlertsFile", (name, key)


def test_the_file_of_the_schema_is_current() -> None:
    """`foundation docs` would not change the file."""
    assert json.loads((ROOT / ALERTS_SCHEMA_FILE).read_text(encoding="utf-8")) == SCHEMA
    with pytest.raises(ValidationError):
        AlertsFile.model_validate({})

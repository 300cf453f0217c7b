"""Tests of `foundation alerts`, and of the messages of `foundation run`."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.alert_projects import DATA, AlertProject, open_project
from tests.support.receivers import SECRET, SERVICES, Receivers


@pytest.fixture
def project(tmp_path: Path) -> Iterator[AlertProject]:
    """An empty project."""
    with open_project(tmp_path) as opened:
        yield opened


def write_targets(project: AlertProject, receivers: Receivers, *more: str) -> None:
    """Configures a target of each service, each with its name."""
    targets = [f"  {receivers.target(service, f'to-{service}')}" for service in SERVICES]
    project.write_alerts(*more, "targets:", *targets)


def texts(receivers: Receivers) -> list[str]:
    """Returns all messages that the targets of `write_targets` received."""
    return [text for service in SERVICES for text in receivers.texts(service, f"to-{service}")]


def test_a_run_of_several_failures_sends_one_message(project: AlertProject, receivers: Receivers) -> None:
    """Each target receives one message with all events of the run; a run without one sends nothing."""
    write_targets(project, receivers)
    for name in ("breaks", "limited", "drifts"):
        project.add(name)
    assert project.foundation("run") == 0
    assert texts(receivers) == []
    project.begin_second_run()
    assert project.foundation("run") == 1
    assert len(texts(receivers)) == len(SERVICES)
    for text in texts(receivers):
        assert all(table in text for table in ("raw.breaks failed", "raw.limited failed", "raw.drifts changed"))
        assert "breaks, drifts, limited: 1 failed, 1 failed a check, 1 changed its columns" in text
        assert "foundation run " in text


@pytest.mark.rare
def test_a_receiver_that_fails_does_not_change_the_run(
    project: AlertProject, receivers: Receivers, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The exit code is that of the loads, and a warning names the target, the reason and no address."""
    write_targets(project, receivers)
    project.add("drifts")
    assert project.foundation("run") == 0
    project.begin_second_run()
    monkeypatch.setenv("HOOKS", f"http://127.0.0.1:9/{SECRET}")
    monkeypatch.setattr("data_foundation.alerts.deliver.PAUSES", ())
    capsys.readouterr()
    assert project.foundation("run") == 0
    printed = capsys.readouterr().err
    for service in ("slack", "teams", "webhook"):
        assert f"warning no alert was sent to to-{service} ({service}): cannot be reached" in printed
    assert SECRET not in printed
    assert len(receivers.texts("email", "to-email")) == 1


def test_a_laptop_without_the_settings_is_warned(
    project: AlertProject, receivers: Receivers, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A target whose setting is not set receives nothing; the warning names the setting."""
    project.write_alerts("targets:", f"  {receivers.target('slack', 'team')}")
    project.add("breaks")
    project.write("dlthub/second", "")
    monkeypatch.delenv("HOOKS")
    assert project.foundation("run") == 1
    assert "no alert was sent to team (slack): needs HOOKS. Set it in .env" in capsys.readouterr().err
    assert receivers.http.requests == []


@pytest.mark.rare
def test_a_broken_source_is_reported_by_a_run_of_all(project: AlertProject, receivers: Receivers) -> None:
    """A broken folder is a failure of `foundation run`; a run of another source does not report it."""
    write_targets(project, receivers)
    project.add("drifts")
    project.write("dlthub/bad/sources.yaml", "resources: []\n")
    assert project.foundation("run", "drifts") == 0
    assert texts(receivers) == []
    assert project.foundation("run") == 1
    assert len(texts(receivers)) == len(SERVICES)
    assert all("bad failed" in text and "needs at least one resource" in text for text in texts(receivers))


@pytest.mark.rare
def test_a_source_that_lacks_a_setting_is_no_failure_of_a_run_of_all(
    project: AlertProject, receivers: Receivers
) -> None:
    """As such a run succeeds, it reports nothing; a run of the source by name fails, and does."""
    write_targets(project, receivers)
    project.write_source(
        "shop",
        "resources: [{entry: data.get_rows, destination: raw.t}]",
        "import dlt\n\n\ndef get_rows(token: str = dlt.secrets.value):\n    yield {'id': 1}\n",
    )
    assert project.foundation("run") == 0
    assert texts(receivers) == []
    assert project.foundation("run", "shop") == 1
    assert all("TOKEN" in text for text in texts(receivers))
    assert len(texts(receivers)) == len(SERVICES)


def test_a_secret_of_a_source_is_in_no_message(
    project: AlertProject, receivers: Receivers, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The token in the address that an error names is masked."""
    write_targets(project, receivers)
    monkeypatch.setenv("VENDOR_TOKEN", "canary-7f3a9c21d4")
    fault = "    raise ValueError(f'GET {os.environ[\"VENDOR_TOKEN\"]} failed')"
    data = f"import os\n\n\ndef get_rows():\n{fault}\n    yield\n"
    project.write_source("shop", "resources: [{entry: data.get_rows, destination: raw.t}]", data)
    assert project.foundation("run") == 1
    assert len(texts(receivers)) == len(SERVICES)
    assert not any("canary" in text for text in texts(receivers))


def test_alerts_that_are_broken_do_not_stop_a_run(project: AlertProject, capsys: pytest.CaptureFixture[str]) -> None:
    """`foundation run` loads, and names the mistake in `alerts.yaml`; `foundation check` fails on it."""
    project.write_alerts("targets: {team: {slak: 1}}")
    project.add("drifts")
    assert project.foundation("run", "drifts") == 0
    assert "alerts.targets.team.slak: unknown key" in capsys.readouterr().err
    assert project.foundation("check") == 1


def test_the_test_message_reaches_every_target(
    project: AlertProject, receivers: Receivers, capsys: pytest.CaptureFixture[str]
) -> None:
    """`foundation alerts test` sends to the targets of the tree and of sources, and names each."""
    write_targets(project, receivers)
    alerts = f"alerts: {{targets: {{{receivers.target('webhook', 'own')}}}}}"
    project.write_source(
        "shop", f"{alerts}\nresources: [{{entry: data.get_rows, args: [t], destination: raw.t}}]", DATA
    )
    assert project.foundation("alerts", "test") == 0
    printed = capsys.readouterr().out
    assert [f"sent to to-{service} ({service})" in printed for service in SERVICES] == [True] * len(SERVICES)
    assert "sent to shop/own (webhook)" in printed
    assert len(texts(receivers)) == len(SERVICES)
    assert all("Test message of foundation" in text for text in texts(receivers))
    assert len(receivers.texts("webhook", "own")) == 1
    receivers.down.add("own")
    receivers.http.requests.clear()
    assert project.foundation("alerts", "test", "--json") == 1
    captured = capsys.readouterr()
    assert "no alert was sent to shop/own (webhook): answered 503: service_unavailable" in captured.err
    lines = {line["name"]: line for line in map(json.loads, captured.out.splitlines())}
    assert {name: line["written"] for name, line in lines.items()} == {
        **{f"to-{service}": True for service in SERVICES}, "shop/own": False,
    }  # fmt: skip
    assert "answered 503" in lines["shop/own"]["error"]


def test_without_targets_the_commands_say_so(project: AlertProject, capsys: pytest.CaptureFixture[str]) -> None:
    """`foundation alerts test` and `digest` name the file to write."""
    project.add("drifts")
    for command in ("test", "digest"):
        assert project.foundation("alerts", command) == 1
        assert "no target is configured; add dlthub/alerts.yaml: docs/how-to/get-alerts.md" in capsys.readouterr().err


def test_the_digest_is_printed_and_sent(
    project: AlertProject, receivers: Receivers, capsys: pytest.CaptureFixture[str]
) -> None:
    """`foundation alerts digest` prints the digest, and sends it to the targets that receive it."""
    write_targets(project, receivers, 'digest: {cron: "0 7 * * *", hours: 12, targets: [to-slack, to-email]}')
    project.add("drifts")
    assert project.foundation("run") == 0
    capsys.readouterr()
    assert project.foundation("alerts", "digest") == 0
    printed = capsys.readouterr().out
    assert "Digest of 12 hours: all tables are in order" in printed
    assert "Tables loaded: 1, rows: 1, loads: 1" in printed
    assert len(texts(receivers)) == 2
    assert all("Digest of 12 hours" in text for text in texts(receivers))
    assert project.foundation("alerts", "digest", "--hours", "1", "--json") == 0
    built, *sent = map(json.loads, capsys.readouterr().out.splitlines())
    assert (built["action"], "Digest of 1 hours" in built["name"]) == ("built", True)
    assert [line["action"] for line in sent] == ["sent", "sent"]

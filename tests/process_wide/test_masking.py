"""Tests that a known secret is masked in whatever spelling, and by whatever route it leaves the process."""

from __future__ import annotations

import io
import logging
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from string import ascii_letters, digits

import pytest

from data_foundation.process_wide import redaction
from data_foundation.process_wide.known_secrets import KnownSecrets
from data_foundation.process_wide.masked_output import MaskedStream, redacted_output
from data_foundation.process_wide.redaction import redact, redact_logs, remember
from tests.process_wide.spellings import PARTS, PLAIN

SECRETS = {
    "token": "ghq_Zk3vN8sQ1xW7bT4mR9yJ2cL6hD5fP0aK",
    "special characters": "pX7&q<Zt/9+Kd=w\"R'vB4",
    "long, with special characters": "Rk4/tY+8w&Lm2Qz=c7<Vb9>Xn5-Hs_1.Jd6~Pf3",
    "short": "kv7Qz!",
    "beyond ASCII": "pässwörtZx93é€",
}


@pytest.fixture(autouse=True)
def known(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only the secrets of this module are known."""
    monkeypatch.setattr(redaction, "_known", KnownSecrets())
    remember(SECRETS.values())


def log(text: str) -> str:
    """Returns what a handler of logs writes."""
    redact_logs()
    stream = io.StringIO()
    record = logging.getLogRecordFactory()("vendor", 20, "", 0, "got %s", (text,), None)
    logging.StreamHandler(stream).emit(record)
    return stream.getvalue()


def fail(text: str) -> None:
    """Raises an exception with a text."""
    raise ValueError(text)


def log_of_an_error(text: str) -> str:
    """Returns what a handler of logs writes of an exception."""
    redact_logs()
    stream = io.StringIO()
    try:
        fail(text)
    except ValueError:
        record = logging.getLogRecordFactory()("vendor", 40, "", 0, "failed", (), sys.exc_info())
    logging.StreamHandler(stream).emit(record)
    return stream.getvalue()


def write(*texts: str) -> str:
    """Returns what a stream writes of several writes."""
    below = io.StringIO()
    stream = MaskedStream(below, below)
    for text in texts:
        stream.write(text)
    stream.finish()
    return below.getvalue()


def write_flushed(*texts: str) -> str:
    """Returns what a stream writes of several writes, each of them flushed."""
    below = io.StringIO()
    stream = MaskedStream(below, below)
    for text in texts:
        stream.write(text)
        stream.flush()
    stream.finish()
    return below.getvalue()


ROUTES: dict[str, Callable[[str], str]] = {
    "text": lambda text: redact(f"the vendor says: {text} is refused"),
    "text alone": redact,
    "log": log,
    "log of an error": log_of_an_error,
    "write": lambda text: write(f"got {text}\n"),
    "two writes": lambda text: write("got ", text[: len(text) // 2], text[len(text) // 2 :], "\n"),
    "a write for each character": lambda text: write(*text, "\n"),
    "two lines": lambda text: write(f"{text}\n", "next\n"),
}


def core(secret: str, spell: Callable[[str], str]) -> str:
    """Returns the middle of the part of a spelling that depends on the secret, without line breaks."""
    other = "".join(OTHER.get(one, one) for one in secret)
    mine, theirs = bare(spell(secret)), bare(spell(other))
    start, end = count_same(mine, theirs), count_same(mine[::-1], theirs[::-1])
    mine = mine[start : len(mine) - end]
    return mine[len(mine) // 4 : len(mine) - len(mine) // 4]


def count_same(one: str, other: str) -> int:
    """Returns how many characters at the beginning of two texts are the same."""
    return next((place for place, pair in enumerate(zip(one, other, strict=False)) if len(set(pair)) > 1), len(one))


def bare(text: str) -> str:
    """Returns a text in lower case, without blanks and the borders of boxes."""
    return re.sub(r"[\s│]", "", text).lower()


OTHER = dict(zip(ascii_letters + digits, ascii_letters[1:] + digits + "a", strict=True))


def leaks(secret: str, text: str, spell: Callable[[str], str]) -> bool:
    """Returns whether the middle of a secret's spelling, or half of the secret in any case, can be read in a text."""
    half = max(len(secret) // 2, 4)
    pieces = {bare(secret)[at : at + half] for at in range(len(secret) - half + 1)}
    return core(secret, spell) in bare(text) or any(piece in bare(text) for piece in pieces)


def test_there_are_enough_spellings() -> None:
    """The table has what vendors were seen to send."""
    assert len(PLAIN) >= 70


@pytest.mark.parametrize("route", ROUTES)
@pytest.mark.parametrize("name", SECRETS)
def test_no_spelling_of_a_secret_is_written(name: str, route: str) -> None:
    """Each spelling is masked by each route."""
    secret = SECRETS[name]
    spellings = PLAIN | (PARTS if len(secret) >= 24 else {})
    found = {spelling: ROUTES[route](spell(secret)) for spelling, spell in spellings.items()}
    assert {spelling: text for spelling, text in found.items() if leaks(secret, text, spellings[spelling])} == {}


def test_the_spellings_leak_without_masking(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without known secrets the search finds every spelling in what `redact` returns, but for what it masks anyway."""
    monkeypatch.setattr(redaction, "_known", KnownSecrets())
    secret = SECRETS["token"]
    hidden = {name for name, spell in PLAIN.items() if not leaks(secret, redact(f"got {spell(secret)}"), spell)}
    assert hidden <= {"percent in JSON", "percent in HTML", "JSON in JSON"}


@pytest.mark.parametrize("name", SECRETS)
@pytest.mark.parametrize("writes", [write, write_flushed], ids=["written", "flushed"])
def test_a_secret_in_two_writes_is_masked_wherever_it_is_split(writes: Callable[..., str], name: str) -> None:
    """The beginning of a secret waits for the text after it, even if the stream is flushed."""
    secret = SECRETS[name]
    for place in range(1, len(secret)):
        written = writes("got ", secret[:place], secret[place:], "\n")
        assert written == "got ***\n", place


@pytest.mark.parametrize("name", SECRETS)
def test_a_secret_in_two_lines_is_masked_wherever_it_is_split(name: str) -> None:
    """Four characters at the end of a line wait for the next line."""
    secret = SECRETS[name]
    for place in range(4, len(secret)):
        assert write("got ", secret[:place], "\n", secret[place:], "\n") == "got ***\n", place


def test_other_text_is_written_when_its_line_ends() -> None:
    """Lines do not wait, nor does text that is flushed."""
    below = io.StringIO()
    stream = MaskedStream(below, below)
    stream.write("loading orders\nand ")
    assert below.getvalue() == "loading orders\n"
    stream.flush()
    assert below.getvalue() == "loading orders\nand "


KEPT = ["raw.orders: 640 rows", "GET https://host/rows?page=2", "a &amp; b &lt; c", '{"text": "\\u00e9\\n"}', "100%",
        "see C:\\data\\new", "50% off &c;", "dim_customer\nfct_orders\n", "İstanbul"]  # fmt: skip


@pytest.mark.parametrize("text", KEPT)
def test_other_text_is_kept(text: str) -> None:
    """Escapes and line breaks around no secret are written as they are."""
    assert redact(text) == text


def test_a_name_inside_of_a_long_secret_is_kept() -> None:
    """The path of a database may be a secret; the names of its folders are those of the project."""
    remember(["/srv/data_foundation/sql_database/warehouse.duckdb"])
    text = "data_foundation: sql_database is a folder"
    assert redact(text) == text
    assert redact("cannot open /srv/data_foundation/sql_database/warehouse.duckdb") == "cannot open ***"


def test_only_the_secret_is_masked() -> None:
    """What is before and after a spelling is kept, also in an encoded text."""
    secret = SECRETS["special characters"]
    assert redact(f"a {PLAIN['HTML'](secret)} b") == "a *** b"
    assert redact(f"/x%20y/{PLAIN['percent'](secret)}/z%20") == "/x%20y/***/z%20"
    assert redact(f"é {PLAIN['nothing but XML'](secret)} &amp; b") == "é *** &amp; b"


CHILD = "import subprocess, sys; subprocess.run([sys.executable, '-c', sys.argv[1]], check=True)"
PRINTED = {
    "stdout": "print('got', {secret!r})",
    "stderr": "import sys; print('got', {secret!r}, file=sys.stderr)",
    "bytes": "import sys; sys.stdout.buffer.write({secret!r}.encode())",
    "two writes": "import sys, time; w = sys.stdout; w.write('got ' + {secret!r}[:9]); w.flush(); time.sleep(0.2); "
    "w.write({secret!r}[9:])",
    "shell": "import os; os.system('echo got {secret}')",
}
PROGRAM = """
import os, subprocess, sys
from data_foundation.process_wide.masked_output import redacted_output
from data_foundation.process_wide.redaction import remember
remember([sys.argv[2]])
with redacted_output():
    print("before", flush=True)
    {start}
    print("after", sys.argv[2])
print("outside")
"""
STARTS = {
    "subprocess": "subprocess.run([sys.executable, '-c', sys.argv[1]], check=True)",
    "subprocess with our stdout": "subprocess.run([sys.executable, '-c', sys.argv[1]], stdout=sys.stdout, check=True)",
    "fork": "pid = os.fork(); os.waitpid(pid, 0) if pid else (exec(sys.argv[1]), sys.stdout.flush(), os._exit(0))",
    "in the process": "exec(sys.argv[1])",
}


@pytest.mark.parametrize("start", STARTS)
@pytest.mark.parametrize("printed", PRINTED)
def test_the_output_of_a_child_process_is_masked(printed: str, start: str) -> None:
    """Whatever starts the child, and whatever it writes to, its output arrives masked, and nothing is lost."""
    secret = SECRETS["token"]
    command = [sys.executable, "-c", PROGRAM.replace("{start}", STARTS[start]), PRINTED[printed].format(secret=secret)]
    done = subprocess.run([*command, secret], capture_output=True, text=True, check=True, timeout=60)
    output = done.stdout + done.stderr
    assert secret[:12] not in output
    assert secret[-12:] not in output
    assert output.count("***") == 2
    assert [word for word in ("before", "after", "outside") if word not in done.stdout] == []


def test_a_child_that_runs_on_does_not_hold_up_the_process() -> None:
    """The process ends about a second later, and not with its child."""
    command = [
        sys.executable,
        "-c",
        PROGRAM.replace("{start}", "subprocess.Popen(['sleep', '30'])"),
        "",
        "s3cret-of-ours",
    ]
    started = time.monotonic()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    assert process.wait(20) == 0
    assert time.monotonic() - started < 15


def test_nested_blocks_mask_until_the_last_ends(capfd: pytest.CaptureFixture[str]) -> None:
    """Each load has a block of its own inside the one of the command."""
    secret = SECRETS["token"]
    with redacted_output():
        with redacted_output():
            subprocess.run(["echo", secret], check=True)
        subprocess.run(["echo", secret], check=True)
        print(secret)  # noqa: T201 - what is tested
    subprocess.run(["echo", "outside"], check=True)
    out = capfd.readouterr().out
    assert secret not in out
    assert "outside" in out


def lines() -> Iterator[str]:
    """Yields lines as a load logs them, and a few with escapes."""
    yield "2024-05-01 12:00:00 - dagster - INFO - raw.github_commits: extracted 640 rows in 1.2 s, 3 pages of 100 rows"
    yield "Loaded: job github_commits wrote 640 rows to raw.github_commits in 4.1 s"
    yield "GET https://api.example.com/v1/orders?page=2&per_page=100&since=2024-01-31T00:00:00Z: attempt 1 failed: 503"
    yield '{"id": 42, "name": "a row", "tags": ["a", "b"], "updated_at": "2024-01-31T00:00:00Z", "note": "x y z"}'
    yield "select id, name, amount from raw.orders where updated_at > '2024-01-31' and status in ('open', 'paid')"
    yield '  File "/srv/app/data_foundation/loading/load.py", line 120, in load_resource'


def test_masking_costs_little() -> None:
    """A line that contains no secret is searched in less than the time of 60 plain searches for each secret."""
    many = [f"{name}{number}-{'x7Qz9' * 5}" for number in range(10) for name in SECRETS]
    remember(many)
    texts = list(lines()) * 50
    began = time.process_time()
    for text in texts:
        redact(text)
    masked = time.process_time() - began
    began = time.process_time()
    for text in texts:
        for secret in many:
            for _ in range(60):
                secret in text  # noqa: B015 - what is measured
    assert masked < time.process_time() - began

"""No secret that the process knows is written anywhere: files, databases, logs, output."""

import base64
import json
import shlex
import signal
import sqlite3
import subprocess
import sys
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from hashlib import sha256
from pathlib import Path
from typing import Literal
from urllib.parse import quote

import pyarrow.parquet as pq
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from data_foundation.process_wide.known_secrets import MASK
from data_foundation.process_wide.redaction import redact, remember
from data_foundation.process_wide.secret_names import is_secret
from data_foundation.process_wide.secret_settings import learn_secrets
from data_foundation.warehouses.snowflake.warehouse import SnowflakeWarehouse
from tests.support.locations import COMPOSITION, ROWS, Location

# All tests of this module share two runs.
pytestmark = pytest.mark.xdist_group("secrets")

BIN = Path(sys.executable).parent
ROOT = Path(__file__).parents[2]
UNREACHABLE = "http://127.0.0.1:9"
"""An address without a server."""


@dataclass(frozen=True)
class Route:
    """A way in which a secret may leave a source; `{id}` in any text is the name of the route's module.

    Attributes:
        code: Code of the entry before it yields a row; the setting is a variable.
        setting: Name of the secret in the source.
        value: Text of the setting; {secret} is the canary, {quoted} the canary in percent encoding.
        place: Where the setting is set; `variable` is an environment variable that is not a setting of dlt.
        yaml: Further settings of the resource; {variable} is the variable's name.
        signature: Signature of the entry; by default the setting, filled by dlt.
        top: Code at the module's top.
        leaks: True if the canary would be written without masking; False if Python itself keeps it.
    """

    code: str = "raise ValueError(token)"
    setting: str = "token"
    value: str = "{secret}"
    place: Literal["environment", "variable", ".env", "secrets.toml", "config.toml", "launchpad"] = "environment"
    yaml: str = ""
    signature: str | None = None
    top: str = ""
    leaks: bool = True


def chained(how: str) -> str:
    """Returns code that fails while it handles an exception."""
    return f"try: raise KeyError(token)\n    except KeyError as error: raise RuntimeError('no'){how}"


ROUTES = {
    # Addresses.
    "query of a URL": Route(f"requests.get('{UNREACHABLE}/rows?token=' + quote(token, safe=''))"),
    "user info of a URL": Route("raise ValueError(f'no route to http://user:{quote(token, safe=str())}@host/rows')"),
    "fragment of a URL": Route("raise ValueError('https://host/app#access_token=' + token)"),
    "path of a URL": Route(f"requests.get(f'{UNREACHABLE}/hooks/{{quote(token, safe=str())}}/rows')"),
    "URL inside of a URL": Route("raise ValueError('https://host/?next=' + quote(quote('https://h/' + token)))"),
    "lower-case percent encoding": Route("raise ValueError('/rows/' + quote(token, safe='').lower())"),
    "URL with a password": Route("raise ValueError(base_url)", "base_url", "http://user:{quoted}@127.0.0.1:9/v1"),
    "password of a URL": Route(
        "raise ValueError(unquote(urlsplit(base_url).password))", "base_url", "http://user:{quoted}@127.0.0.1:9/v1"
    ),
    "URL with a token in its path": Route("requests.get(base_url)", "base_url", f"{UNREACHABLE}/bot/{{quoted}}/rows"),
    "query of a configured URL": Route(
        "raise ValueError(base_url.partition('=')[2])", "base_url", f"{UNREACHABLE}/rows?sig={{quoted}}"
    ),
    # Headers.
    "basic authentication": Route("raise ValueError(requests.auth._basic_auth_str('user', token))"),
    "headers of a request": Route("raise ValueError({'Authorization': f'Bearer {token}'})"),
    "refused header": Route(f"requests.get('{UNREACHABLE}', headers={{'Authorization': f'Bearer {{token}}\\n'}})"),
    # Exceptions.
    "text of a ValueError": Route(),
    "text of a KeyError": Route("raise KeyError(token)"),
    "cause of an exception": Route(chained(" from error")),
    "context of an exception": Route(chained("")),
    "note of an exception": Route("error = ValueError('no'); error.add_note(token); raise error"),
    "exception group": Route("raise ExceptionGroup(token, [ValueError(token), KeyError(token)])"),
    "exception that is no Exception": Route("raise Stop(token)", top="class Stop(BaseException): ..."),
    "text of a SystemExit": Route("raise SystemExit(token)"),
    "end of a generator": Route("return token", leaks=False),
    "StopIteration": Route("raise StopIteration(token)"),
    "input of a pydantic model": Route(
        "Vendor(credentials={'login': token, 'more': 'x' * 60})", top="class Vendor(BaseModel): credentials: int"
    ),
    "input that pydantic cuts": Route(
        "Vendor(key=token)", value="{secret}" * 3, top="class Vendor(BaseModel): key: int"
    ),
    "repr of a dataclass": Route("raise ValueError(Vendor(token))", top="@dataclass\nclass Vendor: credentials: str"),
    "JSON": Route("raise ValueError(json.dumps({'token': token}))", value='{secret}"{secret}'),
    "error of an attempt before the last": Route(
        "raise ConnectionError(token)", yaml="retries: {max: 1, backoff: 0.01}"
    ),
    "value that dlt cannot convert": Route(signature="{id}_token: int = dlt.secrets.value"),
    "import": Route(place="variable", signature="", top="import os\nraise ValueError(os.environ['{variable}'])"),
    # Places where secrets are set.
    "keyword argument by template": Route(
        "raise ValueError(api_key)", "noted", place="variable", yaml='kwargs: {api_key: "{{ env.{variable} }}"}',
        signature="api_key",
    ),
    "argument by template": Route(
        "raise ValueError(word)", "password", place="variable", yaml='args: ["{{ env.{variable} }}"]', signature="word"
    ),
    "inconspicuous name": Route("raise ValueError(login)", "login"),
    "read from dlt.secrets": Route(
        "raise ValueError(dlt.secrets['sources.vendor.{id}_login'])", "login", signature=""
    ),
    "entry that is no generator": Route(
        "", "login", yaml="entry: {id}.refuse", signature="",
        top="def refuse({id}_login=dlt.secrets.value):\n    raise ValueError({id}_login)",
    ),
    "connection string": Route(
        "raise ValueError(token.rpartition('=')[2])", value="Server=db;User=me;Password={secret}"
    ),
    "credentials in JSON": Route(
        "raise ValueError(json.loads(login)['private_key'])", "login",
        '{"type": "service_account", "private_key": "{secret}"}',
    ),
    "line of a key": Route(
        "raise ValueError(token.split()[3])", value="-----BEGIN PRIVATE KEY-----\n{secret}{secret}\n"
    ),
    ".env": Route(place=".env"),
    "secrets.toml": Route(place="secrets.toml"),
    "secrets.toml, inconspicuous name": Route("raise ValueError(login)", "login", place="secrets.toml"),
    "user info in config.toml": Route(
        "raise ValueError(unquote(urlsplit(base_url).username))", "base_url", "http://{quoted}@127.0.0.1/v1",
        "config.toml", signature="{id}_base_url=dlt.config.value",
    ),
    "launchpad": Route("raise ValueError(api_key)", "api_key", place="launchpad", signature="api_key=None"),
    # Output of the source itself.
    "print": Route("print('token', token)"),
    "print to stderr": Route("print(token, file=sys.stderr)"),
    "log": Route("logging.getLogger('vendor').warning('signed in with %s', token)"),
    "log of the source's own module": Route("logging.getLogger(__name__).info('signed in with %s', token)"),
    "log whose arguments do not fit": Route("logging.getLogger('vendor').warning('%d', token)"),
    "log of an exception": Route("logging.getLogger('vendor').error('no', exc_info=ValueError(token))"),
    "log of dlt": Route("dlt.common.logger.error(token)"),
    "warning": Route("warnings.warn(token)"),
    "printed traceback": Route("try: raise KeyError(token)\n    except KeyError: traceback.print_exc()"),
    "thread that fails": Route("thread = threading.Thread(target=int, args=(token,)); thread.start(); thread.join()"),
}  # fmt: skip

DATA = """
import json, logging, sys, threading, traceback, warnings
from dataclasses import dataclass
from urllib.parse import quote, unquote, urlsplit

import dlt
import requests
from pydantic import BaseModel

{top}


def get_rows({signature}):
    {first}
    {code}
    yield {{"id": 1}}
"""
INPUTS = (".env", ".dlt", "dlthub")
"""Files that users write, where secrets are allowed."""

MATERIALIZE = ("-m", "dagster", "asset", "materialize", "--select", "*", "-f", "definitions.py", "--config-json")
UNMASKED = """
import re, runpy, sys
from data_foundation.process_wide import redaction
redaction._known.mask = lambda text: text
redaction._USERINFO = redaction._QUERY = redaction._NAMED = re.compile("(?!)()")
sys.argv = sys.argv[2:]
runpy.run_module("dagster", run_name="__main__", alter_sys=True)
"""


def canary(route: str) -> str:
    """Returns a unique value with characters that every encoding writes differently."""
    digest = sha256(route.encode()).hexdigest()
    return f"cn{digest[:12]}/+{digest[12:24]}"


def needles(secret: str) -> set[bytes]:
    """Returns spellings that reveal a secret: either half, and either end inside of base64."""
    half = len(secret) // 2
    found = {secret[: half - 1], secret[half + 1 :]}
    for before in range(3):
        coded = base64.b64encode(bytes(before) + secret.encode()).decode()[4:-4]
        found |= {coded[:12], coded[-12:]}
    return {needle.encode() for needle in found}


@dataclass
class Trial:
    """A project of one test, with everything that programs wrote in it.

    Attributes:
        location: The project.
        settings: Environment variables of its programs.
        output: Output of its programs.
    """

    location: Location
    settings: dict[str, str] = field(default_factory=dict)
    output: list[str] = field(default_factory=list)

    def run(self, *command: str) -> subprocess.CompletedProcess[str]:
        """Runs a program in the project, with only the settings of this trial."""
        root = self.location.root
        own = {"PATH": f"{BIN}:/usr/bin:/bin", "HOME": str(root / "nobody"), "DAGSTER_HOME": str(root / "home")}
        done = subprocess.run(
            command, cwd=root, env=own | self.settings, capture_output=True, text=True, check=False, timeout=200
        )
        self.output.append(done.stdout + done.stderr)
        return done

    def written(self) -> Iterator[tuple[str, bytes]]:
        """Yields everything that was written, by name; compressed content also decompressed."""
        yield from (("output", output.encode()) for output in self.output)
        root = self.location.root
        for file in sorted(path for path in root.rglob("*") if path.is_file()):
            name = str(file.relative_to(root))
            if name.split("/", maxsplit=1)[0] in INPUTS:
                continue
            data = file.read_bytes()
            yield name, name.encode() + data
            if data.startswith(b"\x1f\x8b"):
                yield name, zlib.decompressobj(wbits=31).decompress(data)
            elif data.startswith(b"PAR1") and data.endswith(b"PAR1"):
                yield name, str(pq.read_table(file).to_pylist()).encode()
            elif data.startswith(b"SQLite format 3"):
                with sqlite3.connect(file) as connection:
                    yield name, "\n".join(connection.iterdump()).encode()

    @cached_property
    def everything(self) -> list[tuple[str, bytes]]:
        """Everything that was written until the first call."""
        return list(self.written())

    def places(self, secret: str) -> set[str]:
        """Returns the places where any spelling of a secret occurs."""
        spelled = needles(secret)
        return {name for name, data in self.everything if any(needle in data for needle in spelled)}


class Vendor:
    """The source with a resource for every route, each in its own module."""

    def __init__(self, trial: Trial) -> None:
        self.trial = trial
        self.launchpad: dict[str, dict[str, str]] = {}
        self.files: dict[str, list[str]] = {".env": [], ".dlt/secrets.toml": [], ".dlt/config.toml": []}

    def write(self) -> None:
        """Writes the source and its secrets."""
        modules = {f"r{number:02}": route for number, route in enumerate(ROUTES)}
        resources = [self._resource(id_, route) for id_, route in modules.items()]
        yaml = "source: {max_concurrency: 8}\nresources:\n" + "".join(resources)
        modules = {id_: self._module(id_, ROUTES[route]) for id_, route in modules.items()}
        self.trial.location.add("vendor", yaml, **modules)
        for name, lines in self.files.items():
            table = "[sources.vendor]\n" if name.endswith("toml") else ""
            self.trial.location.write(name, table + "\n".join(lines))
        self.trial.location.write("definitions.py", COMPOSITION)
        self.trial.location.write("home/dagster.yaml", (ROOT / "deploy" / "dagster.yaml").read_bytes())

    def config(self) -> str:
        """Returns the run config for the launchpad."""
        ops = {"vendor": {"config": {"kwargs": self.launchpad}}}
        return json.dumps({"ops": ops, "execution": {"config": {"in_process": {}}}})

    def _resource(self, id_: str, name: str) -> str:
        """Returns the resource of a route, and sets its secret."""
        route, secret = ROUTES[name], canary(name)
        value = route.value.replace("{secret}", secret).replace("{quoted}", quote(secret, safe=""))
        setting, variable = f"{id_}_{route.setting}", f"{id_}_{route.setting}".upper()
        match route.place:
            case "environment":
                self.trial.settings[f"SOURCES__VENDOR__{variable}"] = value
            case "variable":
                self.trial.settings[variable] = value
            case "launchpad":
                self.launchpad[id_] = {route.setting: value}
            case ".env":
                self.files[".env"].append(f"SOURCES__VENDOR__{variable}={value}")
            case file:
                self.files[f".dlt/{file}"].append(f'{setting} = "{value}"')
        entry = "" if "entry:" in route.yaml else f"entry: {id_}.get_rows, "
        retries = "" if "retries:" in route.yaml else "retries: {max: 0}, "
        more = route.yaml.replace("{variable}", variable).replace("{id}", id_)
        return f"  - {{{entry}{retries}destination: raw.{id_}{', ' * bool(more)}{more}}}\n"

    def _module(self, id_: str, route: Route) -> str:
        setting = f"{id_}_{route.setting}"
        signature = f"{setting}=dlt.secrets.value" if route.signature is None else route.signature
        first = f"{route.setting} = {setting}" if setting in signature.replace("{id}", id_) else "pass"
        text = DATA.format(top=route.top, signature=signature, first=first, code=route.code)
        return text.replace("{variable}", setting.upper()).replace("{id}", id_)


@pytest.fixture(scope="module")
def masked(tmp_path_factory: pytest.TempPathFactory) -> Trial:
    """All routes in a run of Dagster; some also on the command line, with its reports."""
    trial = Trial(Location(tmp_path_factory.mktemp("masked")))
    vendor = Vendor(trial)
    vendor.write()
    trial.run(sys.executable, *MATERIALIZE, vendor.config())
    trial.run("foundation", "run", *(f"vendor.r{number:02}" for number in range(0, len(ROUTES), 4)))
    trial.run("foundation", "preview", "vendor.r12")
    trial.run("foundation", "list")
    trial.run("foundation", "audit", "--json")
    return trial


@pytest.fixture(scope="module")
def unmasked(tmp_path_factory: pytest.TempPathFactory) -> Trial:
    """The same run of Dagster without masking."""
    trial = Trial(Location(tmp_path_factory.mktemp("unmasked")))
    vendor = Vendor(trial)
    vendor.write()
    trial.run(sys.executable, "-c", UNMASKED, *MATERIALIZE, vendor.config())
    return trial


@pytest.mark.parametrize("route", ROUTES)
def test_a_secret_is_not_written(masked: Trial, route: str) -> None:
    """No output of the programs contains the secret; only Dagster's run storage keeps the run config."""
    kept = {"home/history/runs.db"} if ROUTES[route].place == "launchpad" else set()
    assert masked.places(canary(route)) <= kept


@pytest.mark.parametrize("route", ROUTES)
@pytest.mark.rare
def test_a_route_leaks_without_masking(unmasked: Trial, route: str) -> None:
    """Without masking the secret is found, which proves that the route is one and that the search works."""
    assert bool(unmasked.places(canary(route))) is ROUTES[route].leaks


BROKEN = {
    "token in the path of a DuckDB": ({"DUCKDB_PATH": "md:db?motherduck_token={secret}"}, "accepted: the path"),
    "unknown warehouse": ({"WAREHOUSE": "postgres://me:{secret}@db/raw"}, "accepted: duckdb, snowflake"),
    "passphrase of a key": (
        {"SNOWFLAKE_PRIVATE_KEY_PATH": "key.pem", "SNOWFLAKE_PRIVATE_KEY_PASSPHRASE": "{secret}"},
        "the private key cannot be read; accepted: a PKCS8 key",
    ),
    "malformed secrets.toml": ({"TOML": '[sources.shop]\ntoken = "{secret}" "{secret}"\n'}, "secrets.toml"),
    "unquoted secrets.toml": ({"TOML": "[sources.shop]\ntoken = {secret}\n"}, "secrets.toml"),
    "definitions.py": ({"VENDOR_PASSWORD": "{secret}"}, "importing it failed: ValueError"),
    "working folder of a killed run": ({"SOURCES__SHOP__TOKEN": "{secret}"}, ""),
}  # fmt: skip
SHOP = """
import os
import signal

import dlt


def get_rows(token=dlt.secrets.value):
    yield [{"id": number} for number in range(150_000)]
    os.kill(os.getpid(), signal.SIGKILL)
"""
SNOWFLAKE = {"WAREHOUSE": "snowflake", "DEPLOYMENT": "dev"} | {f"SNOWFLAKE_{name}": "acme" for name in
             ("ACCOUNT", "USER", "DATABASE", "WAREHOUSE")}  # fmt: skip


def encrypted_key(password: str) -> bytes:
    """Returns a private key encrypted with `password`."""
    encryption = serialization.BestAvailableEncryption(password.encode())
    key = rsa.generate_private_key(65537, 2048)
    return key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, encryption)


@pytest.mark.sampled(3)
@pytest.mark.parametrize("route", BROKEN)
def test_errors_before_a_run_contain_no_secret(location: Location, route: str) -> None:
    """Errors about an unusable warehouse, file or source do not contain its secret."""
    settings, message = BROKEN[route]
    trial = Trial(location, {name: text.replace("{secret}", canary(route)) for name, text in settings.items()})
    location.add("shop", data=SHOP)
    location.write("definitions.py", COMPOSITION)
    location.write("home/dagster.yaml", (ROOT / "deploy" / "dagster.yaml").read_bytes())
    if route == "definitions.py":
        location.write("dlthub/shop/definitions.py", "import os\nraise ValueError(os.environ['VENDOR_PASSWORD'])\n")
    if route == "passphrase of a key":
        trial.settings |= SNOWFLAKE
        location.write("key.pem", encrypted_key("another"))
    location.write(".dlt/secrets.toml", trial.settings.pop("TOML", ""))
    done = trial.run("foundation", "run")
    assert message in " ".join(trial.output[0].split())
    assert done.returncode == (-signal.SIGKILL if "killed" in route else 1)
    assert trial.places(canary(route)) == set()


def test_files_with_rows_are_private(location: Location) -> None:
    """With umask 0, no other user can read the rows of a killed run, also after its folder was opened to all."""
    trial = Trial(location, {"SOURCES__SHOP__TOKEN": "unused"})
    location.add("shop", data=SHOP)
    for _ in range(2):
        trial.run("sh", "-c", "umask 0; exec foundation run")
        [folder] = (location.root / "data" / "pipelines").iterdir()
        files = [file for file in folder.rglob("*") if file.is_file()]
        assert any(file.name.startswith("shop.") for file in files), "nothing was extracted"
        assert folder.stat().st_mode & 0o777 == 0o700
        folder.chmod(0o777)
    [lines] = folder.glob("*.jsonl")
    assert lines.stat().st_mode & 0o777 == 0o600


def test_logs_and_histories_are_private(location: Location) -> None:
    """With umask 0, only their owner can read the daily log and Dagster's history, of a recorded load and of a run."""
    trial = Trial(location)
    location.add("shop", data=ROWS)
    location.write("definitions.py", COMPOSITION)
    location.write("home/dagster.yaml", (ROOT / "deploy" / "dagster.yaml").read_bytes())
    for command in ("foundation run --record", shlex.join((sys.executable, *MATERIALIZE, "{}"))):
        done = trial.run("sh", "-c", f"umask 0; exec {command}")
        assert done.returncode == 0, trial.output[-1]
        files = [*(location.root / "logs").glob("*.log"), *(location.root / "home" / "history").rglob("*.db*")]
        assert {"ingestion", "index.db", "runs.db"} <= {file.name.partition("_")[0] for file in files}
        assert {oct(file.stat().st_mode & 0o777) for file in files} == {"0o600"}
        folders = [folder for folder in (location.root / "home").iterdir() if folder.is_dir()]
        assert {folder.name for folder in folders if folder.stat().st_mode & 0o077} <= {".logs_queue", ".telemetry"}


LISTENER = """
import sys


def listen(event, arguments):
    asked = event in ("socket.getaddrinfo", "socket.connect", "socket.gethostbyname")
    if asked or (event == "open" and ".anonymous_id" in str(arguments[0])):
        with open("calls.txt", "a") as calls:
            print(event, arguments[:2], file=calls)
    if asked:
        raise OSError("nobody is called from here")


sys.addaudithook(listen)
"""


TALKATIVE = """
import dlt

dlt.pipeline("own", "own", destination=dlt.destinations.duckdb("own.duckdb")).run([{"id": 1}], table_name="own")


def get_rows():
    yield [{"id": 1}]
"""


@pytest.mark.sampled(3)
@pytest.mark.parametrize(
    ("data", "settings", "events"),
    [
        (ROWS, {}, set()),
        (TALKATIVE, {}, {"open"}),
        (TALKATIVE, {"RUNTIME__DLTHUB_TELEMETRY": "true"}, {"open", "socket.getaddrinfo"}),
    ],
    ids=["our pipelines", "a source's own pipeline", "telemetry is enabled"],
)
def test_no_external_host_is_contacted(
    location: Location, data: str, settings: dict[str, str], events: set[str]
) -> None:
    """No program contacts an external host, without any config.toml, and the package creates no anonymous id."""
    location.add("shop", data=data)
    location.write("definitions.py", COMPOSITION)
    location.write("home/dagster.yaml", (ROOT / "deploy" / "dagster.yaml").read_bytes())
    calls = location.write("calls.txt", "")
    location.write("listener/sitecustomize.py", LISTENER)
    trial = Trial(location, {"PYTHONPATH": "listener", **settings})
    for command in (("foundation", "run"), (sys.executable, *MATERIALIZE, "{}")):
        assert trial.run(*command).returncode == 0, trial.output[-1]
    assert {line.split()[0] for line in calls.read_text().splitlines()} == events
    assert not (location.root / "nobody").exists()


@pytest.mark.parametrize(
    ("name", "secret"),
    [
        ("SNOWFLAKE_PASSWORD", True),
        ("SOURCES__GITHUB__ACCESS_TOKEN", True),
        ("apiKey", True),
        ("X-Api-Key", True),
        ("client_secret", True),
        ("DB_PWD", True),
        ("DESTINATION__POSTGRES__CREDENTIALS__PLAIN", True),
        ("DESTINATION__POSTGRES__CREDENTIALS__HOST", False),
        ("SNOWFLAKE_PRIVATE_KEY_PATH", False),
        ("SSH_AUTH_SOCK", False),
        ("PWD", False),
        ("primary_key", False),
        ("SOURCES__TOKEN_MARKET__PAGE_SIZE", False),
        ("keyboard", False),
        ("author", False),
        ("monkey", False),
    ],
)
def test_secrets_are_recognised_by_name(name: str, *, secret: bool) -> None:
    """Words such as password, token or key mark a secret name; paths, hosts and column names are not secret."""
    assert is_secret(name) is secret


@pytest.mark.parametrize("value", ["", "short", "password", "Secret", "1234567"])
def test_common_values_are_not_masked(value: str) -> None:
    """Short values, common words and small numbers are not masked, so that messages stay readable."""
    remember([value])
    text = f"raw.orders: {value} rows of password, secret and 1234567"
    assert redact(text) == text


def test_the_path_of_a_file_is_not_masked(tmp_path: Path) -> None:
    """`credentials` may be a path, such as DuckDB's: an error that names a file beside it stays readable."""
    learn_secrets({"credentials": f"{tmp_path}/warehouse.duckdb", "token": f"/{'unknown-folder-1' * 20}/x"})
    assert redact(text := f"{tmp_path}/orders.csv cannot be read") == text
    assert "unknown-folder" not in redact(f"got /{'unknown-folder-1' * 20}/x")


def test_the_longest_secret_is_masked_first() -> None:
    """A secret inside another secret is masked as part of the longer one."""
    remember(["inner-part", "outer-inner-part-outer"])
    assert redact("got outer-inner-part-outer and inner-part.") == f"got {MASK} and {MASK}."


def test_a_warehouse_shows_no_settings() -> None:
    """The repr of a warehouse, shown in tracebacks and debuggers, contains no settings."""
    assert "canary" not in repr(SnowflakeWarehouse(Path("work"), {"SNOWFLAKE_PASSWORD": "canary"}))
